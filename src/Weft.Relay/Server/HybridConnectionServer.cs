using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Weft.Relay.Server.Authorization;
using Weft.Relay.Server.Endpoints;
using Weft.Relay.Server.Http;
using Weft.Relay.Server.Sessions;

namespace Weft.Relay.Server;

/// <summary>
/// A relay: serves listeners and senders of hybrid connections, on any endpoint that speaks HTTP/1.1. For each caller it
/// asks its directory which connections there are and who may use them.
/// </summary>
internal sealed class HybridConnectionServer : IAsyncDisposable
{
    /// <summary>How often the directory's version is checked, in case it doesn't raise its event.</summary>
    private static readonly TimeSpan VersionPollInterval = TimeSpan.FromMilliseconds(250);

    private static readonly CloseStatus ShuttingDown = new(1001, "the relay is shutting down");

    private readonly RelayState _state;
    private readonly ListenEndpoint _listen;
    private readonly ConnectEndpoint _connect;
    private readonly RendezvousEndpoint _rendezvous;
    private readonly RequestEndpoint _request;
    private readonly RuntimeInformationEndpoint _runtime;
    private readonly ITimer _timer;
    private int _isTimerRunning;

    /// <summary>Makes a relay.</summary>
    /// <param name="directory">Knows the connections and the network rules.</param>
    /// <param name="options">Where the relay is, its bounds and timeouts.</param>
    /// <param name="log">Takes what is wrong with a peer.</param>
    /// <exception cref="ArgumentException">An option is out of its bounds.</exception>
    public HybridConnectionServer(
        IRelayDirectory directory,
        IRelayAudit audit,
        RelayServerOptions options,
        TimeProvider clock,
        ILogger<HybridConnectionServer> log
    )
    {
        options.Validate();
        _state = new(directory, audit, options, clock, log);
        (_listen, _connect, _rendezvous, _request, _runtime) = (
            new(_state),
            new(_state),
            new(_state),
            new(_state),
            new(_state)
        );
        _timer = clock.CreateTimer(_ => OnTimer(), null, VersionPollInterval, VersionPollInterval);
        directory.Changed += OnChanged;
    }

    /// <summary>Who is here.</summary>
    public RelayStatus GetStatus() =>
        new(
            [
                .. _state.Listeners.All.Select(l => new ListenerStatus(
                    l.Grant.Connection.Path,
                    l.Id,
                    l.Grant.Source,
                    l.Since,
                    l.UserAgent,
                    l.Grant.Key
                )),
            ],
            [
                .. _state.Sessions.Values.Select(s => new SessionStatus(
                    s.Sender.Connection.Path,
                    s.Id,
                    s.Sender.Service,
                    s.Sender.Source,
                    s.ListenerId,
                    s.Since,
                    s.Sender.Key,
                    s.BytesUp,
                    s.BytesDown
                )),
            ],
            _state.Pending.Count,
            _state.Totals
        );

    /// <summary>How many listeners a hybrid connection has.</summary>
    /// <returns>0–25, or what the options allow.</returns>
    public int ListenerCount(string path) => _state.Listeners.ListenersOf(path).Length;

    /// <summary>Serves a request: as long as its listener or session is here, or until it is answered.</summary>
    /// <param name="context">The request; of HTTP/1.1, as WebSockets are upgraded.</param>
    public async Task Serve(HttpContext context)
    {
        var tracking = Guid.NewGuid().ToString();
        if (!RelayRequest.TryRead(context, tracking, _state.Options.Hosts, out var request, out var fault))
        {
            await _state.Refuse(
                context,
                new(RelayEventKind.Refused, "", ClientRole.Sender, "", RelayRequest.SourceOf(context), tracking),
                new(400, fault),
                isSlowed: true
            );
            return;
        }

        var role = request.Path.IsHybrid && request.Query.Action != "connect" ? ClientRole.Listener : ClientRole.Sender;
        var isRendezvous = request.Path.IsHybrid && request.Query.Action is "accept" or "request";
        // Senders that wait are still served while the relay drains, so their listeners may come.
        if (
            (
                _state.IsDraining && !isRendezvous ? HttpRefusal.Draining
                : _state.Directory.IsReady ? null
                : HttpRefusal.NotReady
            ) is
            { } closed
        )
            await _state.Refuse(request, role, closed);
        else if (!request.Path.IsHybrid)
            await (RuntimeInformationEndpoint.Matches(request) ? _runtime.Serve(request) : _request.Serve(request));
        else
            await ServeWebSocket(request, role);
    }

    /// <summary>
    /// Shuts down: nobody is admitted any more, listeners are closed with 1001, and sessions that don't end by
    /// themselves within the grace are cut.
    /// </summary>
    /// <param name="grace">How long sessions and requests may take to end.</param>
    public async Task Drain(TimeSpan grace)
    {
        _state.IsDraining = true;
        foreach (var listener in _state.Listeners.All)
            listener.Grant.Revoke(ShuttingDown);
        var emptied = _state.Grants.WhenEmpty();
        await Task.WhenAny(emptied, Task.Delay(grace, _state.Clock));
        _state.Grants.RevokeAll(null, ShuttingDown);
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
    internal (int Grants, int Sessions, int Rendezvous, int Pending, int Listeners) ResourceCounts =>
        (
            _state.Grants.Count,
            _state.Sessions.Count,
            _state.Rendezvous.Count,
            _state.Pending.Count,
            _state.Listeners.All.Length
        );

    private Task ServeWebSocket(RelayRequest request, ClientRole role) =>
        request.Query.Action switch
        {
            "listen" => _listen.Serve(request),
            "connect" => _connect.Serve(request),
            "accept" or "request" => _rendezvous.Serve(request),
            _ => _state.Refuse(request, role, new(400, "sb-hc-action must be listen, connect, accept or request")),
        };

    private void OnChanged() =>
        ThreadPool.UnsafeQueueUserWorkItem(static relay => relay._state.Grants.Reauthorize(), this, preferLocal: false);

    /// <summary>Checks everybody: rules that changed, tokens that expired, listeners that are silent.</summary>
    private void OnTimer()
    {
        if (Interlocked.Exchange(ref _isTimerRunning, 1) == 1)
            return;
        try
        {
            _state.Grants.Reauthorize();
            var now = _state.Clock.GetUtcNow();
            foreach (var listener in _state.Listeners.All)
            {
                if (listener.Grant.Token is { } token && now - token.ExpiresAt > _state.EffectiveTokenGrace)
                    listener.Grant.Revoke(new(1008, "the token expired and was not renewed"));
                listener.KeepAlive(_state.Clock, _state.Options);
            }

            _state.Throttle.RemoveExpired();
        }
        finally
        {
            Volatile.Write(ref _isTimerRunning, 0);
        }
    }
}
