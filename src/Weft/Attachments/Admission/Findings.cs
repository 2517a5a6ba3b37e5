using System.Collections.Immutable;

namespace Weft.Attachments.Admission;

/// <summary>Collects what rules find.</summary>
internal sealed class Findings
{
    private readonly List<LintFinding> _found = [];

    /// <summary>What was found, in the order of the rules and else as it was met.</summary>
    public ImmutableArray<LintFinding> All => [.. _found.OrderBy(f => f.Rule, StringComparer.Ordinal)];

    /// <summary>Adds a finding.</summary>
    public void Add(LintRule rule, string path, string message, string next)
    {
        var finding = new LintFinding(rule.Id, rule.Severity, path, message, next);
        if (!_found.Contains(finding))
            _found.Add(finding);
    }
}
