using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Attachments.Admission;
using Weft.Attachments.Formats;
using Weft.Cli.Documents;
using Weft.Cli.Kinds;
using Weft.Cli.Linting;
using Weft.Cli.Output;
using Weft.Cli.Primitives;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary>
/// <c>weft lint -f PATH</c>: what keeps pods from their networks, found before they start (docs/specs/lint.md).
/// </summary>
internal static class LintCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var files = Parameters.Files();
        var cluster = Parameters.Reference(
            cli,
            "--cluster",
            KindTable.KubernetesClusters,
            "Judge against what weftd draws for this cluster"
        );
        var folder = new Option<string?>("--manifests")
        {
            Description = "Judge against a folder of manifests, without a server",
            HelpName = "DIR",
        };
        var space = new Option<string>("--namespace", "-n")
        {
            Description = "Where manifests go that name no namespace (default)",
            HelpName = "NS",
            DefaultValueFactory = _ => "default",
        };
        var isolation = new Option<bool>("--namespace-isolation")
        {
            Description = "Multus runs with namespaceIsolation",
        };
        var strict = new Option<bool>("--strict") { Description = "Warnings count as errors" };
        var command = new Command("lint", "Find what keeps pods from their networks")
        {
            files,
            cluster,
            folder,
            space,
            isolation,
            strict,
        };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var parsed = session.Parsed;
                var arguments = new LintArguments(
                    session.GetFormat(OutputFormat.Table, OutputFormat.Json, OutputFormat.Yaml, OutputFormat.Sarif),
                    parsed.GetValue(files)!,
                    parsed.GetValue(cluster),
                    parsed.GetValue(folder),
                    parsed.GetValue(space)!,
                    parsed.GetValue(isolation),
                    parsed.GetValue(strict)
                );
                if (arguments is { Cluster: not null, Folder: not null })
                    throw CliError.Usage(
                        "--cluster and --manifests both say what to judge against",
                        "name one of them"
                    );
                return await RunAsync(session, arguments, cancel);
            }
        );
        return command;
    }

    private static async Task<int> RunAsync(CommandSession session, LintArguments arguments, CancellationToken cancel)
    {
        var manifests = LintManifest
            .FromDocuments(DocumentReader.ReadRaw(arguments.Files, session.Environment.In))
            .ToList();
        var known =
            arguments.Cluster is { } name ? await ReadClusterAsync(session, name, cancel)
            : arguments.Folder is { } path ? ReadFolder(session, path)
            : LintContext.Unknown;
        var context = WithManifests(known, manifests, arguments.Namespace) with
        {
            NamespaceIsolation = arguments.IsIsolated,
        };
        var found = manifests
            .SelectMany(manifest =>
                ManifestLint
                    .Check(manifest.Body, arguments.Namespace, context)
                    .Select(finding => new LocatedFinding(manifest, finding))
            )
            .ToImmutableArray();
        Write(session, found, arguments.Format);
        return WriteSummary(session, manifests, found, arguments.IsStrict);
    }

    private static async Task<LintContext> ReadClusterAsync(
        CommandSession session,
        string name,
        CancellationToken cancel
    )
    {
        var picture = await ManifestsCommand.GetDesiredStateAsync(
            session,
            session.Scope.ResolveId(KindTable.KubernetesClusters, name),
            cancel
        );
        var desired = DesiredStateDocument.Read(JsonElement.Parse(Json.ToUtf8(picture)));
        return LintContext.FromDesiredState(desired.Manifests ?? [], desired.Networks);
    }

    // A folder may hold what the agent keeps (desired.json) too: then VLANs and prefixes are known without a server.
    private static LintContext ReadFolder(CommandSession session, string path)
    {
        var manifests = LintManifest
            .FromDocuments(DocumentReader.ReadRaw([path], session.Environment.In))
            .Select(m => m.Body)
            .ToList();
        var lintContext = LintContext.FromManifests(manifests);
        foreach (
            var desired in manifests
                .Select(DesiredStateDocument.Read)
                .Where(document => document is { Digest: not null, Manifests: not null })
        )
            lintContext = Merge(
                LintContext.FromDesiredState(desired.Manifests ?? [], desired.Networks, []),
                lintContext
            );
        return lintContext;
    }

    private static LintContext WithManifests(LintContext lintContext, List<LintManifest> manifests, string space)
    {
        var given = LintContext.FromManifests(manifests.Select(m => m.Body));
        return Merge(
            given with
            {
                Definitions =
                [
                    .. manifests
                        .Select(m => NetworkAttachmentDefinition.Read(m.Body, space))
                        .OfType<NetworkAttachmentDefinition>(),
                ],
            },
            lintContext
        ) with
        {
            IsComplete = lintContext.IsComplete,
        };
    }

    /// <summary>Two lint contexts as one; what the first says of a thing counts.</summary>
    private static LintContext Merge(LintContext first, LintContext second) =>
        second with
        {
            Definitions = [.. first.Definitions.Concat(second.Definitions).DistinctBy(d => d.Title)],
            Networks = second.Networks.SetItems(first.Networks),
            Pools = second.Pools.SetItems(first.Pools),
            Capacity = second.Capacity.SetItems(first.Capacity),
        };

    private static void Write(CommandSession session, ImmutableArray<LocatedFinding> found, OutputFormat format)
    {
        switch (format)
        {
            case OutputFormat.Json:
                session.Out.Writer.WriteLine(
                    JsonFormatter.Indented(new JsonArray([.. found.Select(f => (JsonNode)f.ToJson())]))
                );
                break;
            case OutputFormat.Yaml:
                session.Out.Writer.Write(Yaml.Write(new JsonArray([.. found.Select(f => (JsonNode)f.ToJson())])));
                break;
            case OutputFormat.Sarif:
                session.Out.Writer.WriteLine(JsonFormatter.Indented(SarifLog.Create(found)));
                break;
            default:
                foreach (var finding in found)
                {
                    session.Out.WriteLine(
                        $"{finding.Location}: {finding.Severity} {finding.Finding.Rule}: {finding.Finding.Message}",
                        finding.Finding.Severity == Severity.Error ? TextStyle.Error : TextStyle.Changed
                    );
                    session.Out.WriteLine(
                        $"    {finding.Manifest.Title} {finding.Finding.Path}; {finding.Finding.Fix}",
                        TextStyle.Faint
                    );
                }

                break;
        }
    }

    private static int WriteSummary(
        CommandSession session,
        List<LintManifest> manifests,
        ImmutableArray<LocatedFinding> found,
        bool strict
    )
    {
        var (errors, checkedOnes) = (
            found.Count(f => f.Finding.Severity == Severity.Error),
            manifests.Count(m => ManifestLint.AppliesTo(m.Body))
        );
        var warnings = found.Length - errors;
        session.Error.WriteLine(
            $"{Count(errors, "error")}, {Count(warnings, "warning")} in {Count(checkedOnes, "manifest")}"
                + (manifests.Count > checkedOnes ? $"; {manifests.Count - checkedOnes} of other kinds" : ""),
            TextStyle.Faint
        );
        return errors > 0 || (strict && warnings > 0) ? ExitCode.Failed : ExitCode.Success;
    }

    private static string Count(int number, string noun) => number == 1 ? $"1 {noun}" : $"{number} {noun}s";

    /// <summary>What the command line asks for.</summary>
    private sealed record LintArguments(
        OutputFormat Format,
        string[] Files,
        string? Cluster,
        string? Folder,
        string Namespace,
        bool IsIsolated,
        bool IsStrict
    );
}
