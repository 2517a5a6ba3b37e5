using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Weft.Relay.Transport;

/// <summary>The relay's transport under Kestrel, beside Kestrel's own for other endpoints.</summary>
internal static class RelayTransportExtensions
{
    /// <summary>
    /// Adds an endpoint of the relay: HTTP/1.1 alone, since a WebSocket's bytes must be its connection's.
    /// </summary>
    public static IWebHostBuilder UseRelayTransport(this IWebHostBuilder builder, RelayTransportOptions options)
    {
        return builder
            .ConfigureServices(services =>
                services.TryAddEnumerable(
                    ServiceDescriptor.Singleton<IConnectionListenerFactory, RelayConnectionListenerFactory>()
                )
            )
            .ConfigureKestrel(kestrel =>
                kestrel.Listen(new RelayEndPoint(options), listen => listen.Protocols = HttpProtocols.Http1)
            );
    }
}
