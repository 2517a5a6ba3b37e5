namespace Weft.Relay.Frames;

/// <summary>
/// One side of a session: a connection whose WebSocket handshake is done, and the one place that writes to it. Control
/// frames of the relay itself, mostly pongs, are written only where a data frame has ended.
/// </summary>
/// <param name="stream">The connection's bytes. A read into nothing must wait until there is something to read.</param>
/// <param name="early">What was received behind the handshake already.</param>
/// <param name="abort">Ends the connection at once, without a word. Called from any thread, more than once.</param>
/// <param name="shutdown">Ends the sending half when all was sent (TCP FIN); null for what can't.</param>
/// <param name="hasMore">Whether more was received than was read, which is worth reading before the next write; null
/// for unknown.</param>
internal sealed class SessionPeer(
    Stream stream,
    ReadOnlyMemory<byte> early,
    Action abort,
    Func<ValueTask>? shutdown = null,
    Func<bool>? hasMore = null
) : IDisposable
{
    private readonly SemaphoreSlim _writeLock = new(1, 1);
    private byte[]? _pendingPong;
    private byte[]? _pendingClose;
    private bool _isPingPending;
    private volatile bool _hasPending;
    private bool _isMidFrame;
    private volatile bool _isClosed;
    private int _unansweredPings;

    public Stream Stream { get; } = stream;

    public ReadOnlyMemory<byte> EarlyData { get; } = early;

    /// <summary>Whether more was received than was read.</summary>
    public bool HasMoreData => hasMore is not null && hasMore();

    /// <summary>Whether a Close was written; nothing is written after it.</summary>
    public bool IsClosed => _isClosed;

    /// <summary>Pings written since a frame came.</summary>
    public int UnansweredPings => Volatile.Read(ref _unansweredPings);

    /// <summary>Whatever comes is a sign of life.</summary>
    public void MarkAlive() => Volatile.Write(ref _unansweredPings, 0);

    /// <summary>Writes frames, or a part of them; pending frames are put in where one ends.</summary>
    /// <param name="boundary">Where the first frame ends in it that does; −1 for nowhere.</param>
    /// <param name="isClose">Whether its last frame is a Close.</param>
    public async ValueTask Write(ReadOnlyMemory<byte> bytes, int boundary, bool isMidFrame, bool isClose = false)
    {
        await _writeLock.WaitAsync().ConfigureAwait(false);
        try
        {
            var pause = _isMidFrame ? boundary : 0;
            if (_hasPending && pause >= 0 && !_isClosed)
            {
                if (pause > 0)
                    await Send(bytes[..pause]).ConfigureAwait(false);
                bytes = bytes[pause..];
                _isMidFrame = false;
                await WritePending().ConfigureAwait(false);
            }

            if (_isClosed)
                return;
            if (!bytes.IsEmpty)
                await Send(bytes).ConfigureAwait(false);
            _isMidFrame = isMidFrame;
            _isClosed = isClose;
        }
        finally
        {
            _writeLock.Release();
        }

        await FlushPending().ConfigureAwait(false);
    }

    /// <summary>
    /// Answers a ping. If several wait for their answer, the last one is answered (RFC 6455, section 5.5.3).
    /// </summary>
    public ValueTask SendPong(ReadOnlySpan<byte> payload)
    {
        Volatile.Write(ref _pendingPong, payload.ToArray());
        _hasPending = true;
        return FlushPending();
    }

    /// <summary>Sends a ping, as soon as a frame ends.</summary>
    public ValueTask SendPing()
    {
        Volatile.Write(ref _isPingPending, true);
        _hasPending = true;
        return FlushPending();
    }

    /// <summary>Closes from here, as soon as a frame ends, and ends the sending half.</summary>
    public ValueTask SendClose(CloseCode code, string reason)
    {
        Volatile.Write(ref _pendingClose, CloseCodes.WritePayload(code, reason));
        _hasPending = true;
        return FlushPending();
    }

    /// <summary>Ends the sending half.</summary>
    public async ValueTask Shutdown()
    {
        await _writeLock.WaitAsync().ConfigureAwait(false);
        try
        {
            _isClosed = true;
            if (shutdown is not null)
                await shutdown().ConfigureAwait(false);
        }
        finally
        {
            _writeLock.Release();
        }
    }

    public void Abort() => abort();

    /// <summary>Ends the connection; what was written still arrives.</summary>
    public void Dispose() => Stream.Dispose();

    /// <summary>Writes pending frames, unless somebody is writing: that writer will do it.</summary>
    private async ValueTask FlushPending()
    {
        while (_hasPending && !_isClosed && _writeLock.Wait(0))
        {
            try
            {
                if (_isMidFrame)
                    return;
                await WritePending().ConfigureAwait(false);
            }
            finally
            {
                _writeLock.Release();
            }
        }
    }

    private async ValueTask WritePending()
    {
        _hasPending = false;
        if (Interlocked.Exchange(ref _pendingClose, null) is { } close)
        {
            _isClosed = true;
            await WriteControl(Opcode.Close, close).ConfigureAwait(false);
            if (shutdown is not null)
                await shutdown().ConfigureAwait(false);
            return;
        }

        if (Interlocked.Exchange(ref _pendingPong, null) is { } pong)
            await WriteControl(Opcode.Pong, pong).ConfigureAwait(false);
        if (Interlocked.Exchange(ref _isPingPending, false))
        {
            Interlocked.Increment(ref _unansweredPings);
            await WriteControl(Opcode.Ping, []).ConfigureAwait(false);
        }
    }

    private ValueTask WriteControl(Opcode opcode, byte[] payload)
    {
        var frame = new byte[2 + payload.Length];
        FrameHeader.Write(frame, true, opcode, payload.Length);
        payload.CopyTo(frame, 2);
        return Send(frame);
    }

    private async ValueTask Send(ReadOnlyMemory<byte> bytes)
    {
        await Stream.WriteAsync(bytes).ConfigureAwait(false);
        await Stream.FlushAsync().ConfigureAwait(false);
    }
}
