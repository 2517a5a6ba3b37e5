using System.Collections.Immutable;

namespace Weft.Addressing;

/// <summary>How many addresses of each family.</summary>
internal readonly record struct FamilyCount(int IPv4, int IPv6)
{
    /// <summary>Of both families.</summary>
    public int Total => IPv4 + IPv6;

    /// <summary>Of one family.</summary>
    public int Of(AddressFamily family) => family == AddressFamily.IPv4 ? IPv4 : IPv6;

    /// <summary>With so many more of a family; fewer where it is negative.</summary>
    public FamilyCount Plus(AddressFamily family, int more) =>
        family == AddressFamily.IPv4 ? this with { IPv4 = IPv4 + more } : this with { IPv6 = IPv6 + more };
}

/// <summary>
/// How many addresses each cluster and each of its nodes holds. A value that is kept as leases come and go, so that no
/// request has to count them. What no cluster holds isn't in it.
/// </summary>
internal sealed class HeldCounts
{
    /// <summary>Nobody holds anything.</summary>
    public static readonly HeldCounts Empty = new(
        ImmutableDictionary.Create<string, ClusterCount>(StringComparer.OrdinalIgnoreCase),
        default
    );

    private static readonly ImmutableDictionary<string, FamilyCount> NoNodes = ImmutableDictionary.Create<
        string,
        FamilyCount
    >(StringComparer.OrdinalIgnoreCase);

    private readonly ImmutableDictionary<string, ClusterCount> _clusters;

    private HeldCounts(ImmutableDictionary<string, ClusterCount> clusters, FamilyCount all) =>
        (_clusters, All) = (clusters, all);

    /// <summary>What all clusters hold together.</summary>
    public FamilyCount All { get; }

    /// <summary>How many clusters hold something.</summary>
    public int CountOfClusters => _clusters.Count;

    /// <summary>What a cluster holds, whatever node it is on.</summary>
    public FamilyCount OfCluster(string cluster) => _clusters.GetValueOrDefault(cluster)?.Held ?? default;

    /// <summary>What a node of a cluster holds.</summary>
    public FamilyCount OfNode(string cluster, string node) =>
        _clusters.GetValueOrDefault(cluster)?.Nodes.GetValueOrDefault(node) ?? default;

    /// <summary>How many clusters hold at least so much; it looks at each.</summary>
    public int CountClustersHolding(AddressFamily family, UInt128 least) =>
        _clusters.Values.Count(cluster => (UInt128)cluster.Held.Of(family) >= least);

    /// <summary>How many nodes of a cluster hold at least so much; it looks at each.</summary>
    public int CountNodesHolding(string cluster, AddressFamily family, UInt128 least) =>
        _clusters.GetValueOrDefault(cluster)?.Nodes.Values.Count(held => (UInt128)held.Of(family) >= least) ?? 0;

    /// <summary>How many nodes of a cluster hold something.</summary>
    public int CountOfNodes(string cluster) => _clusters.GetValueOrDefault(cluster)?.Nodes.Count ?? 0;

    /// <summary>With one lease more, which wasn't there.</summary>
    public HeldCounts With(Lease lease) => Add(lease, 1);

    /// <summary>Without a lease that was there.</summary>
    public HeldCounts Without(Lease lease) => Add(lease, -1);

    private HeldCounts Add(Lease lease, int more)
    {
        if (lease.Holder.Cluster is not { } cluster)
            return this;
        var family = lease.Address.Family;
        var (held, nodes) = _clusters.GetValueOrDefault(cluster) ?? new ClusterCount(default, NoNodes);
        held = held.Plus(family, more);
        if (lease.Holder.Node is { } node)
            nodes = nodes.GetValueOrDefault(node).Plus(family, more) is { Total: > 0 } left
                ? nodes.SetItem(node, left)
                : nodes.Remove(node);
        return new HeldCounts(
            held.Total > 0 ? _clusters.SetItem(cluster, new ClusterCount(held, nodes)) : _clusters.Remove(cluster),
            All.Plus(family, more)
        );
    }

    private sealed record ClusterCount(FamilyCount Held, ImmutableDictionary<string, FamilyCount> Nodes);
}
