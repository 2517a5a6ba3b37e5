using System.Collections.Immutable;

namespace Weft.Addressing;

/// <summary>What one holder has, before and after a decision.</summary>
/// <param name="Old">Null where it had nothing.</param>
/// <param name="New">Null where it has nothing any more.</param>
internal readonly record struct HoldingChange(Holding? Old, Holding? New);

/// <summary>
/// The addresses of one network: its subnets, and who holds what. A value: <see cref="Acquire"/> and
/// <see cref="Release"/> answer with the next pool. Free space is derived, so nothing can disagree with it.
/// </summary>
/// <param name="Name">What the network is called, for refusals.</param>
/// <param name="Subnets">The subnets, IPv4 first; those of a family in the order in which they are leased from.</param>
internal sealed record AddressPool(string Name, ImmutableArray<Subnet> Subnets, Holdings Holdings)
{
    /// <summary>What is kept for somebody. Default: nothing.</summary>
    public ImmutableArray<Reservation> Reservations { get; init; } = [];

    /// <summary>What agents own: no pick gives it away. Default: nothing.</summary>
    public BlockedAddresses Blocked { get; init; } = BlockedAddresses.None;

    /// <summary>The families that have a subnet, IPv4 first.</summary>
    public IEnumerable<AddressFamily> Families => Subnets.Select(subnet => subnet.Prefix.Family).Distinct();

    /// <summary>
    /// Leases one address per family to a holder, both or neither. The same holder gets the same addresses, however
    /// often it asks.
    /// </summary>
    /// <param name="wanted">The addresses it must have; at most one per family. The other family's is picked.</param>
    /// <param name="now">The time, RFC 3339.</param>
    /// <param name="after">
    /// Addresses to begin behind, at most one per family: the last ones picked, so that an address that was just given
    /// back rests. The lowest free one otherwise.
    /// </param>
    /// <returns>The next pool and the holder's leases, or what stands in the way.</returns>
    public Outcome<(AddressPool Next, ImmutableArray<Lease> Leases)> Acquire(
        Holder holder,
        ImmutableArray<Address> wanted,
        string now,
        ImmutableArray<Address> after = default
    )
    {
        if (!Choose(holder, wanted, now, after).TryGet(out var chosen, out var refusal))
            return refusal;
        return (chosen.Change is { } change ? With(change) : this, chosen.Leases);
    }

    /// <summary>Decides what <see cref="Acquire"/> gives, and changes nothing.</summary>
    /// <inheritdoc cref="Acquire"/>
    /// <returns>What is to change, null for nothing; and the holder's leases then. Or what stands in the way.</returns>
    public Outcome<(HoldingChange? Change, ImmutableArray<Lease> Leases)> Choose(
        Holder holder,
        ImmutableArray<Address> wanted,
        string now,
        ImmutableArray<Address> after = default
    )
    {
        if (WhyNotWanted(holder, wanted) is { } unusable)
            return unusable;
        var old = Holdings.Find(holder.Id);
        var held = old?.Leases ?? [];
        var before = held;
        var leases = ImmutableArray.CreateBuilder<Lease>(2);
        foreach (var family in Families)
        {
            var asked = FirstOf(family, wanted);
            var begin = after.IsDefault ? null : FirstOf(family, after);
            var mine = held.FirstOrDefault(l => l.Address.Family == family);
            if (!ChooseOf(family, holder, mine, asked, begin, now).TryGet(out var lease, out var refusal))
                return refusal;
            leases.Add(lease);
            if (lease == mine)
                continue;
            held = mine is null ? held.Add(lease) : held.Replace(mine, lease);
        }

        return (
            held == before ? (HoldingChange?)null : new HoldingChange(old, Holding.Create(holder, held)),
            leases.DrainToImmutable()
        );
    }

    /// <summary>Gives back everything a holder has. Giving back nothing is a success.</summary>
    /// <returns>The next pool and the leases that ended.</returns>
    public (AddressPool Next, ImmutableArray<Lease> Ended) Release(string holderId) =>
        Holdings.Find(holderId) is { } held ? (With(new HoldingChange(held, null)), held.Leases) : (this, []);

    /// <summary>The subnets of a family, in the order in which they are leased from.</summary>
    public IEnumerable<Subnet> SubnetsOf(AddressFamily family) =>
        Subnets.Where(subnet => subnet.Prefix.Family == family);

    /// <summary>The prefixes of a family as a person reads them.</summary>
    /// <returns>Such as <c>10.20.6.0/24 and 10.20.7.0/24</c>.</returns>
    public string PrefixesOf(AddressFamily family) =>
        string.Join(" and ", SubnetsOf(family).Select(subnet => subnet.Prefix));

    /// <summary>How many addresses of a family whoever asks could be given.</summary>
    /// <remarks>It looks at each address that is kept for somebody, and at no lease.</remarks>
    public UInt128 FreeCount(AddressFamily family)
    {
        var (size, kept) = (UInt128.Zero, UInt128.Zero);
        foreach (var subnet in SubnetsOf(family))
            (size, kept) = (size + subnet.Size, kept + subnet.Kept.Count);
        var taken =
            (UInt128)Holdings.Count(family)
            + kept
            - CountHeldOfKept(range => range.Family == family)
            + (UInt128)Blocked.Free.Of(family);
        return taken > size ? 0 : size - taken;
    }

    /// <summary>How many addresses of a subnet whoever asks could be given.</summary>
    public UInt128 FreeCount(Subnet subnet)
    {
        if (IsOnlyOfFamily(subnet))
            return FreeCount(subnet.Prefix.Family);
        var taken =
            (UInt128)CountHeld(subnet)
            + subnet.Kept.Count
            - CountHeldOfKept(range => subnet.Prefix.Contains(range.First))
            + CountFreeInBlocks(subnet);
        return taken > subnet.Size ? 0 : subnet.Size - taken;
    }

    /// <summary>How many addresses of a subnet are held; it looks at each lease where its family has several.</summary>
    public int CountHeld(Subnet subnet) =>
        IsOnlyOfFamily(subnet)
            ? Holdings.Count(subnet.Prefix.Family)
            : Holdings.Leases.Count(lease => subnet.Prefix.Contains(lease.Address));

    /// <summary>How many addresses of a subnet are free in blocks; it looks at each where its family has several subnets.</summary>
    public UInt128 CountFreeInBlocks(Subnet subnet)
    {
        if (Blocked.Addresses.IsEmpty)
            return 0;
        if (IsOnlyOfFamily(subnet))
            return (UInt128)Blocked.Free.Of(subnet.Prefix.Family);
        var free = UInt128.Zero;
        foreach (var range in Blocked.Addresses.Where(range => subnet.Prefix.Contains(range.First)))
        {
            for (var at = range.First; Holdings.FirstFree(at, range.Last) is { } found; at = Next(found))
            {
                free++;
                if (found == range.Last)
                    break;
            }
        }

        return free;
    }

    /// <summary>The subnet that an address is of, or null.</summary>
    public Subnet? SubnetOf(Address address) => Subnets.FirstOrDefault(subnet => subnet.Prefix.Contains(address));

    /// <summary>The first address from one on that nobody holds and no agent owns; a run of blocks is skipped whole.</summary>
    /// <returns>The address, whether it may be leased or not; null where there is none.</returns>
    public Address? FirstFree(Address from, Address last)
    {
        while (Holdings.FirstFree(from, last) is { } free)
        {
            if (Blocked.Addresses.RangeOf(free) is not { } block)
                return free;
            if (block.Last >= last)
                return null;
            from = Next(block.Last);
        }

        return null;
    }

    /// <summary>Whether nobody holds an address and no agent owns it.</summary>
    public bool IsFree(Address address) => Holdings.At(address) is null && !Blocked.Addresses.Contains(address);

    /// <summary>Whether addresses of a family are kept for a holder.</summary>
    public bool Keeps(Holder holder, AddressFamily family) => KeptFor(holder, family) is not null;

    /// <summary>Why a holder can't have an address, whoever has it now.</summary>
    /// <returns>Null where it can, if nobody else has it.</returns>
    public AddressObstacle? FindObstacle(Holder holder, Address address)
    {
        if (SubnetOf(address) is not { } subnet)
            return new AddressObstacle(
                ObstacleKind.OutsidePrefix,
                $"{address} isn't in {PrefixesOf(address.Family).Replace(" and ", " or in ", StringComparison.Ordinal)}"
            );
        if (subnet.FindObstacle(address) is { } obstacle)
            return obstacle;
        if (Blocked.Addresses.Contains(address) && Holdings.At(address) is null)
            return new AddressObstacle(
                ObstacleKind.InBlock,
                $"{address} is in a block of a node's agent, which alone gives it (weft who {address})"
            );
        return
            subnet.Kept.Contains(address)
            && Reservations.FirstOrDefault(r => r.Addresses.Contains(address) && !r.IsFor(holder)) is { } other
            ? new AddressObstacle(ObstacleKind.Kept, $"{address} is kept by the reservation '{other.Name}' of {Name}")
            : null;
    }

    private AddressPool With(HoldingChange change)
    {
        var next = Holdings.Open();
        next.Replace(change.Old, change.New);
        return this with { Holdings = next.Close() };
    }

    /// <param name="mine">The holder's lease of the same family; null where it has none.</param>
    private Outcome<Lease> ChooseOf(
        AddressFamily family,
        Holder holder,
        Lease? mine,
        Address? asked,
        Address? after,
        string now
    )
    {
        if (mine is not null && (asked is null || asked == mine.Address))
            return mine;
        if (asked is { } address)
            return Grant(holder, address, now);
        if (KeptFor(holder, family) is { } reservation)
            return GrantKept(holder, reservation, family, now);
        return PickFree(family, after) is { } free
            ? new Lease(free, holder, LeaseMethod.Dynamic, now)
            : Exhausted(family, holder.Cluster);
    }

    private Outcome<Lease> Grant(Holder holder, Address address, string now)
    {
        if (FindObstacle(holder, address) is { } obstacle)
            return new Refusal(
                RefusalCode.AddressNotUsable,
                $"{obstacle.Reason}, so {holder.Text} can't have it",
                address.ToString()
            )
            {
                BlocksOf = obstacle.Kind == ObstacleKind.InBlock ? Blocked.Network : null,
            };
        if (Holdings.LeaseOf(address) is { } other && other.Holder.Id != holder.Id)
            return HeldBy(address, other);
        return new Lease(address, holder, LeaseMethod.Static, now);
    }

    /// <summary>The first of the addresses that are kept for a holder and that nobody has.</summary>
    private Outcome<Lease> GrantKept(Holder holder, Reservation reservation, AddressFamily family, string now)
    {
        var ranges = reservation.Addresses.Where(range => range.Family == family).ToList();
        foreach (var range in ranges)
        {
            if (Holdings.FirstFree(range.First, range.Last) is { } free)
                return Grant(holder, free, now);
        }

        return HeldBy(ranges[0].First, Holdings.LeaseOf(ranges[0].First)!);
    }

    private Reservation? KeptFor(Holder holder, AddressFamily family) =>
        Reservations.FirstOrDefault(r => r.IsFor(holder) && r.Addresses.Any(range => range.Family == family));

    private Refusal HeldBy(Address address, Lease other) =>
        new(
            RefusalCode.AddressHeld,
            $"{address} in {Name} is held by {other.Holder.Text} since {other.Since}",
            address.ToString(),
            other.Holder.Owner
        );

    private Refusal Exhausted(AddressFamily family, string? cluster)
    {
        var (size, kept) = (UInt128.Zero, UInt128.Zero);
        foreach (var subnet in SubnetsOf(family))
            (size, kept) = (size + subnet.Size, kept + subnet.Kept.Count);
        var isBlocked = Blocked.Free.Of(family) > 0;
        return new Refusal(
            RefusalCode.AddressPoolExhausted,
            $"network {Name} has no free {family} address left in {PrefixesOf(family)}: "
                + (kept == 0 ? $"all {size} are held" : $"all {size} are held, or kept by reservations")
                + (isBlocked ? $", or in blocks of nodes: {Blocked.DescribeFree(family, cluster)}" : ""),
            SubnetsOf(family).First().Prefix.ToString()
        )
        {
            BlocksOf = isBlocked ? Blocked.Network : null,
        };
    }

    private Refusal? WhyNotWanted(Holder holder, ImmutableArray<Address> wanted)
    {
        if (wanted.FirstOrDefault(w => Subnets.All(s => s.Prefix.Family != w.Family)) is { Family: not 0 } stranger)
            return new Refusal(
                RefusalCode.AddressNotUsable,
                $"{stranger}: network {Name} has no {stranger.Family} subnet",
                stranger.ToString()
            );
        if (wanted.GroupBy(w => w.Family).FirstOrDefault(family => family.Distinct().Count() > 1) is { } many)
            return new Refusal(
                RefusalCode.AddressNotUsable,
                $"{string.Join(" and ", many)}: {holder.Text} can have one {many.Key} address of network {Name}",
                many.First().ToString()
            );
        return null;
    }

    private bool IsOnlyOfFamily(Subnet subnet) => SubnetsOf(subnet.Prefix.Family).Take(2).Count() == 1;

    /// <summary>How many of the addresses that are kept for somebody are held; nobody holds the others' but them.</summary>
    private UInt128 CountHeldOfKept(Func<AddressRange, bool> isMeant)
    {
        var held = UInt128.Zero;
        foreach (var range in Reservations.Where(r => r.Owner is not null).SelectMany(r => r.Addresses).Where(isMeant))
        {
            for (var at = range.First.Value; at <= range.Last.Value; at++)
            {
                if (Holdings.LeaseOf(new Address(range.Family, at)) is not null)
                    held++;
            }
        }

        return held;
    }

    private static Address? FirstOf(AddressFamily family, ImmutableArray<Address> addresses) =>
        addresses.Where(address => address.Family == family).Cast<Address?>().FirstOrDefault();

    private Address? PickFree(AddressFamily family, Address? after)
    {
        foreach (var subnet in SubnetsOf(family))
        {
            if (PickFree(subnet, after is { } rest && subnet.Prefix.Contains(rest) ? rest : null) is { } found)
                return found;
        }

        return null;
    }

    private Address? PickFree(Subnet subnet, Address? after)
    {
        if (after is { } rest && rest < subnet.Last)
        {
            var behind = new Address(rest.Family, rest.Value + 1);
            foreach (var range in subnet.LeasableRanges.Where(r => r.Last >= behind))
            {
                if (FirstFree(range.First < behind ? behind : range.First, range.Last) is { } found)
                    return found;
            }
        }

        foreach (var range in subnet.LeasableRanges)
        {
            if (FirstFree(range.First, range.Last) is { } found)
                return found;
        }

        return null;
    }

    private static Address Next(Address address) => new(address.Family, address.Value + 1);
}
