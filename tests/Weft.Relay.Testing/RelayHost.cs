using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Weft.Relay.Server;
using Weft.Relay.Transport;

namespace Weft.Relay.Testing;

/// <summary>Where a <see cref="RelayHost"/> listens, and how it ends.</summary>
internal sealed record RelayHostOptions
{
    /// <summary>An endpoint of the relay's transport.</summary>
    public RelayTransportOptions? Transport { get; init; }

    /// <summary>An endpoint of Kestrel's own transport.</summary>
    public IPEndPoint? Plain { get; init; }

    /// <summary>How long a request may take to arrive; null for Kestrel's own limits.</summary>
    public TimeSpan? HeadTimeout { get; init; }

    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromMilliseconds(100);

    public ILoggerProvider? Log { get; init; }
}

/// <summary>A Kestrel with an endpoint of the relay's transport, one of Kestrel's own, or both.</summary>
internal sealed class RelayHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private RelayHost(WebApplication app)
    {
        _app = app;
        Ports =
        [
            .. app
                .Services.GetRequiredService<IServer>()
                .Features.Get<IServerAddressesFeature>()!
                .Addresses.Select(a => new Uri(a).Port),
        ];
    }

    public int Port => Ports[0];

    /// <summary>Of the endpoint of Kestrel's own, where there are both.</summary>
    public int PlainPort => Ports[1];

    private int[] Ports { get; }

    /// <summary>Starts one with both endpoints.</summary>
    public static Task<RelayHost> Start(RelayTransportOptions transport, RequestDelegate answer) =>
        StartAt(new() { Transport = transport, Plain = new(IPAddress.Loopback, 0) }, answer);

    public static async Task<RelayHost> StartAt(RelayHostOptions options, RequestDelegate answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        if (options.Log is not null)
            builder.Logging.AddProvider(options.Log).SetMinimumLevel(LogLevel.Trace);
        if (options.HeadTimeout is { } timeout)
            builder.WebHost.UseRelayLimits(timeout);
        if (options.Transport is not null)
            builder.WebHost.UseRelayTransport(options.Transport);
        if (options.Plain is not null)
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(options.Plain));
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = options.ShutdownTimeout);
        var app = builder.Build();
        app.Run(answer);
        await app.StartAsync();
        return new RelayHost(app);
    }

    /// <summary>Connects, sends, and reads to the end.</summary>
    public async Task<string> Exchange(string sent, byte[]? before = null, IPAddress? to = null)
    {
        using var client = new TcpClient(AddressFamily.InterNetworkV6) { Client = { DualMode = true } };
        try
        {
            await client.ConnectAsync(to ?? IPAddress.Loopback, Port);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // Let in and thrown out before this side saw that it was in.
            return "";
        }

        return await Exchange(client.GetStream(), sent, before);
    }

    public static async Task<string> Exchange(Stream stream, string sent, byte[]? before = null)
    {
        try
        {
            await stream.WriteAsync((byte[])[.. before ?? [], .. Encoding.ASCII.GetBytes(sent)]);
            using var reader = new StreamReader(stream, Encoding.ASCII);
            return await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(10));
        }
        catch (IOException)
        {
            return "";
        }
    }

    /// <summary>Connects with TLS, whosever the certificate.</summary>
    public async Task<SslStream> Secure(SslProtocols protocols = SslProtocols.None)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, Port);
        var stream = new SslStream(client.GetStream());
        await stream.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                EnabledSslProtocols = protocols,
                ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
                RemoteCertificateValidationCallback = (_, _, _, _) => true,
            }
        );
        return stream;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
