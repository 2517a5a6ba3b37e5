namespace Weft.Testing;

/// <summary>
/// The system's clock, whose time of day steps when it is told to, as NTP makes it step; waits and timestamps go on.
/// </summary>
internal sealed class SteppingClock : TimeProvider
{
    private long _ticks;

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + TimeSpan.FromTicks(Volatile.Read(ref _ticks));

    public void Step(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);
}
