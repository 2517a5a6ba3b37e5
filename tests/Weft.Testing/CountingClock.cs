namespace Weft.Testing;

/// <summary>The system's clock, which counts the waits that it is asked for: whoever tries again has waited.</summary>
internal sealed class CountingClock : TimeProvider
{
    private int _waits;

    public int Waits => Volatile.Read(ref _waits);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Interlocked.Increment(ref _waits);
        return base.CreateTimer(callback, state, dueTime, period);
    }
}
