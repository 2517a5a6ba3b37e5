using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Weft.Resources;

namespace Weft.Contracts;

/// <summary>Something that an agent had made true and found changed by another hand.</summary>
/// <param name="Subject">The object, 1 to 512 characters: <c>NetworkAttachmentDefinition default/n6</c>, <c>link n6 of
/// w1</c>.</param>
/// <param name="Difference">How it differed, 1 to 512 characters: <c>missing</c>, <c>mtu 1500, wanted 9000</c>.</param>
/// <param name="IsRepaired">Whether the agent put it right; false where it only reports.</param>
/// <param name="FoundAt">When it was found, by the agent's clock, RFC 3339; empty where the agent doesn't say.</param>
internal sealed record DriftFinding(
    [property: JsonPropertyName("what")] string Subject,
    [property: JsonPropertyName("was")] string Difference,
    [property: JsonPropertyName("mended")] bool IsRepaired,
    [property: JsonPropertyName("at")] string FoundAt
)
{
    /// <summary>The most of them in one report; an agent leaves out the oldest.</summary>
    public const int MaxFindings = 100;

    /// <summary>The longest text in one, in characters; an agent cuts longer ones.</summary>
    public const int MaxTextLength = 512;

    /// <summary>Reads the <c>drift</c> of a report.</summary>
    /// <param name="report">The report, or the row it became.</param>
    /// <returns>The drift, empty where the member is absent; or every element that is none, by its path.</returns>
    public static Outcome<ImmutableArray<DriftFinding>> ReadAll(JsonElement report)
    {
        if (report.Member("drift") is { ValueKind: not (JsonValueKind.Array or JsonValueKind.Undefined) })
            return new Refusal(RefusalCode.InvalidMember, "'drift' must be a list", "drift");
        var found = ImmutableArray.CreateBuilder<DriftFinding>();
        var findings = new List<Refusal>();
        foreach (var (each, i) in report.Elements("drift").Select((each, i) => (each, i)))
        {
            if (
                each.Text("what") is { Length: > 0 and <= MaxTextLength } what
                && each.Text("was") is { Length: > 0 and <= MaxTextLength } was
                && each.Member("mended") is { ValueKind: JsonValueKind.True or JsonValueKind.False } mended
            )
                found.Add(
                    new DriftFinding(what, was, mended.GetBoolean(), each.Text("at") is { Length: <= 40 } at ? at : "")
                );
            else
                findings.Add(
                    new Refusal(
                        RefusalCode.InvalidMember,
                        $"'drift[{i}]' must have 'what' and 'was', texts of 1 to {MaxTextLength} characters, and 'mended', true or false",
                        $"drift[{i}]"
                    )
                );
        }

        if (found.Count > MaxFindings)
            findings.Add(
                new Refusal(
                    RefusalCode.InvalidMember,
                    $"'drift' has {found.Count} elements; {MaxFindings} are the most",
                    "drift"
                )
            );
        return findings.Count > 0 ? Refusal.Combine(findings, "drift") : found.ToImmutable();
    }

    /// <summary>The drift as it is on the wire and in the row.</summary>
    public JsonObject ToJson() =>
        new()
        {
            ["what"] = Subject,
            ["was"] = Difference,
            ["mended"] = IsRepaired,
            ["at"] = FoundAt,
        };
}
