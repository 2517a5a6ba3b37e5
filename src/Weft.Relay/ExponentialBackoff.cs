namespace Weft.Relay;

/// <summary>Waits that double with each failure, up to a limit. Jitter is the caller's.</summary>
internal static class ExponentialBackoff
{
    /// <summary>The wait after some failures in a row.</summary>
    /// <param name="failures">How many there were before the last one: 0 gives the first wait.</param>
    public static TimeSpan Delay(TimeSpan first, TimeSpan longest, int failures)
    {
        // Shifted to the right, so that no number of failures overflows.
        var isLongest = failures > 62 || first.Ticks > longest.Ticks >> failures;
        return isLongest ? longest : TimeSpan.FromTicks(first.Ticks << failures);
    }
}
