using System.Collections.Immutable;
using Weft.Attachments;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>Which networks a cluster's pools have: their own, or the cluster's where they have none.</summary>
internal static class ClusterAttachments
{
    /// <summary>All attachments of a cluster and its pools, each network and plugin once.</summary>
    public static ImmutableArray<Attachment> OfCluster(ReadTransaction transaction, ResourceId cluster)
    {
        var own = transaction.Get(cluster) is { } row ? KubernetesCluster.AttachmentsOf(row) : [];
        var pools = transaction.List(AgentPool.ResourceType, cluster).SelectMany(pool => AgentPool.AttachmentsOf(pool));
        return [.. own.Concat(pools).DistinctBy(a => (a.Network.Key, a.Plugin))];
    }

    /// <summary>The attachments that a pool's nodes have.</summary>
    public static ImmutableArray<Attachment> OfPool(ReadTransaction transaction, ResourceId cluster, string pool)
    {
        if (transaction.Get(cluster) is not { } row)
            return [];
        var own = transaction.Get(AgentPool.IdOf(cluster, pool)) is { } poolRow ? AgentPool.AttachmentsOf(poolRow) : [];
        return own.IsEmpty ? KubernetesCluster.AttachmentsOf(row) : own;
    }

    /// <summary>
    /// Checks the attachments of a write together with those of the rest of the cluster, and the ports of the nodes it
    /// has.
    /// </summary>
    /// <param name="context">The write: of the cluster, or of a pool.</param>
    internal static void Check(ValidationContext context, ResourceId cluster, IEnumerable<Attachment> wanted)
    {
        var rest = new List<Attachment>();
        if (!context.Id.Equals(cluster) && context.Transaction.Get(cluster) is { } row)
            rest.AddRange(
                KubernetesCluster.AttachmentsOf(row).Select(a => a with { Path = $"{cluster.Name}:{a.Path}" })
            );
        foreach (
            var pool in context
                .Transaction.List(AgentPool.ResourceType, cluster)
                .Where(p => p.Key != context.Proposed.Key)
        )
            rest.AddRange(
                AgentPool.AttachmentsOf(pool).Select(a => a with { Path = $"{ResourceKind.IdOf(pool).Name}:{a.Path}" })
            );
        var mine = wanted.ToList();
        CheckCniNetwork(context, cluster, mine);
        AttachmentRules.Check(rest.Count == 0 ? context : context.About(cluster), [.. rest, .. mine]);
        if (context.Findings.Count > 0)
            return;
        var after = new ReadTransaction(
            context.Transaction.State.Next([new Mutation(context.Proposed.Key, context.Proposed.Bytes)])
        );
        List<NodeSpec> nodes = [.. context.Transaction.List(Node.ResourceType, cluster).Select(Node.Read)];
        nodes.ForEach(node => UplinkRules.Check(context.About(node.Id), node, after, "properties"));
        UplinkRules.CheckMachineTypes(context, cluster, nodes, after, "properties");
        DevicePoolRules.Check(context, cluster, nodes, "properties");
    }

    /// <summary>
    /// Checks the clusters that attach a trunk after a write of it: more VLANs bring more names of sub-interfaces and
    /// of definitions.
    /// </summary>
    internal static void CheckTrunk(ValidationContext context)
    {
        foreach (var cluster in NetworkReach.ClustersOf(context.Transaction.State, context.Id))
        {
            var attachments = OfCluster(context.Transaction, cluster);
            if (attachments.Any(attachment => attachment.Network.Equals(context.Id)))
                AttachmentRules.Check(
                    context.About(cluster),
                    [
                        .. attachments.Select(attachment =>
                            attachment with
                            {
                                Path = $"{cluster.Name}:{attachment.Path}",
                            }
                        ),
                    ]
                );
        }
    }

    /// <summary>
    /// Whether a cluster's pods may have addresses of a network: where it is attached with IPAM itself, and where it
    /// stands on a VLAN of a trunk whose plugin renders a definition for each VLAN. There pods are on that VLAN like
    /// everybody else, and take addresses from the same pool.
    /// </summary>
    public static bool PodsMayLease(ReadTransaction transaction, ResourceId cluster, ResourceId network) =>
        (transaction.Get(cluster) is { } row && KubernetesCluster.Leases(row, network))
        || PodsMayLease(transaction, OfCluster(transaction, cluster), network);

    /// <summary>The same where these are the attachments: those of a pool, say.</summary>
    public static bool PodsMayLease(
        ReadTransaction transaction,
        ImmutableArray<Attachment> attachments,
        ResourceId network
    )
    {
        if (attachments.Any(a => a.Network.Equals(network) && a.Ipam))
            return true;
        return transaction.Get(network) is { } row
            && network.Type == L3Network.ResourceType
            && attachments.Any(a =>
                a.Network.Type == TrunkedNetwork.ResourceType
                && a.Plugin.HasPerVlanDefinitions
                && transaction.Get(a.Network) is { } trunk
                && TrunkedNetwork.VlansOf(trunk).Contains(L3Network.VlanOf(row))
                && TrunkedNetwork.DomainsOf(trunk).Contains(L3Network.DomainOf(row))
            );
    }

    /// <summary>The CNI network has an interface on every node already; one VLAN can't have two on one port.</summary>
    private static void CheckCniNetwork(ValidationContext context, ResourceId cluster, List<Attachment> wanted)
    {
        var row = context.Id.Equals(cluster) ? context.Proposed : context.Transaction.Get(cluster);
        if (row is null)
            return;
        var cni = KubernetesCluster.CniNetworkOf(row);
        foreach (var attachment in wanted.Where(a => a.Network.Equals(cni)))
            context.AddError(
                RefusalCode.Overlap,
                attachment.Path,
                $"'{attachment.Path}': {cni.Name} is the CNI network of {cluster.Name} and on every node as "
                    + $"'{Network.CniInterfaceName}' already",
                cni
            );
    }
}
