namespace Weft.Addressing;

/// <summary>
/// The clock that rests are measured by: milliseconds for which weftd has run since its store was made. It goes on at a start
/// from where the last commit left it, and never steps, whatever is done to the machine's clock.
/// </summary>
/// <param name="begin">Where it goes on from, in milliseconds.</param>
/// <param name="elapsed">How long it has run since; never goes back.</param>
/// <param name="now">The machine's time, for people alone.</param>
internal sealed class LeaseClock(long begin, Func<TimeSpan> elapsed, Func<DateTimeOffset> now)
{
    /// <summary>A clock that stands still.</summary>
    public static readonly LeaseClock Stopped = new(0, () => TimeSpan.Zero, () => DateTimeOffset.UnixEpoch);

    /// <summary>The time on it, in milliseconds.</summary>
    public long Now => begin + (long)elapsed().TotalMilliseconds;

    /// <summary>The machine's time, UTC.</summary>
    public DateTimeOffset Time => now();
}

/// <summary>When addresses were given up: one for all of a commit, filled in by the commit.</summary>
internal sealed class EndTime
{
    /// <summary>By <see cref="LeaseClock.Now"/>; later than all until it is filled in.</summary>
    public long Clock { get; private set; } = long.MaxValue;

    /// <summary>By the machine's clock, in ticks of 100 ns since the year 1, UTC.</summary>
    public long Ticks { get; private set; }

    /// <summary>A time that was stored.</summary>
    public static EndTime At(long clock, long ticks) => new() { Clock = clock, Ticks = ticks };

    /// <summary>Fills it in.</summary>
    public void Set(LeaseClock clock) => (Clock, Ticks) = (clock.Now, clock.Time.UtcTicks);
}
