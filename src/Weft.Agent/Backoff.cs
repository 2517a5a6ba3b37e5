using Weft.Relay;

namespace Weft.Agent;

/// <summary>
/// Waits that double up to a limit, each between half and the whole of its step: a fleet cut off together doesn't come
/// back together.
/// </summary>
internal sealed class Backoff(TimeSpan first, TimeSpan last)
{
    private int _failures;

    /// <summary>The next wait.</summary>
    /// <param name="atLeast">What the other side asked for (<c>Retry-After</c>); it counts up to ten times the longest
    /// step.</param>
    public TimeSpan NextDelay(TimeSpan? atLeast = null)
    {
        var wait = ExponentialBackoff.Delay(first, last, _failures++) * (0.5 + (Random.Shared.NextDouble() / 2));
        if (atLeast is not { } asked || asked <= wait)
            return wait;
        return asked < last * 10 ? asked : last * 10;
    }

    /// <summary>Begins anew with the first step: the other side has answered.</summary>
    public void Reset() => _failures = 0;
}
