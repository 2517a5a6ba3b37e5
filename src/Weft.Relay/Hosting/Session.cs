using Weft.Relay.Frames;

namespace Weft.Relay.Hosting;

/// <summary>A sender and a listener that are joined.</summary>
/// <param name="Listener">The pass of the listener at the rendezvous.</param>
internal sealed record Session(string Id, Pass Sender, Pass Listener, string ListenerId, DateTimeOffset Since)
{
    /// <summary>What passes the frames on; null until both were answered.</summary>
    public FrameRelay? Frames { get; set; }

    /// <summary>Payload bytes from the sender to the listener.</summary>
    public long Up => Frames?.BytesUp ?? 0;

    /// <summary>Payload bytes from the listener to the sender.</summary>
    public long Down => Frames?.BytesDown ?? 0;
}
