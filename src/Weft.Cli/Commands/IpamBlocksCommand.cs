using System.CommandLine;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Networks.Blocks;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary><c>weft ipam blocks NETWORK</c>: what nodes own of a network's addresses, and its return.</summary>
internal static class IpamBlocksCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var network = new Argument<string>("NETWORK") { HelpName = "NETWORK", Description = "The L3 network" };
        network.CompletionSources.Add(context => NameCompletion.Complete(cli, context, KindTable.L3Networks.Plural));
        var node = new Option<string?>("--node") { HelpName = "NODE", Description = "Only those of this node" };
        var back = new Option<bool>("--return") { Description = "Have their agents give back what is free" };
        var (force, yes) = (
            new Option<bool>("--force")
            {
                Description =
                    "All of them, though their agents can't be asked: a pod that runs there may share its address then",
            },
            Parameters.Yes()
        );
        var command = new Command("blocks", "What nodes own of a network's addresses, to give while weftd is away")
        {
            network,
            node,
            back,
            force,
            yes,
        };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var name = session.Parsed.GetValue(network)!;
                if (session.Parsed.GetValue(back))
                    await Return(
                        session,
                        session.Scope.ResolveId(KindTable.L3Networks, name),
                        session.Parsed.GetValue(node),
                        session.Parsed.GetValue(force),
                        session.Parsed.GetValue(yes),
                        cancel
                    );
                return await List(session, name, cancel);
            }
        );
        return command;
    }

    private static Task<int> List(CommandSession session, string network, CancellationToken cancel)
    {
        var format = session.GetFormat(
            OutputFormat.Table,
            OutputFormat.Wide,
            OutputFormat.Json,
            OutputFormat.Yaml,
            OutputFormat.Name
        );
        var query = new GetCommand.Query(KindTable.Of(AddressBlock.ResourceType), [], network, AllGroups: false);
        return GetCommand.RunAsync(session, query, format, cancel);
    }

    private static async Task Return(
        CommandSession session,
        ResourceId network,
        string? node,
        bool force,
        bool isSure,
        CancellationToken cancel
    )
    {
        var path = $"{network}/providers/Weft.Ipam/blocks?api-version={KindTable.WeftApiVersion}";
        var blocks = (await session.Client.ListAsync(path, cancel))
            .Select(block => new ResourceRow(block, default))
            .Where(row => node is null || row.Text("properties.node") == node)
            .ToList();
        if (force)
            session.Confirm($"take back {blocks.Count} blocks of {network.Name}, whoever gives of them?", isSure);
        foreach (var block in blocks)
            _ = await session.Client.SendAsync(
                HttpMethod.Delete,
                $"{block.Text("id")}?api-version={KindTable.WeftApiVersion}{(force ? "&force=true" : "")}",
                null,
                null,
                cancel
            );
    }
}
