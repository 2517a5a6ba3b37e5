using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Weft.Relay.Protocol;
using Weft.Relay.Server.Authorization;
using Weft.Relay.Server.Http;
using Weft.Relay.Server.Sessions;

namespace Weft.Relay.Server.Endpoints;

/// <summary>
/// An HTTP request on its way to a listener and back: on the control channel where it is small, by a rendezvous where
/// it isn't.
/// </summary>
internal sealed class RequestForwarder(RelayState state, RelayRequest caller, Grant grant)
{
    private readonly HttpContext _context = caller.Context;
    private readonly string _hostName = state.Options.PublicAddress.Host;

    /// <summary>Bytes of the request's body that were forwarded.</summary>
    public long BytesUp { get; private set; }

    /// <summary>Bytes of the response's body that were returned.</summary>
    public long BytesDown { get; private set; }

    /// <summary>Forwards the request and the response.</summary>
    /// <returns>Why it couldn't be; null where it was.</returns>
    public async Task<HttpRefusal?> Forward()
    {
        var body = await ReadSmallBody();
        var matchmaker = new Matchmaker(state, caller, grant);
        while (matchmaker.Pick(none: 502) is var none)
        {
            if (none is not null)
                return none;
            var refusal = await TryListener(matchmaker, body);
            // A request that was delivered whole may have been carried out: another listener might do so again.
            if (refusal != HttpRefusal.ListenerLost || (matchmaker.WasDelivered && body is not null))
                return refusal;
        }

        return HttpRefusal.ListenerLost;
    }

    private async Task<HttpRefusal?> TryListener(Matchmaker matchmaker, byte[]? body)
    {
        var listener = matchmaker.Listener!;
        var exchange = new PendingExchange(Guid.NewGuid().ToString());
        var rendezvous = state.Rendezvous.Open("request", grant);
        listener.AddExchange(exchange);
        var isMet = false;
        try
        {
            var address = matchmaker.AddressOf(rendezvous);
            if (
                CreateRequestMessage(listener, address, exchange.Id, body is not { Length: 0 })
                    .Write(state.Options.ControlMessageBytes)
                is not { } head
            )
                return HttpRefusal.HeadersTooLarge;
            var message = body is null ? new RequestMessage(address, exchange.Id).Write()! : head;
            var answered = Task.WhenAny(exchange.Completion.Task, rendezvous.ListenerArrived);
            if (
                await SendToListener(matchmaker, message, body is { Length: > 0 } ? body : null, answered) is
                { } refusal
            )
                return refusal;
            BytesUp += body?.Length ?? 0;
            if (exchange.Completion.Task.IsCompletedSuccessfully)
                return await WriteResponse(exchange.Completion.Task.Result);
            isMet = true;
            return await ExchangeByRendezvous(await rendezvous.ListenerArrived, body is null ? head : null);
        }
        finally
        {
            listener.RemoveExchange(exchange);
            if (!isMet)
                await matchmaker.CancelRendezvous(rendezvous);
        }
    }

    private async Task<HttpRefusal?> SendToListener(Matchmaker matchmaker, byte[] message, byte[]? body, Task answered)
    {
        using var deadline = new CancellationTokenSource(state.Options.ResponseTimeout, state.Clock);
        try
        {
            if (!await matchmaker.Deliver(message, body, deadline.Token))
                return HttpRefusal.ListenerLost;
        }
        catch (OperationCanceledException)
        {
            return HttpRefusal.ListenerTimeout;
        }

        state.CountRequest();
        return await matchmaker.WaitFor(answered, deadline.Token);
    }

    private async Task<HttpRefusal?> ExchangeByRendezvous(ListenerArrival arrival, byte[]? head)
    {
        try
        {
            using var channel = new WebSocketChannel(
                await WebSocketHandshake.Upgrade(arrival.Request.Context),
                state.Clock
            );
            using var exchange = new RendezvousExchange(state, caller, grant, arrival, channel, WriteHead);
            var refusal = await exchange.Run(head);
            (BytesUp, BytesDown) = (BytesUp + exchange.BytesUp, BytesDown + exchange.BytesDown);
            return refusal;
        }
        finally
        {
            arrival.Release();
        }
    }

    private async Task<HttpRefusal?> WriteResponse(ControlResponse response)
    {
        if (!WriteHead(response.Message))
            return HttpRefusal.NoFinalStatus;
        if (!HasBody(_context))
            return null;
        _context.Response.ContentLength = response.Body.Length;
        await _context.Response.Body.WriteAsync(response.Body, _context.RequestAborted);
        BytesDown += response.Body.Length;
        return null;
    }

    /// <summary>Whether the response may have a body (RFC 9110 §6.4.1; 205: §15.3.6).</summary>
    public static bool HasBody(HttpContext context) =>
        !HttpMethods.IsHead(context.Request.Method) && context.Response.StatusCode is not (204 or 205 or 304);

    private bool WriteHead(ResponseMessage message)
    {
        if (message.StatusCode == ResponseMessage.NoStatus)
            return false;
        ReasonPhrase.Set(_context.Response, message.StatusCode, message.StatusDescription);
        foreach (
            var field in HeaderFilter.ForResponse(message.ResponseHeaders, HttpMethods.IsHead(_context.Request.Method))
        )
            _context.Response.Headers.Append(field.Name, field.Value);
        _context.Response.Headers.Append("Via", $"1.1 {_hostName}");
        return true;
    }

    private RequestMessage CreateRequestMessage(Listener listener, string address, string id, bool hasBody) =>
        new(address, id)
        {
            Method = _context.Request.Method,
            RequestTarget = caller.RequestTargetFor(listener.Target),
            RequestHeaders = HeaderFilter.ForRequest(_context.Request, grant.IsTokenFromAuthorization, _hostName),
            RemoteEndpoint = caller.Source,
            HasBody = hasBody,
        };

    /// <summary>Reads a body that goes on the control channel; null for one that doesn't, and isn't read.</summary>
    private async Task<byte[]?> ReadSmallBody()
    {
        var request = _context.Request;
        if (
            _context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false }
            || request.ContentLength == 0
        )
            return [];
        if (request.ContentLength is not { } length || length > state.Options.ControlBodyBytes)
            return null;
        var body = new byte[length];
        await request.Body.ReadExactlyAsync(body, _context.RequestAborted);
        return body;
    }
}
