using Weft.Addressing;

namespace Weft.Fleet.Quotas;

/// <summary>
/// Whether a pod may have addresses, by what its node and its cluster hold already (docs/specs/addressing.md, "Quotas and
/// fair shares"). Counts alone are asked for, so that it costs the same however many leases there are.
/// </summary>
internal sealed class LeaseQuota(LeaseLimits limits)
{
    /// <summary>Decides before the pool is asked.</summary>
    /// <param name="everywhere">What is held in all networks.</param>
    /// <param name="users">Who may lease of the pool's network.</param>
    /// <returns>Null where it may; else why not. A pool that is empty is for the pool to say.</returns>
    public Refusal? Check(Holder holder, AddressPool pool, HeldCounts everywhere, NetworkUsers users)
    {
        if (holder.Cluster is not { } cluster)
            return null;
        var held = pool.Holdings.Find(holder.Id) is { } known ? FamilyCount.Of(known) : default;
        var wanted = 0;
        foreach (var family in pool.Families)
            wanted += held.Of(family) == 0 ? 1 : 0;
        if (wanted == 0)
            return null;
        var place = HolderPlace.Shared(cluster, holder.Node, "");
        if (CheckNumber(place, everywhere, wanted) is { } tooMany)
            return tooMany;
        var here = pool.Holdings.Counts.Of(place);
        foreach (var family in pool.Families)
        {
            // What is kept for a holder is nobody else's: it isn't shared.
            if (
                held.Of(family) == 0
                && !pool.Keeps(holder, family)
                && CheckShare(place, here, pool, family, users) is { } exceeded
            )
                return exceeded;
        }

        return null;
    }

    private Refusal? CheckNumber(HolderPlace place, HeldCounts everywhere, int more)
    {
        var (cluster, node, _) = place;
        var (ofCluster, ofThisNode) = everywhere.Of(place);
        if (node is not null && ofThisNode.Total is var ofNode && ofNode + more > limits.PerNode)
            return Exceeded(
                $"node {node} of {NameOf(cluster)} holds {ofNode} addresses, and this pod asks for {more} more: "
                    + $"a node may hold {limits.PerNode} (leases.perNode)",
                "node",
                cluster
            );
        return ofCluster.Total is var held && held + more > limits.PerCluster
            ? Exceeded(
                $"cluster {NameOf(cluster)} holds {held} addresses, and this pod asks for {more} more: "
                    + $"a cluster may hold {limits.PerCluster} (leases.perCluster)",
                "cluster",
                cluster
            )
            : null;
    }

    /// <param name="here">What the place's cluster and node hold of the pool.</param>
    private Refusal? CheckShare(
        HolderPlace place,
        (FamilyCount OfCluster, FamilyCount OfNode) here,
        AddressPool pool,
        AddressFamily family,
        NetworkUsers users
    )
    {
        var (cluster, node, _) = place;
        var counts = pool.Holdings.Counts;
        // What is free in blocks can be asked back.
        var free = pool.FreeCount(family) + (UInt128)pool.Blocked.Free.Of(family);
        if (free == 0)
            return null;
        // What no cluster holds is machines', which are declared: it isn't shared.
        var shared = (UInt128)counts.All.Of(family) + free;
        var held = (UInt128)here.OfCluster.Of(family);
        var share = new FairShare(
            free,
            shared,
            Math.Max(users.CountOfClusters, counts.CountOfClusters + (held == 0 ? 1 : 0)),
            held
        );
        var room = share.RoomAbove(limits.KeptPercent, least => counts.CountClustersHolding(family, least));
        if (room == 0)
            return Exceeded(
                $"cluster {NameOf(cluster)} holds {held} of the {shared} addresses of {pool.Name} in {pool.PrefixesOf(family)}; "
                    + $"{share.Users} clusters use it, so its fair share is {share.Share}, and the {free} that are free are kept for those "
                    + "that hold less (leases.keptPercent)",
                pool.SubnetsOf(family).First().Prefix.ToString(),
                cluster
            );
        return node is null ? null : CheckNodeShare(place, here, pool, family, users, room);
    }

    /// <summary>The nodes of a cluster share what the cluster has and may still take.</summary>
    private Refusal? CheckNodeShare(
        HolderPlace place,
        (FamilyCount OfCluster, FamilyCount OfNode) here,
        AddressPool pool,
        AddressFamily family,
        NetworkUsers users,
        UInt128 room
    )
    {
        var (cluster, node, _) = place;
        var (ofCluster, ofNode) = here;
        var counts = pool.Holdings.Counts;
        var share = new FairShare(
            room,
            (UInt128)ofCluster.Of(family) + room,
            Math.Max(
                users.NodesOf.GetValueOrDefault(cluster),
                counts.CountOfNodes(cluster) + (ofNode.Total == 0 ? 1 : 0)
            ),
            (UInt128)ofNode.Of(family)
        );
        return share.RoomAbove(limits.KeptPercent, least => counts.CountNodesHolding(cluster, family, least)) > 0
            ? null
            : Exceeded(
                $"node {node} of {NameOf(cluster)} holds {share.Held} of the {share.Capacity} addresses that its cluster may have "
                    + $"of {pool.Name} in {pool.PrefixesOf(family)}; {share.Users} nodes use it, so its fair share is {share.Share}, "
                    + $"and the {room} that are left are kept for those that hold less (leases.keptPercent)",
                pool.SubnetsOf(family).First().Prefix.ToString(),
                cluster
            );
    }

    private static string NameOf(string cluster) => cluster[(cluster.LastIndexOf('/') + 1)..];

    private static Refusal Exceeded(string message, string target, string cluster) =>
        new(RefusalCode.QuotaExceeded, message, target, cluster);
}
