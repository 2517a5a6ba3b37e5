using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Weft.Relay.Protocol;
using Weft.Relay.Server;
using Weft.Relay.Server.Authorization;
using Weft.Relay.Testing.Interop;

namespace Weft.Relay.Testing;

/// <summary>
/// A relay on a port of the loopback, as it would be hosted: Kestrel over the relay's transport, or over its own.
/// </summary>
internal sealed class LiveRelay : IAsyncDisposable
{
    public const string Path = "site/core";
    public const string ListenKey = "bGlzdGVu";
    public const string SendKey = "c2VuZA==";
    public const string ManageKey = "bWFuYWdl";

    private readonly HeldPort _port = new();
    private readonly Func<LiveRelay, HybridConnectionServer> _relay;
    private readonly Func<LiveRelay, Task<RelayHost>> _start;
    private RelayHost? _host;
    private int _requests;

    private LiveRelay(
        CertificateFiles? certificate,
        Func<LiveRelay, HybridConnectionServer> relay,
        Func<LiveRelay, Task<RelayHost>> start
    )
    {
        (Certificate, _relay, _start) = (certificate, relay, start);
        Directory.Put(Connection(Path));
    }

    public HybridConnectionServer Relay { get; private set; } = null!;

    public LiveDirectory Directory { get; } = new();

    public LiveAudit Audit { get; } = new();

    public int Port => _port.Number;

    /// <summary>How many requests are being served.</summary>
    public int Requests => Volatile.Read(ref _requests);

    public bool IsSecure => Certificate is not null;

    /// <summary>Its certificate, which is its own authority.</summary>
    public CertificateFiles? Certificate { get; }

    /// <summary>Where real programs listen.</summary>
    public HybridConnectionSettings Listening => new(Port, Path, "listen", ListenKey, Certificate!.Both);

    /// <summary>Where real programs send.</summary>
    public HybridConnectionSettings Sending => new(Port, Path, "send", SendKey, Certificate!.Both);

    public static async Task<LiveRelay> Start(
        Func<RelayServerOptions, RelayServerOptions>? options = null,
        TimeProvider? clock = null,
        bool isSecure = false,
        bool isPlainKestrel = false,
        ILoggerProvider? log = null
    )
    {
        var live = new LiveRelay(
            isSecure ? new() : null,
            live => live.NewServer(options, clock ?? TimeProvider.System, log),
            live => RelayHost.StartAt(live.HostOptions(isPlainKestrel) with { Log = log }, live.Serve)
        );
        await live.Start();
        return live;
    }

    /// <summary>Stops, and starts again on the same port, without a memory of who was there.</summary>
    public async Task Restart()
    {
        await Stop();
        await Start();
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
        deadline.CancelAfter(Eventually.Limit);
        await socket.ConnectAsync(Uri(pathAndQuery), deadline.Token);
        return socket;
    }

    public Task<ClientWebSocket> Send(string suffix = "", Action<ClientWebSocketOptions>? with = null) =>
        Connect($"/$hc/{Path}{suffix}", SendToken(), with);

    /// <summary>Waits until nobody is here any more.</summary>
    public async Task<(int, int, int, int, int)> WaitUntilEmpty(int listeners = 0, int grants = 0)
    {
        await Eventually.Holds(
            () => Relay.ResourceCounts == (grants, 0, 0, 0, listeners),
            $"{listeners} listeners and nobody else are left",
            () => $"{Relay.ResourceCounts}"
        );
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
        await Stop();
        _port.Dispose();
        Certificate?.Dispose();
    }

    private HybridConnectionServer NewServer(
        Func<RelayServerOptions, RelayServerOptions>? options,
        TimeProvider clock,
        ILoggerProvider? log
    )
    {
        var chosen = new RelayServerOptions(new($"{(IsSecure ? "wss" : "ws")}://localhost:{Port}"));
        return new(
            Directory,
            Audit,
            options?.Invoke(chosen) ?? chosen,
            clock,
            log is null
                ? NullLogger<HybridConnectionServer>.Instance
                : new LoggerFactory([log]).CreateLogger<HybridConnectionServer>()
        );
    }

    private RelayHostOptions HostOptions(bool isPlainKestrel)
    {
        var at = new IPEndPoint(IPAddress.Loopback, Port);
        return new()
        {
            Transport = isPlainKestrel ? null : new(at) { CertificateFile = Certificate?.Both },
            Plain = isPlainKestrel ? at : null,
            HeadTimeout = TimeSpan.FromSeconds(3),
            ShutdownTimeout = TimeSpan.FromSeconds(2),
        };
    }

    private async Task Start()
    {
        Relay = _relay(this);
        _host = await _start(this);
    }

    private async Task Stop()
    {
        await Relay.DisposeAsync();
        await _host!.DisposeAsync();
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
}
