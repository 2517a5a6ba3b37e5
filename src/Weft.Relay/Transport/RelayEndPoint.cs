using System.Net;

namespace Weft.Relay.Transport;

/// <summary>An address that the relay's own transport listens on; Kestrel's is left to all others.</summary>
internal sealed class RelayEndPoint(RelayTransportOptions options)
    : IPEndPoint(options.Listen.Address, options.Listen.Port)
{
    public RelayTransportOptions Options { get; } = options;
}
