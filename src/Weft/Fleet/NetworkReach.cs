using Weft.Fabric;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>
/// Whom a network reaches, read off the index of references: clusters, pools, nodes and machines that name it, or a trunk
/// that may carry its VLAN. A write of a network, or of what networks stand on, can concern nobody else.
/// </summary>
internal static class NetworkReach
{
    /// <summary>The clusters that a network, an isolation domain or an internal network reaches, by their keys.</summary>
    public static IReadOnlyList<ResourceId> ClustersOf(StoreState state, ResourceId id) =>
        [
            .. UsersOf(state, id)
                .Select(user => user.Type == KubernetesCluster.ResourceType ? user : user.Parent!)
                .Where(cluster => cluster.Type == KubernetesCluster.ResourceType)
                .DistinctBy(cluster => cluster.Key)
                .OrderBy(cluster => $"{cluster.Key}/", StringComparer.Ordinal),
        ];

    /// <summary>All whom it reaches, but for the networks on the way.</summary>
    public static IReadOnlyList<ResourceId> UsersOf(StoreState state, ResourceId id)
    {
        var users = new Dictionary<string, ResourceId>(StringComparer.Ordinal);
        var open = new Queue<ResourceId>([
            id.Type == InternalNetwork.ResourceType ? id.Parent! : id,
            .. TrunksAround(state, id),
        ]);
        var seen = new HashSet<string>(open.Select(one => one.Key), StringComparer.Ordinal);
        while (open.TryDequeue(out var next))
        {
            foreach (var user in ReferenceIndex.UsersOf(state, next))
            {
                if (!Network.IsNetworkType(user.Type))
                    users[user.RowKey] = user;
                else if (seen.Add(user.Key))
                    open.Enqueue(user);
            }
        }

        return [.. users.Values];
    }

    /// <summary>The trunks on an L3 network's domain: they carry it where its VLAN is one of theirs.</summary>
    private static IEnumerable<ResourceId> TrunksAround(StoreState state, ResourceId id) =>
        id.Type == L3Network.ResourceType && state.Get(StoreKey.ForResource(id)) is { } network
            ? ReferenceIndex
                .UsersOf(state, L3Network.DomainOf(network))
                .Where(user => user.Type == TrunkedNetwork.ResourceType)
            : [];
}
