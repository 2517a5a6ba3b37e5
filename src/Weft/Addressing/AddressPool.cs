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
    /// <summary>
    /// How many hold the addresses of one claim at a time, at most: the two pods of a live migration, each with a sandbox that
    /// the next has taken the place of.
    /// </summary>
    private const int MaxHolders = 4;

    /// <summary>What is kept for somebody. Default: nothing.</summary>
    public ImmutableArray<Reservation> Reservations { get; init; } = [];

    /// <summary>What agents own: no pick gives it away. Default: nothing.</summary>
    public BlockedAddresses Blocked { get; init; } = BlockedAddresses.None;

    /// <summary>The families that have a subnet, IPv4 first.</summary>
    public ImmutableArray<AddressFamily> Families => FamilySelection.Of(Subnets);

    /// <summary>Which free address a pod is given. Default: the next.</summary>
    public PoolChoice Choice { get; init; }

    /// <summary>Pods whose names say their claim (<see cref="PodPattern.ClaimOf"/>). Default: none.</summary>
    public ImmutableArray<string> Claims { get; init; } = [];

    /// <summary>How long what was given up rests, and what time it is. Default: nothing rests.</summary>
    public RestRules Rests { get; init; } = RestRules.None;

    /// <summary>
    /// Leases one address per family to a holder, both or neither. The same holder gets the same addresses, however
    /// often it asks.
    /// </summary>
    /// <param name="wanted">The addresses it must have; at most one per family. The other family's is picked.</param>
    /// <param name="now">The time, RFC 3339.</param>
    /// <param name="after">Addresses to begin behind, at most one per family: the last ones picked. The lowest free one otherwise.</param>
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
    /// <param name="drawn">A number that was drawn, for a pool that chooses at random; 0 where none was.</param>
    /// <returns>What is to change, null for nothing; and the holder's leases then. Or what stands in the way.</returns>
    public Outcome<(HoldingChange? Change, ImmutableArray<Lease> Leases)> Choose(
        Holder holder,
        ImmutableArray<Address> wanted,
        string now,
        ImmutableArray<Address> after = default,
        ulong drawn = 0
    )
    {
        if (!wanted.IsEmpty && WhyNotWanted(holder, wanted) is { } unusable)
            return unusable;
        var old = Holdings.Find(holder.Id);
        if (old is null && Holdings.FindClaim(holder) is { } shared)
            return Join(shared, holder with { Joined = now }, wanted);
        var held = old?.Leases ?? [];
        var before = held;
        var leases = ImmutableArray.CreateBuilder<Lease>(2);
        foreach (var family in Families)
        {
            var asked = wanted.Of(family);
            var hint = new PickHint(after.IsDefault ? null : after.Of(family), drawn);
            var mine = held.Of(family);
            if (!ChooseOf(family, holder, mine, asked, hint, now).TryGet(out var lease, out var refusal))
                return refusal;
            leases.Add(lease);
            if (lease == mine)
                continue;
            held = mine is null ? held.Add(lease) : held.Replace(mine, lease);
        }

        return (
            held == before
                ? (HoldingChange?)null
                : new HoldingChange(
                    old,
                    Holding.Create(old is { FurtherHashes.IsEmpty: false } ? old.Holder : holder, held)
                ),
            leases.DrainToImmutable()
        );
    }

    /// <summary>Has a holder hold what another of the same claim has, and nothing else.</summary>
    private static Outcome<(HoldingChange? Change, ImmutableArray<Lease> Leases)> Join(
        Holding shared,
        Holder holder,
        ImmutableArray<Address> wanted
    )
    {
        if (wanted.FirstOrDefault(address => !shared.Has(address)) is { Family: not 0 } other)
            return new Refusal(
                RefusalCode.AddressHeld,
                $"{holder.Text} claims '{holder.Claim}', which {shared.Holder.TextOfAll} holds with other addresses than {other}",
                other.ToString(),
                shared.Holder.Owner
            );
        if (shared.Holders.Length == MaxHolders)
            return new Refusal(
                RefusalCode.AddressHeld,
                $"'{holder.Claim}' is held by {shared.Holder.TextOfAll}: {MaxHolders} at a time are the most",
                shared.AddressAt(0).ToString(),
                shared.Holder.Owner
            );
        return (new HoldingChange(shared, shared.With(holder)), shared.LeasesAs(holder));
    }

    /// <summary>Gives back everything a holder has. Giving back nothing is a success.</summary>
    /// <returns>The next pool and the leases that ended.</returns>
    public (AddressPool Next, ImmutableArray<Lease> Ended) Release(string holderId) =>
        Holdings.Find(holderId) is { } held
            ? (With(new HoldingChange(held, held.Without(holderId))), Holdings.LeasesOf(holderId))
            : (this, []);

    /// <summary>The subnets of a family, in the order in which they are leased from.</summary>
    public IEnumerable<Subnet> SubnetsOf(AddressFamily family) =>
        Subnets.Where(subnet => subnet.Prefix.Family == family);

    /// <summary>The prefixes of a family as a person reads them.</summary>
    /// <returns>Such as <c>10.20.6.0/24 and 10.20.7.0/24</c>.</returns>
    public string PrefixesOf(AddressFamily family) =>
        string.Join(" and ", SubnetsOf(family).Select(subnet => subnet.Prefix));

    /// <summary>How many addresses of a family nobody holds and nothing is kept of: whoever asks could be given them.</summary>
    /// <remarks>What cools is among them. It looks at each address that is kept for somebody, and at no lease.</remarks>
    public UInt128 FreeCount(AddressFamily family)
    {
        var (size, kept) = (UInt128.Zero, UInt128.Zero);
        foreach (var subnet in Subnets)
        {
            if (subnet.Prefix.Family == family)
                (size, kept) = (size + subnet.Size, kept + subnet.Kept.Count);
        }

        var taken =
            (UInt128)Holdings.Count(family)
            + (UInt128)Holdings.Rests.CountKept(family)
            + (UInt128)Blocked.Free.Of(family);
        if (kept > 0)
            taken += kept - CountOfKept(range => range.Family == family, IsTaken);
        return LeftOf(size, taken);
    }

    /// <summary>How many addresses of a subnet nobody holds and nothing is kept of.</summary>
    public UInt128 FreeCount(Subnet subnet)
    {
        if (IsOnlyOfFamily(subnet))
            return FreeCount(subnet.Prefix.Family);
        var taken =
            (UInt128)(CountHeld(subnet) + Holdings.Rests.Kept(subnet.Prefix.Family).Count(Of(subnet)))
            + subnet.Kept.Count
            - CountOfKept(range => subnet.Prefix.Contains(range.First), IsTaken)
            + CountFreeInBlocks(subnet);
        return LeftOf(subnet.Size, taken);
    }

    /// <summary>How many addresses of a subnet are held; it looks at each lease where its family has several.</summary>
    public int CountHeld(Subnet subnet) =>
        IsOnlyOfFamily(subnet)
            ? Holdings.Count(subnet.Prefix.Family)
            : Holdings.Leases.Count(lease => subnet.Prefix.Contains(lease.Address));

    /// <summary>The claim that a pod's name says; null where it says none.</summary>
    public string? ClaimOf(Holder holder) =>
        !Claims.IsEmpty && holder.Pod is { } pod
            ? Claims.Select(pattern => PodPattern.ClaimOf(pattern, pod)).FirstOrDefault(claim => claim is not null)
            : null;

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
            for (var at = range.First.Value; at <= range.Last.Value; at++)
            {
                if (Holdings.At(new Address(range.Family, at)) is null)
                    free++;
            }
        }

        return free;
    }

    /// <summary>The subnet that an address is of, or null.</summary>
    public Subnet? SubnetOf(Address address) => Subnets.FirstOrDefault(subnet => subnet.Prefix.Contains(address));

    /// <summary>
    /// The first address from one on that nobody holds, that doesn't rest and that no agent owns. A run of blocks is skipped whole.
    /// </summary>
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

    /// <summary>Whether nobody holds an address, it doesn't rest and no agent owns it.</summary>
    public bool IsFree(Address address) => FirstFree(address, address) is not null;

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
        PickHint hint,
        string now
    )
    {
        if (mine is not null && (asked is null || asked == mine.Address))
            return mine;
        if (asked is { } address)
            return Grant(holder, address, now);
        if (KeptFor(holder, family) is { } reservation)
            return GrantKept(holder, reservation, family, now);
        var free = new FreeAddresses(this);
        // Its own, where it has just given it up or it is kept for it.
        if (Holdings.Rests.FindOf(holder, family) is { } own && free.IsPickable(own.Address))
            return new Lease(own.Address, holder, LeaseMethod.Dynamic, now);
        return free.Pick(family, hint) is { } found
            ? new Lease(found, holder, LeaseMethod.Dynamic, now)
            : PoolUsage.Of(this, family).ToRefusal(this, family, holder.Cluster);
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
        return
            Holdings.RestAt(address) is { } rest && Rests.IsKept(rest) && !LeaseOwner.IsSame(rest.Ended.Holder, holder)
            ? new Refusal(
                RefusalCode.AddressHeld,
                $"{address} in {Name} is kept for {rest.Ended.Holder.Text}, which may come again",
                address.ToString(),
                rest.Ended.Holder.Owner
            )
            : new Lease(address, holder, LeaseMethod.Static, now);
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

        // Nobody else is given them, so they needn't rest.
        foreach (var range in ranges)
        {
            for (var at = range.First.Value; at <= range.Last.Value; at++)
            {
                if (Holdings.RestAt(new Address(family, at)) is not null)
                    return Grant(holder, new Address(family, at), now);
            }
        }

        return HeldBy(ranges[0].First, Holdings.LeaseOf(ranges[0].First)!);
    }

    private Reservation? KeptFor(Holder holder, AddressFamily family) => Reservations.Of(family, holder);

    private Refusal HeldBy(Address address, Lease other) =>
        new(
            RefusalCode.AddressHeld,
            $"{address} in {Name} is held by {other.Holder.Text} since {other.Since}",
            address.ToString(),
            other.Holder.Owner
        );

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

    /// <summary>More may be held than a pool has now: rules that come later take nothing away.</summary>
    private static UInt128 LeftOf(UInt128 size, UInt128 taken) => size - UInt128.Min(size, taken);

    private bool IsOnlyOfFamily(Subnet subnet) => SubnetsOf(subnet.Prefix.Family).Take(2).Count() == 1;

    /// <summary>Whether a rest is of a subnet.</summary>
    public static Func<Rest, bool> Of(Subnet subnet) => rest => subnet.Prefix.Contains(rest.Address);

    /// <summary>How many of the addresses that are kept for a holder are something; nobody has the others' but them.</summary>
    /// <param name="isMeant">Which ranges are asked about.</param>
    public UInt128 CountOfKept(Func<AddressRange, bool> isMeant, Func<Address, bool> isSo)
    {
        var count = UInt128.Zero;
        foreach (var range in Reservations.Where(r => r.Owner is not null).SelectMany(r => r.Addresses).Where(isMeant))
        {
            for (var at = range.First.Value; at <= range.Last.Value; at++)
            {
                if (isSo(new Address(range.Family, at)))
                    count++;
            }
        }

        return count;
    }

    private bool IsTaken(Address address) =>
        Holdings.At(address) is not null
        || (Holdings.RestAt(address) is { } rest && Rests.HasCooled(rest) && Rests.IsKept(rest));

    private static Address Next(Address address) => new(address.Family, address.Value + 1);
}
