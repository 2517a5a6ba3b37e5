using System.Runtime.CompilerServices;

namespace Weft.Relay.Frames;

/// <summary>
/// Turns the frames that a client sends into those that a server sends, in place and as they come: a long frame is never held until it is
/// whole, a header that is split is. Frames of data go through with their boundaries; control frames come out one by one.
/// </summary>
internal sealed class FrameTranslator
{
    /// <summary>
    /// How far behind the start of a buffer bytes must be received: what was kept of a header that was split is written before them, and
    /// so may be a Close frame.
    /// </summary>
    public const int Headroom = 144;

    private HeaderBytes _header;
    private int _headerCount;
    private FrameHeader _frame;
    private long _left;
    private uint _key;
    private bool _inMessage;
    private bool _inControl;
    private byte[]? _control;
    private int _controlCount;

    /// <summary>Whether what was written ends inside a frame.</summary>
    public bool IsMidFrame => _left > 0;

    /// <summary>Whether what was read ends inside a frame, a header or a message: nobody who ends there is at an end.</summary>
    public bool IsMidMessage => _left > 0 || _headerCount > 0 || _inMessage;

    /// <summary>The payload of the control frame that <see cref="Next"/> has come to. Good until it is called again.</summary>
    public ReadOnlySpan<byte> Control => _control.AsSpan(0, _controlCount);

    /// <summary>What is wrong, once <see cref="Next"/> has said so.</summary>
    public FrameFault? Fault { get; private set; }

    /// <summary>Translates to the next control frame, a fault, or the end of what was received.</summary>
    public FrameStop Next(Span<byte> buffer, ref FrameCursor cursor)
    {
        while (true)
        {
            if (_inControl)
                return ReadControl(buffer, ref cursor) ? EndControl() : FrameStop.EndOfBytes;
            if (_left > 0)
                CopyPayload(buffer, ref cursor);
            if (cursor.Read == cursor.End)
                return FrameStop.EndOfBytes;
            if (!ReadHeader(buffer, ref cursor))
                return Fault is null ? FrameStop.EndOfBytes : FrameStop.Fault;
        }
    }

    private void CopyPayload(Span<byte> buffer, ref FrameCursor cursor)
    {
        var count = (int)Math.Min(_left, cursor.End - cursor.Read);
        _key = Masking.Copy(buffer.Slice(cursor.Read, count), buffer[cursor.Written..], _key);
        cursor.Read += count;
        cursor.Written += count;
        cursor.Payload += count;
        _left -= count;
        if (_left == 0)
            MarkBoundary(ref cursor);
    }

    private bool ReadHeader(Span<byte> buffer, ref FrameCursor cursor)
    {
        if (!TakeHeader(buffer, ref cursor))
            return false;
        Fault = FrameHeader.Read(_header, out _frame) ?? _frame.CheckSequence(_inMessage);
        _headerCount = 0;
        if (Fault is not null)
            return false;
        _key = _frame.Mask;
        if (_frame.Opcode.IsControl())
        {
            _inControl = true;
            _controlCount = 0;
            return true;
        }

        _inMessage = !_frame.IsFinal;
        _left = _frame.Length;
        cursor.Written += FrameHeader.Write(buffer[cursor.Written..], _frame.IsFinal, _frame.Opcode, _frame.Length);
        if (_left == 0)
            MarkBoundary(ref cursor);
        return true;
    }

    /// <summary>Takes in what there is of a header; true once it is whole.</summary>
    private bool TakeHeader(Span<byte> buffer, ref FrameCursor cursor)
    {
        Span<byte> header = _header;
        while (_headerCount < 2)
        {
            if (cursor.Read == cursor.End)
                return false;
            header[_headerCount++] = buffer[cursor.Read++];
        }

        Fault = FrameHeader.Check(header[0], header[1]);
        if (Fault is not null)
            return false;
        var size = FrameHeader.Size(header[1]);
        var count = Math.Min(size - _headerCount, cursor.End - cursor.Read);
        buffer.Slice(cursor.Read, count).CopyTo(header[_headerCount..]);
        cursor.Read += count;
        _headerCount += count;
        return _headerCount == size;
    }

    private bool ReadControl(Span<byte> buffer, ref FrameCursor cursor)
    {
        _control ??= new byte[FrameHeader.LongestControl];
        var count = (int)Math.Min(_frame.Length - _controlCount, cursor.End - cursor.Read);
        _key = Masking.Copy(buffer.Slice(cursor.Read, count), _control.AsSpan(_controlCount), _key);
        cursor.Read += count;
        _controlCount += count;
        return _controlCount == _frame.Length;
    }

    private FrameStop EndControl()
    {
        _inControl = false;
        switch (_frame.Opcode)
        {
            case Opcode.Ping:
                return FrameStop.Ping;
            case Opcode.Pong:
                return FrameStop.Pong;
            default:
                Fault = CloseCodes.Check(Control);
                return Fault is null ? FrameStop.Close : FrameStop.Fault;
        }
    }

    private static void MarkBoundary(ref FrameCursor cursor)
    {
        if (cursor.Boundary < 0)
            cursor.Boundary = cursor.Written;
    }

    [InlineArray(FrameHeader.Longest)]
    private struct HeaderBytes
    {
        private byte _first;
    }
}

/// <summary>What a translation has come to.</summary>
internal enum FrameStop
{
    /// <summary>All that was received has been read.</summary>
    EndOfBytes,

    /// <summary>A Ping.</summary>
    Ping,

    /// <summary>A Pong.</summary>
    Pong,

    /// <summary>A Close: nothing counts that comes after it.</summary>
    Close,

    /// <summary>A fault: nothing can be read any more.</summary>
    Fault,
}
