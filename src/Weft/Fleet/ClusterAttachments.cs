using System.Collections.Immutable;
using Weft.Attachments;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>Which networks a cluster's pools have: their own, or the cluster's where they have none.</summary>
public static class ClusterAttachments
{
    /// <summary>All attachments of a cluster and its pools, each network and plugin once.</summary>
    public static ImmutableArray<Attachment> All(Snapshot seen, ResourceId cluster)
    {
        var own = seen.Get(cluster) is { } row ? KubernetesCluster.AttachmentsOf(row) : [];
        var pools = seen.List(AgentPool.ResourceType, cluster).SelectMany(pool => AgentPool.AttachmentsOf(pool));
        return [.. own.Concat(pools).DistinctBy(a => (a.Network.Key, a.Plugin))];
    }

    /// <summary>The attachments that a pool's nodes have.</summary>
    public static ImmutableArray<Attachment> Of(Snapshot seen, ResourceId cluster, string pool)
    {
        if (seen.Get(cluster) is not { } row)
            return [];
        var own = seen.Get(cluster.Child("agentPools", pool)) is { } poolRow ? AgentPool.AttachmentsOf(poolRow) : [];
        return own.IsEmpty ? KubernetesCluster.AttachmentsOf(row) : own;
    }

    /// <summary>Checks the attachments of a write together with those of the rest of the cluster, and the ports of the nodes it has.</summary>
    /// <param name="proposal">The write: of the cluster, or of a pool.</param>
    internal static void Check(Proposal proposal, ResourceId cluster, IEnumerable<Attachment> wanted)
    {
        var rest = new List<Attachment>();
        if (!proposal.Id.Equals(cluster) && proposal.Seen.Get(cluster) is { } row)
            rest.AddRange(KubernetesCluster.AttachmentsOf(row).Select(a => a with { Path = $"{cluster.Name}:{a.Path}" }));
        foreach (var pool in proposal.Seen.List(AgentPool.ResourceType, cluster).Where(p => p.Key != proposal.Wanted.Key))
            rest.AddRange(AgentPool.AttachmentsOf(pool).Select(a => a with { Path = $"{ResourceKind.IdOf(pool).Name}:{a.Path}" }));
        var mine = wanted.ToList();
        CheckCni(proposal, cluster, mine);
        AttachmentRules.Check(proposal, [.. rest, .. mine]);
        if (proposal.Findings.Count > 0)
            return;
        var after = new Snapshot(proposal.Seen.Image.Next([new Change(proposal.Wanted.Key, proposal.Wanted.Bytes)]));
        List<NodeFacts> nodes = [.. proposal.Seen.List(Node.ResourceType, cluster).Select(Node.Of)];
        nodes.ForEach(node => NodePorts.Check(proposal, node, after, "properties"));
        NodePorts.CheckKinds(proposal, cluster, nodes, after, "properties");
        DevicePoolRules.Check(proposal, cluster, nodes, "properties");
    }

    /// <summary>
    /// Whether a cluster's pods may have addresses of a network: where it is attached with IPAM itself, and where it stands on a VLAN of a trunk whose plugin
    /// draws a definition for each VLAN. There pods are on that VLAN like everybody else, and take addresses from the same pool.
    /// </summary>
    public static bool PodsLease(Snapshot seen, ResourceId cluster, ResourceId network)
    {
        var attachments = All(seen, cluster);
        if (attachments.Any(a => a.Network.Equals(network) && a.Ipam))
            return true;
        return seen.Get(network) is { } row && network.Type == L3Network.ResourceType
            && attachments.Any(a => a.Network.Type == TrunkedNetwork.ResourceType && DefinitionNames.HasOnePerVlan(a.Plugin) && seen.Get(a.Network) is { } trunk
                && TrunkedNetwork.VlansOf(trunk).Contains(L3Network.VlanOf(row)) && TrunkedNetwork.DomainsOf(trunk).Contains(L3Network.DomainOf(row)));
    }

    /// <summary>The CNI network has an interface on every node already; one VLAN can't have two on one port.</summary>
    private static void CheckCni(Proposal proposal, ResourceId cluster, List<Attachment> wanted)
    {
        var row = proposal.Id.Equals(cluster) ? proposal.Wanted : proposal.Seen.Get(cluster);
        if (row is null)
            return;
        var cni = KubernetesCluster.CniNetworkOf(row);
        foreach (var attachment in wanted.Where(a => a.Network.Equals(cni)))
            proposal.Find(RefusalCode.Overlap, attachment.Path, $"'{attachment.Path}': {cni.Name} is the CNI network of {cluster.Name} and on every node as 'defaultcni' already", cni);
    }
}
