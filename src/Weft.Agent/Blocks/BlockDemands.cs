using Weft.Resources;

namespace Weft.Agent.Blocks;

/// <summary>How many addresses of each network were given lately, so that blocks can be asked for before they are needed.</summary>
internal sealed class BlockDemands(TimeProvider clock)
{
    /// <summary>For how long a pod that was given addresses counts. 10 min.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(10);

    /// <summary>The least that is expected of a network that pods are on.</summary>
    public const int Least = 4;

    private const int MaxCounted = 1024;
    private readonly AsyncAutoResetEvent _changed = new(clock);
    private readonly Lock _guard = new();
    private readonly Dictionary<string, Queue<long>> _given = new(StringComparer.Ordinal);

    /// <summary>A pod was given addresses of a network.</summary>
    public void Note(ResourceId network)
    {
        lock (_guard)
        {
            if (!_given.TryGetValue(network.Key, out var times))
                _given[network.Key] = times = new Queue<long>();
            times.Enqueue(clock.GetTimestamp());
            if (times.Count > MaxCounted)
                times.Dequeue();
        }

        Wake();
    }

    /// <summary>Something was given or came back.</summary>
    public void Wake() => _changed.Set();

    /// <summary>Waits until something was, or the time is over.</summary>
    public Task Wait(TimeSpan most, CancellationToken cancel) => _changed.Wait(most, cancel);

    /// <summary>How many addresses of a network are expected to be given next.</summary>
    /// <param name="held">How many pods hold there.</param>
    public int ExpectedOf(ResourceId network, int held)
    {
        lock (_guard)
        {
            var recent = 0;
            if (_given.TryGetValue(network.Key, out var times))
            {
                while (times.TryPeek(out var first) && clock.GetElapsedTime(first) > Window)
                    times.Dequeue();
                recent = times.Count;
            }

            return Math.Max(Least, Math.Max(held, recent));
        }
    }
}
