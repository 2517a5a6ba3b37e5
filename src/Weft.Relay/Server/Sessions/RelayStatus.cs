using System.Collections.Immutable;
using System.Net;

namespace Weft.Relay.Server.Sessions;

/// <summary>Who is at the relay, at one moment.</summary>
/// <param name="Waiting">How many senders and requests wait for a listener, or for its response.</param>
/// <param name="Totals">What has been since the relay began.</param>
internal sealed record RelayStatus(
    ImmutableArray<ListenerStatus> Listeners,
    ImmutableArray<SessionStatus> Sessions,
    int Waiting,
    RelayTotals Totals
);

/// <summary>A listener.</summary>
/// <param name="Id">Its id: what it called itself, <c>_G</c> and a number.</param>
/// <param name="Agent">What program it says it is; empty where it doesn't.</param>
internal sealed record ListenerStatus(
    string Connection,
    string Id,
    IPEndPoint Source,
    DateTimeOffset Since,
    string Agent,
    string? Key
);

/// <summary>A session.</summary>
/// <param name="Id">The session's id: the sender's tracking id.</param>
/// <param name="Service">The suffix that the sender asked for; empty for none.</param>
/// <param name="Key">The authorization rule of the sender's token; null for anonymous ones.</param>
/// <param name="BytesUp">Payload bytes from the sender to the listener.</param>
/// <param name="BytesDown">Payload bytes from the listener to the sender.</param>
internal sealed record SessionStatus(
    string Connection,
    string Id,
    string Service,
    IPEndPoint Source,
    string ListenerId,
    DateTimeOffset Since,
    string? Key,
    long BytesUp,
    long BytesDown
);

/// <summary>What has been since the relay began.</summary>
/// <param name="Requests">HTTP requests that were handed to a listener.</param>
/// <param name="BytesUp">Payload bytes from senders, of sessions that have ended.</param>
/// <param name="BytesDown">Payload bytes to senders, of sessions that have ended.</param>
internal sealed record RelayTotals(long Sessions, long Requests, long Refusals, long BytesUp, long BytesDown);
