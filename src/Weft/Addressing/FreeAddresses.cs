namespace Weft.Addressing;

/// <summary>Where a pick begins, as its caller has it.</summary>
/// <param name="After">The last address picked of the family; null for none.</param>
/// <param name="Drawn">A number that was drawn, for pools that choose at random.</param>
internal readonly record struct PickHint(Address? After, ulong Drawn);

/// <summary>Finds an address of a pool that nobody holds, by the pool's choice.</summary>
internal sealed class FreeAddresses(AddressPool pool)
{
    /// <summary>
    /// How many addresses are drawn before the next free one behind the last drawn is taken: of a pool that is full to nine
    /// tenths, one request in five comes to that.
    /// </summary>
    private const int Draws = 16;

    /// <summary>One of a family: of the first subnet that has one.</summary>
    /// <returns>Null where there is none, nor any that rests and may be given.</returns>
    public Address? Pick(AddressFamily family, PickHint hint)
    {
        foreach (var subnet in pool.SubnetsOf(family))
        {
            if (Pick(subnet, hint) is { } found)
                return found;
        }

        return pool.Rests.PickResting(pool.Holdings.Rests, family, IsPickable);
    }

    /// <summary>Whether an address is picked for whoever asks, where nobody has it.</summary>
    public bool IsPickable(Address address) =>
        pool.SubnetOf(address)?.LeasableRanges.Any(range => range.Contains(address)) == true
        && !pool.Blocked.Addresses.Contains(address);

    private Address? Pick(Subnet subnet, PickHint hint) =>
        pool.Choice switch
        {
            _ when subnet.LeasableRanges.IsEmpty => null,
            PoolChoice.Random when hint.Drawn != 0 => Draw(subnet, hint.Drawn),
            PoolChoice.Next when hint.After is { } last && subnet.Prefix.Contains(last) => FirstAfter(subnet, last),
            _ => First(subnet),
        };

    private Address? First(Subnet subnet)
    {
        foreach (var range in subnet.LeasableRanges)
        {
            if (pool.FirstFree(range.First, range.Last) is { } found)
                return found;
        }

        return null;
    }

    private Address? FirstAfter(Subnet subnet, Address last)
    {
        if (last >= subnet.Last)
            return First(subnet);
        var behind = new Address(last.Family, last.Value + 1);
        foreach (var range in subnet.LeasableRanges.Where(r => r.Last >= behind))
        {
            if (pool.FirstFree(range.First < behind ? behind : range.First, range.Last) is { } found)
                return found;
        }

        return First(subnet);
    }

    private Address? Draw(Subnet subnet, ulong drawn)
    {
        var count = UInt128.Zero;
        foreach (var range in subnet.LeasableRanges)
            count += range.Count;
        var last = subnet.LeasableRanges[0].First;
        for (var i = 0; i < Draws; i++)
        {
            var number = new UInt128(Mix(ref drawn), Mix(ref drawn));
            last = AddressAt(subnet, number % count);
            if (pool.FirstFree(last, last) is { } free)
                return free;
        }

        return FirstAfter(subnet, last);
    }

    private static Address AddressAt(Subnet subnet, UInt128 index)
    {
        foreach (var range in subnet.LeasableRanges)
        {
            if (index < range.Count)
                return new Address(range.Family, range.First.Value + index);
            index -= range.Count;
        }

        throw new ArgumentOutOfRangeException(nameof(index));
    }

    /// <summary>splitmix64: the numbers that follow from one that was drawn.</summary>
    private static ulong Mix(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15;
        var mixed = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }
}
