namespace Weft.Resources;

/// <summary>A write that is being weighed: what is wanted, what is there, and what has been found wrong so far.</summary>
/// <param name="Wanted">The body as it would be stored.</param>
/// <param name="Old">What it replaces, or null for a new resource.</param>
public sealed record Proposal(ResourceId Id, Stored Wanted, Stored? Old, Snapshot Seen, Limits Limits)
{
    private readonly List<Refusal> _findings = [];

    /// <summary>Who writes, and what was drawn by lot for the write; null where what is stored is weighed once more.</summary>
    public WriteRequest? Request { get; init; }

    /// <summary>Everything that is wrong.</summary>
    public IReadOnlyList<Refusal> Findings => _findings;

    /// <summary>Adds a finding.</summary>
    /// <param name="message">The value, what was expected, and the next step.</param>
    /// <param name="culprit">The object in the way, or null.</param>
    public void Find(RefusalCode code, string path, string message, ResourceId? culprit = null) =>
        _findings.Add(new Refusal(code, message, path, culprit?.ToString()));

    /// <summary>Adds a finding that another room made.</summary>
    public void Find(Refusal refusal) => _findings.Add(refusal);
}
