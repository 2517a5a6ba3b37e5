using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Weft.Relay.Wire;

namespace Weft.Relay.Hosting;

/// <summary>An HTTP request on its way to a listener and back: on the control channel where it is small, by a rendezvous where it isn't.</summary>
internal sealed class RelayedRequest(RelayState state, Caller caller, Pass pass)
{
    private readonly HttpContext _context = caller.Context;
    private readonly string _name = state.Options.PublicAddress.Host;

    /// <summary>Bytes of the request's body that were handed on.</summary>
    public long BytesUp { get; private set; }

    /// <summary>Bytes of the response's body that were handed back.</summary>
    public long BytesDown { get; private set; }

    /// <summary>Hands the request on and the response back.</summary>
    /// <returns>Why it couldn't be; null where it was.</returns>
    public async Task<Refusal?> Run()
    {
        var body = await SmallBody();
        var meeting = new Meeting(state, caller, pass);
        while (meeting.Pick(none: 502) is var none)
        {
            if (none is not null)
                return none;
            var refusal = await Try(meeting, body);
            // What was handed over whole may have been done: asking another listener might do it twice.
            if (refusal != Refusal.ListenerLost || (meeting.WasHanded && body is not null))
                return refusal;
        }

        return Refusal.ListenerLost;
    }

    private async Task<Refusal?> Try(Meeting meeting, byte[]? body)
    {
        var listener = meeting.Listener!;
        var exchange = new Exchange(Guid.NewGuid().ToString());
        var rendezvous = state.Rendezvous.Open("request", pass);
        listener.Expect(exchange);
        var isMet = false;
        try
        {
            var address = meeting.AddressOf(rendezvous);
            if (Head(address, exchange.Id, body is not { Length: 0 }).Write(state.Options.ControlMessageBytes) is not { } head)
                return Refusal.HeadersTooLarge;
            var message = body is null ? new RequestMessage(address, exchange.Id).Write()! : head;
            using var late = new CancellationTokenSource(state.Options.ResponseTimeout, state.Clock);
            if (await Ask(meeting, message, body is { Length: > 0 } ? body : null, Task.WhenAny(exchange.Answered.Task, rendezvous.Arrived), late.Token) is { } refusal)
                return refusal;
            BytesUp += body?.Length ?? 0;
            if (exchange.Answered.Task.IsCompletedSuccessfully)
                return await Answer(exchange.Answered.Task.Result);
            isMet = true;
            return await Meet(await rendezvous.Arrived, body is null ? head : null);
        }
        finally
        {
            listener.Forget(exchange);
            if (!isMet)
                await meeting.Dismiss(rendezvous);
        }
    }

    private async Task<Refusal?> Ask(Meeting meeting, byte[] message, byte[]? body, Task answered, CancellationToken late)
    {
        try
        {
            if (!await meeting.Hand(message, body, late))
                return Refusal.ListenerLost;
        }
        catch (OperationCanceledException)
        {
            return Refusal.TooSlow;
        }

        state.CountRequest();
        return await meeting.Await(answered, late);
    }

    private async Task<Refusal?> Meet(Arrival arrival, byte[]? head)
    {
        try
        {
            using var channel = new WebSocketChannel(await Handshake.Upgrade(arrival.Caller.Context), state.Clock);
            using var exchange = new RendezvousExchange(state, caller, pass, arrival, channel, WriteHead);
            var refusal = await exchange.Run(head);
            (BytesUp, BytesDown) = (BytesUp + exchange.BytesUp, BytesDown + exchange.BytesDown);
            return refusal;
        }
        finally
        {
            arrival.Release();
        }
    }

    private async Task<Refusal?> Answer(ControlResponse response)
    {
        if (!WriteHead(response.Message))
            return new(502, $"The listener answered with {response.Message.StatusCode}, which is no final status");
        if (!HasBody(_context))
            return null;
        _context.Response.ContentLength = response.Body.Length;
        await _context.Response.Body.WriteAsync(response.Body, _context.RequestAborted);
        BytesDown += response.Body.Length;
        return null;
    }

    /// <summary>Whether the response may have a body (RFC 9110 §6.4.1; 205: §15.3.6).</summary>
    public static bool HasBody(HttpContext context) => !HttpMethods.IsHead(context.Request.Method) && context.Response.StatusCode is not (204 or 205 or 304);

    private bool WriteHead(ResponseMessage message)
    {
        if (message.StatusCode < 200)
            return false;
        ReasonPhrase.Set(_context.Response, message.StatusCode, message.StatusDescription);
        foreach (var field in FieldRules.OfResponse(message.ResponseHeaders, HttpMethods.IsHead(_context.Request.Method)))
            _context.Response.Headers.Append(field.Name, field.Value);
        _context.Response.Headers.Append("Via", $"1.1 {_name}");
        return true;
    }

    private RequestMessage Head(string address, string id, bool hasBody) => new(address, id)
    {
        Method = _context.Request.Method,
        RequestTarget = caller.RawPath + caller.Query.UserQuery,
        RequestHeaders = FieldRules.OfRequest(_context.Request, pass.IsTokenFromAuthorization, _name),
        RemoteEndpoint = caller.Source,
        HasBody = hasBody,
    };

    /// <summary>Reads a body that goes on the control channel; null for one that doesn't, and isn't read.</summary>
    private async Task<byte[]?> SmallBody()
    {
        var request = _context.Request;
        if (_context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false } || request.ContentLength == 0)
            return [];
        if (request.ContentLength is not { } length || length > state.Options.ControlBodyBytes)
            return null;
        var body = new byte[length];
        await request.Body.ReadExactlyAsync(body, _context.RequestAborted);
        return body;
    }
}
