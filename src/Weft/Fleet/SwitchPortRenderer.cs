using Weft.Fabric;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>Which VLANs the fabric has to open on the ports of nodes and virtual machines.</summary>
internal static class SwitchPortRenderer
{
    /// <summary>Renders the ports of all nodes and machines.</summary>
    public static SwitchPorts Render(StoreState state, Limits limits)
    {
        var transaction = new ReadTransaction(state);
        var nodes = transaction.List(Node.ResourceType).Select(Node.Read).SelectMany(PortsOfNode);
        var machines = transaction.List(VirtualMachine.ResourceType).SelectMany(PortsOfMachine);
        return new SwitchPorts([.. nodes, .. machines]);

        IEnumerable<SwitchPort> PortsOfNode(NodeSpec node) =>
            NetworksOf(transaction, node)
                .DistinctBy(network => network.Key)
                .Where(network => node.UplinkFor(network) is not null)
                .SelectMany(network =>
                    PortsFor(state, network, $"{node.Cluster.Name}/{node.Id.Name}", node.Id, limits)
                );

        IEnumerable<SwitchPort> PortsOfMachine(Row machine) =>
            VirtualMachine
                .AttachmentsOf(machine, state)
                .SelectMany(attachment =>
                    PortsFor(
                        state,
                        attachment.Network,
                        ResourceKind.IdOf(machine).Name,
                        ResourceKind.IdOf(machine),
                        limits
                    )
                )
                .Distinct();
    }

    /// <summary>The networks that a node is on: its cluster's CNI network, and what its pool attaches.</summary>
    private static IEnumerable<ResourceId> NetworksOf(ReadTransaction transaction, NodeSpec node)
    {
        var attached = ClusterAttachments
            .OfPool(transaction, node.Cluster, node.Pool)
            .Select(attachment => attachment.Network);
        return transaction.Get(node.Cluster) is { } cluster
            ? attached.Prepend(KubernetesCluster.CniNetworkOf(cluster))
            : attached;
    }

    /// <summary>One port for each VLAN of a network; none where the network is not there.</summary>
    private static IEnumerable<SwitchPort> PortsFor(
        StoreState state,
        ResourceId id,
        string machine,
        ResourceId machineId,
        Limits limits
    ) =>
        Network.Find(state, id, limits) is { } network
            ? network.Vlans.Select(vlan => new SwitchPort(machine, vlan, network.Id.ToString(), machineId))
            : [];
}
