using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Weft;

/// <summary>
/// Why something was not done: the ARM error body, the text of the command line and the CNI error are all this one
/// value.
/// </summary>
/// <param name="Code">What kind of refusal it is; a closed list (docs/specs/errors.md).</param>
/// <param name="Message">One sentence for a person: the value, what was expected, and the next step where there is
/// one.</param>
/// <param name="Target">The member at fault as a path (<c>properties.vlan</c>), or the resource id; null where there is
/// none.</param>
/// <param name="ConflictsWith">The id of the object that stands in the way, or null.</param>
/// <param name="Details">Every finding, where there is more than one.</param>
/// <remarks>Source: ARM <c>ErrorDetail</c>, common-types v6.</remarks>
internal sealed record Refusal(
    RefusalCode Code,
    string Message,
    string? Target = null,
    string? ConflictsWith = null,
    ImmutableArray<Refusal> Details = default
)
{
    /// <summary>
    /// After how many seconds it is worth asking again; null, the default, where the code says all that is known.
    /// </summary>
    public int? RetryAfterSeconds { get; init; }

    /// <summary>
    /// All findings as one refusal: the finding itself if it is alone, else a summary that carries all.
    /// </summary>
    public static Refusal Combine(IReadOnlyList<Refusal> findings, string? target)
    {
        if (findings.Count == 1)
            return findings[0];
        var worst = findings.MaxBy(f => f.Code.HttpStatus())!.Code;
        var message = $"{findings.Count} findings: {string.Join(" | ", findings.Select(f => f.Message))}";
        return new Refusal(worst, message, target, null, [.. findings]);
    }

    /// <summary>
    /// The ARM error body: <c>{"error": {"code", "message", "target", "details", "additionalInfo"}}</c>.
    /// </summary>
    public JsonObject ToErrorBody() => new() { ["error"] = ToDetail() };

    /// <summary>The findings one by one: the details, or the refusal itself where it has none.</summary>
    public ImmutableArray<Refusal> Findings => Details.IsDefaultOrEmpty ? [this] : Details;

    private JsonObject ToDetail()
    {
        var detail = new JsonObject { ["code"] = Code.ToString(), ["message"] = Message };
        if (Target is not null)
            detail["target"] = Target;
        if (!Details.IsDefaultOrEmpty)
            detail["details"] = new JsonArray([.. Details.Select(d => d.ToDetail())]);
        if (ConflictsWith is not null)
        {
            var info = new JsonObject { ["id"] = ConflictsWith };
            detail["additionalInfo"] = new JsonArray(new JsonObject { ["type"] = "Culprit", ["info"] = info });
        }

        return detail;
    }
}
