using Weft.Relay.Frames;

namespace Weft.Relay.Transport;

/// <summary>What a request's connection offers that came in by the relay's transport.</summary>
internal interface IRelayTransportFeature
{
    /// <summary>
    /// Takes the connection out of Kestrel's hands, to be called once, when the answer 101 has been flushed (after
    /// <c>UpgradeAsync</c>). From then on it is the taker's to end, and the request's delegate may return before it has
    /// ended.
    /// </summary>
    /// <returns>The raw connection, with what was received behind the request.</returns>
    SessionPeer TakeOver();
}
