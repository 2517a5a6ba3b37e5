using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Weft.Relay.Hosting;

/// <summary>What the doors of a relay share: who is here, who waits, and how somebody is refused.</summary>
internal sealed class RelayState
{
    private long _sessionCount;
    private long _requestCount;
    private long _refusalCount;
    private long _up;
    private long _down;
    private long _lastListener = -1;

    public RelayState(IRelayDirectory directory, IRelayAudit audit, RelayOptions options, TimeProvider clock, ILogger log)
    {
        (Directory, Audit, Options, Clock, Log) = (directory, audit, options, clock, log);
        Gate = new(directory, options, clock);
        Passes = new(Gate, directory);
        Listeners = new(options.ListenersPerConnection);
        Pending = new(options);
        Brake = new(options, clock);
    }

    public IRelayDirectory Directory { get; }

    public IRelayAudit Audit { get; }

    public RelayOptions Options { get; }

    public TimeProvider Clock { get; }

    public ILogger Log { get; }

    public Gate Gate { get; }

    public PassBook Passes { get; }

    public ListenerRoster Listeners { get; }

    public RendezvousBook Rendezvous { get; } = new();

    public PendingBook Pending { get; }

    public RefusalBrake Brake { get; }

    public ConcurrentDictionary<string, Session> Sessions { get; } = new(StringComparer.Ordinal);

    public RelayTotals Totals => new(Volatile.Read(ref _sessionCount), Volatile.Read(ref _requestCount), Volatile.Read(ref _refusalCount), Volatile.Read(ref _up), Volatile.Read(ref _down));

    /// <summary>How long a listener is kept after its token expired: never shorter than such a token would let it in.</summary>
    public TimeSpan Grace => Options.TokenGrace > Options.ClockSkew ? Options.TokenGrace : Options.ClockSkew;

    /// <summary>Whether the relay is shutting down.</summary>
    public bool IsDraining { get; set; }

    /// <summary>A number that no listener of this relay has had.</summary>
    public long NextListener() => Interlocked.Increment(ref _lastListener);

    /// <summary>Counts a request that was handed to a listener.</summary>
    public void CountRequest() => Interlocked.Increment(ref _requestCount);

    /// <summary>Takes a session in.</summary>
    public void Add(Session session)
    {
        Interlocked.Increment(ref _sessionCount);
        Sessions[session.Id] = session;
    }

    /// <summary>Lets a session go.</summary>
    public void Remove(Session session)
    {
        if (!Sessions.TryRemove(session.Id, out _))
            return;
        Interlocked.Add(ref _up, session.Up);
        Interlocked.Add(ref _down, session.Down);
    }

    /// <summary>Writes a line about somebody who was let in.</summary>
    public static RelayEvent Event(RelayEventKind kind, Pass pass, string tracking)
        => new(kind, pass.Connection.Path, pass.Role, pass.Service, pass.Source, tracking) { Key = pass.Key, Rule = pass.Rule };

    /// <summary>Lets in who shakes hands for a WebSocket and may.</summary>
    /// <returns>Its pass, which is to be given back to <see cref="Passes"/>; null where it was refused.</returns>
    public async Task<Pass?> Admit(Caller caller, RelayRole role)
    {
        Pass? pass = null;
        if ((Handshake.Check(caller.Context) ?? Gate.Enter(caller, role, out pass)) is { } refusal)
        {
            await Refuse(caller, role, refusal);
            return null;
        }

        Passes.Add(pass!);
        return pass;
    }

    /// <summary>Sends a caller away who wasn't let in.</summary>
    public Task Refuse(Caller caller, RelayRole role, Refusal refusal)
        => Refuse(caller.Context, new(RelayEventKind.Refused, caller.Path.Path, role, "", caller.Source, caller.Tracking), refusal, role == RelayRole.Listener || refusal.Status is 401 or 403);

    /// <summary>Sends a caller away who was let in.</summary>
    public Task Refuse(Caller caller, Pass pass, Refusal refusal)
        => Refuse(caller.Context, Event(RelayEventKind.Refused, pass, caller.Tracking), refusal with { Rule = pass.Rule, Key = pass.Key }, isSlowed: pass.Role == RelayRole.Listener);

    /// <summary>Sends a caller away.</summary>
    /// <param name="happened">Who it is, for the audit log.</param>
    /// <param name="isSlowed">Whether it is slowed down if it comes again and again.</param>
    public async Task Refuse(HttpContext context, RelayEvent happened, Refusal refusal, bool isSlowed)
    {
        Interlocked.Increment(ref _refusalCount);
        Audit.Write(happened with { Status = refusal.Status, Reason = ReasonPhrase.Clean(refusal.Audit ?? refusal.Text), Key = refusal.Key, Rule = refusal.Rule });
        if (isSlowed && !await Brake.Hold(happened.Source.Address, happened.Connection, context.RequestAborted))
        {
            refusal = new(429, "You were refused too often: come again later");
            context.Response.Headers.Connection = "close";
        }

        await Answer(context, refusal.Status, ReasonPhrase.Write(refusal.Text, happened.Connection, happened.Tracking));
    }

    /// <summary>Answers with a status and a phrase, which stands in the body too, for those whose tools hide it.</summary>
    public static async Task Answer(HttpContext context, int status, string phrase)
    {
        if (context.Response.HasStarted || context.RequestAborted.IsCancellationRequested)
            return;
        ReasonPhrase.Set(context.Response, status, phrase);
        if (status == 401)
            context.Response.Headers.WWWAuthenticate = "SharedAccessSignature";
        if (status == 426)
            context.Response.Headers.SecWebSocketVersion = "13";
        if (HttpMethods.IsHead(context.Request.Method) || status is 204 or 205 or 304)
            return;
        context.Response.ContentType = "text/plain; charset=utf-8";
        try
        {
            await context.Response.WriteAsync(ReasonPhrase.Clean(phrase) + "\n", context.RequestAborted);
        }
        catch (OperationCanceledException)
        {
            // It left without waiting for its answer.
        }
    }
}
