using System.Globalization;

namespace Weft.Addressing;

/// <summary>How full a subnet is, or all of a family: each address counts once.</summary>
internal sealed record PoolUsage
{
    /// <summary>What may be leased in all, reservations among it.</summary>
    public UInt128 Size { get; private init; }

    /// <summary>
    /// What may not be leased of the usable ones behind those of the fabric: by exclusions, ranges, a gateway elsewhere, anycast.
    /// </summary>
    public UInt128 Excluded { get; private init; }

    /// <summary>What is held.</summary>
    public int Held { get; private init; }

    /// <summary>What reservations keep and nobody holds.</summary>
    public UInt128 Reserved { get; private init; }

    /// <summary>What is kept for named pods that are gone and may come again.</summary>
    public int Sticky { get; private init; }

    /// <summary>What cools.</summary>
    public int Cooling { get; private init; }

    /// <summary>In how many milliseconds the first and the last that cool have cooled; 0 where nothing cools.</summary>
    public (long First, long Last) CoolingFor { get; private init; }

    /// <summary>What is free in blocks of nodes, which alone give it; resting or not.</summary>
    public UInt128 InBlocks { get; private init; }

    /// <summary>What whoever asks is given without looking at what cools.</summary>
    public UInt128 Free { get; private init; }

    /// <summary>Of a family.</summary>
    /// <remarks>It looks at each address that is kept for a holder, and at what has cooled since it was looked at last.</remarks>
    public static PoolUsage Of(AddressPool pool, AddressFamily family) =>
        Of(pool, [.. pool.SubnetsOf(family)], pool.Holdings.Count(family));

    /// <summary>Of a subnet.</summary>
    /// <remarks>Where its family has several, it looks at each lease and at all that rests.</remarks>
    public static PoolUsage Of(AddressPool pool, Subnet subnet) => Of(pool, [subnet], pool.CountHeld(subnet));

    /// <summary>The refusal where nothing is left: what has it all, who has most of it, and what to do.</summary>
    /// <param name="cluster">Who asks, to whom its own nodes are named; null for others.</param>
    public Refusal ToRefusal(AddressPool pool, AddressFamily family, string? cluster) =>
        new(
            RefusalCode.AddressPoolExhausted,
            $"network {pool.Name} has no free {family} address left in {pool.PrefixesOf(family)}: {Describe()}"
                + (InBlocks > 0 ? $", or in blocks of nodes: {pool.Blocked.DescribeFree(family, cluster)}" : "")
                + "; "
                + $"see 'weft ipam show {pool.Name}'",
            pool.SubnetsOf(family).First().Prefix.ToString()
        )
        {
            Aside = AsideOf(pool, family),
            BlocksOf = InBlocks > 0 ? pool.Blocked.Network : null,
        };

    private static PoolUsage Of(AddressPool pool, Subnet[] subnets, int held)
    {
        var family = subnets[0].Prefix.Family;
        bool IsHere(Address address) => subnets.Any(subnet => subnet.Prefix.Contains(address));
        var (size, excluded, kept) = (UInt128.Zero, UInt128.Zero, UInt128.Zero);
        foreach (var subnet in subnets)
        {
            size += subnet.Size;
            excluded += subnet.Last.Value - subnet.First.Value + 1 - (UInt128)subnet.Reserved - subnet.Size;
            kept += subnet.Kept.Count;
        }

        var (cooling, sticky) = CountResting(pool, family, subnets);
        var inBlocks = CountInBlocks(pool, family, subnets);
        // What is kept by a reservation counts there, and nowhere else.
        int CountReserved(Func<Rest, bool> isMeant) =>
            (int)
                pool.CountOfKept(
                    range => IsHere(range.First),
                    address => pool.Holdings.RestAt(address) is { } rest && isMeant(rest)
                );
        cooling -= CountReserved(rest => !pool.Rests.HasCooled(rest));
        sticky -= CountReserved(rest => pool.Rests.HasCooled(rest) && pool.Rests.IsKept(rest));
        kept -= pool.CountOfKept(range => IsHere(range.First), address => pool.Holdings.At(address) is not null);
        var taken = (UInt128)(held + cooling + sticky) + kept + inBlocks;
        return new PoolUsage
        {
            Size = size,
            Excluded = excluded,
            Held = held,
            Reserved = kept,
            Sticky = sticky,
            Cooling = cooling,
            InBlocks = inBlocks,
            CoolingFor = cooling > 0 ? LeftOf(pool, family) : default,
            Free = size > taken ? size - taken : 0,
        };
    }

    private static bool IsAll(AddressPool pool, AddressFamily family, Subnet[] subnets) =>
        pool.SubnetsOf(family).Count() == subnets.Length;

    private static UInt128 CountInBlocks(AddressPool pool, AddressFamily family, Subnet[] subnets) =>
        IsAll(pool, family, subnets)
            ? (UInt128)pool.Blocked.Free.Of(family)
            : subnets.Aggregate(UInt128.Zero, (sum, subnet) => sum + pool.CountFreeInBlocks(subnet));

    /// <summary>How many cool, and are kept for owners that are gone; what rests in a block counts there.</summary>
    private static (int Cooling, int Sticky) CountResting(AddressPool pool, AddressFamily family, Subnet[] subnets)
    {
        var blocks = pool.Blocked.Addresses;
        return IsAll(pool, family, subnets) && blocks.IsEmpty
            ? CountResting(pool, family)
            : CountResting(
                pool,
                family,
                address => subnets.Any(subnet => subnet.Prefix.Contains(address)) && !blocks.Contains(address)
            );
    }

    /// <summary>How many of a family cool, and are kept for owners that are gone, by what time it is.</summary>
    private static (int Cooling, int Sticky) CountResting(AddressPool pool, AddressFamily family)
    {
        var (rests, rules) = (pool.Holdings.Rests, pool.Rests);
        // What nobody has looked at since its time was up stands at the front.
        var cooled = rests.Cooling(family).TakeWhile(rules.HasCooled).ToList();
        return (
            rests.CountCooling(family) - cooled.Count,
            rests.CountKept(family)
                - rests.Kept(family).TakeWhile(rest => !rules.IsKept(rest)).Count()
                + cooled.Count(rules.IsKept)
        );
    }

    /// <summary>The same of some addresses; it looks at all that rests.</summary>
    private static (int Cooling, int Sticky) CountResting(
        AddressPool pool,
        AddressFamily family,
        Func<Address, bool> isHere
    )
    {
        var (rests, rules) = (pool.Holdings.Rests, pool.Rests);
        var here = rests.Cooling(family).Concat(rests.Kept(family)).Where(rest => isHere(rest.Address)).ToList();
        return (
            here.Count(rest => !rules.HasCooled(rest)),
            here.Count(rest => rules.HasCooled(rest) && rules.IsKept(rest))
        );
    }

    private static (long First, long Last) LeftOf(AddressPool pool, AddressFamily family)
    {
        var rests = pool.Holdings.Rests;
        var first = rests.Cooling(family).First(rest => !pool.Rests.HasCooled(rest));
        return (pool.Rests.LeftOf(first), pool.Rests.LeftOf(rests.LastCooling(family)!));
    }

    private string Describe()
    {
        var parts = new List<string>();
        void Add(UInt128 count, string what)
        {
            if (count > 0)
                parts.Add($"{count.ToString(CultureInfo.InvariantCulture)} {what}");
        }

        if (Reserved == 0 && Sticky == 0 && Cooling == 0 && InBlocks == 0)
            parts.Add($"all {Size} are held");
        else
        {
            Add((UInt128)Held, $"of {Size} are held");
            Add(Reserved, "are kept by reservations");
            Add((UInt128)Sticky, "are kept for named pods that may come again");
            var seconds = (CoolingFor.First + 999) / 1_000;
            Add((UInt128)Cooling, $"cool down, the first for {seconds.ToString(CultureInfo.InvariantCulture)} s more");
        }

        Add(Excluded, "more are excluded");
        return string.Join(", ", parts);
    }

    /// <summary>Who has most of it, for those who may read that cluster.</summary>
    private static (string About, string Text)? AsideOf(AddressPool pool, AddressFamily family)
    {
        var counts = pool.Holdings.Counts;
        var (cluster, held, _, _) = counts.ByCluster.OrderByDescending(count => count.Held.Of(family)).FirstOrDefault();
        if (cluster is null || held.Of(family) == 0)
            return null;
        var (node, ofNode) = counts.ByNode(cluster).OrderByDescending(count => count.Held.Of(family)).FirstOrDefault();
        var text = $"; cluster {cluster[(cluster.LastIndexOf('/') + 1)..]} holds {held.Of(family)} of them";
        return (cluster, node is null ? text : $"{text}, {ofNode.Of(family)} on its node {node}");
    }
}
