using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Attachments.Formats;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;
using Weft.Networks;

namespace Weft.Cli.Commands;

/// <summary><c>weft ipam …</c>: addresses of networks.</summary>
internal static class IpamCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli) =>
        new("ipam", "Addresses of networks")
        {
            BuildShow(cli),
            BuildLeases(cli),
            IpamBlocksCommand.Build(cli),
            IpamAuditCommand.BuildAudit(cli),
            IpamReleaseCommand.Build(cli),
            IpamAuditCommand.BuildRepair(cli),
            BuildRegistrations(cli),
            IpamImportCommand.Build(cli),
        };

    private static Command BuildShow(CommandContext cli)
    {
        var network = NetworkArgument(cli);
        var command = new Command("show", "How full a network's pool is, and who has how much of it") { network };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var format = session.GetFormat(OutputFormat.Table, OutputFormat.Json, OutputFormat.Yaml);
                var id = session.Scope.ResolveId(KindTable.L3Networks, session.Parsed.GetValue(network)!);
                var path = $"{id}/providers/Weft.Ipam/pools/default?api-version={KindTable.WeftApiVersion}";
                var pool = (
                    await session.Client.FindAsync(path, cancel)
                    ?? throw new CliError($"there is no {Label.For(id)}", next: "weft get l3networks")
                ).Object;
                if (format == OutputFormat.Json)
                    session.Out.Writer.WriteLine(JsonFormatter.Indented(pool));
                else if (format == OutputFormat.Yaml)
                    session.Out.Writer.Write(Yaml.Write(pool));
                else
                    WriteFamilies(session, pool);
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static Command BuildLeases(CommandContext cli)
    {
        var network = NetworkArgument(cli);
        var command = new Command("leases", "Who holds what: weft get leases --network NETWORK") { network };
        cli.SetAction(
            command,
            (session, cancel) =>
            {
                var format = session.GetFormat(
                    OutputFormat.Table,
                    OutputFormat.Wide,
                    OutputFormat.Json,
                    OutputFormat.Yaml,
                    OutputFormat.Name
                );
                var query = new GetCommand.Query(
                    KindTable.Of(NetworkPool.LeaseType),
                    [],
                    session.Parsed.GetValue(network),
                    AllGroups: false
                );
                return GetCommand.RunAsync(session, query, format, cancel);
            }
        );
        return command;
    }

    private static Command BuildRegistrations(CommandContext cli)
    {
        var command = new Command(
            "registrations",
            "What agents have registered since the store was restored, and which addresses are in conflict"
        );
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var format = session.GetFormat(OutputFormat.Table, OutputFormat.Json, OutputFormat.Yaml);
                var path = $"/providers/Weft.Ipam/registrations?api-version={KindTable.WeftApiVersion}";
                var report = (await session.Client.SendAsync(HttpMethod.Get, path, null, null, cancel)).Object;
                if (format == OutputFormat.Json)
                    session.Out.Writer.WriteLine(JsonFormatter.Indented(report));
                else if (format == OutputFormat.Yaml)
                    session.Out.Writer.Write(Yaml.Write(report));
                else
                    RegistrationsText.Write(session, report);
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static Argument<string> NetworkArgument(CommandContext cli)
    {
        var network = new Argument<string>("NETWORK") { HelpName = "NETWORK", Description = "The L3 network" };
        network.CompletionSources.Add(context => NameCompletion.Complete(cli, context, KindTable.L3Networks.Plural));
        return network;
    }

    private static void WriteFamilies(CommandSession session, JsonObject pool)
    {
        var families = new ResourceRow(pool, default)
            .Objects("properties.families")
            .Select(family => new ResourceRow(family, default))
            .ToList();
        var hasBlocks = families.Exists(row => row.Text("inBlocks").Length > 0);
        (string Title, string Member)[] columns =
        [
            ("FAMILY", "family"),
            ("PREFIX", "prefix"),
            ("GATEWAY", "gateway"),
            ("SIZE", "size"),
            ("RESERVED", "reserved"),
            ("EXCLUDED", "excluded"),
            ("USED", "used"),
            ("STICKY", "sticky"),
            ("COOLING", "cooling"),
            .. hasBlocks ? [("IN-BLOCKS", "inBlocks")] : ((string, string)[])[],
            ("FREE", "free"),
        ];
        TableText.Write(
            session.Out,
            [.. columns.Select(column => column.Title)],
            [.. families.Select(row => columns.Select(column => TextOf(row, column.Member)).ToArray())]
        );
        WriteClusters(session, new ResourceRow(pool, default));
    }

    private static string TextOf(ResourceRow family, string member) =>
        member == "cooling" && family.Text("coolingUntil") is { Length: > 0 } until
            ? $"{family.Text(member)} until {until}"
            : family.Text(member);

    /// <summary>Who has how much of it, the whole first.</summary>
    private static void WriteClusters(CommandSession session, ResourceRow pool)
    {
        var clusters = pool.Objects("properties.clusters")
            .Select(cluster => new ResourceRow(cluster, default))
            .ToList();
        if (clusters.Count == 0)
            return;
        session.Out.WriteLine("");
        TableText.Write(
            session.Out,
            ["CLUSTER", "NODES", "IPV4", "HIGH-WATER", "IPV6", "HIGH-WATER"],
            [
                .. clusters.Select(row =>
                    new[]
                    {
                        row.Text("cluster").Length > 0 ? row.NameOf("cluster") : "others",
                        row.Text("nodes"),
                        row.Text("held.IPv4"),
                        row.Text("highWater.IPv4"),
                        row.Text("held.IPv6"),
                        row.Text("highWater.IPv6"),
                    }
                ),
                ["all", "", "", pool.Text("properties.highWater.IPv4"), "", pool.Text("properties.highWater.IPv6")],
            ]
        );
    }
}
