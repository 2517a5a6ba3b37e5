using System.CommandLine;
using Weft.Addressing;
using Weft.Cli.Kinds;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary><c>weft ipam release ADDRESS|POD</c>: an operator's word that nothing uses it any more.</summary>
internal static class IpamReleaseCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var holder = new Argument<string>("ADDRESS|POD")
        {
            HelpName = "ADDRESS|POD",
            Description = "An address, or the pod that has it as namespace/name",
        };
        var network = new Option<string?>("--network")
        {
            HelpName = "NETWORK",
            Description = "Only in this L3 network",
        };
        network.CompletionSources.Add(context => NameCompletion.Complete(cli, context, KindTable.L3Networks.Plural));
        var (force, yes) = (
            new Option<bool>("--force") { Description = "Although the pod may run: then two may have the address" },
            Parameters.Yes()
        );
        var command = new Command("release", "Take back the addresses of a pod that is gone, of both families")
        {
            holder,
            network,
            force,
            yes,
        };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var word = session.Parsed.GetValue(holder)!;
                var only = session.Parsed.GetValue(network) is { } name
                    ? session.Scope.ResolveId(KindTable.L3Networks, name)
                    : null;
                var leases = await Find(session, word, only, cancel);
                session.Confirm(
                    $"take {string.Join(", ", leases.Select(lease => lease.Text("address")))} from "
                        + $"{string.Join(", ", leases.Select(lease => lease.Text("holder")).Distinct())}?",
                    session.Parsed.GetValue(yes)
                );
                return await Release(session, leases, session.Parsed.GetValue(force), cancel);
            }
        );
        return command;
    }

    private static async Task<List<ResourceRow>> Find(
        CommandSession session,
        string word,
        ResourceId? network,
        CancellationToken cancel
    )
    {
        var isAddress = Address.TryParse(word, out _);
        var path =
            $"/providers/Weft.Ipam/who?{(isAddress ? "address" : "name")}={Uri.EscapeDataString(word)}"
            + $"&api-version={KindTable.WeftApiVersion}";
        var leases = new ResourceRow((await session.Client.GetAsync(path, cancel)).Object, default)
            .Objects("answers")
            .Select(answer => new ResourceRow(answer, default))
            .Where(row => row.Text("state") == "Leased")
            .Where(row => network is null || network.Equals(IdOf(row)))
            // A part of a name is enough to ask who has something, and not to take it.
            .Where(row => isAddress || row.Text("holder").Split(' ') is ["pod", var pod, ..] && pod == word)
            .ToList();
        if (leases.Count == 0)
            throw new CliError(
                isAddress ? $"nobody holds {word}" : $"no pod '{word}' holds an address",
                next: isAddress ? $"weft who {word}" : "weft ipam leases NETWORK; a pod is namespace/name"
            );
        if (isAddress && leases.Count > 1)
            throw new CliError(
                $"{word} is held in several networks: {string.Join(", ", leases.Select(row => IdOf(row)?.Name))}",
                next: $"weft ipam release {word} --network NETWORK"
            );
        return leases;
    }

    private static async Task<int> Release(
        CommandSession session,
        List<ResourceRow> leases,
        bool force,
        CancellationToken cancel
    )
    {
        // One address ends all that its holder has in the network.
        foreach (var holder in leases.GroupBy(row => (row.Text("network"), row.Text("holderId"))))
        {
            var lease = holder.First();
            var path =
                $"{lease.Text("network")}/providers/Weft.Ipam/leases/{lease.Text("address")}"
                + $"?api-version={KindTable.WeftApiVersion}{(force ? "&force=true" : "")}";
            _ = await session.Client.SendAsync(HttpMethod.Delete, path, null, null, cancel);
            session.Out.Writer.WriteLine(
                $"{IdOf(lease)?.Name}: {string.Join(", ", holder.Select(row => row.Text("address")))} taken from {lease.Text("holder")}"
            );
        }

        return ExitCode.Success;
    }

    private static ResourceId? IdOf(ResourceRow row) =>
        ResourceId.TryParse(row.Text("network"), out var id) ? id : null;
}
