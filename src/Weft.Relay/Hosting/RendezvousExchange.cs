using System.Buffers;
using Microsoft.AspNetCore.Http;
using Weft.Relay.Frames;
using Weft.Relay.Wire;

namespace Weft.Relay.Hosting;

/// <summary>A request and its response over a WebSocket of their own: both bodies are passed on as they come, and no faster than they are taken.</summary>
internal sealed class RendezvousExchange : IDisposable
{
    private const int BufferSize = 64 * 1024;

    private readonly RelayState _state;
    private readonly HttpContext _context;
    private readonly Pass _pass;
    private readonly Arrival _arrival;
    private readonly WebSocketChannel _channel;
    private readonly Func<ResponseMessage, bool> _writeHead;
    private readonly CancellationTokenSource _idle;
    private readonly CancellationTokenSource _over;

    public RendezvousExchange(RelayState state, Caller caller, Pass pass, Arrival arrival, WebSocketChannel channel, Func<ResponseMessage, bool> writeHead)
    {
        (_state, _context, _pass, _arrival, _channel, _writeHead) = (state, caller.Context, pass, arrival, channel, writeHead);
        _idle = new(state.Options.ResponseTimeout, state.Clock);
        _over = CancellationTokenSource.CreateLinkedTokenSource(_idle.Token, pass.Cut, arrival.Pass.Cut, _context.RequestAborted);
    }

    public long BytesUp { get; private set; }

    public long BytesDown { get; private set; }

    /// <summary>Passes on what there is.</summary>
    /// <param name="head">The request's head; null where the listener has the request already and comes with its response.</param>
    /// <returns>Why it couldn't; null where it could.</returns>
    public async Task<Refusal?> Run(byte[]? head)
    {
        var sending = head is null ? Task.CompletedTask : Send(head);
        try
        {
            var refusal = await Receive();
            await Close(new(1000, ""));
            return refusal;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            var (ending, refusal) = Why();
            await Close(ending);
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

    private (Ending, Refusal) Why()
    {
        if (_context.RequestAborted.IsCancellationRequested)
            return (new(1001, "the sender went away"), Meeting.SenderLeft);
        if ((_pass.Ending ?? _arrival.Pass.Ending) is { } ending)
            return (ending, new(_pass.Key is null ? 401 : 403, ending.Reason));
        return _idle.IsCancellationRequested ? (new(1008, "nothing came for too long"), Refusal.TooSlow) : (new(1011, "the exchange broke"), Refusal.ListenerLost);
    }

    private async Task Send(byte[] head)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            await _channel.WriteTogether(head, null, _over.Token);
            var (isFirst, isLast) = (true, false);
            while (!isLast)
            {
                var count = await _context.Request.Body.ReadAsync(buffer, _over.Token);
                // The last piece ends the message where its length tells that it is the last; otherwise an empty frame does.
                isLast = count == 0 || BytesUp + count == _context.Request.ContentLength;
                await _channel.Write(Opcode.Binary, buffer.AsMemory(0, count), isFirst, isLast, _over.Token);
                BytesUp += count;
                isFirst = false;
                _idle.CancelAfter(_state.Options.ResponseTimeout);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // The listener may have answered without taking all of it; if it didn't, whoever waits for the response notices.
            if (!_over.IsCancellationRequested)
                _idle.CancelAfter(_state.Options.CloseTimeout);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task<Refusal?> Receive()
    {
        var (kind, text) = await _channel.ReadMessage(ControlMessage.MaxReadSize, _over.Token);
        if (kind != Opcode.Text || !ControlMessage.TryRead(text, out var message, out _) || message is not ResponseMessage response)
            return Refusal.ListenerLost;
        if (!_writeHead(response))
            return new(502, $"The listener answered with {response.StatusCode}, which is no final status");
        if (response.HasBody && RelayedRequest.HasBody(_context))
            await Copy();
        else if (RelayedRequest.HasBody(_context))
            _context.Response.ContentLength = 0;
        await _context.Response.CompleteAsync();
        return null;
    }

    private async Task Copy()
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            // The head goes at once: a response that is streamed may say nothing more for a while.
            await _context.Response.Body.FlushAsync(_over.Token);
            Piece piece;
            do
            {
                _idle.CancelAfter(_state.Options.ResponseTimeout);
                piece = await _channel.Read(buffer, _over.Token);
                if (piece.Kind == Opcode.Close)
                    throw new IOException("the listener closed before its response ended");
                if (piece.Count == 0)
                    continue;
                await _context.Response.Body.WriteAsync(buffer.AsMemory(0, piece.Count), _over.Token);
                BytesDown += piece.Count;
            }
            while (!piece.IsLast);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Closes from this side: there are listeners that never do. The answer is waited for, then the connection ends anyway.</summary>
    private async Task Close(Ending ending)
    {
        using var late = new CancellationTokenSource(_state.Options.CloseTimeout, _state.Clock);
        try
        {
            await _channel.Close(ending, late.Token);
            // A read that was given up leaves the channel in the middle of a frame; nothing can be read from there.
            if (_over.IsCancellationRequested)
                return;
            var rest = new byte[512];
            while ((await _channel.Read(rest, late.Token)).Kind != Opcode.Close)
            {
            }

            await _channel.Finish(late.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            _channel.Abort();
        }
    }
}
