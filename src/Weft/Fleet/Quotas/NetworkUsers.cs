using System.Collections.Immutable;
using Weft.Attachments;
using Weft.Resources;

namespace Weft.Fleet.Quotas;

/// <summary>
/// Who may lease of a network: the clusters whose pods may, and how many nodes of each have an agent that may ask. They
/// share its pool, whether they hold something of it yet or not.
/// </summary>
/// <param name="NodesOf">The number of nodes by the cluster's id.</param>
internal sealed record NetworkUsers(ImmutableDictionary<string, int> NodesOf)
{
    /// <summary>How many clusters there are.</summary>
    public int CountOfClusters => NodesOf.Count;

    /// <summary>Reads them off a state.</summary>
    public static NetworkUsers Of(StoreState state, ResourceId network)
    {
        var transaction = new ReadTransaction(state);
        return new NetworkUsers(
            NetworkReach
                .ClustersOf(state, network)
                .Where(cluster => transaction.Get(cluster) is not null)
                .Where(cluster => ClusterAttachments.PodsMayLease(transaction, cluster, network))
                .ToImmutableDictionary(
                    cluster => cluster.ToString(),
                    cluster => CountNodes(transaction, cluster, network),
                    StringComparer.OrdinalIgnoreCase
                )
        );
    }

    /// <summary>
    /// The nodes with an agent of their own. One whose node is declared in a pool that doesn't have the network is none; of
    /// one that isn't declared nobody knows.
    /// </summary>
    private static int CountNodes(ReadTransaction transaction, ResourceId cluster, ResourceId network)
    {
        var pools = new Dictionary<string, bool>(StringComparer.OrdinalIgnoreCase);
        bool MayLease(string pool) =>
            pools.TryGetValue(pool, out var may)
                ? may
                : pools[pool] = ClusterAttachments.PodsMayLease(
                    transaction,
                    ClusterAttachments.OfPool(transaction, cluster, pool),
                    network
                );
        return Agent
            .ListIn(transaction.State, cluster)
            .Select(Agent.NodeOf)
            .OfType<string>()
            .Distinct(StringComparer.OrdinalIgnoreCase)
            .Count(node => PoolOf(transaction, cluster, node) is not { } pool || MayLease(pool));
    }

    private static string? PoolOf(ReadTransaction transaction, ResourceId cluster, string node) =>
        DnsLabel.From(node) is var name
        && DnsLabel.IsValid(name)
        && transaction.Get(cluster.Extend(Node.ResourceType, name)) is { } row
            ? Node.Read(row).Pool
            : null;
}

/// <summary>The same, kept for as long as what it was read off is unchanged. For one thread.</summary>
internal sealed class NetworkUsersCache(ResourceId network)
{
    private DependencyTracker? _tracker;
    private StoreState? _state;
    private NetworkUsers? _users;

    /// <summary>Who may lease of the network in a state.</summary>
    public NetworkUsers Get(StoreState state)
    {
        if (_tracker?.IsUnchanged(_state!, state) != true)
        {
            var tracker = new DependencyTracker();
            _users = NetworkUsers.Of(state.TrackedBy(tracker), network);
            _tracker = tracker;
        }

        _state = state;
        return _users!;
    }
}
