using Weft.Attachments.Renderers;
using System.CommandLine;
using System.Text.Json.Nodes;
using Weft.Cli.Kinds;
using Weft.Cli.Output;

namespace Weft.Cli.Commands;

/// <summary><c>weft ipam show|leases NETWORK</c>.</summary>
internal static class IpamCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(Shell shell) => new("ipam", "Addresses of a network") { Show(shell), Leases(shell) };

    private static Command Show(Shell shell)
    {
        var network = Network(shell);
        var command = new Command("show", "How many addresses a network has, reserves, leases and has left") { network };
        shell.Does(command, async (session, cancel) =>
        {
            var format = session.Format(OutputFormat.Table, OutputFormat.Json, OutputFormat.Yaml);
            var id = session.Scope.Id(KindTable.L3Networks, session.Parsed.GetValue(network)!);
            var path = $"{id}/providers/Weft.Ipam/pools/default?api-version={KindTable.WeftVersion}";
            var pool = (await session.Client.FindAsync(path, cancel) ?? throw new Complaint($"there is no {Label.Of(id)}", next: "weft get l3networks")).Object;
            if (format == OutputFormat.Json)
                session.Out.Raw.WriteLine(JsonText.Of(pool));
            else if (format == OutputFormat.Yaml)
                session.Out.Raw.Write(Yaml.Write(pool));
            else
                Families(session, pool);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Leases(Shell shell)
    {
        var network = Network(shell);
        var command = new Command("leases", "Who holds what: weft get leases --network NETWORK") { network };
        shell.Does(command, (session, cancel) =>
        {
            var format = session.Format(OutputFormat.Table, OutputFormat.Wide, OutputFormat.Json, OutputFormat.Yaml, OutputFormat.Name);
            var query = new GetCommand.Query(KindTable.Need("leases"), [], session.Parsed.GetValue(network), AllGroups: false);
            return GetCommand.RunAsync(session, query, format, cancel);
        });
        return command;
    }

    private static Argument<string> Network(Shell shell)
    {
        var network = new Argument<string>("NETWORK") { HelpName = "NETWORK", Description = "The L3 network" };
        network.CompletionSources.Add(context => NameCompletion.Of(shell, context, KindTable.L3Networks.Plural));
        return network;
    }

    private static void Families(Session session, JsonObject pool)
    {
        var families = new Row(pool, default).Objects("properties.families").Select(family => new Row(family, default));
        TableText.Write(session.Out, ["FAMILY", "PREFIX", "GATEWAY", "SIZE", "RESERVED", "USED", "FREE"],
            [.. families.Select(row => new[]
            {
                row.Text("family"), row.Text("prefix"), row.Text("gateway"), row.Text("size"), row.Text("reserved"), row.Text("used"), row.Text("free"),
            })]);
    }
}
