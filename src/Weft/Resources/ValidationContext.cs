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

    /// <summary>Adds a finding.</summary>
    /// <param name="message">The value, what was expected, and the next step.</param>
    /// <param name="culprit">The object in the way, or null.</param>
    public void AddError(RefusalCode code, string path, string message, ResourceId? culprit = null) =>
        _findings.Add(new Refusal(code, message, path, culprit?.ToString()));

    /// <summary>Adds a finding that other code made.</summary>
    public void AddError(Refusal refusal) => _findings.Add(refusal);
}
