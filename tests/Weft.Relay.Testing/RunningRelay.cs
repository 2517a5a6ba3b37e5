using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging.Abstractions;
using Weft.Relay.Client;
using Weft.Relay.Protocol;
using Weft.Relay.Server;
using Weft.Relay.Server.Authorization;
using Weft.Relay.Transport;

namespace Weft.Relay.Testing;

/// <summary>
/// A relay on the loopback that can be killed and started again on its port, with one hybrid connection.
/// </summary>
internal sealed class RunningRelay : IAsyncDisposable
{
    public const string Path = "site-a/core";
    public const string Key = "c2VjcmV0";

    private readonly PrivateAuthority? _authority;
    private readonly Func<RelayServerOptions, RelayServerOptions> _change;
    private readonly HeldPort _port = new();
    private RelayHost? _host;
    private HybridConnectionServer? _relay;

    private RunningRelay(PrivateAuthority? authority, Func<RelayServerOptions, RelayServerOptions>? change) =>
        (_authority, _change) = (authority, change ?? (o => o));

    public int Port => _port.Number;

    public FakeRelayDirectory Directory { get; } = new();

    public HybridConnectionServer Relay => _relay!;

    public HybridConnectionAddress Address => new("localhost", Port, Path, IsPlaintext: _authority is null);

    public RelayClientOptions Client => new() { TrustedRoots = _authority?.Roots, UsesSystemProxy = false };

    public static async Task<RunningRelay> Start(
        PrivateAuthority? authority = null,
        Func<RelayServerOptions, RelayServerOptions>? change = null
    )
    {
        var relay = new RunningRelay(authority, change);
        await relay.Start();
        return relay;
    }

    public async Task Start()
    {
        var options = _change(
            new RelayServerOptions(new Uri($"{(_authority is null ? "ws" : "wss")}://localhost:{Port}"))
        );
        _relay = new(Directory, Directory, options, TimeProvider.System, NullLogger<HybridConnectionServer>.Instance);
        var transport = new RelayTransportOptions(new(IPAddress.Loopback, Port))
        {
            CertificateFile = _authority?.CertificateFile,
            KeyFile = _authority?.KeyFile,
        };
        _host = await RelayHost.StartAt(new() { Transport = transport }, _relay.Serve);
    }

    public async Task Stop()
    {
        if (_relay is { } relay)
            await relay.DisposeAsync();
        if (_host is { } host)
            await host.DisposeAsync();
        (_relay, _host) = (null, null);
    }

    public static string Token(TimeSpan? life = null, string path = Path) =>
        SharedAccessSignature.Sign(
            $"http://localhost/{path}",
            "all",
            Key,
            TimeProvider.System.GetUtcNow() + (life ?? TimeSpan.FromMinutes(5))
        );

    public HybridConnectionListener Listener(
        Func<IncomingSender, CancellationToken, Task>? onSender,
        Func<ListenerOptions, ListenerOptions>? change = null,
        TimeSpan? life = null
    )
    {
        var options = new ListenerOptions
        {
            OnSender = onSender,
            Client = Client,
            OnEvent = Events.Enqueue,
        };
        return new(
            Address,
            RelayToken.CreateProvider(Address.Audience, "all", Key, life ?? TimeSpan.FromMinutes(5)),
            change?.Invoke(options) ?? options
        );
    }

    public ConcurrentQueue<ListenerEvent> Events { get; } = new();

    /// <summary>Starts a listener and waits until it is there.</summary>
    public async Task<RunningListener> Listen(
        Func<IncomingSender, CancellationToken, Task>? onSender,
        Func<ListenerOptions, ListenerOptions>? change = null,
        TimeSpan? life = null
    )
    {
        var listener = Listener(onSender, change, life);
        var run = listener.RunAsync();
        await Until(() => listener.IsConnected && Relay.ListenerCount(Path) > 0);
        return new(listener, run);
    }

    public async Task<HybridConnectionStream> Connect(string suffix = "", RelayClientOptions? options = null)
    {
        using var sender = new HybridConnectionSender(Address, options ?? Client);
        return await sender.ConnectAsync(Token(), suffix, cancel: TestContext.Current.CancellationToken);
    }

    public static Task Until(Func<bool> isSo, [CallerArgumentExpression(nameof(isSo))] string what = "") =>
        Eventually.Holds(isSo, what);

    public async ValueTask DisposeAsync()
    {
        await Stop();
        _port.Dispose();
    }
}

/// <summary>A listener that runs.</summary>
internal sealed record RunningListener(HybridConnectionListener Listener, Task Run) : IAsyncDisposable
{
    public async ValueTask DisposeAsync()
    {
        await Listener.DisposeAsync();
        await Run;
    }
}

/// <summary>One hybrid connection, and rules that a test may exchange.</summary>
internal sealed class FakeRelayDirectory : IRelayDirectory, IRelayAudit
{
    private static readonly HybridConnectionDescription Core = new(
        RunningRelay.Path,
        true,
        "",
        default,
        default,
        [new("all", RelayRights.Manage, RunningRelay.Key, null)]
    );

    public bool IsReady => true;

    public bool Exists { get; set; } = true;

    public long Version => 1;

    public Func<ClientRole, string, Admission> Rules { get; set; } = (_, _) => new(true, "all");

    public HybridConnectionDescription? Find(string path) =>
        Exists && (path == Core.Path || path.StartsWith(Core.Path + "/", StringComparison.Ordinal)) ? Core : null;

    public ImmutableArray<AuthorizationRule> RulesAbove(string path) => Core.Rules;

    public Admission Admit(HybridConnectionDescription connection, ClientRole role, string service, IPAddress source) =>
        Rules(role, service);

    public void Write(RelayEvent relayEvent) { }
}
