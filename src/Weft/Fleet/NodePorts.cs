using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>Whether a node has a port for every network that its pool attaches, wide enough and named so that it can be found.</summary>
internal static class NodePorts
{
    /// <summary>Checks one node; the write may be the node's, its pool's or its cluster's.</summary>
    /// <param name="proposal">The write.</param>
    /// <param name="node">The node.</param>
    /// <param name="seen">What is stored, with the write.</param>
    /// <param name="path">The member to name.</param>
    public static void Check(Proposal proposal, NodeFacts node, Snapshot seen, string path)
    {
        CheckTrunkPort(proposal, node, seen, path);
        foreach (var attachment in ClusterAttachments.Of(seen, node.Cluster, node.Pool))
        {
            if (Network.Of(seen.Image, attachment.Network, proposal.Limits) is not { } network)
                continue;
            if (node.Carrying(network.Id) is not { } uplink)
                proposal.Find(RefusalCode.Mismatch, path, $"'{path}': node {node.Id.Name} has no uplink for {network.Id.Name} (VLAN {network.Vlans}), which its pool {node.Pool} attaches ({attachment.Path}); add one that names it in networkId", network.Id);
            else if (uplink.Mtu < network.Mtu)
                proposal.Find(RefusalCode.Mismatch, path, $"'{path}': uplink {uplink.Name} of node {node.Id.Name} carries {uplink.Mtu} bytes, but {network.Id.Name} has MTU {network.Mtu}", network.Id);
            else if (!uplink.IsTrunkPort && uplink.MacAddress is null && uplink.Name != network.InterfaceName)
                proposal.Find(RefusalCode.MissingMember, path, $"'{path}': uplink {uplink.Name} of node {node.Id.Name} is to become '{network.InterfaceName}', so it needs a macAddress to be found by", network.Id);
        }
    }

    /// <summary>On one trunk port a VLAN is either the node's (a sub-interface) or the pods' (tagged by them), and only once.</summary>
    private static void CheckTrunkPort(Proposal proposal, NodeFacts node, Snapshot seen, string path)
    {
        var taken = new Dictionary<int, Network>();
        foreach (var attachment in ClusterAttachments.Of(seen, node.Cluster, node.Pool).DistinctBy(a => a.Network.Key))
        {
            if (Network.Of(seen.Image, attachment.Network, proposal.Limits) is not { } network || node.Carrying(network.Id) is not { IsTrunkPort: true } port)
                continue;
            foreach (var vlan in network.Vlans.Where(vlan => !taken.TryAdd(vlan, network)))
                proposal.Find(RefusalCode.Overlap, path, $"'{path}': VLAN {vlan} would be on port {port.Name} of node {node.Id.Name} twice, for {taken[vlan].Id.Name} and for {network.Id.Name}; a sub-interface takes the tag away from the other", taken[vlan].Id);
        }
    }
}
