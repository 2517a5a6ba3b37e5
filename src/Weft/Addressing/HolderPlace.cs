namespace Weft.Addressing;

/// <summary>
/// Where a holder is: what many of them have in common. Few of these are made, and each is shared: an id of a cluster has
/// more bytes than a lease.
/// </summary>
/// <param name="Cluster">The cluster's id, as it was written.</param>
/// <param name="Node">The node, or null where that isn't known.</param>
/// <param name="Interface">The interface that it is about.</param>
internal sealed record HolderPlace(string Cluster, string? Node, string Interface)
{
    /// <summary>A power of two; 5,000 nodes with four interfaces each, and some room.</summary>
    private const int SharedCount = 32_768;

    // By hash, the newest of each: what is pushed out is made once more. So nobody fills it with names that they make up.
    private static readonly HolderPlace?[] SharedPlaces = new HolderPlace?[SharedCount];

    /// <summary>The cluster's id in lower case.</summary>
    public string ClusterKey { get; } = Cluster.ToLowerInvariant();

    /// <summary>The last name of the cluster's id.</summary>
    public string ClusterName => Cluster[(Cluster.LastIndexOf('/') + 1)..];

    /// <summary>A hash of the cluster, however it is written; another one in each process.</summary>
    public ulong ClusterHash { get; } = HashOf(Cluster);

    /// <summary>A hash of the node, however it is written; 0 where there is none.</summary>
    public ulong NodeHash { get; } = Node is null ? 0 : HashOf(Node);

    /// <summary>Whether a word stands in the names that people see of it: of cluster, node and interface.</summary>
    public bool HasWord(string word) =>
        ClusterName.Contains(word, StringComparison.OrdinalIgnoreCase)
        || Interface.Contains(word, StringComparison.OrdinalIgnoreCase)
        || Node?.Contains(word, StringComparison.OrdinalIgnoreCase) == true
        || "pod in on".Contains(word, StringComparison.OrdinalIgnoreCase);

    /// <summary>The same place as others have it.</summary>
    public static HolderPlace Shared(string cluster, string? node, ReadOnlySpan<char> name) =>
        Shared(cluster, node.AsSpan(), node is not null, name);

    /// <inheritdoc cref="Shared(string, string?, ReadOnlySpan{char})"/>
    /// <param name="hasNode">Whether the node is known.</param>
    public static HolderPlace Shared(string cluster, ReadOnlySpan<char> node, bool hasNode, ReadOnlySpan<char> name)
    {
        var hash = string.GetHashCode(cluster) ^ (string.GetHashCode(name) * 31) ^ (string.GetHashCode(node) * 17);
        ref var place = ref SharedPlaces[hash & (SharedCount - 1)];
        var found = Volatile.Read(ref place);
        if (found is not null && found.Is(cluster, node, hasNode, name))
            return found;
        found = new HolderPlace(cluster, hasNode ? node.ToString() : null, name.ToString());
        Volatile.Write(ref place, found);
        return found;
    }

    private bool Is(string cluster, ReadOnlySpan<char> node, bool hasNode, ReadOnlySpan<char> name) =>
        cluster == Cluster
        && hasNode == (Node is not null)
        && node.SequenceEqual(Node)
        && name.SequenceEqual(Interface);

    /// <summary>A hash of a name whose letters' case doesn't matter.</summary>
    public static ulong HashOf(ReadOnlySpan<char> text) =>
        Spread((uint)string.GetHashCode(text, StringComparison.OrdinalIgnoreCase));

    /// <summary>64 bits of 32.</summary>
    public static ulong Spread(uint hash) => ((ulong)hash << 32) | (hash * 0x9E3779B1);
}
