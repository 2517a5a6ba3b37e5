using Microsoft.Extensions.Logging;
using Weft.Relay.Frames;
using Weft.Relay.Protocol;
using Weft.Relay.Server.Authorization;
using Weft.Relay.Server.Http;
using Weft.Relay.Server.Sessions;

namespace Weft.Relay.Server.Endpoints;

/// <summary>The endpoint for the control channels of listeners: <c>sb-hc-action=listen</c>.</summary>
internal sealed partial class ListenEndpoint(RelayState state)
{
    private static readonly CloseStatus ConnectionLost = new(1006, "the connection ended without a Close");

    /// <summary>
    /// Serves a listener until it is refused or has gone, or, where its connection was taken over, until it was
    /// answered. A listener waits for hours, and its request would be most of what it costs; so the request ends and
    /// the connection stays.
    /// </summary>
    public async Task Serve(RelayRequest request)
    {
        if (await state.Admit(request, ClientRole.Listener) is not { } grant)
            return;
        var listener = new Listener(
            $"{ListenerNameOf(request)}_G{state.NextListenerNumber()}",
            grant,
            request,
            state.Clock.GetUtcNow(),
            state.Clock.GetTimestamp()
        );
        if (Register(listener) is { } refusal)
        {
            await Refuse(request, listener, refusal);
            return;
        }

        var staying = ServeUntilClosed(listener, await Upgrade(request, listener), request.TrackingId);
        if (!WebSocketHandshake.DetachesConnection(request.Context))
            await staying;
    }

    private HttpRefusal? Register(Listener listener) =>
        listener.Grant switch
        {
            { Service.Length: > 0 } grant => new(
                400,
                $"Listeners listen at the connection's own path, which is {grant.Connection.Path}"
            ),
            _ when !state.Listeners.TryAdd(listener) => new(
                403,
                $"QuotaExceeded: the hybrid connection has {state.Options.ListenersPerConnection} listeners already"
            ),
            _ => null,
        };

    private async Task Refuse(RelayRequest request, Listener listener, HttpRefusal refusal)
    {
        try
        {
            await state.Refuse(request, listener.Grant, refusal);
        }
        finally
        {
            listener.Dispose();
            state.Grants.Remove(listener.Grant);
        }
    }

    private async Task<SessionPeer> Upgrade(RelayRequest request, Listener listener)
    {
        try
        {
            state.Throttle.Reset(request.Source.Address, listener.Grant.Connection.Path);
            state.Audit.Write(
                RelayState.CreateEvent(RelayEventKind.ListenerConnected, listener.Grant, request.TrackingId) with
                {
                    Status = 101,
                }
            );
            return await WebSocketHandshake.Upgrade(request.Context);
        }
        catch
        {
            Unregister(listener, request.TrackingId, ConnectionLost);
            throw;
        }
    }

    /// <summary>
    /// Serves a listener until it disconnects. It has no reference to the request, which would be held as long; and it
    /// catches everything, as nobody may be waiting for it.
    /// </summary>
    private async Task ServeUntilClosed(Listener listener, SessionPeer peer, string tracking)
    {
        var closeStatus = ConnectionLost;
        try
        {
            using var channel = new WebSocketChannel(peer, state.Clock);
            listener.SetChannel(channel);
            closeStatus = await ReadMessages(listener, channel);
        }
        catch (Exception e)
        {
            Failed(state.Log, listener.Grant.Connection.Path, listener.Id, e);
        }
        finally
        {
            Unregister(listener, tracking, closeStatus);
        }
    }

    private void Unregister(Listener listener, string tracking, CloseStatus closeStatus)
    {
        state.Listeners.Remove(listener);
        listener.Disconnect();
        state.Audit.Write(
            RelayState.CreateEvent(RelayEventKind.ListenerGone, listener.Grant, tracking) with
            {
                Status = closeStatus.Code,
                Reason = ReasonPhrase.Sanitize(closeStatus.Reason),
                Duration = state.Clock.GetElapsedTime(listener.StartTimestamp),
            }
        );
        listener.Dispose();
        state.Grants.Remove(listener.Grant);
    }

    /// <summary>Reads until the listener goes or has to go, and closes as RFC 6455 §7 asks.</summary>
    private async Task<CloseStatus> ReadMessages(Listener listener, WebSocketChannel channel)
    {
        using var deadline = new CancellationTokenSource(Timeout.InfiniteTimeSpan, state.Clock);
        // The wait for a message isn't cancelled when the listener has to go: the Close is written beside it, and its
        // answer read here.
        using var cut = listener.Grant.Revoked.Register(() =>
            _ = SendClose(listener.Grant.CloseStatus!, channel, deadline)
        );
        try
        {
            while (true)
            {
                var (kind, bytes) = await channel.ReadMessage(ControlMessage.MaxReceivedSize, deadline.Token);
                if (kind == Opcode.Close)
                    break;
                if (
                    kind == Opcode.Text
                    && await HandleMessage(listener, channel, bytes, deadline.Token) is { } closeStatus
                )
                    listener.Grant.Revoke(closeStatus);
            }

            return await AnswerClose(listener, channel, deadline);
        }
        catch (ProtocolViolationException e)
        {
            return await CloseForViolation(listener, channel, new(e.Code, e.Message), deadline);
        }
        catch (Exception e) when (e.IsConnectionError())
        {
            channel.Abort();
            return listener.Grant.CloseStatus ?? channel.ReceivedClose ?? ConnectionLost;
        }
    }

    private async Task<CloseStatus> AnswerClose(
        Listener listener,
        WebSocketChannel channel,
        CancellationTokenSource deadline
    )
    {
        listener.Disconnect();
        deadline.CancelAfter(state.Options.CloseTimeout);
        await channel.Close(channel.ReceivedClose ?? new(1000, ""), deadline.Token);
        await channel.Shutdown(deadline.Token);
        return listener.Grant.CloseStatus ?? channel.ReceivedClose ?? new(1000, "");
    }

    private async Task<CloseStatus> CloseForViolation(
        Listener listener,
        WebSocketChannel channel,
        CloseStatus closeStatus,
        CancellationTokenSource deadline
    )
    {
        listener.Disconnect();
        await SendClose(closeStatus, channel, deadline);
        await Task.WhenAny(channel.Shutdown(deadline.Token));
        return closeStatus;
    }

    private async Task SendClose(CloseStatus closeStatus, WebSocketChannel channel, CancellationTokenSource deadline)
    {
        try
        {
            deadline.CancelAfter(state.Options.CloseTimeout);
            await channel.Close(closeStatus, deadline.Token);
        }
        catch (Exception e) when (e.IsConnectionError())
        {
            channel.Abort();
        }
    }

    /// <summary>Handles a message; returns the close status if the listener ends because of it.</summary>
    private async Task<CloseStatus?> HandleMessage(
        Listener listener,
        WebSocketChannel channel,
        byte[] text,
        CancellationToken cancel
    )
    {
        _ = ControlMessage.TryRead(text, out var message, out var fault);
        if (fault is not null && listener.ShouldLogFault(state.Clock, out var count))
            Unreadable(state.Log, listener.Grant.Connection.Path, listener.Id, fault, count);
        switch (message)
        {
            case RenewTokenMessage renew:
                return state.Authorizer.RenewToken(renew.Token, listener.Grant) is { } refused
                    ? new(1008, refused)
                    : null;
            case ResponseMessage response:
                var (kind, body) = response.HasBody
                    ? await channel.ReadMessage(ControlMessage.MaxReceivedSize, cancel)
                    : (Opcode.Binary, []);
                if (kind != Opcode.Close)
                    listener.CompleteExchange(response, body);
                return null;
            default:
                return null;
        }
    }

    /// <summary>
    /// What the listener calls itself, without the number that some relay put behind it; a name of ours where it
    /// doesn't.
    /// </summary>
    private static string ListenerNameOf(RelayRequest request)
    {
        var id = request.Query.Id ?? "";
        var end = id.IndexOf('_', StringComparison.Ordinal);
        var name = end < 0 ? id : id[..end];
        return name.Length is > 0 and <= 128 && HeaderFilter.IsToken(name) ? name : Guid.NewGuid().ToString();
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Connection}: listener {Listener} sent what can't be read ({Count} since the last such line): {Fault}"
    )]
    private static partial void Unreadable(ILogger log, string connection, string listener, string fault, int count);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "{Connection}: listener {Listener} was dropped by a fault of the relay"
    )]
    private static partial void Failed(ILogger log, string connection, string listener, Exception error);
}
