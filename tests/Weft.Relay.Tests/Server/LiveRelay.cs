using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Weft.Relay.Protocol;
using Weft.Relay.Server;
using Weft.Relay.Server.Authorization;
using Weft.Relay.Tests.Interop;
using Weft.Relay.Transport;

namespace Weft.Relay.Tests.Server;

/// <summary>
/// A relay on a port of the loopback, as it would be hosted: Kestrel over the relay's transport, or over its own.
/// </summary>
internal sealed class LiveRelay : IAsyncDisposable
{
    public const string Path = "site/core";
    public const string ListenKey = "bGlzdGVu";
    public const string SendKey = "c2VuZA==";
    public const string ManageKey = "bWFuYWdl";

    private readonly WebApplication _app;
    private readonly DirectoryInfo? _files;
    private int _requests;

    private LiveRelay(
        WebApplication app,
        HybridConnectionServer relay,
        LiveDirectory directory,
        LiveAudit audit,
        int port,
        bool isSecure,
        DirectoryInfo? files
    ) =>
        (_app, Relay, Directory, Audit, Port, IsSecure, _files) = (app, relay, directory, audit, port, isSecure, files);

    public HybridConnectionServer Relay { get; }

    public LiveDirectory Directory { get; }

    public LiveAudit Audit { get; }

    public int Port { get; }

    /// <summary>How many requests are being served.</summary>
    public int Requests => Volatile.Read(ref _requests);

    public bool IsSecure { get; }

    /// <summary>The certificate's file, which is its own authority.</summary>
    public string CertificateFile => System.IO.Path.Combine(_files!.FullName, "relay.pem");

    /// <summary>Where real programs listen.</summary>
    public HybridConnectionSettings Listening => new(Port, Path, "listen", ListenKey, CertificateFile);

    /// <summary>Where real programs send.</summary>
    public HybridConnectionSettings Sending => new(Port, Path, "send", SendKey, CertificateFile);

    public static async Task<LiveRelay> Start(
        Func<RelayServerOptions, RelayServerOptions>? options = null,
        TimeProvider? clock = null,
        bool isSecure = false,
        bool isPlainKestrel = false,
        int port = 0,
        DirectoryInfo? files = null,
        ILoggerProvider? log = null
    )
    {
        port = port == 0 ? FreePort() : port;
        var directory = new LiveDirectory();
        directory.Put(Connection(Path));
        var audit = new LiveAudit();
        var chosen = new RelayServerOptions(new($"{(isSecure ? "wss" : "ws")}://localhost:{port}"));
        var relay = new HybridConnectionServer(
            directory,
            audit,
            options?.Invoke(chosen) ?? chosen,
            clock ?? TimeProvider.System,
            NullLogger<HybridConnectionServer>.Instance
        );
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        if (log is not null)
            builder.Logging.AddProvider(log).SetMinimumLevel(LogLevel.Trace);
        builder.WebHost.UseRelayLimits(TimeSpan.FromSeconds(3));
        if (isSecure)
            files ??= WriteCertificate();
        if (isPlainKestrel)
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port));
        else
            builder.WebHost.UseRelayTransport(
                new(new(IPAddress.Loopback, port))
                {
                    CertificateFile = files is null ? null : System.IO.Path.Combine(files.FullName, "relay.pem"),
                }
            );
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(2));
        var app = builder.Build();
        var live = new LiveRelay(app, relay, directory, audit, port, isSecure, files);
        app.Run(live.Serve);
        await app.StartAsync();
        return live;
    }

    public static HybridConnectionDescription Connection(string path, bool requiresAuthorization = true) =>
        new(
            path,
            requiresAuthorization,
            "who <knows>",
            DateTimeOffset.UnixEpoch,
            DateTimeOffset.UnixEpoch,
            [
                new("listen", RelayRights.Listen, ListenKey, "c2Vjb25k"),
                new("send", RelayRights.Send, SendKey, null),
                new("manage", RelayRights.Manage, ManageKey, null),
            ]
        );

    public static string ListenToken(string path = Path, TimeSpan? lasts = null) =>
        SharedAccessSignature.Sign(
            $"http://localhost/{path}/",
            "listen",
            ListenKey,
            DateTimeOffset.UtcNow + (lasts ?? TimeSpan.FromHours(1))
        );

    public static string SendToken(string path = Path, TimeSpan? lasts = null) =>
        SharedAccessSignature.Sign(
            $"http://localhost/{path}/",
            "send",
            SendKey,
            DateTimeOffset.UtcNow + (lasts ?? TimeSpan.FromHours(1))
        );

    public Uri Uri(string pathAndQuery, bool isWebSocket = true) =>
        new($"{(isWebSocket ? "ws" : "http")}{(IsSecure ? "s" : "")}://localhost:{Port}{pathAndQuery}");

    /// <summary>A raw connection, for what no library would send.</summary>
    public async Task<Stream> Dial(IPAddress? from = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (from is not null)
            socket.Bind(new IPEndPoint(from, 0));
        await socket.ConnectAsync(IPAddress.Loopback, Port);
        var stream = new NetworkStream(socket, ownsSocket: true);
        if (!IsSecure)
            return stream;
        var tls = new SslStream(stream, false, (_, _, _, _) => true);
        await tls.AuthenticateAsClientAsync("localhost");
        return tls;
    }

    public async Task<LiveListener> Listen(string path = Path, string? id = null, string? token = null) =>
        new(
            this,
            await Connect(
                $"/$hc/{path}?sb-hc-action=listen&sb-hc-id={id ?? Guid.NewGuid().ToString()}",
                token ?? ListenToken()
            )
        );

    public async Task<ClientWebSocket> Connect(
        string pathAndQuery,
        string? token = null,
        Action<ClientWebSocketOptions>? with = null
    )
    {
        var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        socket.Options.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        if (token is not null)
            socket.Options.SetRequestHeader("ServiceBusAuthorization", token);
        with?.Invoke(socket.Options);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(TimeSpan.FromSeconds(60));
        await socket.ConnectAsync(Uri(pathAndQuery), deadline.Token);
        return socket;
    }

    public Task<ClientWebSocket> Send(string suffix = "", Action<ClientWebSocketOptions>? with = null) =>
        Connect($"/$hc/{Path}{suffix}", SendToken(), with);

    /// <summary>Waits until nobody is here any more.</summary>
    public async Task<(int, int, int, int, int)> WaitUntilEmpty(int listeners = 0, int grants = 0)
    {
        // Far longer than it takes on a loaded machine.
        for (var i = 0; i < 1200 && Relay.ResourceCounts != (grants, 0, 0, 0, listeners); i++)
            await Task.Delay(50, TestContext.Current.CancellationToken);
        return Relay.ResourceCounts;
    }

    public HttpClient Client() =>
        new(
            new SocketsHttpHandler
            {
                SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true },
                AllowAutoRedirect = false,
                UseCookies = false,
            }
        )
        {
            BaseAddress = Uri("/", isWebSocket: false),
        };

    public async ValueTask DisposeAsync()
    {
        await Relay.DisposeAsync();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private async Task Serve(HttpContext context)
    {
        Interlocked.Increment(ref _requests);
        try
        {
            await Relay.Serve(context);
        }
        finally
        {
            Interlocked.Decrement(ref _requests);
        }
    }

    private static DirectoryInfo WriteCertificate()
    {
        var files = System.IO.Directory.CreateTempSubdirectory("relay-tests-");
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var certificate = request.CreateSelfSigned(
            DateTimeOffset.UtcNow.AddDays(-1),
            DateTimeOffset.UtcNow.AddDays(1)
        );
        File.WriteAllText(
            System.IO.Path.Combine(files.FullName, "relay.pem"),
            certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n"
        );
        return files;
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
