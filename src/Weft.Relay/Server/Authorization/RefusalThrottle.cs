using System.Net;

namespace Weft.Relay.Server.Authorization;

/// <summary>How those are slowed who are refused again and again.</summary>
/// <param name="Free">How many refusals a source gets on one path before they are delayed.</param>
/// <param name="FirstDelay">The first delay; each further one is twice as long.</param>
/// <param name="LongestDelay">The longest delay.</param>
/// <param name="MaxDelayed">How many refusals may be under delay at a time.</param>
internal sealed record RefusalThrottleOptions(int Free, TimeSpan FirstDelay, TimeSpan LongestDelay, int MaxDelayed);

/// <summary>
/// Throttles those who are refused again and again: some clients try again at once and for ever, and a guesser does so
/// on purpose. Counted by source and path, so that one bad listener doesn't slow its neighbours behind the same
/// address.
/// </summary>
internal sealed class RefusalThrottle(RefusalThrottleOptions options, TimeProvider clock)
{
    /// <summary>
    /// The most sources and paths that are remembered. When all are in use, further ones get the first delay only, and
    /// the bound on delays holds.
    /// </summary>
    private const int MaxEntries = 65_536;

    private static readonly TimeSpan EntryLifetime = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<(IPAddress Source, string Path), (int Count, long At)> _entries = [];
    private int _delayed;

    /// <summary>Counts a refusal and delays the response accordingly.</summary>
    /// <returns>Whether the delay has passed; false where too many are delayed already, and the caller is to be sent
    /// away with 429.</returns>
    public async Task<bool> Delay(IPAddress source, string path, CancellationToken cancel)
    {
        var delay = NextDelay(PendingQuota.QuotaKeyOf(source), path);
        if (delay == TimeSpan.Zero)
            return true;
        if (Interlocked.Increment(ref _delayed) > options.MaxDelayed)
        {
            Interlocked.Decrement(ref _delayed);
            return false;
        }

        try
        {
            await Task.Delay(delay, clock, cancel);
        }
        catch (OperationCanceledException)
        {
            // It left; there is nobody to answer.
        }
        finally
        {
            Interlocked.Decrement(ref _delayed);
        }

        return true;
    }

    /// <summary>Resets a source that has been admitted.</summary>
    public void Reset(IPAddress source, string path)
    {
        lock (_lock)
            _entries.Remove((PendingQuota.QuotaKeyOf(source), path));
    }

    /// <summary>Removes entries without a refusal for a minute.</summary>
    public void RemoveExpired()
    {
        lock (_lock)
        {
            foreach (var (key, refused) in _entries)
            {
                if (clock.GetElapsedTime(refused.At) >= EntryLifetime)
                    _entries.Remove(key);
            }
        }
    }

    private TimeSpan NextDelay(IPAddress source, string path)
    {
        int count;
        lock (_lock)
        {
            var key = (source, path);
            if (!_entries.TryGetValue(key, out var before) && _entries.Count >= MaxEntries)
                return options.FirstDelay;
            count = clock.GetElapsedTime(before.At) < EntryLifetime || before.Count == 0 ? before.Count + 1 : 1;
            _entries[key] = (count, clock.GetTimestamp());
        }

        if (count <= options.Free)
            return TimeSpan.Zero;
        return ExponentialBackoff.Delay(options.FirstDelay, options.LongestDelay, count - options.Free - 1);
    }
}
