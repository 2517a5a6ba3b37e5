using System.Buffers;
using Microsoft.AspNetCore.Http;
using Weft.Relay.Frames;
using Weft.Relay.Protocol;
using Weft.Relay.Server.Authorization;
using Weft.Relay.Server.Http;
using Weft.Relay.Server.Sessions;

namespace Weft.Relay.Server.Endpoints;

/// <summary>
/// A request and its response over a WebSocket of their own: both bodies are passed on as they come, and no faster than
/// they are taken.
/// </summary>
internal sealed class RendezvousExchange : IDisposable
{
    private const int BufferSize = 64 * 1024;

    private readonly RelayState _state;
    private readonly HttpContext _context;
    private readonly Grant _grant;
    private readonly ListenerArrival _arrival;
    private readonly WebSocketChannel _channel;
    private readonly Func<ResponseMessage, bool> _writeHead;
    private readonly CancellationTokenSource _idle;
    private readonly CancellationTokenSource _over;

    public RendezvousExchange(
        RelayState state,
        RelayRequest request,
        Grant grant,
        ListenerArrival arrival,
        WebSocketChannel channel,
        Func<ResponseMessage, bool> writeHead
    )
    {
        (_state, _context, _grant, _arrival, _channel, _writeHead) = (
            state,
            request.Context,
            grant,
            arrival,
            channel,
            writeHead
        );
        _idle = new(state.Options.ResponseTimeout, state.Clock);
        _over = CancellationTokenSource.CreateLinkedTokenSource(
            _idle.Token,
            grant.Revoked,
            arrival.Grant.Revoked,
            _context.RequestAborted
        );
    }

    public long BytesUp { get; private set; }

    public long BytesDown { get; private set; }

    /// <summary>Passes on what there is.</summary>
    /// <param name="head">The request's head; null where the listener has the request already and comes with its
    /// response.</param>
    /// <returns>Why it couldn't; null where it could.</returns>
    public async Task<HttpRefusal?> Run(byte[]? head)
    {
        var sending = head is null ? Task.CompletedTask : SendRequest(head);
        try
        {
            var refusal = await ReceiveResponse();
            await CloseChannel(new(1000, ""));
            return refusal;
        }
        catch (Exception e) when (e.IsConnectionError())
        {
            var (closeStatus, refusal) = DescribeFailure();
            await CloseChannel(closeStatus);
            if (!_context.Response.HasStarted)
                return refusal;
            _context.Abort();
            return null;
        }
        finally
        {
            await _over.CancelAsync();
            await sending;
        }
    }

    public void Dispose()
    {
        _over.Dispose();
        _idle.Dispose();
    }

    private (CloseStatus, HttpRefusal) DescribeFailure()
    {
        if (_context.RequestAborted.IsCancellationRequested)
            return (new(1001, "the sender went away"), Matchmaker.SenderLeft);
        if ((_grant.CloseStatus ?? _arrival.Grant.CloseStatus) is { } closeStatus)
            return (closeStatus, new(_grant.Key is null ? 401 : 403, closeStatus.Reason));
        return _idle.IsCancellationRequested
            ? (new(1008, "nothing came for too long"), HttpRefusal.ListenerTimeout)
            : (new(1011, "the exchange broke"), HttpRefusal.ListenerLost);
    }

    private async Task SendRequest(byte[] head)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            await _channel.WriteMessage(head, null, _over.Token);
            var (isFirst, isLast) = (true, false);
            while (!isLast)
            {
                var count = await _context.Request.Body.ReadAsync(buffer, _over.Token);
                // The last piece ends the message where its length tells that it is the last; otherwise an empty frame
                // does.
                isLast = count == 0 || BytesUp + count == _context.Request.ContentLength;
                await _channel.Write(Opcode.Binary, buffer.AsMemory(0, count), isFirst, isLast, _over.Token);
                BytesUp += count;
                isFirst = false;
                _idle.CancelAfter(_state.Options.ResponseTimeout);
            }
        }
        catch (Exception e) when (e.IsConnectionError())
        {
            // The listener may have answered without reading all of it. If it hasn't, the wait for its response fails.
            if (!_over.IsCancellationRequested)
                _idle.CancelAfter(_state.Options.CloseTimeout);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task<HttpRefusal?> ReceiveResponse()
    {
        var (kind, text) = await _channel.ReadMessage(ControlMessage.MaxReceivedSize, _over.Token);
        if (
            kind != Opcode.Text
            || !ControlMessage.TryRead(text, out var message, out _)
            || message is not ResponseMessage response
        )
            return HttpRefusal.ListenerLost;
        if (!_writeHead(response))
            return HttpRefusal.NoFinalStatus;
        if (response.HasBody && RequestForwarder.HasBody(_context))
            await CopyResponseBody();
        else if (RequestForwarder.HasBody(_context))
            _context.Response.ContentLength = 0;
        await _context.Response.CompleteAsync();
        return null;
    }

    private async Task CopyResponseBody()
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            // The head goes at once: a response that is streamed may say nothing more for a while.
            await _context.Response.Body.FlushAsync(_over.Token);
            MessageChunk chunk;
            do
            {
                _idle.CancelAfter(_state.Options.ResponseTimeout);
                chunk = await _channel.Read(buffer, _over.Token);
                if (chunk.Kind == Opcode.Close)
                    throw new IOException("the listener closed before its response ended");
                if (chunk.Count == 0)
                    continue;
                await _context.Response.Body.WriteAsync(buffer.AsMemory(0, chunk.Count), _over.Token);
                BytesDown += chunk.Count;
            } while (!chunk.IsLast);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>
    /// Closes from this side: there are listeners that never do. The answer is waited for, then the connection ends
    /// anyway.
    /// </summary>
    private async Task CloseChannel(CloseStatus closeStatus)
    {
        using var deadline = new CancellationTokenSource(_state.Options.CloseTimeout, _state.Clock);
        try
        {
            await _channel.Close(closeStatus, deadline.Token);
            // A cancelled read may leave the channel in the middle of a frame: nothing can be read after it.
            if (_over.IsCancellationRequested)
                return;
            var rest = new byte[512];
            while ((await _channel.Read(rest, deadline.Token)).Kind != Opcode.Close) { }

            await _channel.Shutdown(deadline.Token);
        }
        catch (Exception e) when (e.IsConnectionError())
        {
            _channel.Abort();
        }
    }
}
