using System.Net;
using Weft.Relay.Transport;

namespace Weft.Relay.Server.Authorization;

/// <summary>How those are slowed who are refused again and again.</summary>
/// <param name="Free">How many refusals a source gets on one path before they are delayed.</param>
/// <param name="FirstDelay">The first delay; each further one is twice as long.</param>
/// <param name="LongestDelay">The longest delay.</param>
/// <param name="MaxDelayed">How many refusals may be under delay at a time.</param>
internal sealed record RefusalThrottleOptions(int Free, TimeSpan FirstDelay, TimeSpan LongestDelay, int MaxDelayed)
{
    /// <summary>How many refusals a source gets on all paths together before they are delayed. Default: any number.</summary>
    public int FreePerSource { get; init; } = int.MaxValue;

    /// <summary>How many refusals of one source may be under delay at a time. Default: all of them.</summary>
    public int MaxDelayedPerSource { get; init; } = int.MaxValue;
}

/// <summary>
/// Throttles those who are refused again and again: some clients try again at once and for ever, and a guesser does so
/// on purpose. Counted by source and path, so that one bad listener hardly slows its neighbours behind the same address,
/// and with more patience by source alone, so that nobody gets on by asking for another path each time.
/// </summary>
internal sealed class RefusalThrottle(RefusalThrottleOptions options, TimeProvider clock)
{
    /// <summary>
    /// The most that are remembered of each. When all are in use, further ones get the first delay only, and the bound
    /// on delays holds.
    /// </summary>
    private const int MaxEntries = 65_536;

    private static readonly TimeSpan EntryLifetime = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();

    // A path by its hash, as paths that strangers make up are long.
    private readonly Dictionary<(IPAddress Source, int Path), Refusals> _paths = [];
    private readonly Dictionary<IPAddress, Refusals> _sources = [];
    private readonly Dictionary<IPAddress, int> _delayedOf = [];
    private int _delayed;

    /// <summary>Counts a refusal and delays the response accordingly.</summary>
    /// <returns>Whether the delay has passed; false where too many are delayed already, and the caller is to be sent
    /// away with 429.</returns>
    public async Task<bool> Delay(IPAddress source, string path, CancellationToken cancel)
    {
        var key = AddressNormalizer.SourceOf(source);
        if (!TryBegin(key, path, out var delay))
            return false;
        if (delay == TimeSpan.Zero)
            return true;
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
            End(key);
        }

        return true;
    }

    /// <summary>Resets a source that has been admitted.</summary>
    public void Reset(IPAddress source, string path)
    {
        lock (_lock)
            _paths.Remove((AddressNormalizer.SourceOf(source), HashOf(path)));
    }

    /// <summary>Removes entries without a refusal for a minute.</summary>
    public void RemoveExpired()
    {
        lock (_lock)
        {
            RemoveExpired(_paths);
            RemoveExpired(_sources);
        }
    }

    private bool TryBegin(IPAddress source, string path, out TimeSpan delay)
    {
        lock (_lock)
        {
            var ofPath = DelayOf(Count(_paths, (source, HashOf(path))), options.Free);
            var ofSource = DelayOf(Count(_sources, source), options.FreePerSource);
            delay = ofPath > ofSource ? ofPath : ofSource;
            if (delay == TimeSpan.Zero)
                return true;
            var ofThisSource = _delayedOf.GetValueOrDefault(source);
            if (_delayed >= options.MaxDelayed || ofThisSource >= options.MaxDelayedPerSource)
                return false;
            _delayed++;
            _delayedOf[source] = ofThisSource + 1;
            return true;
        }
    }

    private void End(IPAddress source)
    {
        lock (_lock)
        {
            _delayed--;
            if (--_delayedOf[source] == 0)
                _delayedOf.Remove(source);
        }
    }

    /// <summary>Counts one more; null where there is no room to remember it.</summary>
    private int? Count<TKey>(Dictionary<TKey, Refusals> entries, TKey key)
        where TKey : notnull
    {
        if (!entries.TryGetValue(key, out var before) && entries.Count >= MaxEntries)
            return null;
        var isFresh = before.Count > 0 && clock.GetElapsedTime(before.At) < EntryLifetime;
        var count = isFresh ? before.Count + 1 : 1;
        entries[key] = new(count, clock.GetTimestamp());
        return count;
    }

    private TimeSpan DelayOf(int? count, int free) =>
        count is not { } counted ? options.FirstDelay
        : counted <= free ? TimeSpan.Zero
        : ExponentialBackoff.Delay(options.FirstDelay, options.LongestDelay, counted - free - 1);

    private void RemoveExpired<TKey>(Dictionary<TKey, Refusals> entries)
        where TKey : notnull
    {
        foreach (var (key, refused) in entries)
        {
            if (clock.GetElapsedTime(refused.At) >= EntryLifetime)
                entries.Remove(key);
        }
    }

    private static int HashOf(string path) => string.GetHashCode(path, StringComparison.OrdinalIgnoreCase);

    private readonly record struct Refusals(int Count, long At);
}
