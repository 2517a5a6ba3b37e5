using Microsoft.Extensions.Logging;
using Weft.Relay.Frames;
using Weft.Relay.Wire;

namespace Weft.Relay.Hosting;

/// <summary>Where listeners come in, and stay: <c>sb-hc-action=listen</c>.</summary>
internal sealed partial class ListenDoor(RelayState state)
{
    private static readonly Ending Lost = new(1006, "the connection ended without a Close");

    /// <summary>
    /// Serves a listener: until it is refused or has gone, or, where its connection was taken over, until it was answered. What a request holds would
    /// be most of what a listener costs that waits for hours; so the request ends, and the connection stays.
    /// </summary>
    public async Task Serve(Caller caller)
    {
        if (await state.Admit(caller, RelayRole.Listener) is not { } pass)
            return;
        var listener = new Listener($"{NameOf(caller)}_G{state.NextListener()}", pass, caller.Context, state.Clock.GetUtcNow(), state.Clock.GetTimestamp());
        if (TakeIn(listener) is { } refusal)
        {
            await TurnAway(caller, listener, refusal);
            return;
        }

        var staying = Stay(listener, await Answer(caller, listener), caller.Tracking);
        if (!Handshake.TakesOver(caller.Context))
            await staying;
    }

    private Refusal? TakeIn(Listener listener) => listener.Pass switch
    {
        { Service.Length: > 0 } pass => new(400, $"Listeners listen at the connection's own path, which is {pass.Connection.Path}"),
        _ when !state.Listeners.TryAdd(listener) => new(403, $"QuotaExceeded: the hybrid connection has {state.Options.ListenersPerConnection} listeners already"),
        _ => null,
    };

    private async Task TurnAway(Caller caller, Listener listener, Refusal refusal)
    {
        try
        {
            await state.Refuse(caller, listener.Pass, refusal);
        }
        finally
        {
            listener.Dispose();
            state.Passes.Remove(listener.Pass);
        }
    }

    private async Task<Hop> Answer(Caller caller, Listener listener)
    {
        try
        {
            state.Brake.Forgive(caller.Source.Address, listener.Pass.Connection.Path);
            state.Audit.Write(RelayState.Event(RelayEventKind.ListenerConnected, listener.Pass, caller.Tracking) with { Status = 101 });
            return await Handshake.Upgrade(caller.Context);
        }
        catch
        {
            Leave(listener, caller.Tracking, Lost);
            throw;
        }
    }

    /// <summary>Holds a listener until it goes. It must know nothing of the request, or that would be held too; and nobody may be waiting for it.</summary>
    private async Task Stay(Listener listener, Hop hop, string tracking)
    {
        var ending = Lost;
        try
        {
            using var channel = new WebSocketChannel(hop, state.Clock);
            listener.Answer(channel);
            ending = await Listen(listener, channel);
        }
        catch (Exception e)
        {
            Failed(state.Log, listener.Pass.Connection.Path, listener.Id, e);
        }
        finally
        {
            Leave(listener, tracking, ending);
        }
    }

    private void Leave(Listener listener, string tracking, Ending ending)
    {
        state.Listeners.Remove(listener);
        listener.Leave();
        state.Audit.Write(RelayState.Event(RelayEventKind.ListenerGone, listener.Pass, tracking) with
        {
            Status = ending.Code, Reason = ReasonPhrase.Clean(ending.Reason), Duration = state.Clock.GetElapsedTime(listener.Began),
        });
        listener.Dispose();
        state.Passes.Remove(listener.Pass);
    }

    /// <summary>Reads until the listener goes or has to go, and closes as RFC 6455 §7 asks.</summary>
    private async Task<Ending> Listen(Listener listener, WebSocketChannel channel)
    {
        using var late = new CancellationTokenSource(Timeout.InfiniteTimeSpan, state.Clock);
        // The wait for a message isn't cancelled when the listener has to go: the Close is written beside it, and its answer read here.
        using var cut = listener.Pass.Cut.Register(() => _ = SayGoodbye(listener.Pass.Ending!, channel, late));
        try
        {
            while (true)
            {
                var (kind, bytes) = await channel.ReadMessage(ControlMessage.MaxReadSize, late.Token);
                if (kind == Opcode.Close)
                    break;
                if (kind == Opcode.Text && await Take(listener, channel, bytes, late.Token) is { } wrong)
                    listener.Pass.End(wrong);
            }

            listener.Leave();
            late.CancelAfter(state.Options.CloseTimeout);
            await channel.Close(channel.Closed ?? new(1000, ""), late.Token);
            await channel.Finish(late.Token);
            return listener.Pass.Ending ?? channel.Closed ?? new(1000, "");
        }
        catch (ProtocolViolationException e)
        {
            listener.Leave();
            await SayGoodbye(new(e.Code, e.Message), channel, late);
            await Task.WhenAny(channel.Finish(late.Token));
            return new(e.Code, e.Message);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            channel.Abort();
            return listener.Pass.Ending ?? channel.Closed ?? Lost;
        }
    }

    private async Task SayGoodbye(Ending ending, WebSocketChannel channel, CancellationTokenSource late)
    {
        try
        {
            late.CancelAfter(state.Options.CloseTimeout);
            await channel.Close(ending, late.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            channel.Abort();
        }
    }

    /// <summary>Takes a message; returns how the listener ends because of it, if it does.</summary>
    private async Task<Ending?> Take(Listener listener, WebSocketChannel channel, byte[] text, CancellationToken cancel)
    {
        if (!ControlMessage.TryRead(text, out var message, out var fault))
        {
            if (fault is not null)
                Unreadable(state.Log, listener.Pass.Connection.Path, listener.Id, fault);
            return null;
        }

        switch (message)
        {
            case RenewTokenMessage renew:
                return state.Gate.Renew(renew.Token, listener.Pass) is { } refused ? new(1008, refused) : null;
            case ResponseMessage response:
                var (kind, body) = response.HasBody ? await channel.ReadMessage(ControlMessage.MaxReadSize, cancel) : (Opcode.Binary, []);
                if (kind != Opcode.Close)
                    listener.Answer(response, body);
                return null;
            default:
                return null;
        }
    }

    /// <summary>What the listener calls itself, without the number that some relay put behind it; a name of ours where it doesn't.</summary>
    private static string NameOf(Caller caller)
    {
        var id = caller.Query.Id ?? "";
        var end = id.IndexOf('_', StringComparison.Ordinal);
        var name = end < 0 ? id : id[..end];
        return name.Length is > 0 and <= 128 && FieldRules.IsToken(name) ? name : Guid.NewGuid().ToString();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Connection}: listener {Listener} sent a message that can't be read: {Fault}")]
    private static partial void Unreadable(ILogger log, string connection, string listener, string fault);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Connection}: listener {Listener} was dropped by a fault of the relay")]
    private static partial void Failed(ILogger log, string connection, string listener, Exception error);
}
