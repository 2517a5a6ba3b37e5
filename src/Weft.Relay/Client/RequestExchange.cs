using System.Buffers;
using Weft.Relay.Frames;
using Weft.Relay.Protocol;

namespace Weft.Relay.Client;

/// <summary>
/// One HTTP request and its answer: small ones on the control channel, large ones each way by a rendezvous.
/// </summary>
/// <param name="channel">The control channel that it came by.</param>
internal sealed class RequestExchange(
    RequestMessage message,
    ControlChannel channel,
    RelayDialer dialer,
    Func<IncomingRequest, CancellationToken, Task<OutgoingResponse>> answer,
    TimeProvider clock
) : IAsyncDisposable
{
    /// <summary>
    /// How long a body for the control channel may take. After that it goes by a rendezvous, as the .NET client of Azure
    /// Relay does it.
    /// </summary>
    private static readonly TimeSpan GatherTimeout = TimeSpan.FromSeconds(2);

    /// <summary>How long the relay has to close the rendezvous.</summary>
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(5);

    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(ControlMessage.MaxBodySize + 1);
    private WebSocketConnection? _rendezvous;
    private Task<int>? _reading;

    /// <summary>Serves it.</summary>
    /// <param name="body">The body where it came with the request; null where there is none or it is to be
    /// fetched.</param>
    /// <returns>The status that was answered, and how long the body was.</returns>
    /// <exception cref="IOException">It couldn't be fetched or answered.</exception>
    public async Task<(int Status, long BytesOut, Exception? Fault)> Run(byte[]? body, CancellationToken cancel)
    {
        var request = message;
        Stream content = new MemoryStream(body ?? [], writable: false);
        if (message.IsByRendezvous)
        {
            request = await FetchRequest(cancel).ConfigureAwait(false);
            content = request.HasBody ? new MessageBodyStream(_rendezvous!) : content;
        }

        Exception? fault = null;
        OutgoingResponse response;
        try
        {
            response = await answer(
                    new(
                        request.Id,
                        request.Method!,
                        request.RequestTarget ?? "/",
                        request.RequestHeaders,
                        request.RemoteEndpoint,
                        content
                    ),
                    cancel
                )
                .ConfigureAwait(false);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            (fault, response) = (e, new(500) { Description = "The listener failed" });
        }

        await using var source = response.Body ?? Stream.Null;
        return (response.Status, await Respond(response, cancel).ConfigureAwait(false), fault);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // A body that still reads into the buffer keeps it.
        if (_reading is null or { IsCompleted: true })
            ArrayPool<byte>.Shared.Return(_buffer);
        if (_rendezvous is { } rendezvous)
            await rendezvous.DisposeAsync().ConfigureAwait(false);
    }

    private async Task<RequestMessage> FetchRequest(CancellationToken cancel)
    {
        await OpenRendezvous(cancel).ConfigureAwait(false);
        if (
            await _rendezvous!.ReceiveMessage(_buffer, cancel).ConfigureAwait(false)
                is { Kind: Opcode.Text, IsTooLong: false } received
            && ControlMessage.TryRead(_buffer.AsMemory(0, received.Count), out var read, out _)
            && read is RequestMessage { IsByRendezvous: false } request
        )
            return request;
        throw new IOException("The relay didn't send the request that it had announced.");
    }

    private async Task OpenRendezvous(CancellationToken cancel) =>
        (_rendezvous, _) = await dialer
            .OpenWebSocket(new(message.Address), null, [], WebSocketConnection.MaxFramePayload, cancel)
            .ConfigureAwait(false);

    private async Task<long> Respond(OutgoingResponse response, CancellationToken cancel)
    {
        var (count, isWhole) = response.Body is null
            ? (0, true)
            : await ReadSmallBody(response.Body, cancel).ConfigureAwait(false);
        var hasBody = response.Body is not null && (count > 0 || !isWhole);
        if (CreateHead(response, hasBody).Write() is not { } json)
        {
            (count, isWhole, hasBody) = (0, true, false);
            json = CreateHead(new(500) { Description = "The listener's headers are too large" }, hasBody).Write()!;
        }

        if (isWhole && _rendezvous is null)
        {
            await channel.Send(json, hasBody ? _buffer.AsMemory(0, count) : null, cancel).ConfigureAwait(false);
            return count;
        }

        if (_rendezvous is null)
            await OpenRendezvous(cancel).ConfigureAwait(false);
        await _rendezvous!.SendAsync(Opcode.Text, json, true, cancel).ConfigureAwait(false);
        var sent = hasBody ? await StreamBody(response.Body!, count, isWhole, cancel).ConfigureAwait(false) : 0;
        await CloseRendezvous(cancel).ConfigureAwait(false);
        return sent;
    }

    private ResponseMessage CreateHead(OutgoingResponse response, bool hasBody) =>
        new(message.Id, response.Status, response.Description, response.Headers, hasBody);

    /// <summary>Reads until the body ends, or is too long or too slow for the control channel.</summary>
    private async Task<(int Count, bool IsWhole)> ReadSmallBody(Stream body, CancellationToken cancel)
    {
        var count = 0;
        var start = clock.GetTimestamp();
        while (count <= ControlMessage.MaxBodySize)
        {
            _reading = body.ReadAsync(_buffer.AsMemory(count, ControlMessage.MaxBodySize + 1 - count), cancel).AsTask();
            var left = GatherTimeout - clock.GetElapsedTime(start);
            if (!_reading.IsCompleted)
                await ((Task)_reading)
                    .WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, clock, cancel)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!_reading.IsCompleted)
                return (count, false);
            var read = await _reading.ConfigureAwait(false);
            if (read == 0)
                return (count, true);
            count += read;
        }

        _reading = null;
        return (count, false);
    }

    /// <summary>Sends what was gathered, and the rest as it comes: one message in fragments.</summary>
    private async Task<long> StreamBody(Stream body, int gathered, bool isWhole, CancellationToken cancel)
    {
        long sent = gathered;
        var kind = Opcode.Binary;
        for (var at = 0; at < gathered; kind = Opcode.Continuation)
        {
            var part = Math.Min(gathered - at, WebSocketConnection.MaxFramePayload);
            await _rendezvous!.SendAsync(kind, _buffer.AsMemory(at, part), false, cancel).ConfigureAwait(false);
            at += part;
        }

        // A read that was too slow is still under way, into the memory behind what was gathered.
        var offset = _reading is null ? 0 : gathered;
        while (!isWhole)
        {
            var read = await (
                _reading ?? body.ReadAsync(_buffer.AsMemory(0, WebSocketConnection.MaxFramePayload), cancel).AsTask()
            ).ConfigureAwait(false);
            _reading = null;
            if (read == 0)
                break;
            for (var at = 0; at < read; kind = Opcode.Continuation)
            {
                var part = Math.Min(read - at, WebSocketConnection.MaxFramePayload);
                await _rendezvous!
                    .SendAsync(kind, _buffer.AsMemory(offset + at, part), false, cancel)
                    .ConfigureAwait(false);
                at += part;
            }

            (sent, offset) = (sent + read, 0);
        }

        await _rendezvous!.SendAsync(kind, ReadOnlyMemory<byte>.Empty, true, cancel).ConfigureAwait(false);
        return sent;
    }

    /// <summary>A rendezvous serves one request: the real clients never use it twice.</summary>
    private async Task CloseRendezvous(CancellationToken cancel)
    {
        await _rendezvous!.CloseAsync(1000, "", cancel).ConfigureAwait(false);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(CloseTimeout);
        try
        {
            while (await _rendezvous.ReceiveMessage(_buffer, deadline.Token).ConfigureAwait(false) is not null)
            {
                // What is left of a request that the answer didn't wait for.
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The answer has gone out; how the rendezvous ends is of no consequence.
        }
    }
}
