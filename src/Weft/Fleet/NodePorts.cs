using Weft.Attachments;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>Whether a node has a port for every network that its pool attaches, wide enough and named so that it can be found.</summary>
internal static class NodePorts
{
    /// <summary>Checks every node after a write of what its networks derive from: a network, a domain, an internal network.</summary>
    /// <param name="before">The image without the write.</param>
    /// <param name="after">The image with it.</param>
    /// <param name="written">What was written.</param>
    /// <param name="limits">The numbers that count here.</param>
    /// <returns>What is wrong now and wasn't before, or null.</returns>
    public static Refusal? Objection(Image before, Image after, ResourceId written, Limits limits)
    {
        if (before.Get(StoreKey.Of(written)) is not { } old)
            return null;
        var earlier = Findings(before, old, limits).Select(f => f.Message).ToHashSet(StringComparer.Ordinal);
        List<Refusal> findings = [.. Findings(after, after.Get(StoreKey.Of(written))!, limits).Where(f => !earlier.Contains(f.Message))];
        return findings.Count == 0 ? null : Refusal.Of(findings, written.ToString());
    }

    /// <summary>Checks one node; the write may be the node's, its pool's or its cluster's.</summary>
    /// <param name="proposal">The write.</param>
    /// <param name="node">The node.</param>
    /// <param name="seen">What is stored, with the write.</param>
    /// <param name="path">The member to name.</param>
    public static void Check(Proposal proposal, NodeFacts node, Snapshot seen, string path)
    {
        CheckTrunkPort(proposal, node, seen, path);
        if (CniOf(node, seen) is { } cni && node.Carrying(cni) is { } own && Network.Of(seen.Image, cni, proposal.Limits) is { } carried)
            CheckPort(proposal, node, own, carried, MachineAddresses.CniInterface, path);
        foreach (var attachment in ClusterAttachments.Of(seen, node.Cluster, node.Pool))
        {
            if (Network.Of(seen.Image, attachment.Network, proposal.Limits) is not { } network)
                continue;
            if (node.Carrying(network.Id) is { } uplink)
                CheckPort(proposal, node, uplink, network, network.InterfaceName, path);
            else
                proposal.Find(RefusalCode.Mismatch, path, $"'{path}': node {node.Id.Name} has no uplink for {network.Id.Name} (VLAN {network.Vlans}), which its pool {node.Pool} attaches ({attachment.Path}); add one that names it in networkId", network.Id);
        }
    }

    private static void CheckPort(Proposal proposal, NodeFacts node, Uplink uplink, Network network, string name, string path)
    {
        if (uplink.Mtu < network.Mtu)
            proposal.Find(RefusalCode.Mismatch, path, $"'{path}': uplink {uplink.Name} of node {node.Id.Name} carries {uplink.Mtu} bytes, but {network.Id.Name} has MTU {network.Mtu}", network.Id);
        else if (!uplink.IsTrunkPort && uplink.MacAddress is null && uplink.Name != name)
            proposal.Find(RefusalCode.MissingMember, path, $"'{path}': uplink {uplink.Name} of node {node.Id.Name} is to become '{name}', so it needs a macAddress to be found by", network.Id);
    }

    /// <summary>On one trunk port a VLAN is either the node's (a sub-interface) or the pods' (tagged by them), and only once.</summary>
    private static void CheckTrunkPort(Proposal proposal, NodeFacts node, Snapshot seen, string path)
    {
        var taken = new Dictionary<int, Network>();
        var networks = ClusterAttachments.Of(seen, node.Cluster, node.Pool).Select(a => a.Network);
        if (CniOf(node, seen) is { } cni)
            networks = networks.Prepend(cni);
        foreach (var id in networks.DistinctBy(network => network.Key))
        {
            if (Network.Of(seen.Image, id, proposal.Limits) is not { } network || node.Carrying(network.Id) is not { IsTrunkPort: true } port)
                continue;
            foreach (var vlan in network.Vlans.Where(vlan => !taken.TryAdd(vlan, network)))
                proposal.Find(RefusalCode.Overlap, path, $"'{path}': VLAN {vlan} would be on port {port.Name} of node {node.Id.Name} twice, for {taken[vlan].Id.Name} and for {network.Id.Name}; a sub-interface takes the tag away from the other", taken[vlan].Id);
        }
    }

    private static ResourceId? CniOf(NodeFacts node, Snapshot seen) => seen.Get(node.Cluster) is { } cluster ? KubernetesCluster.CniNetworkOf(cluster) : null;

    private static IReadOnlyList<Refusal> Findings(Image image, Stored written, Limits limits)
    {
        var seen = new Snapshot(image);
        var proposal = new Proposal(ResourceKind.IdOf(written), written, null, seen, limits);
        foreach (var node in seen.List(Node.ResourceType).Select(Node.Of))
            Check(proposal, node, seen, "properties");
        return proposal.Findings;
    }
}
