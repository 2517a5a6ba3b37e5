using Weft.Relay.Frames;
using Weft.Relay.Server.Authorization;

namespace Weft.Relay.Server.Sessions;

/// <summary>A sender and a listener that are joined.</summary>
/// <param name="Listener">The grant of the listener at the rendezvous.</param>
internal sealed record RelaySession(string Id, Grant Sender, Grant Listener, string ListenerId, DateTimeOffset Since)
{
    /// <summary>What passes the frames on; null until both were answered.</summary>
    public FrameRelay? Frames { get; set; }

    /// <summary>Payload bytes from the sender to the listener.</summary>
    public long BytesUp => Frames?.BytesUp ?? 0;

    /// <summary>Payload bytes from the listener to the sender.</summary>
    public long BytesDown => Frames?.BytesDown ?? 0;
}
