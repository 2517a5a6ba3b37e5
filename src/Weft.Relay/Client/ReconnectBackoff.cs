using System.Net;

namespace Weft.Relay.Client;

/// <summary>
/// How long to wait before the next attempt: the steps of the .NET client of Azure Relay, with jitter, so that those
/// whom one restart sent away don't come back as one.
/// </summary>
/// <param name="dice">A number from 0 to 1, each time.</param>
internal sealed class ReconnectBackoff(Func<double> dice)
{
    /// <summary>A connection that lasted this long was good: the steps begin again after it.</summary>
    public static readonly TimeSpan StableAfter = TimeSpan.FromSeconds(10);

    /// <summary>The longest <c>Retry-After</c> that is obeyed.</summary>
    private static readonly TimeSpan MaxRetryAfter = TimeSpan.FromMinutes(10);

    private static readonly int[] DelaySeconds = [0, 1, 2, 5, 10, 30];

    /// <summary>A connection that doesn't exist may be created, but hardly within a second.</summary>
    private static readonly int[] NotFoundDelaySeconds = [5, 15, 30, 60, 120];

    /// <summary>
    /// The first step isn't 0 for all: ten thousand listeners of a relay that restarts spread over this many seconds.
    /// </summary>
    private const double FirstJitterSeconds = 0.5;

    private int _attempt;

    /// <summary>Records that a connection has ended.</summary>
    public void OnConnectionEnded(TimeSpan lasted)
    {
        if (lasted >= StableAfter)
            _attempt = 0;
    }

    /// <summary>How long to wait now.</summary>
    /// <returns>The wait: the step give or take a half, and no less than the relay asked for.</returns>
    public TimeSpan NextDelay(Exception? why)
    {
        var refusal = why as RelayRefusedException;
        var steps = refusal?.Status == HttpStatusCode.NotFound ? NotFoundDelaySeconds : DelaySeconds;
        var step = steps[Math.Min(_attempt++, steps.Length - 1)];
        var wait = TimeSpan.FromSeconds(step == 0 ? dice() * FirstJitterSeconds : step * (0.5 + dice()));
        if (refusal?.RetryAfter is not { } asked)
            return wait;
        // Upwards only: it asked not to be disturbed before.
        var least = (asked < MaxRetryAfter ? asked : MaxRetryAfter) * (1 + (dice() / 5));
        return wait > least ? wait : least;
    }
}
