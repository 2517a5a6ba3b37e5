using System.Buffers;

namespace Weft.Relay.Frames;

/// <summary>
/// Pumps frames from one peer to the other. It holds a buffer while bytes flow and none while it waits.
/// </summary>
internal sealed class FramePump(SessionPeer source, SessionPeer destination)
{
    /// <summary>
    /// A size of the pool's own, so that nothing is rounded up. Half of it costs a sixth more processor time.
    /// </summary>
    private const int BufferSize = 128 * 1024;

    /// <summary>
    /// What TLS adds to a buffer's worth of records, so that one of them full still fits the buffer that gathers them
    /// for a single write.
    /// </summary>
    private const int TlsRecordOverhead = 1024;

    /// <summary>Less room than this isn't worth another read.</summary>
    private const int MinReadSpace = 4 * 1024;

    /// <summary>
    /// After this many reads that didn't wait, a megabyte, the pump yields its thread, which may be the one that
    /// receives the events of all sockets.
    /// </summary>
    private const int MaxConsecutiveReads = 8;

    private readonly FrameTranslator _translator = new();
    private long _payloadBytes;
    private int _readCount;
    private volatile bool _isWriting;

    public SessionPeer Source { get; } = source;

    public SessionPeer Destination { get; } = destination;

    /// <summary>Payload bytes that were passed on.</summary>
    public long PayloadBytes => Volatile.Read(ref _payloadBytes);

    /// <summary>How often something was received: to see whether it is more than the last time.</summary>
    public int ReadCount => Volatile.Read(ref _readCount);

    /// <summary>
    /// Whether the pump waits for the receiver. It doesn't read from the sender meanwhile, so the sender can't be
    /// called silent.
    /// </summary>
    public bool IsWriting => _isWriting;

    /// <summary>Whether the sender has closed.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>The code that the sender has closed with; null for none.</summary>
    public ushort? CloseCode { get; private set; }

    /// <summary>What the sender did wrong, once it did.</summary>
    public FrameFault? Fault => _translator.Fault;

    /// <summary>
    /// Passes frames on, until a Close was passed on, the sender's connection ends, or the sender does something wrong.
    /// </summary>
    public async Task<PumpResult> Run()
    {
        if (!Source.EarlyData.IsEmpty && await ForwardEarlyData().ConfigureAwait(false) is { } earlyEnd)
            return earlyEnd;
        byte[]? buffer = null;
        try
        {
            ValueTask<int>? begun = null;
            var inARow = 0;
            while (true)
            {
                var waiting = begun ?? Source.Stream.ReadAsync(Memory<byte>.Empty);
                begun = null;
                if (!waiting.IsCompleted && buffer is not null)
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = null;
                }

                inARow = waiting.IsCompleted ? inARow + 1 : 0;
                await waiting.ConfigureAwait(false);
                if (inARow == MaxConsecutiveReads)
                {
                    inARow = 0;
                    await Task.Yield();
                }

                buffer ??= ArrayPool<byte>.Shared.Rent(BufferSize);
                var room = buffer.AsMemory(
                    FrameTranslator.Headroom,
                    BufferSize - FrameTranslator.Headroom - TlsRecordOverhead
                );
                var count = await Source.Stream.ReadAsync(room).ConfigureAwait(false);
                var last = count;
                // Records of TLS come one by one, and one write of several costs less than several of one.
                while (last > 0 && Source.HasMoreData && room.Length - count >= MinReadSpace)
                {
                    var more = Source.Stream.ReadAsync(Memory<byte>.Empty);
                    if (!more.IsCompleted)
                    {
                        begun = more;
                        break;
                    }

                    await more.ConfigureAwait(false);
                    last = await Source.Stream.ReadAsync(room[count..]).ConfigureAwait(false);
                    count += last;
                }

                if (count > 0 && await Forward(buffer, count).ConfigureAwait(false) is { } end)
                    return end;
                if (last == 0)
                    return PumpResult.Disconnected;
            }
        }
        finally
        {
            if (buffer is not null)
                ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Reads on until the connection ends; whatever comes after a Close is ignored.</summary>
    public async Task Drain()
    {
        var buffer = ArrayPool<byte>.Shared.Rent(4096);
        try
        {
            int count;
            do
            {
                await Source.Stream.ReadAsync(Memory<byte>.Empty).ConfigureAwait(false);
                count = await Source.Stream.ReadAsync(buffer).ConfigureAwait(false);
            } while (count > 0);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Passes on what was received behind the handshake.</summary>
    private async ValueTask<PumpResult?> ForwardEarlyData()
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            for (var early = Source.EarlyData; !early.IsEmpty; )
            {
                var count = Math.Min(early.Length, BufferSize - FrameTranslator.Headroom);
                early[..count].CopyTo(buffer.AsMemory(FrameTranslator.Headroom));
                early = early[count..];
                if (await Forward(buffer, count).ConfigureAwait(false) is { } end)
                    return end;
            }

            return null;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async ValueTask<PumpResult?> Forward(byte[] buffer, int count)
    {
        Volatile.Write(ref _readCount, _readCount + 1);
        Source.MarkAlive();
        var cursor = new FrameCursor(FrameTranslator.Headroom, FrameTranslator.Headroom + count);
        while (true)
        {
            switch (_translator.TranslateNext(buffer, ref cursor))
            {
                case TranslationResult.Ping:
                    ObserveFault(Source.SendPong(_translator.Control));
                    break;
                case TranslationResult.Pong:
                    break;
                case TranslationResult.Close:
                    CloseCode = CloseCodes.ReadCode(_translator.Control);
                    cursor.Written += FrameHeader.Write(
                        buffer.AsSpan(cursor.Written),
                        true,
                        Opcode.Close,
                        _translator.Control.Length
                    );
                    _translator.Control.CopyTo(buffer.AsSpan(cursor.Written));
                    cursor.Written += _translator.Control.Length;
                    await Write(buffer, cursor, true).ConfigureAwait(false);
                    IsClosed = true;
                    return PumpResult.Closed;
                case TranslationResult.Fault:
                    return PumpResult.Fault;
                default:
                    if (cursor.Written > 0)
                        await Write(buffer, cursor, false).ConfigureAwait(false);
                    return null;
            }
        }
    }

    private async ValueTask Write(byte[] buffer, FrameCursor cursor, bool isClose)
    {
        _isWriting = true;
        await Destination
            .Write(buffer.AsMemory(0, cursor.Written), cursor.Boundary, _translator.IsMidFrame, isClose)
            .ConfigureAwait(false);
        _isWriting = false;
        Volatile.Write(ref _payloadBytes, _payloadBytes + cursor.PayloadBytes);
    }

    /// <summary>
    /// A pong that can't be written now must not hold up the data of the pinging side. If its connection is broken,
    /// the next read fails.
    /// </summary>
    private static void ObserveFault(ValueTask pong)
    {
        if (!pong.IsCompletedSuccessfully)
            _ = pong.AsTask().ContinueWith(static t => _ = t.Exception, TaskScheduler.Default);
    }
}

/// <summary>How a pump ended.</summary>
internal enum PumpResult
{
    /// <summary>The sender closed, and the receiver was told.</summary>
    Closed,

    /// <summary>The sender's connection ended without a Close.</summary>
    Disconnected,

    /// <summary>The sender broke the protocol.</summary>
    Fault,
}
