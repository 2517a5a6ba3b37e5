using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Weft.Relay.Server;
using Weft.Relay.Transport;
using Weft.Storage;

namespace Weft.Server.Relays;

/// <summary>
/// The relay in weftd: a web host of its own, on a port of its own, so that nothing of the management API is ever
/// reached through it. It is told at once when the store changes, so that sessions which no longer pass are cut.
/// </summary>
internal sealed partial class RelayHost(
    ServeOptions options,
    IResourceStore store,
    RelayDirectory directory,
    RelayAuditLog audit,
    RelayRuntime runtime,
    TimeProvider time,
    ILoggerFactory loggers
) : BackgroundService
{
    private RelayLimits Limits => options.Numbers.Relay;

    private readonly ILogger _logger = loggers.CreateLogger<RelayHost>();
    private WebApplication? _app;

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Relay is { } relayOptions)
        {
            CheckCertificate(relayOptions);
            _app = Build(relayOptions);
            await Listen(_app, relayOptions, cancellationToken);
            var bound = new Uri(
                _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()
            );
            var hosts = relayOptions.HostsOf(bound.Port);
            runtime.Set(
                hosts,
                new HybridConnectionServer(
                    directory,
                    audit,
                    Limits.Server with
                    {
                        PublicAddress = hosts.PublicAddress,
                        Hosts = hosts,
                    },
                    time,
                    loggers.CreateLogger<HybridConnectionServer>()
                )
            );
        }

        await base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (runtime.Relay is { } relay)
            await relay
                .Drain(Limits.Drain)
                .WaitAsync(cancellationToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_app is not null)
            await _app.StopAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        (_app as IDisposable)?.Dispose();
    }

    /// <summary>Tells the relay of each change that may alter who passes.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var state = store.Current;
        try
        {
            while (options.Relay is not null)
            {
                state = await store.Watch(state.Revision, RelayDirectory.Topics, stoppingToken);
                directory.RaiseChanged();
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // weftd stops.
        }
    }

    private static async Task Listen(WebApplication app, RelayServeOptions relayOptions, CancellationToken cancel)
    {
        try
        {
            await app.StartAsync(cancel);
        }
        catch (Exception e) when (ListenFailure.IsOne(e))
        {
            throw ListenFailure.At("--relay-listen", relayOptions.ListenEndpoint, e);
        }
    }

    /// <summary>Warns where clients of namespaces' hosts would not accept the certificate.</summary>
    private void CheckCertificate(RelayServeOptions relayOptions)
    {
        if (relayOptions is not { HostSuffix: { } suffix, TlsCertificate: { } file })
            return;
        using var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(file));
        if (!certificate.MatchesHostname($"namespace.{suffix}"))
            Log.CertificateOfOtherHosts(_logger, file, suffix);
    }

    /// <summary>Bounds its connections, and says so where the process's own bound is narrower than what was asked for.</summary>
    private ConnectionLimits BoundConnections()
    {
        var descriptors = DescriptorLimit.Read();
        var limits = Limits.Connections.Within(descriptors, RelayLimits.DescriptorPercent);
        if (Limits.Connections.IsTotalGiven && limits.Total < Limits.Connections.Total)
            Log.FewDescriptors(_logger, limits.Total, limits.PerSource, RelayLimits.DescriptorPercent, descriptors);
        return limits;
    }

    private WebApplication Build(RelayServeOptions relayOptions)
    {
        var builder = WebApplication.CreateSlimBuilder(
            new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory }
        );
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(loggers).AddSingleton(time);
        builder
            .WebHost.UseRelayLimits()
            .UseRelayTransport(
                new RelayTransportOptions(relayOptions.ListenEndpoint)
                {
                    CertificateFile = relayOptions.TlsCertificate,
                    KeyFile = relayOptions.TlsKey,
                    HandshakeTimeout = Limits.Handshake,
                    Connections = BoundConnections(),
                    ProxyProtocolFrom = relayOptions.Proxies.IsEmpty
                        ? null
                        : source => relayOptions.Proxies.Any(proxy => proxy.Contains(SourceAddress.From(source))),
                }
            )
            .ConfigureKestrel(kestrel =>
            {
                // Bodies are relayed as they come, however large and slow; the relay has bounds of its own for what
                // rests.
                kestrel.Limits.MaxRequestBodySize = null;
                kestrel.Limits.MinRequestBodyDataRate = null;
                kestrel.Limits.MinResponseDataRate = null;
            });
        var app = builder.Build();
        app.Run(Serve);
        return app;
    }

    private async Task Serve(HttpContext http)
    {
        try
        {
            if (runtime.Relay is { } relay)
                await relay.Serve(http);
            else
                // 503 and not 404: a listener that is told 404 never comes again.
                http.Response.StatusCode = (int)HttpStatusCode.ServiceUnavailable;
        }
        catch (Exception e) when (e is not OperationCanceledException && !http.Response.HasStarted)
        {
            Log.UnhandledException(_logger, http.Request.Method, e);
            http.Response.StatusCode = (int)HttpStatusCode.InternalServerError;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(
            1412,
            LogLevel.Warning,
            "relay: at most {Total} connections, {PerSource} of one source: {Percent} % of the {Descriptors} descriptors "
                + "that this process may have"
        )]
        public static partial void FewDescriptors(
            ILogger logger,
            int total,
            int perSource,
            int percent,
            int descriptors
        );

        [LoggerMessage(
            1413,
            LogLevel.Warning,
            "relay: {File} is no certificate for *.{Suffix}: clients that use a namespace's host will refuse it"
        )]
        public static partial void CertificateOfOtherHosts(ILogger logger, string file, string suffix);

        // Without the path: its query may hold a token.
        [LoggerMessage(1411, LogLevel.Error, "relay: fault while serving a {Method}")]
        public static partial void UnhandledException(ILogger logger, string method, Exception error);
    }
}
