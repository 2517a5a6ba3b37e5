using System.Text.Json.Nodes;

namespace Weft.Testing.Kubernetes;

/// <summary>A refusal as the API server words it.</summary>
internal sealed class KubeError(int code, string reason, string message) : Exception(message)
{
    public int Code => code;

    public static KubeError Invalid(string why) => new(422, "Invalid", why);

    public JsonArray Causes { get; init; } = [];

    public int? RetryAfter { get; init; }

    /// <summary>Whether it is text: of a path that nobody serves there is nothing more to say.</summary>
    public bool IsPlain { get; init; }

    public JsonObject Status
    {
        get
        {
            var details = new JsonObject();
            if (Causes.Count > 0)
                details["causes"] = Causes.DeepClone();
            if (RetryAfter is { } seconds)
                details["retryAfterSeconds"] = seconds;
            return new JsonObject
            {
                ["kind"] = "Status",
                ["apiVersion"] = "v1",
                ["metadata"] = new JsonObject(),
                ["status"] = "Failure",
                ["message"] = Message,
                ["reason"] = reason,
                ["details"] = details,
                ["code"] = code,
            };
        }
    }
}
