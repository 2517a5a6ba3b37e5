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
    /// The ids of what the message tells of, besides <see cref="ConflictsWith"/>: it is for who may read all of them.
    /// </summary>
    public ImmutableArray<string> Discloses { get; init; } = [];

    /// <summary>
    /// What the message says besides to those who may read what has an id; null, the default, for nothing.
    /// </summary>
    public (string About, string Text)? Aside { get; init; }

    /// <summary>
    /// The network, as an id in lower case, whose blocks stand in the way: what is free in them may be asked back. Null, the
    /// default, where none do.
    /// </summary>
    public string? BlocksOf { get; init; }

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

    /// <summary>
    /// The refusal as somebody may see it: of a finding that tells of what they may not read, its kind and its member stay.
    /// </summary>
    /// <param name="mayRead">Whether they may read what has an id; asked for all that a finding names.</param>
    public Refusal VisibleTo(Func<string, bool> mayRead)
    {
        if (!Details.IsDefaultOrEmpty)
        {
            List<Refusal> findings = [.. Details.Select(finding => finding.VisibleTo(mayRead))];
            return findings.SequenceEqual(Details, ReferenceEqualityComparer.Instance)
                ? this
                : Combine(findings, Target) with
                {
                    Code = Code,
                };
        }

        if (!Told.All(id => IsAboveTarget(id) || mayRead(id)))
            return Conceal(mayRead);
        return Aside is { } aside
            ? this with
            {
                Aside = null,
                Message = mayRead(aside.About) ? Message + aside.Text : Message,
            }
            : this;
    }

    private IEnumerable<string> Told => ConflictsWith is { } culprit ? Discloses.Prepend(culprit) : Discloses;

    /// <summary>Whether the target, which the caller has named, stands under what has an id.</summary>
    private bool IsAboveTarget(string id) => Target?.StartsWith($"{id}/", StringComparison.OrdinalIgnoreCase) == true;

    private Refusal Conceal(Func<string, bool> mayRead)
    {
        // A pool's subnet, and a member of another's body (core-east:properties.…), tell by themselves.
        var target =
            Target is null
            || Code == RefusalCode.AddressPoolExhausted
            || Target.Contains(":prop", StringComparison.Ordinal)
                ? null
            : Target.StartsWith('/') && !mayRead(Target) ? null
            : Target;
        return new Refusal(Code, $"{(target is null ? "" : $"'{target}': ")}{Code.ConcealedText()}", target);
    }

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
