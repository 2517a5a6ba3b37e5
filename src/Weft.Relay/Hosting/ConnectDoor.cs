using Weft.Relay.Frames;
using Weft.Relay.Wire;

namespace Weft.Relay.Hosting;

/// <summary>Where senders of WebSockets come in: <c>sb-hc-action=connect</c>. Their 101 is held until a listener has come.</summary>
internal sealed class ConnectDoor(RelayState state)
{
    /// <summary>Serves a sender until its session ends.</summary>
    public async Task Serve(Caller caller)
    {
        if (await state.Admit(caller, RelayRole.Sender) is not { } pass)
            return;
        try
        {
            await Serve(caller, pass);
        }
        finally
        {
            state.Passes.Remove(pass);
        }
    }

    private async Task Serve(Caller caller, Pass pass)
    {
        if (FieldRules.Size(caller.Context.Request) > state.Options.HeaderBytes)
        {
            await state.Refuse(caller, pass, Refusal.HeadersTooLarge);
            return;
        }

        if (state.Sessions.Count >= state.Options.Sessions)
        {
            await state.Refuse(caller, pass, new(503, "The relay has as many sessions as it can: come again"));
            return;
        }

        var meeting = new Meeting(state, caller, pass);
        var (arrival, refusal) = await Wait(caller, pass, meeting);
        if (arrival is null)
        {
            await state.Refuse(caller, pass, refusal!);
            return;
        }

        try
        {
            if (await Greet(caller, pass, arrival, meeting.Listener!) is { } turned)
                await state.Refuse(caller, pass, turned);
        }
        finally
        {
            arrival.Release();
        }
    }

    private async Task<(Arrival?, Refusal?)> Wait(Caller caller, Pass pass, Meeting meeting)
    {
        if (state.Pending.Enter(pass) is { } full)
            return (null, full);
        try
        {
            return await Meet(caller, pass, meeting);
        }
        finally
        {
            state.Pending.Leave(pass);
        }
    }

    private async Task<(Arrival?, Refusal?)> Meet(Caller caller, Pass pass, Meeting meeting)
    {
        using var late = new CancellationTokenSource(state.Options.AcceptTimeout, state.Clock);
        var headers = FieldRules.OfConnect(caller.Context.Request, pass.IsTokenFromAuthorization);
        while (meeting.Pick(none: 404) is var none)
        {
            if (none is not null)
                return (null, none);
            var rendezvous = state.Rendezvous.Open("accept", pass);
            if (new AcceptMessage(meeting.AddressOf(rendezvous), caller.Tracking, headers, caller.Source).Write(state.Options.ControlMessageBytes) is not { } message)
            {
                await meeting.Dismiss(rendezvous);
                return (null, Refusal.HeadersTooLarge);
            }

            var refusal = await Ask(meeting, rendezvous, message, late.Token);
            if (refusal is null)
                return (await rendezvous.Arrived, null);
            await meeting.Dismiss(rendezvous);
            if (refusal != Refusal.ListenerLost)
                return (null, refusal);
        }

        return (null, Refusal.ListenerLost);
    }

    private static async Task<Refusal?> Ask(Meeting meeting, Rendezvous rendezvous, byte[] message, CancellationToken late)
    {
        try
        {
            return await meeting.Hand(message, null, late) ? await meeting.Await(rendezvous.Arrived, late) : Refusal.ListenerLost;
        }
        catch (OperationCanceledException)
        {
            return Refusal.TooSlow;
        }
    }

    /// <summary>Answers both, or turns the sender away because the listener does.</summary>
    private async Task<Refusal?> Greet(Caller caller, Pass pass, Arrival arrival, Listener listener)
    {
        var there = arrival.Caller;
        if (there.Query.StatusCode is { } status)
        {
            await RelayState.Answer(there.Context, 410, ReasonPhrase.Write("The sender was rejected", pass.Connection.Path, there.Tracking));
            // A status below 300 would tell the sender that it was let in.
            return new(status is >= 300 and <= 599 ? status : 502, there.Query.StatusDescription is { Length: > 0 } text ? text : "The listener rejected the connection");
        }

        var wanted = Handshake.Protocols(there.Context.Request)!;
        var protocol = wanted.FirstOrDefault(Handshake.Protocols(caller.Context.Request)!.Contains);
        if (wanted.Length > 0 && protocol is null)
        {
            await RelayState.Answer(there.Context, 400, ReasonPhrase.Write("The sender didn't offer this sub-protocol", pass.Connection.Path, there.Tracking));
            return new(502, "The listener chose a sub-protocol that wasn't offered");
        }

        if (there.Context.RequestAborted.IsCancellationRequested)
            return Refusal.ListenerLost;
        Hop far;
        try
        {
            far = await Handshake.Upgrade(there.Context, protocol);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            return Refusal.ListenerLost;
        }

        await Join(caller, far, new(caller.Tracking, pass, arrival.Pass, listener.Id, state.Clock.GetUtcNow()), protocol);
        return null;
    }

    private async Task Join(Caller caller, Hop far, Session session, string? protocol)
    {
        var began = state.Clock.GetTimestamp();
        SessionEnd? end = null;
        state.Add(session);
        state.Audit.Write(RelayState.Event(RelayEventKind.SessionOpened, session.Sender, caller.Tracking) with { Status = 101 });
        try
        {
            end = await Run(await Handshake.Upgrade(caller.Context, protocol), far, session);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // The sender left while it was being answered.
            caller.Context.Abort();
            far.Abort();
        }
        finally
        {
            state.Remove(session);
            state.Audit.Write(RelayState.Event(RelayEventKind.SessionClosed, session.Sender, caller.Tracking) with
            {
                Status = end?.Code ?? 1006, Reason = ReasonPhrase.Clean(Reason(end)), BytesUp = session.Up, BytesDown = session.Down, Duration = state.Clock.GetElapsedTime(began),
            });
        }
    }

    private async Task<SessionEnd> Run(Hop near, Hop far, Session session)
    {
        var frames = new FrameRelay(near, far, state.Options.OfFrames, state.Clock);
        session.Frames = frames;
        using var cut = session.Sender.Cut.UnsafeRegister(Cut, (frames, session.Sender));
        using var alsoCut = session.Listener.Cut.UnsafeRegister(Cut, (frames, session.Listener));
        return await frames.Run();
    }

    private static void Cut(object? which)
    {
        var (frames, pass) = ((FrameRelay, Pass))which!;
        frames.Cut((CloseCode)pass.Ending!.Code, pass.Ending.Reason);
    }

    private static string Reason(SessionEnd? end) => end switch
    {
        null => "the connection ended during the handshake",
        { Reason: EndReason.Cut } => end.Text,
        { Text: "" } => end.Reason.ToString(),
        _ => $"{end.Reason}: {end.Text}",
    };
}
