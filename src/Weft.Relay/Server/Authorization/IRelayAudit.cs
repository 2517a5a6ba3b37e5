using System.Net;

namespace Weft.Relay.Server.Authorization;

/// <summary>
/// Receives every connection, every refusal and every end. It is called on the data path and must not block.
/// </summary>
internal interface IRelayAudit
{
    /// <summary>Writes an event.</summary>
    void Write(RelayEvent relayEvent);
}

/// <summary>What can happen.</summary>
internal enum RelayEventKind
{
    /// <summary>A listener came.</summary>
    ListenerConnected,

    /// <summary>A listener has gone.</summary>
    ListenerGone,

    /// <summary>A sender was joined with a listener.</summary>
    SessionOpened,

    /// <summary>A session ended.</summary>
    SessionClosed,

    /// <summary>An HTTP request was answered or given up.</summary>
    RequestEnded,

    /// <summary>Somebody was refused.</summary>
    Refused,
}

/// <summary>One line of the audit log. It never holds a token or a key.</summary>
/// <param name="Connection">The path of the hybrid connection, or of what was asked for where there is none.</param>
/// <param name="Service">The suffix asked for; empty for none.</param>
/// <param name="TrackingId">The tracking id, which the caller was given too.</param>
internal sealed record RelayEvent(
    RelayEventKind Kind,
    string Connection,
    ClientRole Role,
    string Service,
    IPEndPoint Source,
    string TrackingId
)
{
    /// <summary>
    /// The authorization rule whose key the token was signed with; null for anonymous senders and where no token was
    /// good.
    /// </summary>
    public string? Key { get; init; }

    /// <summary>The network rule that decided; null where it didn't come to that.</summary>
    public string? Rule { get; init; }

    /// <summary>The HTTP status that the caller was given, or the close code; 0 where neither.</summary>
    public int Status { get; init; }

    /// <summary>Why it was refused or ended, one line.</summary>
    public string? Reason { get; init; }

    /// <summary>Payload bytes from the sender to the listener.</summary>
    public long BytesUp { get; init; }

    /// <summary>Payload bytes from the listener to the sender.</summary>
    public long BytesDown { get; init; }

    /// <summary>How long it lasted.</summary>
    public TimeSpan Duration { get; init; }
}
