using System.Buffers;
using Weft.Relay.Frames;

namespace Weft.Relay.Client;

/// <summary>What came: some of a message, or the end of the peer's side.</summary>
/// <param name="Kind"><see cref="Opcode.Text"/>, <see cref="Opcode.Binary"/> or <see cref="Opcode.Close"/>.</param>
internal readonly record struct ReceivedChunk(Opcode Kind, int Count, bool EndsMessage);

/// <summary>
/// Reads frames from a transport. Control frames are handed to whoever keeps the connection; one reader at a time.
/// </summary>
/// <param name="bufferSize">The size of the buffer, in bytes.</param>
/// <param name="onControl">Is given each control frame with its payload, which it must not keep.</param>
internal sealed class FrameReader(
    Stream transport,
    int bufferSize,
    TimeProvider clock,
    Action<Opcode, ReadOnlyMemory<byte>> onControl
) : IDisposable
{
    /// <summary>
    /// From which size on a payload is read into the caller's memory at once. Below, one read that takes several frames
    /// is cheaper, for all its copying.
    /// </summary>
    private const int DirectReadThreshold = 32 * 1024;

    private byte[]? _buffer = ArrayPool<byte>.Shared.Rent(bufferSize);
    private int _start;
    private int _end;
    private long _remaining;
    private bool _isFinal = true;
    private Opcode _messageKind;
    private long _waitingSince;

    /// <summary>Since when bytes have been waited for, as the clock's stamp; 0 while nobody waits.</summary>
    public long WaitingSince => Volatile.Read(ref _waitingSince);

    private ReadOnlyMemory<byte> Buffered => _buffer.AsMemory(_start, _end - _start);

    /// <summary>Reads some of a message.</summary>
    /// <param name="target">Where it goes; not empty.</param>
    /// <param name="cancel">Ends it, and the connection with it.</param>
    /// <returns>What came. An empty message is returned as such.</returns>
    /// <exception cref="IOException">The transport ended without a Close, or the relay broke the protocol.</exception>
    public async ValueTask<ReceivedChunk> ReadAsync(Memory<byte> target, CancellationToken cancel)
    {
        while (_remaining == 0)
        {
            ClientFrameHeader header;
            int size;
            while (!ClientFrameHeader.TryRead(Buffered.Span, out header, out size))
                await FillBuffer(cancel).ConfigureAwait(false);
            if (header.IsControl)
            {
                await ReadControlFrame(header, size, cancel).ConfigureAwait(false);
                if (header.Kind == Opcode.Close)
                    return new(Opcode.Close, 0, true);
                continue;
            }

            BeginFrame(header, size);
            if (_remaining == 0 && _isFinal)
                return new(_messageKind, 0, true);
        }

        var wanted = (int)Math.Min(_remaining, target.Length);
        if (_start == _end && wanted >= DirectReadThreshold)
            return Consume(await ReadTransport(target[..wanted], cancel).ConfigureAwait(false));
        if (_start == _end)
            await FillBuffer(cancel).ConfigureAwait(false);
        return Consume(CopyBuffered(target.Span));
    }

    /// <summary>
    /// Reads what is there already, without waiting: more of the same kind, across messages. For those to whom messages
    /// are a stream.
    /// </summary>
    public int ReadBuffered(Span<byte> target)
    {
        var total = 0;
        while (total < target.Length)
        {
            if (_remaining == 0)
            {
                if (
                    !ClientFrameHeader.TryRead(Buffered.Span, out var header, out var size)
                    || header.IsControl
                    || (header.Kind != Opcode.Continuation && header.Kind != _messageKind)
                )
                    break;
                BeginFrame(header, size);
                continue;
            }

            if (_start == _end)
                break;
            total += Consume(CopyBuffered(target[total..])).Count;
        }

        return total;
    }

    /// <summary>Gives the buffer back. Only once no read is under way.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _buffer, null) is { } buffer)
            ArrayPool<byte>.Shared.Return(buffer);
    }

    private void BeginFrame(ClientFrameHeader header, int size)
    {
        if (header.Kind == Opcode.Continuation == _isFinal)
            throw new IOException("The relay sent frames of a message in disorder.");
        if (header.Kind != Opcode.Continuation)
            _messageKind = header.Kind;
        _start += size;
        (_remaining, _isFinal) = (header.Length, header.IsFinal);
    }

    private async ValueTask ReadControlFrame(ClientFrameHeader header, int size, CancellationToken cancel)
    {
        var whole = size + (int)header.Length;
        while (Buffered.Length < whole)
            await FillBuffer(cancel).ConfigureAwait(false);
        var payload = Buffered[size..whole];
        _start += whole;
        onControl(header.Kind, payload);
    }

    private int CopyBuffered(Span<byte> target)
    {
        var count = (int)Math.Min(Math.Min(_remaining, target.Length), _end - _start);
        _buffer.AsSpan(_start, count).CopyTo(target);
        _start += count;
        return count;
    }

    private ReceivedChunk Consume(int count)
    {
        _remaining -= count;
        return new(_messageKind, count, _remaining == 0 && _isFinal);
    }

    private async ValueTask FillBuffer(CancellationToken cancel)
    {
        var buffer = _buffer ?? throw new IOException("The connection has ended.");
        if (_start > 0)
        {
            buffer.AsSpan(_start, _end - _start).CopyTo(buffer);
            (_start, _end) = (0, _end - _start);
        }

        _end += await ReadTransport(buffer.AsMemory(_end), cancel).ConfigureAwait(false);
    }

    private async ValueTask<int> ReadTransport(Memory<byte> target, CancellationToken cancel)
    {
        Volatile.Write(ref _waitingSince, clock.GetTimestamp());
        try
        {
            var count = await transport.ReadAsync(target, cancel).ConfigureAwait(false);
            return count > 0
                ? count
                : throw new IOException(
                    "The connection ended without a Close: the other end, or the way to it, has gone."
                );
        }
        finally
        {
            Volatile.Write(ref _waitingSince, 0);
        }
    }
}
