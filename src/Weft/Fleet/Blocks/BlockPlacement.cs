using System.Collections.Immutable;
using Weft.Addressing;

namespace Weft.Fleet.Blocks;

/// <summary>
/// Which addresses a block is made of: from the end of the pool, where nothing else is picked before the rest is used up; one
/// run on a boundary of its size where there is one, so that neighbouring blocks are one range.
/// </summary>
internal static class BlockPlacement
{
    /// <summary>How many places are looked at for a run.</summary>
    private const int MaxPlaces = 256;

    /// <summary>Chooses.</summary>
    /// <param name="size">How many addresses; a power of two.</param>
    /// <returns>As many free addresses of the family; fewer where no more are free.</returns>
    public static AddressSet Choose(AddressPool pool, AddressFamily family, int size)
    {
        ImmutableArray<AddressRange> ranges =
        [
            .. pool.SubnetsOf(family).SelectMany(subnet => subnet.LeasableRanges.Reverse()),
        ];
        return FindRun(pool, ranges, (UInt128)size) is { } run ? AddressSet.Create(run) : Gather(pool, ranges, size);
    }

    private static AddressRange? FindRun(AddressPool pool, ImmutableArray<AddressRange> ranges, UInt128 size)
    {
        var places = 0;
        foreach (var range in ranges)
        {
            var end = range.Last.Value;
            while (places++ < MaxPlaces && end >= range.First.Value && end - range.First.Value >= size - 1)
            {
                // The last boundary from which a whole run fits in front of the end.
                var first = (end - (size - 1)) & ~(size - 1);
                if (first < range.First.Value)
                    break;
                var run = new AddressRange(
                    new Address(range.Family, first),
                    new Address(range.Family, first + (size - 1))
                );
                if (IsFree(pool, run))
                    return run;
                if (first == 0)
                    break;
                end = first - 1;
            }
        }

        return null;
    }

    private static bool IsFree(AddressPool pool, AddressRange run)
    {
        for (var at = run.First.Value; at <= run.Last.Value; at++)
        {
            if (!pool.IsFree(new Address(run.Family, at)))
                return false;
        }

        return true;
    }

    private static AddressSet Gather(AddressPool pool, ImmutableArray<AddressRange> ranges, int size)
    {
        var found = new List<AddressRange>();
        foreach (var range in ranges)
        {
            var from = range.First;
            while (found.Count < size && pool.FirstFree(from, range.Last) is { } free)
            {
                found.Add(new AddressRange(free, free));
                if (free == range.Last)
                    break;
                from = new Address(free.Family, free.Value + 1);
            }
        }

        return AddressSet.Create(found);
    }
}
