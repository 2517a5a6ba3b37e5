using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Weft.Relay.Frames;
using Weft.Relay.Server.Authorization;
using Weft.Relay.Server.Http;
using Weft.Relay.Server.Sessions;

namespace Weft.Relay.Server.Endpoints;

/// <summary>The endpoint for senders of HTTP requests: any path outside <c>/$hc/</c>.</summary>
internal sealed class RequestEndpoint(RelayState state)
{
    /// <summary>Serves a request.</summary>
    public async Task Serve(RelayRequest request)
    {
        Grant? grant = null;
        var context = request.Context;
        var refusal = WebSocketHandshake.IsWebSocket(context.Request)
            ? new(400, "WebSockets are to be found under /$hc/")
            : state.Authorizer.Authorize(request, ClientRole.Sender, out grant);
        if (refusal is not null)
        {
            await state.Refuse(request, ClientRole.Sender, refusal);
            return;
        }

        state.Grants.Add(grant!);
        try
        {
            refusal =
                HeaderFilter.SizeOf(context.Request) > state.Options.HeaderBytes
                    ? HttpRefusal.HeadersTooLarge
                    : state.Pending.Acquire(grant!);
            if (refusal is null)
                await Forward(request, grant!);
            else
                await state.Refuse(request, grant!, refusal);
        }
        finally
        {
            state.Grants.Remove(grant!);
        }
    }

    private async Task Forward(RelayRequest request, Grant grant)
    {
        var began = state.Clock.GetTimestamp();
        var forwarder = new RequestForwarder(state, request, grant);
        try
        {
            // What is streamed through needs no bound on its length; the server's bound on slowness stays.
            if (request.Context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
                limit.MaxRequestBodySize = null;
            if (await forwarder.Forward() is { } refusal)
                await Fail(request, grant, refusal);
        }
        catch (BadHttpRequestException e)
        {
            await Fail(request, grant, new(e.StatusCode, "The request's body can't be read"));
        }
        catch (Exception e) when (e.IsConnectionError())
        {
            await Fail(request, grant, HttpRefusal.ListenerLost);
        }
        finally
        {
            state.Pending.Release(grant);
            state.Audit.Write(
                RelayState.CreateEvent(RelayEventKind.RequestEnded, grant, request.TrackingId) with
                {
                    Status = request.Context.Response.StatusCode,
                    BytesUp = forwarder.BytesUp,
                    BytesDown = forwarder.BytesDown,
                    Duration = state.Clock.GetElapsedTime(began),
                }
            );
        }
    }

    /// <summary>
    /// Refuses, or where the response has begun, ends the connection: a response that is cut must not look whole.
    /// </summary>
    private async Task Fail(RelayRequest request, Grant grant, HttpRefusal refusal)
    {
        if (request.Context.Response.HasStarted)
            request.Context.Abort();
        else
            await state.Refuse(request, grant, refusal);
    }
}
