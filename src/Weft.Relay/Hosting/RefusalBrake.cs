using System.Net;

namespace Weft.Relay.Hosting;

/// <summary>
/// Slows those down who are refused again and again: some clients try again at once and for ever, and a guesser does so on purpose. Counted
/// by source and path, so that one bad listener doesn't slow its neighbours behind the same address.
/// </summary>
internal sealed class RefusalBrake(RelayOptions options, TimeProvider clock)
{
    /// <summary>So many sources and paths are remembered; when all are in use, further ones aren't slowed singly, and the bound on delays holds.</summary>
    private const int MostRemembered = 65_536;

    private static readonly TimeSpan Forgotten = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<(IPAddress Source, string Path), (int Count, long At)> _refused = [];
    private int _delayed;

    /// <summary>How many are being delayed.</summary>
    public int Delayed => Volatile.Read(ref _delayed);

    /// <summary>Counts a refusal and waits as long as it has earned.</summary>
    /// <returns>Whether it waited its time; false where too many are waiting already, and it is to be sent away for good.</returns>
    public async Task<bool> Hold(IPAddress source, string path, CancellationToken cancel)
    {
        var delay = DelayOf(PendingBook.SourceOf(source), path);
        if (delay == TimeSpan.Zero)
            return true;
        if (Interlocked.Increment(ref _delayed) > options.DelayedRefusals)
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

    /// <summary>Forgets a source that has been let in.</summary>
    public void Forgive(IPAddress source, string path)
    {
        lock (_lock)
            _refused.Remove((PendingBook.SourceOf(source), path));
    }

    /// <summary>Forgets who wasn't refused for a minute.</summary>
    public void Sweep()
    {
        lock (_lock)
        {
            foreach (var (key, refused) in _refused)
            {
                if (clock.GetElapsedTime(refused.At) >= Forgotten)
                    _refused.Remove(key);
            }
        }
    }

    private TimeSpan DelayOf(IPAddress source, string path)
    {
        int count;
        lock (_lock)
        {
            var key = (source, path);
            if (!_refused.TryGetValue(key, out var before) && _refused.Count >= MostRemembered)
                return options.FirstRefusalDelay;
            count = clock.GetElapsedTime(before.At) < Forgotten || before.Count == 0 ? before.Count + 1 : 1;
            _refused[key] = (count, clock.GetTimestamp());
        }

        if (count <= options.FreeRefusals)
            return TimeSpan.Zero;
        var doublings = Math.Min(count - options.FreeRefusals - 1, 16);
        var delay = options.FirstRefusalDelay * (1 << doublings);
        return delay < options.LongestRefusalDelay ? delay : options.LongestRefusalDelay;
    }
}
