using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Weft.Relay.Hosting;

/// <summary>
/// A relay: serves listeners and senders of hybrid connections, on any endpoint that speaks HTTP/1.1. It knows nothing by itself: which connections
/// there are and who may use them, it asks its directory for each of them.
/// </summary>
public sealed class HybridConnections : IAsyncDisposable
{
    /// <summary>How often the directory's version is looked at, where it doesn't say that it has changed.</summary>
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(250);

    private static readonly Ending ShuttingDown = new(1001, "the relay is shutting down");

    private readonly RelayState _state;
    private readonly ListenDoor _listen;
    private readonly ConnectDoor _connect;
    private readonly RendezvousDoor _rendezvous;
    private readonly RequestDoor _request;
    private readonly RuntimeDoor _runtime;
    private readonly ITimer _timer;
    private int _isWatching;

    /// <summary>Makes a relay.</summary>
    /// <param name="directory">Knows the connections and the network rules.</param>
    /// <param name="options">Where the relay is, its bounds and patience.</param>
    /// <param name="log">Takes what is wrong with a peer.</param>
    /// <exception cref="ArgumentException">An option is out of its bounds.</exception>
    public HybridConnections(IRelayDirectory directory, IRelayAudit audit, RelayOptions options, TimeProvider clock, ILogger<HybridConnections> log)
    {
        options.Validate();
        _state = new(directory, audit, options, clock, log);
        (_listen, _connect, _rendezvous, _request, _runtime) = (new(_state), new(_state), new(_state), new(_state), new(_state));
        _timer = clock.CreateTimer(_ => Watch(), null, LookInterval, LookInterval);
        directory.Changed += OnChanged;
    }

    /// <summary>Who is here.</summary>
    public RelayStatus Snapshot() => new(
        [.. _state.Listeners.All.Select(l => new ListenerStatus(l.Pass.Connection.Path, l.Id, l.Pass.Source, l.Since, l.Agent, l.Pass.Key))],
        [.. _state.Sessions.Values.Select(s => new SessionStatus(s.Sender.Connection.Path, s.Id, s.Sender.Service, s.Sender.Source, s.ListenerId, s.Since, s.Sender.Key, s.Up, s.Down))],
        _state.Pending.Count,
        _state.Totals);

    /// <summary>How many listeners a hybrid connection has.</summary>
    /// <returns>0–25, or what the options allow.</returns>
    public int ListenerCount(string path) => _state.Listeners.Of(path).Length;

    /// <summary>Serves a request: as long as its listener or session is here, or until it is answered.</summary>
    /// <param name="context">The request; of HTTP/1.1, as WebSockets are upgraded.</param>
    public async Task Serve(HttpContext context)
    {
        var tracking = Guid.NewGuid().ToString();
        if (!Caller.TryRead(context, tracking, out var caller, out var fault))
        {
            await _state.Refuse(context, new(RelayEventKind.Refused, "", RelayRole.Sender, "", Caller.SourceOf(context), tracking), new(400, fault), isSlowed: true);
            return;
        }

        var role = caller.Path.IsHybrid && caller.Query.Action != "connect" ? RelayRole.Listener : RelayRole.Sender;
        var isRendezvous = caller.Path.IsHybrid && caller.Query.Action is "accept" or "request";
        // Sessions may end while the relay drains, and so the listeners of senders that wait may still come.
        if ((_state.IsDraining && !isRendezvous ? Refusal.Draining : _state.Directory.IsReady ? null : Refusal.NotReady) is { } closed)
            await _state.Refuse(caller, role, closed);
        else if (!caller.Path.IsHybrid)
            await (RuntimeDoor.IsAsked(caller) ? _runtime.Serve(caller) : _request.Serve(caller));
        else
            await Serve(caller, role);
    }

    /// <summary>Shuts down: nobody is let in any more, listeners are told 1001, sessions may end by themselves for a while, and are cut then.</summary>
    /// <param name="grace">How long sessions and requests may take to end.</param>
    public async Task Drain(TimeSpan grace)
    {
        _state.IsDraining = true;
        foreach (var listener in _state.Listeners.All)
            listener.Pass.End(ShuttingDown);
        var emptied = _state.Passes.Emptied();
        await Task.WhenAny(emptied, Task.Delay(grace, _state.Clock));
        _state.Passes.End(null, ShuttingDown);
        await Task.WhenAny(emptied, Task.Delay(2 * _state.Options.CloseTimeout, _state.Clock));
    }

    /// <summary>Cuts everybody and stops watching.</summary>
    public async ValueTask DisposeAsync()
    {
        _state.Directory.Changed -= OnChanged;
        await Drain(TimeSpan.Zero);
        await _timer.DisposeAsync();
    }

    /// <summary>What is counted, for tests: everything must be back at zero when everybody has gone.</summary>
    internal (int Passes, int Sessions, int Rendezvous, int Pending, int Listeners) Held
        => (_state.Passes.Count, _state.Sessions.Count, _state.Rendezvous.Count, _state.Pending.Count, _state.Listeners.All.Length);

    private Task Serve(Caller caller, RelayRole role) => caller.Query.Action switch
    {
        "listen" => _listen.Serve(caller),
        "connect" => _connect.Serve(caller),
        "accept" or "request" => _rendezvous.Serve(caller),
        _ => _state.Refuse(caller, role, new(400, "sb-hc-action must be listen, connect, accept or request")),
    };

    private void OnChanged() => ThreadPool.UnsafeQueueUserWorkItem(static relay => relay._state.Passes.Judge(), this, preferLocal: false);

    /// <summary>Looks after everybody: rules that changed, tokens that expired, listeners that are silent.</summary>
    private void Watch()
    {
        if (Interlocked.Exchange(ref _isWatching, 1) == 1)
            return;
        try
        {
            _state.Passes.Judge();
            var now = _state.Clock.GetUtcNow();
            foreach (var listener in _state.Listeners.All)
            {
                if (listener.Pass.Token is { } token && now - token.ExpiresAt > _state.Grace)
                    listener.Pass.End(new(1008, "the token expired and was not renewed"));
                listener.KeepAlive(_state.Clock, _state.Options);
            }

            _state.Brake.Sweep();
        }
        finally
        {
            Volatile.Write(ref _isWatching, 0);
        }
    }
}
