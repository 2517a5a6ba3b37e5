using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Weft.Relay.Frames;

namespace Weft.Relay.Client;

/// <summary>
/// The client's end of a WebSocket (RFC 6455). Each direction ends by itself, so that a Close is a half-close. It
/// pings, and ends when nothing has come for too long while somebody waits to read: a reader that has stopped is no sign
/// of a dead relay.
/// </summary>
internal sealed class WebSocketConnection : IAsyncDisposable
{
    /// <summary>The most payload of one frame, in bytes: what the real clients' buffers hold.</summary>
    public const int MaxFramePayload = 64 * 1024;

    /// <summary>A relay pings every 30 s at the latest; three missing pings are silence.</summary>
    private static readonly TimeSpan HalfClosedSilence = TimeSpan.FromSeconds(90);

    private readonly Stream _transport;
    private readonly IDisposable _owner;
    private readonly RelayClientOptions _options;
    private readonly FrameReader _reader;
    private readonly MaskKeyGenerator _maskKeys = new();
    private readonly SemaphoreSlim _writeLock = new(1, 1);
    private readonly ITimer _heartbeat;
    private byte[]? _pendingPong;
    private bool _isCloseSent;
    private string? _abortReason;
    private volatile bool _isPinged;
    private int _activeReads;

    /// <summary>Takes a connection over.</summary>
    /// <param name="bufferSize">The size of its reading buffer, in bytes.</param>
    public WebSocketConnection(
        Stream transport,
        IDisposable owner,
        RelayClientOptions options,
        int bufferSize = MaxFramePayload
    )
    {
        (_transport, _owner, _options) = (transport, owner, options);
        _reader = new(transport, bufferSize, options.Clock, OnControlFrame);
        _heartbeat = options.Clock.CreateTimer(
            _ => OnHeartbeat(),
            null,
            options.KeepAliveInterval,
            options.KeepAliveInterval
        );
    }

    /// <summary>The code of the peer's Close: null before it came, 1005 where it had none.</summary>
    public int? CloseCode { get; private set; }

    /// <summary>The reason of the peer's Close.</summary>
    public string CloseReason { get; private set; } = "";

    /// <summary>Whether this side has ended.</summary>
    public bool IsCloseSent => Volatile.Read(ref _isCloseSent);

    /// <summary>Reads some of a message; returns a Close again and again once it came.</summary>
    /// <inheritdoc cref="FrameReader.ReadAsync"/>
    public async ValueTask<ReceivedChunk> ReceiveAsync(Memory<byte> target, CancellationToken cancel)
    {
        if (CloseCode is not null)
            return new(Opcode.Close, 0, true);
        BeginRead();
        try
        {
            return await _reader.ReadAsync(target, cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e.IsConnectionError())
        {
            throw Fail(e, cancel);
        }
        finally
        {
            EndRead();
        }
    }

    /// <summary>What is there already, without waiting and across messages.</summary>
    /// <inheritdoc cref="FrameReader.ReadBuffered"/>
    public int ReceiveBuffered(Span<byte> target)
    {
        if (CloseCode is not null || target.IsEmpty)
            return 0;
        BeginRead();
        try
        {
            return _reader.ReadBuffered(target);
        }
        finally
        {
            EndRead();
        }
    }

    /// <summary>Sends a frame.</summary>
    /// <param name="payload">Its payload, at most <see cref="MaxFramePayload"/> bytes.</param>
    /// <param name="cancel">Ends it; where some of the frame has gone out already, the connection with it.</param>
    /// <exception cref="IOException">The connection has ended, or this side of it.</exception>
    public async ValueTask SendAsync(Opcode kind, ReadOnlyMemory<byte> payload, bool isFinal, CancellationToken cancel)
    {
        await _writeLock.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            if (_isCloseSent)
                throw new IOException("This side of the connection has ended already.");
            if (kind == Opcode.Close)
                Volatile.Write(ref _isCloseSent, true);
            await WriteFrame(kind, payload, isFinal, cancel).ConfigureAwait(false);
            if (Interlocked.Exchange(ref _pendingPong, null) is { } pong)
                await WriteFrame(Opcode.Pong, pong, true, cancel).ConfigureAwait(false);
        }
        finally
        {
            _writeLock.Release();
        }

        if (Volatile.Read(ref _pendingPong) is not null)
            _ = SendPendingPong();
    }

    /// <summary>Ends this side. The other may go on.</summary>
    /// <param name="code">Why, as RFC 6455 §7.4 numbers it.</param>
    /// <param name="reason">Why, in words; cut to 120 characters.</param>
    public async ValueTask CloseAsync(int code, string reason, CancellationToken cancel)
    {
        if (IsCloseSent)
            return;
        var words = Encoding.ASCII.GetBytes(reason.Length > 120 ? reason[..120] : reason);
        var payload = new byte[2 + words.Length];
        BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)code);
        words.CopyTo(payload, 2);
        await SendAsync(Opcode.Close, payload, true, cancel).ConfigureAwait(false);
    }

    /// <summary>Ends it at once and without a word: the other end learns that this was no end of a stream.</summary>
    /// <param name="why">What readers and writers of this end are told.</param>
    public void Abort(string why)
    {
        if (Interlocked.CompareExchange(ref _abortReason, why, null) is not null)
            return;
        _heartbeat.Dispose();
        _transport.Dispose();
        _owner.Dispose();
        if (Volatile.Read(ref _activeReads) == 0)
            _reader.Dispose();
    }

    /// <summary>
    /// Lets go of the connection. What was sent is still delivered. For the other end to see an end, close it first.
    /// </summary>
    public ValueTask DisposeAsync()
    {
        Abort("The connection has been let go of.");
        return ValueTask.CompletedTask;
    }

    /// <summary>Aborts the connection because a read or a write failed.</summary>
    /// <returns>What its caller is to throw: the cancellation it asked for, or the first reason that there was.</returns>
    private Exception Fail(Exception error, CancellationToken cancel)
    {
        var earlier = _abortReason;
        Abort(error.Message);
        return error is OperationCanceledException && cancel.IsCancellationRequested
            ? error
            : new IOException(earlier ?? error.Message, error);
    }

    private void BeginRead()
    {
        Interlocked.Increment(ref _activeReads);
        if (_abortReason is { } why)
        {
            EndRead();
            throw new IOException(why);
        }
    }

    /// <summary>The reader's buffer goes back only when nobody reads into it any more.</summary>
    private void EndRead()
    {
        if (Interlocked.Decrement(ref _activeReads) == 0 && _abortReason is not null)
            _reader.Dispose();
    }

    private async ValueTask WriteFrame(
        Opcode kind,
        ReadOnlyMemory<byte> payload,
        bool isFinal,
        CancellationToken cancel
    )
    {
        if (_abortReason is { } why)
            throw new IOException(why);
        var buffer = ArrayPool<byte>.Shared.Rent(ClientFrameHeader.MaxSize + payload.Length);
        try
        {
            var key = _maskKeys.Next();
            var size = new ClientFrameHeader(kind, isFinal, payload.Length).Write(buffer, key);
            Masking.CopyMasked(payload.Span, buffer.AsSpan(size), key);
            await _transport.WriteAsync(buffer.AsMemory(0, size + payload.Length), cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e.IsConnectionError())
        {
            throw Fail(e, cancel);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void OnControlFrame(Opcode kind, ReadOnlyMemory<byte> payload)
    {
        if (kind == Opcode.Close)
        {
            if (payload.Length == 1)
                throw new IOException("The relay sent a Close with half a code.");
            CloseReason = payload.Length > 2 ? Encoding.UTF8.GetString(payload.Span[2..]) : "";
            CloseCode = payload.Length >= 2 ? BinaryPrimitives.ReadUInt16BigEndian(payload.Span) : 1005;
        }
        else if (kind == Opcode.Ping)
        {
            _isPinged = true;
            // The reader never waits for it, as sending that is held up must not hold up receiving. The latest ping is
            // the one to answer (RFC 6455 §5.5.3).
            Volatile.Write(ref _pendingPong, payload.ToArray());
            _ = SendPendingPong();
        }
    }

    /// <summary>
    /// Sends the pong that is due, if it is this one's turn; whoever has the turn sends it otherwise.
    /// </summary>
    private async Task SendPendingPong()
    {
        while (Volatile.Read(ref _pendingPong) is not null && _writeLock.Wait(0, CancellationToken.None))
        {
            try
            {
                if (Interlocked.Exchange(ref _pendingPong, null) is { } pong)
                    await WriteFrame(Opcode.Pong, pong, true, CancellationToken.None).ConfigureAwait(false);
            }
            catch (IOException)
            {
                // The reader and the writers are told of it.
            }
            finally
            {
                _writeLock.Release();
            }
        }
    }

    private void OnHeartbeat()
    {
        var since = _reader.WaitingSince;
        var dead = _options.KeepAliveInterval + _options.KeepAliveTimeout;
        // After this side's Close no ping can be sent. The relay's own pings are the sign of life then, if it is known
        // to send them.
        if (_isCloseSent)
            dead = _isPinged ? TimeSpan.FromTicks(Math.Max(dead.Ticks, HalfClosedSilence.Ticks)) : TimeSpan.MaxValue;
        if (since != 0 && _options.Clock.GetElapsedTime(since) is var silent && silent >= dead)
            Abort($"The relay has been silent for {silent.TotalSeconds:0} s.");
        else
            _ = SendPing();
    }

    /// <summary>
    /// Pings, whether or not somebody reads the answer: it tells the relay that this end lives. Where a write is under
    /// way, that tells it.
    /// </summary>
    private async Task SendPing()
    {
        if (_isCloseSent || !_writeLock.Wait(0, CancellationToken.None))
            return;
        try
        {
            await WriteFrame(Opcode.Ping, ReadOnlyMemory<byte>.Empty, true, CancellationToken.None)
                .ConfigureAwait(false);
        }
        catch (IOException)
        {
            // The reader and the writers are told of it.
        }
        finally
        {
            _writeLock.Release();
        }
    }
}
