using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Attachments.Admission;
using Weft.Attachments.Renderers;
using Weft.Cli.Documents;
using Weft.Cli.Kinds;
using Weft.Cli.Linting;
using Weft.Cli.Output;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary><c>weft lint -f PATH</c>: what keeps pods from their networks, found before they start (docs/specs/lint.md).</summary>
internal static class LintCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell)
    {
        var files = Parameters.Files();
        var cluster = Parameters.Reference(shell, "--cluster", KindTable.KubernetesClusters, "Judge against what weftd draws for this cluster");
        var folder = new Option<string?>("--manifests") { Description = "Judge against a folder of manifests, without a server", HelpName = "DIR" };
        var space = new Option<string>("--namespace", "-n") { Description = "Where manifests go that name no namespace (default)", HelpName = "NS", DefaultValueFactory = _ => "default" };
        var isolation = new Option<bool>("--namespace-isolation") { Description = "Multus runs with namespaceIsolation" };
        var strict = new Option<bool>("--strict") { Description = "Warnings count as errors" };
        var command = new Command("lint", "Find what keeps pods from their networks") { files, cluster, folder, space, isolation, strict };
        shell.Does(command, async (session, cancel) =>
        {
            var format = session.Format(OutputFormat.Table, OutputFormat.Json, OutputFormat.Yaml, OutputFormat.Sarif);
            var parsed = session.Parsed;
            if (parsed.GetValue(cluster) is not null && parsed.GetValue(folder) is not null)
                throw Complaint.OfUsage("--cluster and --manifests both say what to judge against", "name one of them");
            var manifests = LintManifest.Of(DocumentReader.ReadRaw(parsed.GetValue(files)!, session.Surroundings.In)).ToList();
            var around = parsed.GetValue(cluster) is { } name ? await OfClusterAsync(session, name, cancel)
                : parsed.GetValue(folder) is { } path ? OfFolder(session, path) : LintSurroundings.None;
            around = Beside(around, manifests, parsed.GetValue(space)!) with { NamespaceIsolation = parsed.GetValue(isolation) };
            var found = manifests.SelectMany(m => ManifestLint.Check(m.Body, parsed.GetValue(space)!, around).Select(f => new PlacedFinding(m, f))).ToImmutableArray();
            Write(session, found, format);
            return Conclude(session, manifests, found, parsed.GetValue(strict));
        });
        return command;
    }

    private static async Task<LintSurroundings> OfClusterAsync(Session session, string name, CancellationToken cancel)
    {
        var picture = await ManifestsCommand.PictureAsync(session, session.Scope.Id(KindTable.KubernetesClusters, name), cancel);
        return LintSurroundings.OfPicture(JsonElement.Parse(Json.Bytes(picture)));
    }

    // A folder may hold what the agent keeps (desired.json) too: then VLANs and prefixes are known without a server.
    private static LintSurroundings OfFolder(Session session, string path)
    {
        var manifests = LintManifest.Of(DocumentReader.ReadRaw([path], session.Surroundings.In)).Select(m => m.Body).ToList();
        var around = LintSurroundings.OfManifests(manifests);
        foreach (var picture in manifests.Where(m => m.Text("digest") is not null && m.Member("manifests").ValueKind == JsonValueKind.Array))
            around = Together(LintSurroundings.OfPicture(picture, []), around);
        return around;
    }

    private static LintSurroundings Beside(LintSurroundings around, List<LintManifest> manifests, string space)
    {
        var given = LintSurroundings.OfManifests(manifests.Select(m => m.Body));
        return Together(given with { Definitions = [.. manifests.Select(m => Definition.Of(m.Body, space)).OfType<Definition>()] }, around) with { IsComplete = around.IsComplete };
    }

    /// <summary>Two surroundings as one; what the first says of a thing counts.</summary>
    private static LintSurroundings Together(LintSurroundings first, LintSurroundings second) => second with
    {
        Definitions = [.. first.Definitions.Concat(second.Definitions).DistinctBy(d => d.Title)],
        Networks = second.Networks.SetItems(first.Networks),
        Pools = second.Pools.SetItems(first.Pools),
        Capacity = second.Capacity.SetItems(first.Capacity),
    };

    private static void Write(Session session, ImmutableArray<PlacedFinding> found, OutputFormat format)
    {
        switch (format)
        {
            case OutputFormat.Json:
                session.Out.Raw.WriteLine(JsonText.Of(new JsonArray([.. found.Select(f => (JsonNode)f.ToJson())])));
                break;
            case OutputFormat.Yaml:
                session.Out.Raw.Write(Yaml.Write(new JsonArray([.. found.Select(f => (JsonNode)f.ToJson())])));
                break;
            case OutputFormat.Sarif:
                session.Out.Raw.WriteLine(JsonText.Of(SarifText.Of(found)));
                break;
            default:
                foreach (var finding in found)
                {
                    session.Out.Line($"{finding.At}: {finding.Severity} {finding.Finding.Rule}: {finding.Finding.Message}", finding.Finding.Severity == Severity.Error ? Ink.Bad : Ink.Changed);
                    session.Out.Line($"    {finding.Manifest.Title} {finding.Finding.Path}; {finding.Finding.Next}", Ink.Faint);
                }

                break;
        }
    }

    private static int Conclude(Session session, List<LintManifest> manifests, ImmutableArray<PlacedFinding> found, bool strict)
    {
        var (errors, checkedOnes) = (found.Count(f => f.Finding.Severity == Severity.Error), manifests.Count(m => ManifestLint.Concerns(m.Body)));
        var warnings = found.Length - errors;
        session.Error.Line($"{Count(errors, "error")}, {Count(warnings, "warning")} in {Count(checkedOnes, "manifest")}"
            + (manifests.Count > checkedOnes ? $"; {manifests.Count - checkedOnes} of other kinds" : ""), Ink.Faint);
        return errors > 0 || (strict && warnings > 0) ? ExitCode.Failed : ExitCode.Done;
    }

    private static string Count(int number, string noun) => number == 1 ? $"1 {noun}" : $"{number} {noun}s";
}
