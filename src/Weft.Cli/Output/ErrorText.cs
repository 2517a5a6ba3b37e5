using Weft.Cli.Arm;
using Weft.Cli.Kinds;
using Weft.Resources;

namespace Weft.Cli.Output;

/// <summary>The server's refusals as lines: member, value and what stands in the way, and the next step.</summary>
internal static class ErrorText
{
    /// <summary>A line for each finding.</summary>
    /// <param name="place">Says where a member was declared, or null.</param>
    /// <returns>The lines, without indentation.</returns>
    public static IReadOnlyList<string> FormatLines(ArmError error, Func<string?, string?>? place = null) =>
        [.. error.Findings.Select(finding => FormatLine(finding, place?.Invoke(MemberPathOf(finding.Target))))];

    /// <summary>One finding.</summary>
    /// <param name="place">Where the member was declared, or null.</param>
    public static string FormatLine(ArmError finding, string? place)
    {
        var where = place is null ? "" : $"{place}: ";

        // Many messages begin with the member's name; nobody needs it twice.
        var target =
            finding.Target is { Length: > 0 } path && !finding.Message.Contains($"'{path}'", StringComparison.Ordinal)
                ? $"{Label.For(path)}: "
                : "";
        var culprit = finding.ConflictsWith is { } id ? $" (see {Label.For(id)})" : "";
        return $"{where}{target}{finding.Message} [{finding.Code}]{culprit}";
    }

    /// <summary>The next step for an error that has one.</summary>
    /// <returns>A sentence, or null.</returns>
    public static string? NextStepFor(ArmError error, int status = 0)
    {
        var codes = error.Findings.Select(finding => finding.Code).Append(error.Code).ToHashSet(StringComparer.Ordinal);
        if (codes.Contains(nameof(RefusalCode.ResourceGroupNotFound)))
            return "declare the group in a document (type: Microsoft.Resources/resourceGroups, name, location), "
                + "or weft create group NAME --location LOCATION";
        if (status == 401 || codes.Contains(nameof(RefusalCode.AuthenticationFailed)))
            return "the server does not take this token; name the right file with --token-file FILE";
        if (codes.Contains(nameof(RefusalCode.LinkedAuthorizationFailed)))
            return "weft whoami says what you may; an owner of the whole site can give you the role there";
        if (codes.Contains(nameof(RefusalCode.Contended)))
            return "others changed the same objects meanwhile; try again";
        if (codes.Contains(nameof(RefusalCode.WouldLockOut)))
            return "add your own network to the rules, or insist with --force";
        return null;
    }

    /// <summary>An error of the server as a CLI error.</summary>
    /// <param name="what">What was tried, such as <c>l3networks/n6</c>; or null.</param>
    public static CliError ToCliError(ArmException exception, string? what = null)
    {
        var error = exception.Error;
        var next = NextStepFor(error, exception.Status);
        var subject = what is null ? "" : $"{what}: ";
        if (error.Details.IsEmpty)
            return new CliError(subject + FormatLine(error, null), next: next);
        return new CliError($"{subject}{error.Details.Length} findings [{error.Code}]", FormatLines(error), next);
    }

    // A target is a member or a whole resource id; only a member stands somewhere in the document.
    private static string? MemberPathOf(string? target) =>
        target is null || ResourceId.TryParse(target, out _) ? null : target;
}
