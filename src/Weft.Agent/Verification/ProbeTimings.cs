namespace Weft.Agent.Verification;

/// <summary>
/// How often and how long is tried. A host on one segment answers within milliseconds; the waits are for a switch that
/// has just learned the port.
/// </summary>
internal sealed record ProbeTimings
{
    /// <summary>How often a neighbour is asked for. 3, as RFC 5227 §1.1 and RFC 4861 §10 have it.</summary>
    public int NeighbourAttempts { get; init; } = 3;

    /// <summary>How long is waited for each answer. 1 s, likewise.</summary>
    public TimeSpan NeighbourTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often an echo of one size is tried before it counts as lost. 3.</summary>
    public int EchoAttempts { get; init; } = 3;

    /// <summary>How long is waited for each echo. 0.5 s.</summary>
    public TimeSpan EchoTimeout { get; init; } = TimeSpan.FromSeconds(0.5);
}
