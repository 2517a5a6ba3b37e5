using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Weft.Relay.Hosting;

/// <summary>Where senders of HTTP requests come in: any path outside <c>/$hc/</c>.</summary>
internal sealed class RequestDoor(RelayState state)
{
    /// <summary>Serves a request.</summary>
    public async Task Serve(Caller caller)
    {
        Pass? pass = null;
        var context = caller.Context;
        var refusal = Handshake.IsWebSocket(context.Request) ? new(400, "WebSockets are to be found under /$hc/") : state.Gate.Enter(caller, RelayRole.Sender, out pass);
        if (refusal is not null)
        {
            await state.Refuse(caller, RelayRole.Sender, refusal);
            return;
        }

        state.Passes.Add(pass!);
        try
        {
            refusal = FieldRules.Size(context.Request) > state.Options.HeaderBytes ? Refusal.HeadersTooLarge : state.Pending.Enter(pass!);
            if (refusal is null)
                await Relay(caller, pass!);
            else
                await state.Refuse(caller, pass!, refusal);
        }
        finally
        {
            state.Passes.Remove(pass!);
        }
    }

    private async Task Relay(Caller caller, Pass pass)
    {
        var began = state.Clock.GetTimestamp();
        var relayed = new RelayedRequest(state, caller, pass);
        try
        {
            // What is streamed through needs no bound on its length; the server's bound on slowness stays.
            if (caller.Context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
                limit.MaxRequestBodySize = null;
            if (await relayed.Run() is { } refusal)
                await Fail(caller, pass, refusal);
        }
        catch (BadHttpRequestException e)
        {
            await Fail(caller, pass, new(e.StatusCode, "The request's body can't be read"));
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            await Fail(caller, pass, Refusal.ListenerLost);
        }
        finally
        {
            state.Pending.Leave(pass);
            state.Audit.Write(RelayState.Event(RelayEventKind.RequestEnded, pass, caller.Tracking) with
            {
                Status = caller.Context.Response.StatusCode, BytesUp = relayed.BytesUp, BytesDown = relayed.BytesDown, Duration = state.Clock.GetElapsedTime(began),
            });
        }
    }

    /// <summary>Refuses, or where the response has begun, ends the connection: a response that is cut must not look whole.</summary>
    private async Task Fail(Caller caller, Pass pass, Refusal refusal)
    {
        if (caller.Context.Response.HasStarted)
            caller.Context.Abort();
        else
            await state.Refuse(caller, pass, refusal);
    }
}
