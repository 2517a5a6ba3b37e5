using System.Buffers;
using Weft.Relay.Frames;

namespace Weft.Relay.Server.Http;

/// <summary>A piece of a message.</summary>
/// <param name="Kind">Text or binary; Close, after which nothing comes.</param>
/// <param name="Count">How many bytes were read; 0 for Close, and where a message's last frame is empty.</param>
internal readonly record struct MessageChunk(Opcode Kind, int Count, bool IsLast);

/// <summary>The other side broke RFC 6455; the code says how (§7.4.1), the message what it is closed with.</summary>
internal sealed class ProtocolViolationException(ushort code, string what) : IOException(what)
{
    /// <summary>1002: malformed; 1007: not UTF-8; 1009: too big.</summary>
    public ushort Code { get; } = code;
}

/// <summary>
/// The relay's end of a WebSocket: reads masked frames, writes unmasked ones, answers pings. It holds no buffer while
/// nothing comes, which is what a listener costs most of its life. One reader at a time; any number of writers.
/// </summary>
internal sealed class WebSocketChannel(SessionPeer peer, TimeProvider clock) : IDisposable
{
    private const int BufferSize = 4096;

    private readonly SemaphoreSlim _writeLock = new(1);
    private readonly Stream _stream = peer.Stream;
    private byte[]? _buffer;
    private int _start;
    private int _end;
    private ReadOnlyMemory<byte> _early = peer.EarlyData;
    private long _remaining;
    private bool _isFinal = true;
    private bool _isInMessage;
    private Opcode _kind;
    private uint _mask;
    private bool _isCloseSent;
    private long _lastReceived = clock.GetTimestamp();
    private long _writingSince;

    /// <summary>The Close that came; null before, and where the connection ended without one.</summary>
    public CloseStatus? ReceivedClose { get; private set; }

    /// <summary>How long nothing has come: any frame counts as life.</summary>
    public TimeSpan IdleTime => clock.GetElapsedTime(Volatile.Read(ref _lastReceived));

    /// <summary>How long a write has been waiting for the other side to read; zero where none is.</summary>
    public TimeSpan WriteStallTime =>
        Volatile.Read(ref _writingSince) is > 0 and var since ? clock.GetElapsedTime(since) : TimeSpan.Zero;

    /// <summary>Reads a piece of a message.</summary>
    /// <param name="cancel">Ends the wait, and with it the use of the channel.</param>
    /// <exception cref="IOException">The connection ended without a Close, or the other side broke the
    /// protocol.</exception>
    public async ValueTask<MessageChunk> Read(Memory<byte> into, CancellationToken cancel)
    {
        if (_remaining == 0 && !await ReadHeader(cancel))
            return new(Opcode.Close, 0, true);
        var count = (int)Math.Min(into.Length, _remaining);
        if (count > 0)
        {
            if (_start == _end)
                await FillBuffer(1, cancel);
            count = Math.Min(count, _end - _start);
            _mask = Masking.CopyMasked(_buffer.AsSpan(_start, count), into.Span, _mask);
            _start += count;
            _remaining -= count;
        }

        var isLast = _remaining == 0 && _isFinal;
        _isInMessage = !isLast;
        ReleaseBuffer();
        return new(_kind, count, isLast);
    }

    /// <summary>Reads a whole message.</summary>
    /// <param name="limit">The most bytes that it may have.</param>
    /// <param name="cancel">Ends the wait, and with it the use of the channel.</param>
    /// <returns>Kind and bytes; empty for Close.</returns>
    public async ValueTask<(Opcode Kind, byte[] Bytes)> ReadMessage(int limit, CancellationToken cancel)
    {
        var chunk = ArrayPool<byte>.Shared.Rent(0);
        try
        {
            var size = 0;
            while (true)
            {
                if (size == chunk.Length)
                    Grow(ref chunk, size, (int)Math.Min(limit + 1L, Math.Max(512, size * 2L)));
                var piece = await Read(chunk.AsMemory(size), cancel);
                size += piece.Count;
                if (size > limit)
                    throw new ProtocolViolationException(1009, $"the message has more than {limit} bytes");
                if (piece.IsLast)
                    return (piece.Kind, piece.Kind == Opcode.Close ? [] : chunk[..size]);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }

    /// <summary>Writes a piece of a message.</summary>
    /// <param name="cancel">Gives up waiting for one's turn; a write that has begun is finished.</param>
    /// <returns>Whether it was written; false after a Close.</returns>
    public Task<bool> Write(
        Opcode kind,
        ReadOnlyMemory<byte> bytes,
        bool isFirst,
        bool isLast,
        CancellationToken cancel
    ) => WriteLocked((isFirst ? kind : Opcode.Continuation, isLast, bytes), null, cancel);

    /// <summary>
    /// Writes a text message, and a binary one right behind it: real listeners take whatever comes next for the body.
    /// </summary>
    /// <param name="body">The body; null for none.</param>
    /// <param name="cancel">Gives up waiting for one's turn; a write that has begun is finished.</param>
    /// <returns>Whether it was written; false after a Close.</returns>
    public Task<bool> WriteMessage(ReadOnlyMemory<byte> text, ReadOnlyMemory<byte>? body, CancellationToken cancel) =>
        WriteLocked((Opcode.Text, true, text), body is { } bytes ? (Opcode.Binary, true, bytes) : null, cancel);

    /// <summary>Pings, unless somebody is writing: then the connection is busy anyway.</summary>
    public Task Ping() =>
        _writeLock.CurrentCount == 0
            ? Task.CompletedTask
            : WriteLocked((Opcode.Ping, true, default), null, CancellationToken.None);

    /// <summary>Sends a Close. Nothing can be written after it.</summary>
    /// <param name="closeStatus">Code and reason, which is cut to 123 bytes.</param>
    public Task<bool> Close(CloseStatus closeStatus, CancellationToken cancel)
    {
        // Codes of their own for having heard none may not be sent (RFC 6455 §7.4.1).
        var payload = closeStatus.Code is 1005 or 1006
            ? []
            : CloseCodes.WritePayload((CloseCode)closeStatus.Code, closeStatus.Reason);
        return WriteLocked((Opcode.Close, true, payload), null, cancel);
    }

    /// <summary>
    /// Ends the connection when all was said: from this side first (RFC 6455 §7.1.1), and after the other side has
    /// ended too, as an earlier end could overtake the Close.
    /// </summary>
    /// <param name="deadline">Cancelled when the other side has taken too long.</param>
    public async Task Shutdown(CancellationToken deadline)
    {
        await _writeLock.WaitAsync(deadline);
        _isCloseSent = true;
        await peer.Shutdown();
        var rest = new byte[256];
        while (await _stream.ReadAsync(rest, deadline) > 0) { }
    }

    /// <summary>Ends the connection at once, without a word.</summary>
    public void Abort() => peer.Abort();

    /// <inheritdoc/>
    public void Dispose()
    {
        _start = _end;
        ReleaseBuffer();
        peer.Dispose();
    }

    private static void Grow(ref byte[] chunk, int size, int to)
    {
        var larger = ArrayPool<byte>.Shared.Rent(to);
        chunk.AsSpan(0, size).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(chunk);
        chunk = larger;
    }

    /// <summary>Reads up to the payload of the next data frame; false where a Close came.</summary>
    private async ValueTask<bool> ReadHeader(CancellationToken cancel)
    {
        while (true)
        {
            await FillBuffer(2, cancel);
            ThrowIfFault(FrameHeader.Check(_buffer![_start], _buffer[_start + 1]));
            var size = FrameHeader.SizeOf(_buffer[_start + 1]);
            await FillBuffer(size, cancel);
            ThrowIfFault(
                FrameHeader.Read(_buffer.AsSpan(_start, size), out var header) ?? header.CheckSequence(_isInMessage)
            );
            _start += size;
            _mask = header.Mask;
            if (header.Opcode.IsControl())
            {
                if (await ReadControl(header.Opcode, (int)header.Length, cancel))
                    return false;
                continue;
            }

            (_remaining, _isFinal) = (header.Length, header.IsFinal);
            if (header.Opcode != Opcode.Continuation)
                _kind = header.Opcode;
            return true;
        }
    }

    private static void ThrowIfFault(FrameFault? fault)
    {
        if (fault is not null)
            throw new ProtocolViolationException((ushort)fault.Code, fault.Reason);
    }

    private async ValueTask<bool> ReadControl(Opcode opcode, int length, CancellationToken cancel)
    {
        if (length > 0)
            await FillBuffer(length, cancel);
        var payload = new byte[length];
        _mask = Masking.CopyMasked(_buffer.AsSpan(_start, length), payload, _mask);
        _start += length;
        if (opcode == Opcode.Ping)
            await WriteLocked((Opcode.Pong, true, payload), null, cancel);
        if (opcode != Opcode.Close)
            return false;
        ThrowIfFault(CloseCodes.Check(payload));
        ReceivedClose = CloseCodes.ReadCode(payload) is { } code
            ? new(code, CloseCodes.ReadReason(payload))
            : new(1005, "");
        return true;
    }

    /// <summary>
    /// Waits until so many bytes are there. An empty buffer is given back first, and the wait is for data alone.
    /// </summary>
    private async ValueTask FillBuffer(int need, CancellationToken cancel)
    {
        if (_end - _start >= need)
            return;
        if (_start == _end)
        {
            ReleaseBuffer();
            if (_early.IsEmpty)
                _ = await _stream.ReadAsync(Memory<byte>.Empty, cancel);
        }

        _buffer ??= ArrayPool<byte>.Shared.Rent(BufferSize);
        if (_start + need > _buffer.Length)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        while (_end - _start < need)
        {
            if (CopyEarlyData())
                continue;
            var count = await _stream.ReadAsync(_buffer.AsMemory(_end), cancel);
            if (count == 0)
                throw new IOException("the connection ended without a Close");
            _end += count;
        }

        Volatile.Write(ref _lastReceived, clock.GetTimestamp());
    }

    /// <summary>Copies what was received behind the handshake.</summary>
    private bool CopyEarlyData()
    {
        var count = Math.Min(_early.Length, _buffer!.Length - _end);
        _early[..count].CopyTo(_buffer.AsMemory(_end));
        _early = _early[count..];
        _end += count;
        return count > 0;
    }

    private void ReleaseBuffer()
    {
        if (_start != _end || _buffer is null)
            return;
        ArrayPool<byte>.Shared.Return(_buffer);
        (_buffer, _start, _end) = (null, 0, 0);
    }

    private async Task<bool> WriteLocked(
        (Opcode Opcode, bool IsLast, ReadOnlyMemory<byte> Bytes) first,
        (Opcode Opcode, bool IsLast, ReadOnlyMemory<byte> Bytes)? second,
        CancellationToken cancel
    )
    {
        await _writeLock.WaitAsync(cancel);
        try
        {
            if (_isCloseSent)
                return false;
            _isCloseSent = first.Opcode == Opcode.Close;
            Volatile.Write(ref _writingSince, clock.GetTimestamp());
            await WriteFrame(first);
            if (second is { } next)
                await WriteFrame(next);
            await _stream.FlushAsync(CancellationToken.None);
            return true;
        }
        finally
        {
            Volatile.Write(ref _writingSince, 0);
            _writeLock.Release();
        }
    }

    /// <summary>
    /// Header and payload in one write: two would be two TLS records. It isn't cancelled, as half a frame would end the
    /// channel.
    /// </summary>
    private async ValueTask WriteFrame((Opcode Opcode, bool IsLast, ReadOnlyMemory<byte> Bytes) frame)
    {
        var size = frame.Bytes.Length;
        var buffer = ArrayPool<byte>.Shared.Rent(size + 10);
        try
        {
            var header = FrameHeader.Write(buffer, frame.IsLast, frame.Opcode, size);
            frame.Bytes.CopyTo(buffer.AsMemory(header));
            await _stream.WriteAsync(buffer.AsMemory(0, header + size), CancellationToken.None);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
