using System.Collections.Immutable;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet.Planning;

/// <summary>
/// What a plan touches: the clusters whose documents or networks are in it, and the networks that they or it use.
/// </summary>
internal sealed record PlanScope(
    StoreState Before,
    StoreState After,
    ImmutableArray<ResourceId> Clusters,
    ImmutableArray<ResourceId> Networks,
    Limits Limits
)
{
    /// <summary>Finds it, as far as who asks may see.</summary>
    public static PlanScope Create(
        StoreState before,
        StoreState after,
        IEnumerable<ResourceId> written,
        Limits limits,
        PlanCaller planCaller
    )
    {
        var ids = written.Select(id => id.Key).ToHashSet(StringComparer.Ordinal);
        var transaction = new ReadTransaction(after);
        var clusters = transaction
            .List(KubernetesCluster.ResourceType)
            .Where(row =>
                ids.Contains(ResourceKind.IdOf(row).Key)
                || ids.Any(id => id.StartsWith(ResourceKind.IdOf(row).Key + "/", StringComparison.Ordinal))
                || NetworksOf(transaction, row).Any(n => ids.Contains(n.Key))
            )
            .Select(ResourceKind.IdOf)
            .Where(planCaller.MayRead)
            .ToImmutableArray();
        var used = clusters
            .SelectMany(cluster => NetworksOf(transaction, transaction.Get(cluster)!))
            .SelectMany(network =>
                network.Type == TrunkedNetwork.ResourceType
                    ? AddressClaims.L3NetworksOf(after, network, limits).OrderBy(n => n.Key).Select(n => n.Value.Id)
                    : [network]
            )
            .Select(id => id.Key)
            .ToHashSet(StringComparer.Ordinal);
        var networks = transaction
            .List(L3Network.ResourceType)
            .Select(ResourceKind.IdOf)
            .Where(planCaller.MayRead)
            .Where(id =>
                used.Contains(id.Key)
                || ids.Contains(id.Key)
                || !ReferenceEquals(NetworkPool.HoldingsOf(before, id), NetworkPool.HoldingsOf(after, id))
            );
        return new PlanScope(before, after, clusters, [.. networks], limits);
    }

    /// <summary>The nodes of the clusters, as they would be.</summary>
    public IEnumerable<NodeSpec> Nodes => Clusters.SelectMany(NodesOf);

    /// <summary>The nodes of one cluster.</summary>
    public IEnumerable<NodeSpec> NodesOf(ResourceId cluster) =>
        new ReadTransaction(After).List(Node.ResourceType, cluster).Select(Node.Read);

    private static IEnumerable<ResourceId> NetworksOf(ReadTransaction transaction, Row cluster) =>
        ClusterAttachments
            .OfCluster(transaction, ResourceKind.IdOf(cluster))
            .Select(a => a.Network)
            .Prepend(KubernetesCluster.CniNetworkOf(cluster))
            .DistinctBy(id => id.Key);
}
