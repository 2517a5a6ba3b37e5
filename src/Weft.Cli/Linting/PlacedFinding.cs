using System.Text.Json.Nodes;
using Weft.Attachments.Admission;
using Weft.Cli.Documents;

namespace Weft.Cli.Linting;

/// <summary>A finding and its place in a file.</summary>
internal sealed record PlacedFinding(LintManifest Manifest, LintFinding Finding)
{
    /// <summary>Where it is: the member, or the nearest thing around it that the file has.</summary>
    public Place At => Manifest.Origin.At(Manifest.Path.Length == 0 ? Finding.Path : Origin.Member(Manifest.Path, Finding.Path));

    /// <summary><c>error</c> or <c>warning</c>.</summary>
    public string Severity => Finding.Severity == Attachments.Admission.Severity.Error ? "error" : "warning";

    /// <summary>The finding for programs.</summary>
    public JsonObject ToJson() => new()
    {
        ["rule"] = Finding.Rule, ["severity"] = Severity, ["file"] = At.File, ["line"] = At.Line, ["column"] = At.Column,
        ["object"] = Manifest.Title, ["path"] = Finding.Path, ["message"] = Finding.Message, ["next"] = Finding.Next,
    };
}
