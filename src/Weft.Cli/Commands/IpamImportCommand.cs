using System.CommandLine;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Weft.Addressing;
using Weft.Cli.Arm;
using Weft.Cli.Ipam;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary><c>weft ipam import FILE --network NETWORK</c>: addresses that are in use become reservations, all or none.</summary>
internal static partial class IpamImportCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var file = new Argument<string>("FILE")
        {
            HelpName = "FILE",
            Description =
                "A list in CSV or JSON, whereabouts' IPPools in JSON, or the folder of a network of host-local",
        };
        var network = Parameters.Reference(cli, "--network", KindTable.L3Networks, "The L3 network");
        var cluster = Parameters.Reference(
            cli,
            "--cluster",
            KindTable.KubernetesClusters,
            "The cluster of pods that the list names: they get their addresses when they ask; without it, nobody does"
        );
        var format = new Option<string?>("--format")
        {
            Description = $"{string.Join(", ", ImportReader.Formats)}; default: what it looks like",
            HelpName = "FORMAT",
        };
        format.AcceptOnlyFromAmong(ImportReader.Formats);
        var dryRun = new Option<bool>("--dry-run") { Description = "Say what would become of it, and write nothing" };
        var command = new Command("import", "Reserve the addresses that are in use already, all of them or none")
        {
            file,
            network,
            cluster,
            format,
            dryRun,
        };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var parsed = session.Parsed;
                var name =
                    parsed.GetValue(network) ?? throw CliError.Usage("of which network?", "add --network NETWORK");
                var id = DeclaredPool.IdOf(session.Scope.ResolveId(KindTable.L3Networks, name));
                var skipped = new List<string>();
                var entries = ImportReader.Read(
                    parsed.GetValue(file)!,
                    parsed.GetValue(format),
                    await ReadPrefixesAsync(session, id, cancel),
                    skipped
                );
                skipped.ForEach(line => session.Error.WriteLine(line, TextStyle.Changed));
                var body = new JsonObject
                {
                    ["dryRun"] = parsed.GetValue(dryRun),
                    ["entries"] = new JsonArray([
                        .. entries.Select(entry =>
                            (JsonNode)entry.ToJson(ResolveHolder(session, entry, parsed.GetValue(cluster)))
                        ),
                    ]),
                };
                Write(session, await SendAsync(session, id, body, entries, cancel), id);
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static string PathOf(ResourceId id, string action = "") =>
        $"{id}{action}?api-version={KindTable.WeftApiVersion}";

    private static async Task<List<Prefix>> ReadPrefixesAsync(
        CommandSession session,
        ResourceId id,
        CancellationToken cancel
    )
    {
        var pool =
            await session.Client.FindAsync(PathOf(id), cancel)
            ?? throw new CliError($"there is no {Label.For(id.Parent!)}", next: "weft get l3networks");
        return
        [
            .. new ResourceRow(pool.Object, default)
                .Objects("properties.families")
                .Select(family =>
                    Prefix.TryParse(family["prefix"]?.ToString(), out var prefix) ? prefix : (Prefix?)null
                )
                .OfType<Prefix>(),
        ];
    }

    private static string? ResolveHolder(CommandSession session, ImportEntry entry, string? cluster)
    {
        if (entry.Holder is { } named)
            return TargetNames.Require(session.Scope, named).ToString();
        return entry.Pod is not null && cluster is not null
            ? session.Scope.ResolveId(KindTable.KubernetesClusters, cluster).ToString()
            : null;
    }

    private static async Task<JsonObject> SendAsync(
        CommandSession session,
        ResourceId id,
        JsonObject body,
        List<ImportEntry> entries,
        CancellationToken cancel
    )
    {
        try
        {
            var path = PathOf(id, $"/{PoolImport.ActionName}");
            return (await session.Client.SendAsync(HttpMethod.Post, path, body, null, cancel)).Object;
        }
        catch (ArmException e)
        {
            throw new CliError(
                $"nothing was imported into {Label.Path(id.Parent!)}: "
                    + (e.Error.Findings is [_] ? "1 conflict" : $"{e.Error.Findings.Length} conflicts"),
                [.. e.Error.Findings.Select(finding => Locate(finding, entries))],
                "mend or take out these lines, and import once more: what is there already is let be"
            );
        }
    }

    /// <summary>A finding with the line of the list instead of the entry that was made of it.</summary>
    private static string Locate(ArmError finding, List<ImportEntry> entries)
    {
        if (
            EntryPlace().Match(finding.Target ?? "") is not { Success: true } match
            || !int.TryParse(match.Groups[1].ValueSpan, out var i)
            || i >= entries.Count
        )
            return $"{finding.Code}: {finding.Message}";
        var message = finding.Message.Replace($"'{finding.Target}': ", "", StringComparison.Ordinal);
        return $"{entries[i].Place}: {message}";
    }

    private static void Write(CommandSession session, JsonObject answer, ResourceId id)
    {
        var (count, network) = (answer["imported"]?.ToString() ?? "0", Label.Path(id.Parent!));
        session.Out.WriteLine(
            answer["dryRun"]?.GetValue<bool>() == true
                ? $"{count} addresses would be kept in {network}: no conflict"
                : $"{count} addresses are kept in {network}; take them out of its pool when they are free: "
                    + $"weft get addresspools default --network {id.Parent!.Name} -o yaml"
        );
    }

    [GeneratedRegex(@"^entries\[(\d+)\]", RegexOptions.CultureInvariant)]
    private static partial Regex EntryPlace();
}
