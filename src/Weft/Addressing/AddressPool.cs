using System.Collections.Immutable;

namespace Weft.Addressing;

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
        if (WhyNotWanted(holder, wanted) is { } unusable)
            return unusable;
        var next = this;
        var leases = ImmutableArray.CreateBuilder<Lease>();
        foreach (var subnet in Subnets)
        {
            var asked = FirstOf(subnet.Prefix.Family, wanted);
            var begin = after.IsDefault ? null : FirstOf(subnet.Prefix.Family, after);
            if (!next.AcquireIn(subnet, holder, asked, begin, now).TryGet(out var got, out var refusal))
                return refusal;
            next = next with { Holdings = got.Held };
            leases.Add(got.Lease);
        }

        return (next, leases.ToImmutable());
    }

    /// <summary>Gives back everything a holder has. Giving back nothing is a success.</summary>
    /// <returns>The next pool and the leases that ended.</returns>
    public (AddressPool Next, ImmutableArray<Lease> Ended) Release(string holderId)
    {
        var ended = Holdings.LeasesOf(holderId);
        return (
            this with
            {
                Holdings = ended.Aggregate(Holdings, (held, lease) => held.Without(lease.Address)),
            },
            ended
        );
    }

    /// <summary>How many addresses of a subnet are free.</summary>
    public UInt128 FreeCount(Subnet subnet)
    {
        var used = (UInt128)Holdings.Count(subnet.Prefix.Family);
        return used > subnet.Size ? 0 : subnet.Size - used;
    }

    private Outcome<(Holdings Held, Lease Lease)> AcquireIn(
        Subnet subnet,
        Holder holder,
        Address? asked,
        Address? after,
        string now
    )
    {
        var mine = Holdings.LeasesOf(holder.Id).FirstOrDefault(l => l.Address.Family == subnet.Prefix.Family);
        if (mine is not null && (asked is null || asked == mine.Address))
            return (Holdings, mine);
        if (asked is { } address)
            return Grant(subnet, holder, address, mine, now);
        if (PickFree(subnet, after) is not { } free)
            return new Refusal(
                RefusalCode.AddressPoolExhausted,
                $"network {Name} has no free {subnet.Prefix.Family} address left in {subnet.Prefix}: all {subnet.Size} are held",
                subnet.Prefix.ToString()
            );
        var lease = new Lease(free, holder, LeaseMethod.Dynamic, now);
        return (Holdings.With(lease), lease);
    }

    /// <param name="replaced">The holder's lease of the same family that ends; null where it has none.</param>
    private Outcome<(Holdings Held, Lease Lease)> Grant(
        Subnet subnet,
        Holder holder,
        Address address,
        Lease? replaced,
        string now
    )
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
        var held = replaced is null ? Holdings : Holdings.Without(replaced.Address);
        var granted = new Lease(address, holder, LeaseMethod.Static, now);
        return (held.With(granted), granted);
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
