using System.Collections.Immutable;

namespace Weft.Resources;

/// <summary>
/// A write that is being validated: what is wanted, what is there, and what has been found wrong so far.
/// </summary>
/// <param name="Proposed">The body as it would be stored.</param>
/// <param name="Old">What it replaces, or null for a new resource.</param>
internal sealed record ValidationContext(
    ResourceId Id,
    Row Proposed,
    Row? Old,
    ReadTransaction Transaction,
    Limits Limits
)
{
    private readonly List<Refusal> _findings = [];

    /// <summary>
    /// Who writes, and what was generated at random for the write; null where what is stored is validated once more.
    /// </summary>
    public WriteRequest? Request { get; init; }

    /// <summary>Everything that is wrong.</summary>
    public IReadOnlyList<Refusal> Findings => _findings;

    /// <summary>What findings tell of besides the object in the way.</summary>
    private ImmutableArray<string> Disclosed { get; init; } = [];

    /// <summary>
    /// The same write while others are looked at: what is found then tells of them too, and is for who may read them.
    /// </summary>
    public ValidationContext About(params IEnumerable<ResourceId> others) =>
        this with
        {
            Disclosed = Disclosed.AddRange(others.Select(id => id.ToString())),
        };

    /// <summary>Adds a finding.</summary>
    /// <param name="message">The value, what was expected, and the next step.</param>
    /// <param name="culprit">The object in the way, or null.</param>
    public void AddError(RefusalCode code, string path, string message, ResourceId? culprit = null) =>
        _findings.Add(new Refusal(code, message, path, culprit?.ToString()) { Discloses = Disclosed });

    /// <summary>Adds a finding that other code made.</summary>
    public void AddError(Refusal refusal) =>
        _findings.Add(refusal with { Discloses = refusal.Discloses.AddRange(Disclosed) });
}
