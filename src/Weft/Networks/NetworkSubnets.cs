using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>The subnets of a network: the prefixes that it names itself, then those of its pool.</summary>
internal static class NetworkSubnets
{
    /// <summary>The prefixes of a network, IPv4 first; those of a family in the order in which they are leased from.</summary>
    public static ImmutableArray<Prefix> PrefixesOf(Row network, PoolSpec pool)
    {
        var own = L3Network.PrefixesOf(network);
        // The pool's order holds for those that it names.
        return
        [
            .. own.Where(prefix => !pool.Prefixes.Contains(prefix))
                .Concat(pool.Prefixes)
                .OrderBy(prefix => prefix.Family),
        ];
    }

    /// <summary>The prefixes of a network.</summary>
    public static ImmutableArray<Prefix> PrefixesOf(StoreState state, Row network) =>
        PrefixesOf(network, PoolSpec.Find(state, ResourceKind.IdOf(network)));

    /// <summary>The subnets of a network.</summary>
    /// <param name="limits">How much of each is reserved where its pool doesn't say.</param>
    public static ImmutableArray<Subnet> Create(Row network, PoolSpec pool, Limits limits)
    {
        var rules = pool.Rules.Reserved is null ? pool.Rules with { Reserved = limits.ReservedAddresses } : pool.Rules;
        return [.. PrefixesOf(network, pool).Select(prefix => new Subnet(prefix, rules))];
    }

    /// <summary>The subnets of a network.</summary>
    /// <param name="limits">How much of each is reserved where its pool doesn't say.</param>
    public static ImmutableArray<Subnet> Create(StoreState state, Row network, Limits limits) =>
        Create(network, PoolSpec.Find(state, ResourceKind.IdOf(network)), limits);

    /// <summary>The prefixes of other networks of the same VRF that overlap with one.</summary>
    public static IEnumerable<(ResourceId Network, Prefix Prefix)> OverlapsInDomain(
        ReadTransaction transaction,
        Row network,
        Prefix prefix
    ) =>
        transaction
            .List(L3Network.ResourceType)
            .Where(row => row.Key != network.Key && L3Network.DomainOf(row).Equals(L3Network.DomainOf(network)))
            .SelectMany(row =>
                PrefixesOf(row, PoolSpec.Find(transaction, ResourceKind.IdOf(row)))
                    .Where(prefix.Overlaps)
                    .Select(taken => (ResourceKind.IdOf(row), taken))
            );

    /// <summary>Why a subnet has nothing to lease, and what to do.</summary>
    public static string ReasonEmpty(Subnet subnet)
    {
        var usable = subnet.Last.Value - subnet.First.Value + 1;
        return usable == 1
            ? $"{subnet.Prefix} has one usable address, and it is the gateway: nothing is left to lease. Name a wider prefix, or "
                + $"say \"gateways\": [\"{PoolSpec.NoGateway}\"] in the network's pool"
            : $"nothing of {subnet.Prefix} is left to lease: of its {usable} usable addresses {subnet.Reserved} are the fabric's, "
                + "and the others are excluded or outside of the ranges";
    }

    /// <summary>
    /// What a change of an internal network must leave right for the networks that stand on it: each of their prefixes is
    /// still there, or has grown, or has lost nothing that is held.
    /// </summary>
    public static void CheckFabric(ValidationContext context)
    {
        var fabric = Fabric.InternalNetwork.Read(context.Proposed);
        foreach (
            var network in context
                .Transaction.List(L3Network.ResourceType)
                .Where(row => L3Network.DomainOf(row).Equals(fabric.Domain) && L3Network.VlanOf(row) == fabric.Vlan)
        )
        {
            var id = ResourceKind.IdOf(network);
            foreach (
                var prefix in PrefixesOf(network, PoolSpec.Find(context.Transaction, id))
                    .Where(prefix => !fabric.Prefixes.Any(p => p.Contains(prefix)))
            )
                CheckPrefixLost(context, fabric, id, prefix);
        }
    }

    /// <summary>What still must be right of a network's pool when the network changes.</summary>
    public static void CheckPool(ValidationContext context)
    {
        if (context.Transaction.Get(DeclaredPool.IdOf(context.Id)) is not { } pool)
            return;
        foreach (var finding in PoolPlacement.Check(context.Transaction, context.Proposed, pool, context.Limits))
            context.AddError(
                finding with
                {
                    Message = $"the network's pool wouldn't fit any more: {finding.Message}",
                    Target = "properties",
                }
            );
    }

    private static void CheckPrefixLost(
        ValidationContext context,
        Fabric.FabricSubnets fabric,
        ResourceId network,
        Prefix prefix
    )
    {
        if (!fabric.Prefixes.Any(prefix.Contains))
        {
            context.AddError(
                RefusalCode.InUse,
                "properties",
                $"{prefix} can't be taken away: {network} stands on it",
                network
            );
            return;
        }

        var lost = NetworkPool
            .HoldingsOf(context.Transaction, network)
            .Leases.Where(lease =>
                prefix.Contains(lease.Address) && !fabric.Prefixes.Any(p => p.Contains(lease.Address))
            )
            .MinBy(lease => lease.Address);
        if (lost is not null)
            context
                .About(ResourceId.TryParse(lost.Holder.Owner, out var owner) ? [owner] : [])
                .AddError(
                    RefusalCode.InUse,
                    "properties",
                    $"{prefix} can't shrink to {string.Join(" and ", fabric.Prefixes.Where(prefix.Contains))}: {lost.Address} is held by "
                        + $"{lost.Holder.Text} since {lost.Since}",
                    network
                );
    }
}
