namespace Weft.Attachments.Admission;

/// <summary>How bad a finding is.</summary>
internal enum Severity
{
    /// <summary>The workload won't start, or won't get what it asks for.</summary>
    Error,

    /// <summary>It may be meant, and it often isn't.</summary>
    Warning,
}

/// <summary>Something wrong in a manifest.</summary>
/// <param name="Rule">The rule's stable id (<c>W301</c>), as docs/specs/lint.md lists it.</param>
/// <param name="Path">
/// Which member, in dots and brackets, such as <c>spec.containers[0].resources</c>. A part within a text that is JSON
/// itself goes on the same way: <c>metadata.annotations.k8s.v1.cni.cncf.io/networks[1].ips</c>.
/// </param>
/// <param name="Message">What is wrong, with the value and what it conflicts with.</param>
internal sealed record LintFinding(string Rule, Severity Severity, string Path, string Message, string Fix)
{
    /// <summary>The finding in one line, as a webhook answers it.</summary>
    public override string ToString() => $"{Rule} {Path}: {Message}; {Fix}";
}
