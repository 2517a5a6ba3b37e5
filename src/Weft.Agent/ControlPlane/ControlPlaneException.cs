using System.Text.Json.Nodes;

namespace Weft.Agent.ControlPlane;

/// <summary>
/// The control plane gave no good answer: it refused, or it can't be reached, or what came was no answer at all.
/// </summary>
/// <param name="cause">The fault behind it, if there is one.</param>
internal sealed class ControlPlaneException(string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>The HTTP status; null where nothing came back.</summary>
    public int? Status { get; init; }

    /// <summary>The ARM error body that came with it, as it is; null where none did.</summary>
    public JsonObject? ErrorBody { get; init; }

    /// <summary>The code of the refusal; null where nothing came that has one.</summary>
    public string? Code => (string?)ErrorBody?["error"]?["code"];

    /// <summary>How long the control plane asked to be left alone.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Whether it is a decision about this very request, which asking again alone won't change.</summary>
    public bool IsRefusal => Status is >= 400 and < 500 and not 408 and not 429 && ErrorBody is not null;

    /// <summary>Whether the bearer itself was refused.</summary>
    public bool IsBearerRefused => Status is 401 or 403;
}
