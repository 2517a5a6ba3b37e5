using Microsoft.AspNetCore.Http;
using Weft.Relay.Frames;
using Weft.Relay.Protocol;
using Weft.Relay.Server.Authorization;
using Weft.Relay.Server.Http;
using Weft.Relay.Server.Sessions;

namespace Weft.Relay.Server.Endpoints;

/// <summary>
/// The endpoint for senders of WebSockets: <c>sb-hc-action=connect</c>. Their 101 is held until a listener has come.
/// </summary>
internal sealed class ConnectEndpoint(RelayState state)
{
    /// <summary>Serves a sender until its session ends.</summary>
    public async Task Serve(RelayRequest request)
    {
        if (await state.Admit(request, ClientRole.Sender) is not { } grant)
            return;
        try
        {
            await Serve(request, grant);
        }
        finally
        {
            state.Grants.Remove(grant);
        }
    }

    private async Task Serve(RelayRequest request, Grant grant)
    {
        if (HeaderFilter.SizeOf(request.Context.Request) > state.Options.HeaderBytes)
        {
            await state.Refuse(request, grant, HttpRefusal.HeadersTooLarge);
            return;
        }

        if (state.Places.Acquire(grant) is { } full)
        {
            await state.Refuse(request, grant, full);
            return;
        }

        try
        {
            await ServeSession(request, grant);
        }
        finally
        {
            state.Places.Release(grant);
        }
    }

    private async Task ServeSession(RelayRequest request, Grant grant)
    {
        var matchmaker = new Matchmaker(state, request, grant);
        var (arrival, refusal) = await WaitForListener(request, grant, matchmaker);
        if (arrival is null)
        {
            await state.Refuse(request, grant, refusal!);
            return;
        }

        try
        {
            if (await CompleteHandshakes(request, grant, arrival, matchmaker.Listener!) is { } turned)
                await state.Refuse(request, grant, turned);
        }
        finally
        {
            arrival.Release();
        }
    }

    private async Task<(ListenerArrival?, HttpRefusal?)> WaitForListener(
        RelayRequest request,
        Grant grant,
        Matchmaker matchmaker
    )
    {
        if (state.Pending.Acquire(grant) is { } full)
            return (null, full);
        try
        {
            return await MatchListener(request, grant, matchmaker);
        }
        finally
        {
            state.Pending.Release(grant);
        }
    }

    private async Task<(ListenerArrival?, HttpRefusal?)> MatchListener(
        RelayRequest request,
        Grant grant,
        Matchmaker matchmaker
    )
    {
        using var deadline = new CancellationTokenSource(state.Options.AcceptTimeout, state.Clock);
        var headers = HeaderFilter.ForConnect(request.Context.Request, grant.IsTokenFromAuthorization);
        while (matchmaker.Pick(none: 404) is var none)
        {
            if (none is not null)
                return (null, none);
            var rendezvous = state.Rendezvous.Open("accept", grant);
            if (
                new AcceptMessage(matchmaker.AddressOf(rendezvous), request.TrackingId, headers, request.Source).Write(
                    state.Options.ControlMessageBytes
                )
                is not { } message
            )
            {
                await matchmaker.CancelRendezvous(rendezvous);
                return (null, HttpRefusal.HeadersTooLarge);
            }

            var refusal = await InviteListener(matchmaker, rendezvous, message, deadline.Token);
            if (refusal is null)
                return (await rendezvous.ListenerArrived, null);
            await matchmaker.CancelRendezvous(rendezvous);
            if (refusal != HttpRefusal.ListenerLost)
                return (null, refusal);
        }

        return (null, HttpRefusal.ListenerLost);
    }

    private static async Task<HttpRefusal?> InviteListener(
        Matchmaker matchmaker,
        Rendezvous rendezvous,
        byte[] message,
        CancellationToken deadline
    )
    {
        try
        {
            return await matchmaker.Deliver(message, null, deadline)
                ? await matchmaker.WaitFor(rendezvous.ListenerArrived, deadline)
                : HttpRefusal.ListenerLost;
        }
        catch (OperationCanceledException)
        {
            return HttpRefusal.ListenerTimeout;
        }
    }

    /// <summary>Answers both, or turns the sender away because the listener does.</summary>
    private async Task<HttpRefusal?> CompleteHandshakes(
        RelayRequest request,
        Grant grant,
        ListenerArrival arrival,
        Listener listener
    )
    {
        var listenerRequest = arrival.Request;
        if (listenerRequest.Query.StatusCode is { } status)
        {
            await RespondToListener(arrival, 410, "The sender was rejected");
            return RejectionOf(status, listenerRequest.Query.StatusDescription);
        }

        var wanted = WebSocketHandshake.ReadSubProtocols(listenerRequest.Context.Request)!;
        var protocol = wanted.FirstOrDefault(WebSocketHandshake.ReadSubProtocols(request.Context.Request)!.Contains);
        if (wanted.Length > 0 && protocol is null)
        {
            await RespondToListener(arrival, 400, "The sender didn't offer this sub-protocol");
            return new(502, "The listener chose a sub-protocol that wasn't offered");
        }

        if (await UpgradeListener(listenerRequest.Context, protocol) is not { } listenerPeer)
            return HttpRefusal.ListenerLost;
        await RunSession(
            request,
            listenerPeer,
            new(request.TrackingId, grant, arrival.Grant, listener.Id, state.Clock.GetUtcNow()),
            protocol
        );
        return null;
    }

    private static Task RespondToListener(ListenerArrival arrival, int status, string text) =>
        RelayState.WriteResponse(
            arrival.Request.Context,
            status,
            ReasonPhrase.Format(text, arrival.Grant.Connection.Path, arrival.Request.TrackingId)
        );

    /// <summary>What the sender is told. A status below 300 would tell it that it was let in.</summary>
    private static HttpRefusal RejectionOf(int status, string? description) =>
        new(
            status is >= 300 and <= 599 ? status : 502,
            description is { Length: > 0 } ? description : "The listener rejected the connection"
        );

    /// <summary>Answers the listener with 101; null where it has gone.</summary>
    private static async Task<SessionPeer?> UpgradeListener(HttpContext context, string? protocol)
    {
        if (context.RequestAborted.IsCancellationRequested)
            return null;
        try
        {
            return await WebSocketHandshake.Upgrade(context, protocol);
        }
        catch (Exception e) when (e.IsConnectionError())
        {
            return null;
        }
    }

    private async Task RunSession(
        RelayRequest request,
        SessionPeer listenerPeer,
        RelaySession session,
        string? protocol
    )
    {
        var began = state.Clock.GetTimestamp();
        SessionEnd? end = null;
        state.Add(session);
        state.Audit.Write(
            RelayState.CreateEvent(RelayEventKind.SessionOpened, session.Sender, request.TrackingId) with
            {
                Status = 101,
            }
        );
        try
        {
            end = await RelayFrames(await WebSocketHandshake.Upgrade(request.Context, protocol), listenerPeer, session);
        }
        catch (Exception e) when (e.IsConnectionError())
        {
            // The sender left while it was being answered.
            request.Context.Abort();
            listenerPeer.Abort();
        }
        finally
        {
            state.Remove(session);
            state.Audit.Write(
                RelayState.CreateEvent(RelayEventKind.SessionClosed, session.Sender, request.TrackingId) with
                {
                    Status = end?.Code ?? 1006,
                    Reason = ReasonPhrase.Sanitize(DescribeEnd(end)),
                    BytesUp = session.BytesUp,
                    BytesDown = session.BytesDown,
                    Duration = state.Clock.GetElapsedTime(began),
                }
            );
        }
    }

    private async Task<SessionEnd> RelayFrames(SessionPeer senderPeer, SessionPeer listenerPeer, RelaySession session)
    {
        var frames = new FrameRelay(senderPeer, listenerPeer, state.Options.FrameOptions, state.Clock);
        session.Frames = frames;
        using var cut = session.Sender.Revoked.UnsafeRegister(Terminate, (frames, session.Sender));
        using var alsoCut = session.Listener.Revoked.UnsafeRegister(Terminate, (frames, session.Listener));
        return await frames.Run();
    }

    private static void Terminate(object? which)
    {
        var (frames, grant) = ((FrameRelay, Grant))which!;
        frames.Terminate((CloseCode)grant.CloseStatus!.Code, grant.CloseStatus.Reason);
    }

    private static string DescribeEnd(SessionEnd? end) =>
        end switch
        {
            null => "the connection ended during the handshake",
            { Reason: EndReason.Cut } => end.Text,
            { Text: "" } => end.Reason.ToString(),
            _ => $"{end.Reason}: {end.Text}",
        };
}
