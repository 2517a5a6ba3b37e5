using System.Net;

namespace Weft.Relay.Client;

/// <summary>What can happen to a listener.</summary>
internal enum ListenerEventKind
{
    /// <summary>The control channel is open: senders can come.</summary>
    Connected,

    /// <summary>
    /// The control channel has gone or couldn't be opened; <see cref="ListenerEvent.NextAttempt"/> says when it is
    /// tried again.
    /// </summary>
    Disconnected,

    /// <summary>A longer token was shown.</summary>
    TokenRenewed,

    /// <summary>There was no longer token to show; it is tried again.</summary>
    TokenNotRenewed,

    /// <summary>A sender was let in.</summary>
    SenderAccepted,

    /// <summary>A sender was turned away, or couldn't be met.</summary>
    SenderRejected,

    /// <summary>A sender's stream ended.</summary>
    SenderEnded,

    /// <summary>A request was answered, or couldn't be.</summary>
    RequestEnded,

    /// <summary>The relay sent something that isn't understood.</summary>
    MessageRefused,
}

/// <summary>Something that happened to a listener, for its log. It holds no token.</summary>
internal sealed record ListenerEvent(ListenerEventKind Kind)
{
    /// <summary>Why, one line; null where there is nothing to say.</summary>
    public string? Reason { get; init; }

    /// <summary>The HTTP status: of a refusal by the relay, of a rejection, of an answer; 0 for none.</summary>
    public int Status { get; init; }

    /// <summary>When a lost control channel is tried again, from now; null where it isn't.</summary>
    public TimeSpan? NextAttempt { get; init; }

    /// <summary>The sender's or request's id; null where it isn't about one.</summary>
    public string? Id { get; init; }

    /// <summary>The suffix that the sender asked for; null where it isn't about one.</summary>
    public string? Suffix { get; init; }

    /// <summary>Where the sender came from, as the relay says; null where it doesn't.</summary>
    public IPEndPoint? RemoteEndpoint { get; init; }

    /// <summary>Bytes from the sender.</summary>
    public long BytesIn { get; init; }

    /// <summary>Bytes to the sender.</summary>
    public long BytesOut { get; init; }

    /// <summary>How long it lasted.</summary>
    public TimeSpan Duration { get; init; }
}
