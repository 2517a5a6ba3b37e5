namespace Weft.Addressing;

/// <summary>How many addresses of each family.</summary>
internal readonly record struct FamilyCount(int IPv4, int IPv6)
{
    /// <summary>Of both families.</summary>
    public int Total => IPv4 + IPv6;

    /// <summary>Those of a record.</summary>
    public static FamilyCount Of(Holding holding)
    {
        var ipv4 = 0;
        for (var i = 0; i < holding.Count; i++)
            ipv4 += holding.AddressAt(i).Family == AddressFamily.IPv4 ? 1 : 0;
        return new FamilyCount(ipv4, holding.Count - ipv4);
    }

    /// <summary>Of one family.</summary>
    public int Of(AddressFamily family) => family == AddressFamily.IPv4 ? IPv4 : IPv6;

    /// <summary>The greater of each.</summary>
    public FamilyCount Max(FamilyCount other) => new(Math.Max(IPv4, other.IPv4), Math.Max(IPv6, other.IPv6));

    /// <summary>With so many times another more.</summary>
    public FamilyCount Plus(FamilyCount other, int times) =>
        new(IPv4 + (times * other.IPv4), IPv6 + (times * other.IPv6));
}

/// <summary>
/// How many addresses each cluster and each of its nodes holds. A value that is kept as leases come and go, so that no
/// request has to count them. What no cluster holds isn't in it. Edited in place as <see cref="Holdings"/> are.
/// </summary>
internal sealed class HeldCounts
{
    /// <summary>Nobody holds anything.</summary>
    public static readonly HeldCounts Empty = new();

    private object? _clusters;
    private object? _owner;

    private HeldCounts() { }

    /// <summary>What all clusters hold together.</summary>
    public FamilyCount All { get; private set; }

    /// <summary>How many clusters hold something.</summary>
    public int CountOfClusters { get; private set; }

    /// <summary>The ids of the clusters that hold something, in no order.</summary>
    public IEnumerable<string> Clusters =>
        HashTrie<ClusterCount, ClusterKey>.All(_clusters).Select(cluster => cluster.Place.Cluster);

    /// <summary>What a cluster holds, whatever node it is on.</summary>
    public FamilyCount OfCluster(string cluster) => Find(cluster)?.Held ?? default;

    /// <summary>What a node of a cluster holds.</summary>
    public FamilyCount OfNode(string cluster, string node) =>
        Find(cluster) is { } known ? known.Find(node, HolderPlace.HashOf(node))?.Held ?? default : default;

    /// <summary>What each cluster holds, and the most it held at a time since weftd started; in no order.</summary>
    public IEnumerable<(string Cluster, FamilyCount Held, FamilyCount HighWater, int Nodes)> ByCluster =>
        HashTrie<ClusterCount, ClusterKey>
            .All(_clusters)
            .Select(count => (count.Place.Cluster, count.Held, count.HighWater, count.CountOfNodes));

    /// <summary>What each node of a cluster holds, in no order.</summary>
    public IEnumerable<(string Node, FamilyCount Held)> ByNode(string cluster) =>
        Find(cluster)?.Nodes.Select(node => (node.Name, node.Held)) ?? [];

    /// <summary>What the cluster of a place holds, and its node there; the same as by their names, which are hashed already.</summary>
    public (FamilyCount OfCluster, FamilyCount OfNode) Of(HolderPlace place) =>
        Find(place.Cluster, place.ClusterHash) is { } known
            ? (known.Held, place.Node is { } node ? known.Find(node, place.NodeHash)?.Held ?? default : default)
            : default;

    /// <summary>How many clusters hold at least so much; it looks at each.</summary>
    public int CountClustersHolding(AddressFamily family, UInt128 least) =>
        HashTrie<ClusterCount, ClusterKey>.All(_clusters).Count(cluster => (UInt128)cluster.Held.Of(family) >= least);

    /// <summary>How many nodes of a cluster hold at least so much; it looks at each.</summary>
    public int CountNodesHolding(string cluster, AddressFamily family, UInt128 least) =>
        Find(cluster)?.Nodes.Count(node => (UInt128)node.Held.Of(family) >= least) ?? 0;

    /// <summary>How many nodes of a cluster hold something.</summary>
    public int CountOfNodes(string cluster) => Find(cluster)?.CountOfNodes ?? 0;

    /// <summary>Whether a node of that name holds something, of whatever cluster.</summary>
    public bool HasNode(string node)
    {
        var hash = HolderPlace.HashOf(node);
        return HashTrie<ClusterCount, ClusterKey>.All(_clusters).Any(cluster => cluster.Find(node, hash) is not null);
    }

    /// <summary>The same, to be edited in place by who has the token; this one stays as it is.</summary>
    public HeldCounts Open(object owner)
    {
        var open = (HeldCounts)MemberwiseClone();
        open._owner = owner;
        return open;
    }

    /// <summary>Ends editing.</summary>
    /// <returns>Itself, which doesn't change any more.</returns>
    public HeldCounts Close()
    {
        _owner = null;
        return this;
    }

    /// <summary>Counts what came or went, in an open one.</summary>
    /// <param name="sign">1 for what came, -1 for what went.</param>
    public void Add(HolderPlace place, FamilyCount held, int sign)
    {
        All = All.Plus(held, sign);
        var cluster = Own(place);
        cluster.Add(place.Node, place.NodeHash, held, sign);
        if (cluster.Held.Total > 0)
            return;
        _ = HashTrie<ClusterCount, ClusterKey>.TryRemove(ref _clusters, cluster.Owner, cluster);
        CountOfClusters--;
    }

    /// <summary>Counts all that others count, in an open one.</summary>
    public void Add(HeldCounts others)
    {
        All = All.Plus(others.All, 1);
        foreach (var cluster in HashTrie<ClusterCount, ClusterKey>.All(others._clusters))
        {
            var (mine, ofNodes) = (Own(cluster.Place), default(FamilyCount));
            foreach (var node in cluster.Nodes)
            {
                mine.Add(node.Name, node.Hash, node.Held, 1);
                ofNodes = ofNodes.Plus(node.Held, 1);
            }

            // What is on no node that is known.
            mine.Add(null, 0, cluster.Held.Plus(ofNodes, -1), 1);
        }
    }

    /// <summary>The counts of a place's cluster, as the owner's own.</summary>
    private ClusterCount Own(HolderPlace place)
    {
        var owner = _owner ?? throw new InvalidOperationException("these counts are closed");
        var cluster = Find(place.Cluster, place.ClusterHash);
        if (cluster?.Owner == owner)
            return cluster;
        var mine = new ClusterCount(owner, place, cluster);
        if (cluster is null)
            _ = HashTrie<ClusterCount, ClusterKey>.TryAdd(ref _clusters, owner, mine);
        else
            _ = HashTrie<ClusterCount, ClusterKey>.TryReplace(ref _clusters, owner, cluster, mine);
        CountOfClusters += cluster is null ? 1 : 0;
        return mine;
    }

    /// <summary>Counts one record in the place of another, in an open one.</summary>
    public void Replace(Holding? old, Holding? holding)
    {
        if (old is not null)
            Add(old, -1);
        if (holding is not null)
            Add(holding, 1);
    }

    /// <summary>Counts a record for each who holds it, in an open one.</summary>
    /// <param name="sign">1 for what came, -1 for what went.</param>
    public void Add(Holding holding, int sign)
    {
        if (holding.Place is { } place)
            Add(place, FamilyCount.Of(holding), sign);
        foreach (var further in holding.FurtherPlaces)
            Add(further, FamilyCount.Of(holding), sign);
    }

    private ClusterCount? Find(string cluster) => Find(cluster, HolderPlace.HashOf(cluster));

    private ClusterCount? Find(string cluster, ulong hash)
    {
        foreach (var count in HashTrie<ClusterCount, ClusterKey>.Find(_clusters, hash))
        {
            if (count.Place.Cluster.Equals(cluster, StringComparison.OrdinalIgnoreCase))
                return count;
        }

        return null;
    }

    private sealed class ClusterCount(object owner, HolderPlace place, ClusterCount? before)
    {
        private object? _nodes = before?._nodes;

        public object Owner => owner;

        public HolderPlace Place { get; } = before?.Place ?? place;

        public FamilyCount Held { get; private set; } = before?.Held ?? default;

        public FamilyCount HighWater { get; private set; } = before?.HighWater ?? default;

        public int CountOfNodes { get; private set; } = before?.CountOfNodes ?? 0;

        public IEnumerable<NodeCount> Nodes => HashTrie<NodeCount, NodeKey>.All(_nodes);

        public NodeCount? Find(string node, ulong hash)
        {
            foreach (var count in HashTrie<NodeCount, NodeKey>.Find(_nodes, hash))
            {
                if (count.Name.Equals(node, StringComparison.OrdinalIgnoreCase))
                    return count;
            }

            return null;
        }

        public void Add(string? name, ulong hash, FamilyCount held, int sign)
        {
            Held = Held.Plus(held, sign);
            HighWater = HighWater.Max(Held);
            if (name is null)
                return;
            var node = Find(name, hash);
            if (node?.Owner != owner)
            {
                var mine = new NodeCount(owner, node?.Name ?? name, hash) { Held = node?.Held ?? default };
                if (node is null)
                    _ = HashTrie<NodeCount, NodeKey>.TryAdd(ref _nodes, owner, mine);
                else
                    _ = HashTrie<NodeCount, NodeKey>.TryReplace(ref _nodes, owner, node, mine);
                CountOfNodes += node is null ? 1 : 0;
                node = mine;
            }

            node!.Held = node.Held.Plus(held, sign);
            if (node.Held.Total > 0)
                return;
            _ = HashTrie<NodeCount, NodeKey>.TryRemove(ref _nodes, owner, node);
            CountOfNodes--;
        }
    }

    /// <summary>Each is there once: it is looked for before it is added.</summary>
    private readonly struct ClusterKey : IHashKey<ClusterCount>
    {
        public static ulong HashOf(ClusterCount item) => item.Place.ClusterHash;

        public static bool IsSame(ClusterCount one, ClusterCount other) => ReferenceEquals(one, other);
    }

    /// <inheritdoc cref="ClusterKey"/>
    private readonly struct NodeKey : IHashKey<NodeCount>
    {
        public static ulong HashOf(NodeCount item) => item.Hash;

        public static bool IsSame(NodeCount one, NodeCount other) => ReferenceEquals(one, other);
    }

    private sealed class NodeCount(object owner, string name, ulong hash)
    {
        public object Owner => owner;

        public string Name => name;

        public ulong Hash => hash;

        public FamilyCount Held { get; set; }
    }
}
