namespace Weft.Agent;

/// <summary>
/// Waiting by the clock that only goes forward. The clock of the day may step back by a day, when a node's battery had
/// kept the wrong time and NTP corrects it: whoever waits for a time of that clock would wait for a day.
/// </summary>
internal static class MonotonicTime
{
    /// <summary>The timestamp of a moment from now.</summary>
    public static long GetTimestamp(this TimeProvider clock, TimeSpan fromNow) =>
        clock.GetTimestamp() + (long)(fromNow.TotalSeconds * clock.TimestampFrequency);

    /// <summary>How long it is until a timestamp; negative once it has passed.</summary>
    public static TimeSpan GetRemainingTime(this TimeProvider clock, long timestamp) =>
        -clock.GetElapsedTime(timestamp);
}
