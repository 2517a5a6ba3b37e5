using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Weft.Relay.Server.Authorization;
using Weft.Relay.Server.Http;

namespace Weft.Relay.Server.Sessions;

/// <summary>What the endpoints of a relay share: who is connected, who waits, and how a caller is refused.</summary>
internal sealed class RelayState
{
    private long _sessionCount;
    private long _requestCount;
    private long _refusalCount;
    private long _up;
    private long _down;
    private long _lastListener = -1;

    public RelayState(
        IRelayDirectory directory,
        IRelayAudit audit,
        RelayServerOptions options,
        TimeProvider clock,
        ILogger log
    )
    {
        (Directory, Audit, Options, Clock, Log) = (directory, audit, options, clock, log);
        Authorizer = new(directory, options, clock);
        Grants = new(Authorizer, directory);
        Listeners = new(options.ListenersPerConnection);
        Pending = new("senders wait", int.MaxValue, options.PendingPerConnection, options.PendingPerSource);
        Places = new("sessions are open", options.Sessions, options.SessionsPerConnection, options.SessionsPerSource);
        Throttle = new(options.Throttle, clock);
    }

    public IRelayDirectory Directory { get; }

    public IRelayAudit Audit { get; }

    public RelayServerOptions Options { get; }

    public TimeProvider Clock { get; }

    public ILogger Log { get; }

    public Authorizer Authorizer { get; }

    public GrantRegistry Grants { get; }

    public ListenerRegistry Listeners { get; }

    public RendezvousRegistry Rendezvous { get; } = new();

    /// <summary>Senders and requests that wait.</summary>
    public CallerQuota Pending { get; }

    /// <summary>Sessions, from the moment that their senders were let in.</summary>
    public CallerQuota Places { get; }

    public RefusalThrottle Throttle { get; }

    public ConcurrentDictionary<string, RelaySession> Sessions { get; } = new(StringComparer.Ordinal);

    public RelayTotals Totals =>
        new(
            Volatile.Read(ref _sessionCount),
            Volatile.Read(ref _requestCount),
            Volatile.Read(ref _refusalCount),
            Volatile.Read(ref _up),
            Volatile.Read(ref _down)
        );

    /// <summary>
    /// How long a listener is kept after its token expired: never shorter than such a token would let it in.
    /// </summary>
    public TimeSpan EffectiveTokenGrace =>
        Options.TokenGrace > Options.ListenerTokenSkew ? Options.TokenGrace : Options.ListenerTokenSkew;

    /// <summary>Whether the relay is shutting down.</summary>
    public bool IsDraining { get; set; }

    /// <summary>A number that no listener of this relay has had.</summary>
    public long NextListenerNumber() => Interlocked.Increment(ref _lastListener);

    /// <summary>Counts a request that was handed to a listener.</summary>
    public void CountRequest() => Interlocked.Increment(ref _requestCount);

    /// <summary>Adds a session.</summary>
    public void Add(RelaySession session)
    {
        Interlocked.Increment(ref _sessionCount);
        Sessions[session.Id] = session;
    }

    /// <summary>Removes a session.</summary>
    public void Remove(RelaySession session)
    {
        if (!Sessions.TryRemove(session.Id, out _))
            return;
        Interlocked.Add(ref _up, session.BytesUp);
        Interlocked.Add(ref _down, session.BytesDown);
    }

    /// <summary>Creates an event about a caller that was admitted.</summary>
    public static RelayEvent CreateEvent(RelayEventKind kind, Grant grant, string tracking) =>
        new(kind, grant.Connection.Path, grant.Role, grant.Service, grant.Source, tracking)
        {
            Key = grant.Key,
            Rule = grant.Rule,
        };

    /// <summary>Checks the handshake of a caller and authorizes it.</summary>
    /// <returns>Its grant, which is to be removed from <see cref="Grants"/>; null where it was refused.</returns>
    public async Task<Grant?> Admit(RelayRequest request, ClientRole role)
    {
        Grant? grant = null;
        if (
            (WebSocketHandshake.Check(request.Context) ?? Authorizer.Authorize(request, role, out grant)) is { } refusal
        )
        {
            await Refuse(request, role, refusal);
            return null;
        }

        Grants.Add(grant!);
        return grant;
    }

    /// <summary>Refuses a caller that has no grant.</summary>
    public Task Refuse(RelayRequest request, ClientRole role, HttpRefusal refusal) =>
        Refuse(request.Context, RefusedEvent(request, role), refusal, IsSlowed(role, refusal));

    /// <summary>Refuses a caller that has a grant.</summary>
    public Task Refuse(RelayRequest request, Grant grant, HttpRefusal refusal) =>
        Refuse(
            request.Context,
            CreateEvent(RelayEventKind.Refused, grant, request.TrackingId),
            refusal with
            {
                Rule = grant.Rule,
                Key = grant.Key,
            },
            isSlowed: grant.Role == ClientRole.Listener
        );

    /// <summary>Refuses a caller.</summary>
    /// <param name="relayEvent">Who it is, for the audit log.</param>
    /// <param name="isSlowed">Whether it is throttled if it is refused again and again.</param>
    public async Task Refuse(HttpContext context, RelayEvent relayEvent, HttpRefusal refusal, bool isSlowed)
    {
        var (status, phrase) = await RefuseWithoutBody(context, relayEvent, refusal, isSlowed);
        await WriteResponse(context, status, phrase);
    }

    /// <summary>
    /// Refuses a caller that has no grant, whose answer is written by whoever asks: counts it, and holds it up where it
    /// was refused too often.
    /// </summary>
    /// <returns>What it is to be told.</returns>
    public Task<(int Status, string Phrase)> RefuseWithoutBody(
        RelayRequest request,
        ClientRole role,
        HttpRefusal refusal
    ) => RefuseWithoutBody(request.Context, RefusedEvent(request, role), refusal, IsSlowed(role, refusal));

    private async Task<(int Status, string Phrase)> RefuseWithoutBody(
        HttpContext context,
        RelayEvent relayEvent,
        HttpRefusal refusal,
        bool isSlowed
    )
    {
        Interlocked.Increment(ref _refusalCount);
        Audit.Write(
            relayEvent with
            {
                Status = refusal.Status,
                Reason = ReasonPhrase.Sanitize(refusal.AuditText ?? refusal.Text),
                Key = refusal.Key,
                Rule = refusal.Rule,
            }
        );
        if (isSlowed && !await Throttle.Delay(relayEvent.Source.Address, relayEvent.Connection, context.RequestAborted))
        {
            refusal = new(429, "You were refused too often: come again later");
            context.Response.Headers.Connection = "close";
        }

        if (refusal.Status == 401)
            context.Response.Headers.WWWAuthenticate = "SharedAccessSignature";
        return (refusal.Status, ReasonPhrase.Format(refusal.Text, relayEvent.Connection, relayEvent.TrackingId));
    }

    private static RelayEvent RefusedEvent(RelayRequest request, ClientRole role) =>
        new(RelayEventKind.Refused, request.Path.Path, role, "", request.Source, request.TrackingId);

    /// <summary>
    /// Listeners come again at once and for ever. A sender that the relay asks to come again is no guesser; all others
    /// are slowed, whatever they did wrong.
    /// </summary>
    private static bool IsSlowed(ClientRole role, HttpRefusal refusal) =>
        role == ClientRole.Listener || refusal.Status != 503;

    /// <summary>
    /// Answers with a status and a phrase, which is in the body too, because some tools hide it.
    /// </summary>
    public static async Task WriteResponse(HttpContext context, int status, string phrase)
    {
        if (context.Response.HasStarted || context.RequestAborted.IsCancellationRequested)
            return;
        ReasonPhrase.Set(context.Response, status, phrase);
        if (status == 426)
            context.Response.Headers.SecWebSocketVersion = "13";
        if (HttpMethods.IsHead(context.Request.Method) || status is 204 or 205 or 304)
            return;
        context.Response.ContentType = "text/plain; charset=utf-8";
        try
        {
            await context.Response.WriteAsync(ReasonPhrase.Sanitize(phrase) + "\n", context.RequestAborted);
        }
        catch (OperationCanceledException)
        {
            // It left before it was answered.
        }
    }
}
