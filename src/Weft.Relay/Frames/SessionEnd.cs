namespace Weft.Relay.Frames;

/// <summary>How a session ended.</summary>
/// <param name="FailedPeer">The peer that ended it; null where both did, or neither.</param>
/// <param name="Code">The close code of the peer that closed first, or the code that a peer was closed with; null for
/// none.</param>
/// <param name="Text">One line for the log; empty for none.</param>
/// <param name="BytesUp">Payload bytes from the sender to the listener.</param>
/// <param name="BytesDown">Payload bytes from the listener to the sender.</param>
internal sealed record SessionEnd(
    EndReason Reason,
    SessionPeer? FailedPeer,
    ushort? Code,
    string Text,
    long BytesUp,
    long BytesDown
);

/// <summary>Why a session ended.</summary>
internal enum EndReason
{
    /// <summary>Both sides closed.</summary>
    Closed,

    /// <summary>A peer's connection ended without a Close, or broke.</summary>
    Gone,

    /// <summary>A peer broke the protocol.</summary>
    ProtocolError,

    /// <summary>A peer didn't answer to pings.</summary>
    Silent,

    /// <summary>One side had closed, and the other was idle for too long.</summary>
    HalfClosedIdle,

    /// <summary>It was cut from outside.</summary>
    Cut,
}
