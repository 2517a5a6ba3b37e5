using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Weft.Relay.Transport;

/// <summary>Listens on the relay's endpoints. Kestrel asks each factory whether an endpoint is its own.</summary>
/// <param name="time">The clock; null for the system's.</param>
internal sealed class RelayConnectionListenerFactory(
    ILogger<RelayConnectionListenerFactory> log,
    TimeProvider? time = null
) : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    public bool CanBind(EndPoint endpoint) => endpoint is RelayEndPoint;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult<IConnectionListener>(
            new RelayConnectionListener(((RelayEndPoint)endpoint).Options, time ?? TimeProvider.System, log)
        );
}
