using System.Collections.Immutable;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>What a plan touches: the clusters whose documents or networks are in it, and the networks that they or it use.</summary>
internal sealed record PlanScope(Image Before, Image After, ImmutableArray<ResourceId> Clusters, ImmutableArray<ResourceId> Networks, Limits Limits)
{
    /// <summary>Finds it, as far as who asks may see.</summary>
    public static PlanScope Of(Image before, Image after, IEnumerable<ResourceId> written, Limits limits, PlanAsker asker)
    {
        var ids = written.Select(id => id.Key).ToHashSet(StringComparer.Ordinal);
        var seen = new Snapshot(after);
        var clusters = seen.List(KubernetesCluster.ResourceType)
            .Where(row => ids.Contains(ResourceKind.IdOf(row).Key) || ids.Any(id => id.StartsWith(ResourceKind.IdOf(row).Key + "/", StringComparison.Ordinal)) || NetworksOf(seen, row).Any(n => ids.Contains(n.Key)))
            .Select(ResourceKind.IdOf).Where(asker.Sees).ToImmutableArray();
        var used = clusters.SelectMany(cluster => NetworksOf(seen, seen.Get(cluster)!)).SelectMany(network => network.Type == TrunkedNetwork.ResourceType
            ? MachineAddresses.LayerThreeOf(after, network, limits).OrderBy(n => n.Key).Select(n => n.Value.Id) : [network]).Select(id => id.Key).ToHashSet(StringComparer.Ordinal);
        var networks = seen.List(L3Network.ResourceType).Select(ResourceKind.IdOf)
            .Where(asker.Sees).Where(id => used.Contains(id.Key) || ids.Contains(id.Key) || !ReferenceEquals(NetworkPool.HoldingsOf(before, id), NetworkPool.HoldingsOf(after, id)));
        return new PlanScope(before, after, clusters, [.. networks], limits);
    }

    /// <summary>The nodes of the clusters, as they would be.</summary>
    public IEnumerable<NodeFacts> Nodes => Clusters.SelectMany(NodesOf);

    /// <summary>The nodes of one cluster.</summary>
    public IEnumerable<NodeFacts> NodesOf(ResourceId cluster) => new Snapshot(After).List(Node.ResourceType, cluster).Select(Node.Of);

    private static IEnumerable<ResourceId> NetworksOf(Snapshot seen, Stored cluster) =>
        ClusterAttachments.All(seen, ResourceKind.IdOf(cluster)).Select(a => a.Network).Prepend(KubernetesCluster.CniNetworkOf(cluster)).DistinctBy(id => id.Key);
}
