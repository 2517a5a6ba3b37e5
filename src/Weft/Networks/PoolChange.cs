using Weft.Addressing;
using Weft.Networks.Blocks;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>
/// What a change of a network or its pool must leave alone: the addresses that somebody holds, and the gateway that they
/// were told.
/// </summary>
internal static class PoolChange
{
    /// <summary>The most findings of one change: who holds a thousand addresses needn't be told of each.</summary>
    private const int MaxFindings = 20;

    /// <summary>A network's pool without a look at who holds what.</summary>
    public static AddressPool PoolOf(Row network, PoolSpec spec, Limits limits) =>
        new(ResourceKind.IdOf(network).Name, NetworkSubnets.Create(network, spec, limits), Holdings.Empty)
        {
            Reservations = spec.Rules.Reservations,
        };

    /// <summary>Refuses what would cut leases off that were right before.</summary>
    /// <param name="pathOf">The member by which an address can't be leased any more.</param>
    public static void Check(
        ValidationContext context,
        ResourceId network,
        AddressPool before,
        AddressPool after,
        Func<AddressObstacle, Address, string> pathOf
    )
    {
        var cut = NetworkPool
            .HoldingsOf(context.Transaction, network)
            .Leases.Where(lease => before.FindObstacle(lease.Holder, lease.Address) is null)
            .Select(lease => (Lease: lease, Obstacle: after.FindObstacle(lease.Holder, lease.Address)))
            .Where(found => found.Obstacle is not null)
            .OrderBy(found => found.Lease.Address)
            .ToList();
        foreach (var (lease, obstacle) in cut.Take(MaxFindings))
        {
            var path = pathOf(obstacle!, lease.Address);
            context.AddError(
                new Refusal(
                    RefusalCode.InUse,
                    $"'{path}': {obstacle!.Reason}, and is held by {lease.Holder.Text} since {lease.Since}",
                    path
                )
                {
                    Discloses = [lease.Holder.Owner],
                }
            );
        }

        if (cut.Count > MaxFindings)
            context.AddError(
                RefusalCode.InUse,
                "properties",
                $"{cut.Count - MaxFindings} more addresses that are held couldn't be leased any more"
            );
        CheckBlocks(context, network, after, pathOf);
    }

    /// <summary>Refuses what would take addresses out of the hands of agents that give them by themselves.</summary>
    private static void CheckBlocks(
        ValidationContext context,
        ResourceId network,
        AddressPool after,
        Func<AddressObstacle, Address, string> pathOf
    )
    {
        var pickable = AddressSet.Create(after.Subnets.SelectMany(subnet => subnet.LeasableRanges));
        var held = NetworkPool.HoldingsOf(context.Transaction, network);
        foreach (var block in BlockBook.Of(context.Transaction, network).Blocks)
        {
            var cut = block.Addresses.Except(pickable);
            // What a pod holds is judged as a lease.
            if (cut.IsEmpty || cut.All(range => held.FirstFree(range.First, range.Last) is null))
                continue;
            var first = cut.First().First;
            var path = after.FindObstacle(new Holder("", "nobody"), first) is { } obstacle
                ? pathOf(obstacle, first)
                : "properties";
            context.AddError(
                new Refusal(
                    RefusalCode.InUse,
                    $"'{path}': {cut} is in {block.Text}; it comes back once its agent is within reach, and for good "
                        + "where the pool says \"blocks\": {\"mode\": \"Off\"}",
                    path
                )
                {
                    BlocksOf = network.Key,
                    Discloses = [block.Agent.ToString()],
                }
            );
        }
    }

    /// <summary>
    /// Refuses a change of a prefix that moves the gateway from under those who were told it, or leases what the fabric
    /// had at the start of the prefix.
    /// </summary>
    /// <param name="path">The member that says the prefix.</param>
    public static void CheckGateway(
        ValidationContext context,
        ResourceId network,
        AddressPool before,
        AddressPool after,
        string path
    )
    {
        var held = NetworkPool.HoldingsOf(context.Transaction, network);
        foreach (var old in before.Subnets.Where(s => s.Gateway is not null))
        {
            if (
                after.SubnetOf(old.Gateway!.Value) is not { } subnet
                || subnet.Prefix == old.Prefix
                || !held.Leases.Any(lease => old.Prefix.Contains(lease.Address))
            )
                continue;
            if (subnet.Gateway != old.Gateway)
                context.AddError(
                    RefusalCode.InUse,
                    path,
                    $"'{path}': the gateway of {old.Prefix} would move from {old.Gateway} to {subnet.Gateway}, and those who hold "
                        + $"addresses were told the first; keep it by 'gateways' of the pool"
                );
            else if (LeasedOfFabric(old, subnet) is { } address)
                context.AddError(
                    RefusalCode.InUse,
                    path,
                    $"'{path}': {address} was the fabric's in {old.Prefix}, and would be leased in {subnet.Prefix}; "
                        + "keep it by 'exclusions' of the pool"
                );
        }
    }

    private static Address? LeasedOfFabric(Subnet old, Subnet subnet)
    {
        for (var i = 0; i < old.Reserved; i++)
        {
            var address = new Address(old.Prefix.Family, old.First.Value + (UInt128)i);
            if (subnet.FindObstacle(address) is null)
                return address;
        }

        return null;
    }
}
