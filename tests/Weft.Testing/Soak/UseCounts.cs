namespace Weft.Testing.Soak;

/// <summary>How many of something can have been in use at each moment.</summary>
internal sealed class UseCounts
{
    private readonly long[] _moments;
    private readonly int[] _counts;

    private UseCounts(long[] moments, int[] counts) => (_moments, _counts) = (moments, counts);

    /// <param name="uses">From and to, both included.</param>
    public static UseCounts Of(IEnumerable<(long Began, long Ended)> uses)
    {
        var changes = uses.SelectMany(use =>
                new[] { (At: use.Began, By: 1), (At: use.Ended == long.MaxValue ? use.Ended : use.Ended + 1, By: -1) }
            )
            .GroupBy(change => change.At)
            .OrderBy(group => group.Key)
            .Select(group => (group.Key, By: group.Sum(change => change.By)))
            .ToArray();
        var counts = new int[changes.Length];
        for (var i = 0; i < changes.Length; i++)
            counts[i] = (i == 0 ? 0 : counts[i - 1]) + changes[i].By;
        return new UseCounts([.. changes.Select(change => change.Key)], counts);
    }

    /// <summary>The most at any one moment.</summary>
    /// <param name="from">The first moment.</param>
    /// <param name="to">The last one.</param>
    public int MostBetween(long from, long to)
    {
        var at = Array.BinarySearch(_moments, from);
        // What was in use when it began was so since the last change before.
        at = at >= 0 ? at : ~at - 1;
        var most = at < 0 ? 0 : _counts[at];
        for (var i = at + 1; i < _moments.Length && _moments[i] <= to; i++)
            most = Math.Max(most, _counts[i]);
        return most;
    }
}
