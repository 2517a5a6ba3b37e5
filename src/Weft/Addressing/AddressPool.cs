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
    private static readonly ImmutableArray<AddressFamily> OnlyIPv4 = [AddressFamily.IPv4];
    private static readonly ImmutableArray<AddressFamily> OnlyIPv6 = [AddressFamily.IPv6];
    private static readonly ImmutableArray<AddressFamily> BothFamilies = [AddressFamily.IPv4, AddressFamily.IPv6];

    /// <summary>What is kept for somebody. Default: nothing.</summary>
    public ImmutableArray<Reservation> Reservations { get; init; } = [];

    /// <summary>The families that have a subnet, IPv4 first.</summary>
    public ImmutableArray<AddressFamily> Families =>
        Subnets.IsEmpty ? []
        : Subnets[^1].Prefix.Family == AddressFamily.IPv4 ? OnlyIPv4
        : Subnets[0].Prefix.Family == AddressFamily.IPv6 ? OnlyIPv6
        : BothFamilies;

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
        if (!wanted.IsEmpty && WhyNotWanted(holder, wanted) is { } unusable)
            return unusable;
        var old = Holdings.Find(holder.Id);
        var held = old?.Leases ?? [];
        var before = held;
        var leases = ImmutableArray.CreateBuilder<Lease>(2);
        foreach (var family in Families)
        {
            var asked = FirstOf(family, wanted);
            var begin = after.IsDefault ? null : FirstOf(family, after);
            var mine = LeaseOf(family, held);
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
        foreach (var subnet in Subnets)
        {
            if (subnet.Prefix.Family == family)
                (size, kept) = (size + subnet.Size, kept + subnet.Kept.Count);
        }

        var taken = (UInt128)Holdings.Count(family);
        if (kept > 0)
            taken += kept - CountHeldOfKept(range => range.Family == family);
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
            - CountHeldOfKept(range => subnet.Prefix.Contains(range.First));
        return taken > subnet.Size ? 0 : subnet.Size - taken;
    }

    /// <summary>How many addresses of a subnet are held; it looks at each lease where its family has several.</summary>
    public int CountHeld(Subnet subnet) =>
        IsOnlyOfFamily(subnet)
            ? Holdings.Count(subnet.Prefix.Family)
            : Holdings.Leases.Count(lease => subnet.Prefix.Contains(lease.Address));

    /// <summary>The subnet that an address is of, or null.</summary>
    public Subnet? SubnetOf(Address address) => Subnets.FirstOrDefault(subnet => subnet.Prefix.Contains(address));

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
            : Exhausted(family);
    }

    private Outcome<Lease> Grant(Holder holder, Address address, string now)
    {
        if (FindObstacle(holder, address) is { } obstacle)
            return new Refusal(
                RefusalCode.AddressNotUsable,
                $"{obstacle.Reason}, so {holder.Text} can't have it",
                address.ToString()
            );
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

    private Reservation? KeptFor(Holder holder, AddressFamily family)
    {
        foreach (var reservation in Reservations)
        {
            if (reservation.IsFor(holder) && reservation.Addresses.Any(range => range.Family == family))
                return reservation;
        }

        return null;
    }

    private Refusal HeldBy(Address address, Lease other) =>
        new(
            RefusalCode.AddressHeld,
            $"{address} in {Name} is held by {other.Holder.Text} since {other.Since}",
            address.ToString(),
            other.Holder.Owner
        );

    private Refusal Exhausted(AddressFamily family)
    {
        var (size, kept) = (UInt128.Zero, UInt128.Zero);
        foreach (var subnet in SubnetsOf(family))
            (size, kept) = (size + subnet.Size, kept + subnet.Kept.Count);
        return new Refusal(
            RefusalCode.AddressPoolExhausted,
            $"network {Name} has no free {family} address left in {PrefixesOf(family)}: "
                + (kept == 0 ? $"all {size} are held" : $"all {size} are held, or kept by reservations"),
            SubnetsOf(family).First().Prefix.ToString()
        );
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

    private static Lease? LeaseOf(AddressFamily family, ImmutableArray<Lease> leases)
    {
        foreach (var lease in leases)
        {
            if (lease.Address.Family == family)
                return lease;
        }

        return null;
    }

    private static Address? FirstOf(AddressFamily family, ImmutableArray<Address> addresses)
    {
        foreach (var address in addresses)
        {
            if (address.Family == family)
                return address;
        }

        return null;
    }

    private Address? PickFree(AddressFamily family, Address? after)
    {
        foreach (var subnet in Subnets)
        {
            if (
                subnet.Prefix.Family == family
                && PickFree(subnet, after is { } rest && subnet.Prefix.Contains(rest) ? rest : null) is { } found
            )
                return found;
        }

        return null;
    }

    private Address? PickFree(Subnet subnet, Address? after)
    {
        if (
            after is { } rest
            && rest < subnet.Last
            && PickFrom(subnet, new Address(rest.Family, rest.Value + 1)) is { } behind
        )
            return behind;
        return PickFrom(subnet, subnet.First);
    }

    /// <summary>The first free address from one on.</summary>
    private Address? PickFrom(Subnet subnet, Address from)
    {
        foreach (var range in subnet.LeasableRanges)
        {
            if (
                range.Last >= from
                && Holdings.FirstFree(range.First < from ? from : range.First, range.Last) is { } found
            )
                return found;
        }

        return null;
    }
}
