using Weft.Relay.Transport;

namespace Weft.Server.Relays;

/// <summary>How many connections a port may have, before the process's own bound is known.</summary>
/// <param name="Total">In all.</param>
/// <param name="PerSource">Of one source.</param>
internal sealed record PortLimits(int Total, int PerSource)
{
    /// <summary>Whether somebody has said how many there may be in all.</summary>
    public bool IsTotalGiven { get; init; }

    /// <summary>Whether somebody has said how many one source may have. By itself it has half of all at most.</summary>
    public bool IsPerSourceGiven { get; init; }

    /// <summary>Bounds them so that this port leaves descriptors to everything else.</summary>
    /// <param name="descriptors">How many the process may have.</param>
    /// <param name="percent">How much of these this port may take.</param>
    public ConnectionLimits Within(int descriptors, int percent)
    {
        var total = (int)Math.Min(Total, Math.Max(1, descriptors * (long)percent / 100));
        var perSource = IsPerSourceGiven ? PerSource : Math.Min(PerSource, Math.Max(1, total / 2));
        return new(total, Math.Min(perSource, total));
    }
}
