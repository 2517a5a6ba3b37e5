using System.Text.Json.Nodes;
using Weft.Attachments.Admission;
using Weft.Cli.Documents;

namespace Weft.Cli.Linting;

/// <summary>A finding and its place in a file.</summary>
internal sealed record LocatedFinding(LintManifest Manifest, LintFinding Finding)
{
    /// <summary>Where it is: the member, or the nearest thing around it that the file has.</summary>
    public SourceLocation Location =>
        Manifest.SourceMap.LocationOf(
            Manifest.Path.Length == 0 ? Finding.Path : SourceMap.MemberPath(Manifest.Path, Finding.Path)
        );

    /// <summary><c>error</c> or <c>warning</c>.</summary>
    public string Severity => Finding.Severity == Attachments.Admission.Severity.Error ? "error" : "warning";

    /// <summary>The finding for programs.</summary>
    public JsonObject ToJson() =>
        new()
        {
            ["rule"] = Finding.Rule,
            ["severity"] = Severity,
            ["file"] = Location.File,
            ["line"] = Location.Line,
            ["column"] = Location.Column,
            ["object"] = Manifest.Title,
            ["path"] = Finding.Path,
            ["message"] = Finding.Message,
            ["next"] = Finding.Fix,
        };
}
