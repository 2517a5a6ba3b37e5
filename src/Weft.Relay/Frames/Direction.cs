using System.Buffers;

namespace Weft.Relay.Frames;

/// <summary>The way from one hop to the other. It holds a buffer while bytes flow and none while it waits.</summary>
internal sealed class Direction(Hop from, Hop to)
{
    /// <summary>What the pool has, so that nothing is rounded up. Half of it costs a sixth more of the processor.</summary>
    private const int BufferSize = 128 * 1024;

    /// <summary>What TLS adds to a buffer's worth of records, so that one of them full still fits the buffer that gathers them for a single write.</summary>
    private const int RecordRoom = 1024;

    /// <summary>Less room than this isn't worth another read.</summary>
    private const int SmallestRoom = 4 * 1024;

    /// <summary>So many reads that didn't have to wait, a megabyte, and others get the thread: it may be the one that hears of all of their sockets.</summary>
    private const int ReadsInARow = 8;

    private readonly FrameTranslator _translator = new();
    private long _payload;
    private int _reads;
    private volatile bool _isWriting;

    public Hop From { get; } = from;

    public Hop To { get; } = to;

    /// <summary>Payload bytes that were passed on.</summary>
    public long Payload => Volatile.Read(ref _payload);

    /// <summary>How often something was received: to see whether it is more than the last time.</summary>
    public int Reads => Volatile.Read(ref _reads);

    /// <summary>Whether the receiver is being waited for. Its sender isn't read from meanwhile, so that it can't be called silent.</summary>
    public bool IsWriting => _isWriting;

    /// <summary>Whether the sender has closed.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>The code that the sender has closed with; null for none.</summary>
    public ushort? CloseCode { get; private set; }

    /// <summary>What the sender did wrong, once it did.</summary>
    public FrameFault? Fault => _translator.Fault;

    /// <summary>Passes frames on, until a Close was passed on, the sender's connection ends, or the sender does something wrong.</summary>
    public async Task<DirectionEnd> Pump()
    {
        byte[]? buffer = null;
        try
        {
            for (var early = From.Early; !early.IsEmpty;)
            {
                buffer ??= ArrayPool<byte>.Shared.Rent(BufferSize);
                var count = Math.Min(early.Length, BufferSize - FrameTranslator.Headroom);
                early[..count].CopyTo(buffer.AsMemory(FrameTranslator.Headroom));
                early = early[count..];
                if (await Forward(buffer, count).ConfigureAwait(false) is { } end)
                    return end;
            }

            ValueTask<int>? begun = null;
            var inARow = 0;
            while (true)
            {
                var waiting = begun ?? From.Stream.ReadAsync(Memory<byte>.Empty);
                begun = null;
                if (!waiting.IsCompleted && buffer is not null)
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = null;
                }

                inARow = waiting.IsCompleted ? inARow + 1 : 0;
                await waiting.ConfigureAwait(false);
                if (inARow == ReadsInARow)
                {
                    inARow = 0;
                    await Task.Yield();
                }

                buffer ??= ArrayPool<byte>.Shared.Rent(BufferSize);
                var room = buffer.AsMemory(FrameTranslator.Headroom, BufferSize - FrameTranslator.Headroom - RecordRoom);
                var count = await From.Stream.ReadAsync(room).ConfigureAwait(false);
                var last = count;
                // Records of TLS come one by one, and one write of several costs less than several of one.
                while (last > 0 && From.HasMore && room.Length - count >= SmallestRoom)
                {
                    var more = From.Stream.ReadAsync(Memory<byte>.Empty);
                    if (!more.IsCompleted)
                    {
                        begun = more;
                        break;
                    }

                    await more.ConfigureAwait(false);
                    last = await From.Stream.ReadAsync(room[count..]).ConfigureAwait(false);
                    count += last;
                }

                if (count > 0 && await Forward(buffer, count).ConfigureAwait(false) is { } end)
                    return end;
                if (last == 0)
                    return DirectionEnd.Gone;
            }
        }
        finally
        {
            if (buffer is not null)
                ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Reads on to see the connection end: nothing counts that comes after a Close.</summary>
    public async Task Drain()
    {
        var buffer = ArrayPool<byte>.Shared.Rent(4096);
        try
        {
            int count;
            do
            {
                await From.Stream.ReadAsync(Memory<byte>.Empty).ConfigureAwait(false);
                count = await From.Stream.ReadAsync(buffer).ConfigureAwait(false);
            }
            while (count > 0);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async ValueTask<DirectionEnd?> Forward(byte[] buffer, int count)
    {
        Volatile.Write(ref _reads, _reads + 1);
        From.MarkAlive();
        var cursor = new FrameCursor(FrameTranslator.Headroom, FrameTranslator.Headroom + count);
        while (true)
        {
            switch (_translator.Next(buffer, ref cursor))
            {
                case FrameStop.Ping:
                    Answer(From.Pong(_translator.Control));
                    break;
                case FrameStop.Pong:
                    break;
                case FrameStop.Close:
                    CloseCode = CloseCodes.Code(_translator.Control);
                    cursor.Written += FrameHeader.Write(buffer.AsSpan(cursor.Written), true, Opcode.Close, _translator.Control.Length);
                    _translator.Control.CopyTo(buffer.AsSpan(cursor.Written));
                    cursor.Written += _translator.Control.Length;
                    await Write(buffer, cursor, true).ConfigureAwait(false);
                    IsClosed = true;
                    return DirectionEnd.Closed;
                case FrameStop.Fault:
                    return DirectionEnd.Fault;
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
        await To.Write(buffer.AsMemory(0, cursor.Written), cursor.Boundary, _translator.IsMidFrame, isClose).ConfigureAwait(false);
        _isWriting = false;
        Volatile.Write(ref _payload, _payload + cursor.Payload);
    }

    /// <summary>A pong that can't be written now must not hold up what the pinging side has to say; if its connection is broken, its reads say so.</summary>
    private static void Answer(ValueTask pong)
    {
        if (!pong.IsCompletedSuccessfully)
            _ = pong.AsTask().ContinueWith(static t => _ = t.Exception, TaskScheduler.Default);
    }
}

/// <summary>How a direction ended.</summary>
internal enum DirectionEnd
{
    /// <summary>The sender closed, and the receiver was told.</summary>
    Closed,

    /// <summary>The sender's connection ended without a Close.</summary>
    Gone,

    /// <summary>The sender broke the protocol.</summary>
    Fault,
}
