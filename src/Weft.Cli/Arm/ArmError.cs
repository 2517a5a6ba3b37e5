using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weft.Cli.Arm;

/// <summary>ARM's error, as it came.</summary>
/// <param name="Target">The member or the resource at fault, or null.</param>
/// <param name="ConflictsWith">The id of what stands in the way, or null.</param>
internal sealed record ArmError(
    string Code,
    string Message,
    string? Target,
    string? ConflictsWith,
    ImmutableArray<ArmError> Details
)
{
    /// <summary>The findings one by one: the details, or the error itself.</summary>
    public ImmutableArray<ArmError> Findings => Details.IsEmpty ? [this] : Details;

    /// <summary>An error without findings.</summary>
    public static ArmError Create(string code, string message) => new(code, message, null, null, []);

    /// <summary>Reads an error.</summary>
    /// <param name="node">The value of <c>error</c>, or a body that holds it.</param>
    /// <returns>The error, or null where there is none.</returns>
    public static ArmError? Read(JsonNode? node)
    {
        if (node is not JsonObject map)
            return null;
        if (map["error"] is JsonObject inner)
            return Read(inner);
        if (TextOf(map["code"]) is not { } code)
            return null;
        var details = (map["details"] as JsonArray ?? []).Select(Read).OfType<ArmError>();
        var culprit = (map["additionalInfo"] as JsonArray ?? [])
            .OfType<JsonObject>()
            .Where(info => TextOf(info["type"]) == "Culprit")
            .Select(info => TextOf((info["info"] as JsonObject)?["id"]))
            .FirstOrDefault();
        return new ArmError(code, TextOf(map["message"]) ?? code, TextOf(map["target"]), culprit, [.. details]);
    }

    private static string? TextOf(JsonNode? node) =>
        node is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : null;
}
