using System.Collections.Immutable;
using Weft.Attachments;
using Weft.Attachments.Nodes;
using Weft.Attachments.Plugins;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>
/// Whether a node has a port for every network that its pool attaches, wide enough and named so that it can be found.
/// </summary>
internal static class UplinkRules
{
    /// <summary>Checks the nodes of all clusters that a write of a network, or of what networks stand on, reaches.</summary>
    public static void CheckAll(ValidationContext context)
    {
        foreach (
            var node in NetworkReach
                .ClustersOf(context.Transaction.State, context.Id)
                .SelectMany(cluster => context.Transaction.List(Node.ResourceType, cluster))
                .Select(Node.Read)
        )
            Check(context.About(node.Id), node, context.Transaction, "properties");
    }

    /// <summary>Checks one node; the write may be the node's, its pool's or its cluster's.</summary>
    public static void Check(ValidationContext context, NodeSpec node, ReadTransaction transaction, string path)
    {
        var attachments = ClusterAttachments.OfPool(transaction, node.Cluster, node.Pool);
        CheckTrunkVlans(context, node, attachments, transaction, path);
        CheckDuplicateNetworks(context, node, attachments, path);
        if (
            CniNetworkOf(node, transaction) is { } cni
            && node.UplinkFor(cni) is { } own
            && Network.Find(transaction.State, cni, context.Limits) is { } carried
        )
            CheckUplink(context, node, own, carried, Network.CniInterfaceName, path);
        foreach (var attachment in attachments)
        {
            if (Network.Find(transaction.State, attachment.Network, context.Limits) is not { } network)
                continue;
            if (attachment.Plugin.NeedsDevices)
                FunctionUplinkRules.Check(
                    context,
                    node,
                    attachment,
                    network,
                    InventoryRows.Find(transaction.State, node.Id),
                    path
                );
            else if (node.UplinkFor(network.Id) is { } uplink)
                CheckUplink(context, node, uplink, network, network.InterfaceName, path);
            else
                context.AddError(NoUplinkError(node, attachment, network, path));
        }

        FunctionUplinkRules.CheckPluginConflicts(context, node, attachments, path);
    }

    /// <summary>
    /// Checks that no network is attached to nodes of both kinds by a plugin whose one definition can serve only one of
    /// them.
    /// </summary>
    /// <param name="transaction">What is stored; for the write of a cluster or pool with it.</param>
    public static void CheckMachineTypes(
        ValidationContext context,
        ResourceId cluster,
        IReadOnlyList<NodeSpec> nodes,
        ReadTransaction transaction,
        string path
    )
    {
        var kinds = new Dictionary<string, (Attachment Attachment, NodeSpec? Bare, NodeSpec? Virtual)>(
            StringComparer.Ordinal
        );
        foreach (var pool in nodes.GroupBy(node => node.Pool, StringComparer.Ordinal))
        {
            var (bare, isVirtual) = (
                pool.FirstOrDefault(node => !node.IsVirtual),
                pool.FirstOrDefault(node => node.IsVirtual)
            );
            foreach (
                var attachment in ClusterAttachments
                    .OfPool(transaction, cluster, pool.Key)
                    .Where(a => a.Plugin.DependsOnMachineType)
            )
            {
                var known = kinds.GetValueOrDefault(attachment.Network.Key);
                kinds[attachment.Network.Key] = (attachment, known.Bare ?? bare, known.Virtual ?? isVirtual);
            }
        }

        foreach (var (attachment, bare, other) in kinds.Values.Where(k => k.Bare is not null && k.Virtual is not null))
        {
            var (plugin, name) = (attachment.Plugin.Name, attachment.Network.Name);
            context
                .About(bare!.Id, other!.Id)
                .AddError(
                    RefusalCode.Mismatch,
                    path,
                    $"'{path}': {name} is attached by {plugin} to {bare!.Id.Name}, which is BareMetal, "
                        + $"and to {other!.Id.Name}, which is Virtual; its one NetworkAttachmentDefinition can't serve "
                        + $"both (the card tags on one, the host on the other): attach {name} in the agent pool of one kind "
                        + $"only, or by {PluginRegistry.ListDeviceless(p => p.ServesPods)}",
                    attachment.Network
                );
        }
    }

    /// <summary>That no port of a node carries a network.</summary>
    internal static Refusal NoUplinkError(NodeSpec node, Attachment attachment, Network network, string path) =>
        new(
            RefusalCode.Mismatch,
            $"'{path}': node {node.Id.Name} has no uplink for {network.Id.Name} (VLAN {network.Vlans}), "
                + $"which its pool {node.Pool} attaches ({attachment.Path}); add one that names it in networkId",
            path,
            network.Id.ToString()
        );

    /// <summary>That a port is wide enough for a network.</summary>
    internal static void CheckMtu(ValidationContext context, NodeSpec node, Uplink uplink, Network network, string path)
    {
        if (uplink.Mtu < network.Mtu)
            context.AddError(
                RefusalCode.Mismatch,
                path,
                $"'{path}': uplink {uplink.Name} of node {node.Id.Name} carries {uplink.Mtu} bytes, "
                    + $"but {network.Id.Name} has MTU {network.Mtu}",
                network.Id
            );
    }

    private static void CheckUplink(
        ValidationContext context,
        NodeSpec node,
        Uplink uplink,
        Network network,
        string name,
        string path
    )
    {
        CheckMtu(context, node, uplink, network, path);
        if (uplink.Mtu >= network.Mtu && !uplink.IsTrunkPort && uplink.MacAddress is null && uplink.Name != name)
            context.AddError(
                RefusalCode.MissingMember,
                path,
                $"'{path}': uplink {uplink.Name} of node {node.Id.Name} is to become '{name}', so it needs a macAddress to be found by",
                network.Id
            );
    }

    /// <summary>
    /// On one trunk port a VLAN is either the node's (a sub-interface) or the pods' (tagged by them), and only once.
    /// </summary>
    private static void CheckTrunkVlans(
        ValidationContext context,
        NodeSpec node,
        ImmutableArray<Attachment> attachments,
        ReadTransaction transaction,
        string path
    )
    {
        var taken = new Dictionary<int, Network>();
        // Virtual functions are beside the port and not on it: the card sorts their frames out by MAC address and VLAN.
        var networks = attachments.Where(a => a.Plugin.StandsOnPort).Select(a => a.Network);
        if (CniNetworkOf(node, transaction) is { } cni)
            networks = networks.Prepend(cni);
        foreach (var id in networks.DistinctBy(network => network.Key))
        {
            if (
                Network.Find(transaction.State, id, context.Limits) is not { } network
                || node.UplinkFor(network.Id) is not { IsTrunkPort: true } port
            )
                continue;
            foreach (var vlan in network.Vlans.Where(vlan => !taken.TryAdd(vlan, network)))
                context
                    .About(network.Id)
                    .AddError(
                        RefusalCode.Overlap,
                        path,
                        $"'{path}': VLAN {vlan} would be on port {port.Name} of node {node.Id.Name} twice, "
                            + $"for {taken[vlan].Id.Name} and for {network.Id.Name}; a sub-interface takes the tag away from the other",
                        taken[vlan].Id
                    );
        }
    }

    /// <summary>
    /// One network on several ports is a pool of devices, and only plugins that need them make one, on virtual nodes.
    /// </summary>
    private static void CheckDuplicateNetworks(
        ValidationContext context,
        NodeSpec node,
        ImmutableArray<Attachment> attachments,
        string path
    )
    {
        foreach (
            var same in node
                .Uplinks.Where(u => u.Network is not null)
                .GroupBy(u => u.Network!, StringComparer.Ordinal)
                .Where(g => g.Count() > 1)
        )
        {
            var plugins = attachments.Where(a => a.Network.Key == same.Key).Select(a => a.Plugin).ToList();
            if (!node.IsVirtual || plugins.Count == 0 || plugins.Exists(p => !p.NeedsDevices))
            {
                context.AddError(
                    RefusalCode.Overlap,
                    path,
                    $"'{path}': {string.Join(" and ", same.Select(u => u.Name))} of node {node.Id.Name} have the same "
                        + $"networkId {same.Key}; "
                        + "several ports are one pool of devices, which only a network has that "
                        + $"{PluginRegistry.ListNames(p => p.NeedsDevices, "or")} attaches to a virtual node"
                );
            }
        }
    }

    private static ResourceId? CniNetworkOf(NodeSpec node, ReadTransaction transaction) =>
        transaction.Get(node.Cluster) is { } cluster ? KubernetesCluster.CniNetworkOf(cluster) : null;
}
