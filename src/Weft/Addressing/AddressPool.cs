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
/// <param name="Subnets">One subnet per family, IPv4 first.</param>
internal sealed record AddressPool(string Name, ImmutableArray<Subnet> Subnets, Holdings Holdings)
{
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
        var leases = ImmutableArray.CreateBuilder<Lease>(Subnets.Length);
        foreach (var subnet in Subnets)
        {
            var asked = FirstOf(subnet.Prefix.Family, wanted);
            var begin = after.IsDefault ? null : FirstOf(subnet.Prefix.Family, after);
            var mine = held.FirstOrDefault(l => l.Address.Family == subnet.Prefix.Family);
            if (!ChooseIn(subnet, holder, mine, asked, begin, now).TryGet(out var lease, out var refusal))
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

    /// <summary>How many addresses of a subnet are free.</summary>
    public UInt128 FreeCount(Subnet subnet)
    {
        var used = (UInt128)Holdings.Count(subnet.Prefix.Family);
        return used > subnet.Size ? 0 : subnet.Size - used;
    }

    private AddressPool With(HoldingChange change)
    {
        var next = Holdings.Open();
        next.Replace(change.Old, change.New);
        return this with { Holdings = next.Close() };
    }

    /// <param name="mine">The holder's lease of the same family; null where it has none.</param>
    private Outcome<Lease> ChooseIn(
        Subnet subnet,
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
            return Grant(subnet, holder, address, now);
        if (PickFree(subnet, after) is not { } free)
            return new Refusal(
                RefusalCode.AddressPoolExhausted,
                $"network {Name} has no free {subnet.Prefix.Family} address left in {subnet.Prefix}: all {subnet.Size} are held",
                subnet.Prefix.ToString()
            );
        return new Lease(free, holder, LeaseMethod.Dynamic, now);
    }

    private Outcome<Lease> Grant(Subnet subnet, Holder holder, Address address, string now)
    {
        if (subnet.ReasonNotLeasable(address) is { } objection)
            return new Refusal(
                RefusalCode.AddressNotUsable,
                $"{objection}, so {holder.Text} can't have it",
                address.ToString()
            );
        if (Holdings.LeaseOf(address) is { } other && other.Holder.Id != holder.Id)
            return new Refusal(
                RefusalCode.AddressHeld,
                $"{address} in {Name} is held by {other.Holder.Text} since {other.Since}",
                address.ToString(),
                other.Holder.Owner
            );
        return new Lease(address, holder, LeaseMethod.Static, now);
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

    private static Address? FirstOf(AddressFamily family, ImmutableArray<Address> addresses) =>
        addresses.Where(address => address.Family == family).Cast<Address?>().FirstOrDefault();

    private Address? PickFree(Subnet subnet, Address? after)
    {
        if (after is { } rest && rest < subnet.Last)
        {
            var behind = new Address(rest.Family, rest.Value + 1);
            foreach (var (first, last) in subnet.LeasableRanges.Where(r => r.Last >= behind))
            {
                if (Holdings.FirstFree(first < behind ? behind : first, last) is { } found)
                    return found;
            }
        }

        foreach (var (first, last) in subnet.LeasableRanges)
        {
            if (Holdings.FirstFree(first, last) is { } found)
                return found;
        }

        return null;
    }
}
