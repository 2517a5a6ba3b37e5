using System.Runtime.CompilerServices;

namespace Weft.Relay.Frames;

/// <summary>
/// Turns the frames that a client sends into those that a server sends, in place and as they come. A long frame is
/// never held until it is whole; only a header that is split is. Data frames keep their boundaries; control frames
/// come out one by one.
/// </summary>
internal sealed class FrameTranslator
{
    /// <summary>
    /// Where in a buffer received bytes must start. The room before them takes the kept part of a header that was
    /// split, or a Close frame.
    /// </summary>
    public const int Headroom = 144;

    private HeaderBytes _header;
    private int _headerCount;
    private FrameHeader _frame;
    private long _remaining;
    private uint _key;
    private bool _isInMessage;
    private bool _isInControl;
    private byte[]? _control;
    private int _controlCount;

    /// <summary>Whether what was written ends inside a frame.</summary>
    public bool IsMidFrame => _remaining > 0;

    /// <summary>
    /// The payload of the control frame that <see cref="TranslateNext"/> has come to. Good until it is called again.
    /// </summary>
    public ReadOnlySpan<byte> Control => _control.AsSpan(0, _controlCount);

    /// <summary>What is wrong; null until <see cref="TranslateNext"/> has returned a fault.</summary>
    public FrameFault? Fault { get; private set; }

    /// <summary>Translates to the next control frame, a fault, or the end of what was received.</summary>
    public TranslationResult TranslateNext(Span<byte> buffer, ref FrameCursor cursor)
    {
        while (true)
        {
            if (_isInControl)
                return ReadControl(buffer, ref cursor) ? EndControl() : TranslationResult.NeedMoreData;
            if (_remaining > 0)
                CopyPayload(buffer, ref cursor);
            if (cursor.Read == cursor.End)
                return TranslationResult.NeedMoreData;
            if (!ReadHeader(buffer, ref cursor))
                return Fault is null ? TranslationResult.NeedMoreData : TranslationResult.Fault;
        }
    }

    private void CopyPayload(Span<byte> buffer, ref FrameCursor cursor)
    {
        var count = (int)Math.Min(_remaining, cursor.End - cursor.Read);
        _key = Masking.CopyMasked(buffer.Slice(cursor.Read, count), buffer[cursor.Written..], _key);
        cursor.Read += count;
        cursor.Written += count;
        cursor.PayloadBytes += count;
        _remaining -= count;
        if (_remaining == 0)
            MarkBoundary(ref cursor);
    }

    private bool ReadHeader(Span<byte> buffer, ref FrameCursor cursor)
    {
        if (!ReadHeaderBytes(buffer, ref cursor))
            return false;
        Fault = FrameHeader.Read(_header, out _frame) ?? _frame.CheckSequence(_isInMessage);
        _headerCount = 0;
        if (Fault is not null)
            return false;
        _key = _frame.Mask;
        if (_frame.Opcode.IsControl())
        {
            _isInControl = true;
            _controlCount = 0;
            return true;
        }

        _isInMessage = !_frame.IsFinal;
        _remaining = _frame.Length;
        cursor.Written += FrameHeader.Write(buffer[cursor.Written..], _frame.IsFinal, _frame.Opcode, _frame.Length);
        if (_remaining == 0)
            MarkBoundary(ref cursor);
        return true;
    }

    /// <summary>Reads what there is of a header; true once it is whole.</summary>
    private bool ReadHeaderBytes(Span<byte> buffer, ref FrameCursor cursor)
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
        var size = FrameHeader.SizeOf(header[1]);
        var count = Math.Min(size - _headerCount, cursor.End - cursor.Read);
        buffer.Slice(cursor.Read, count).CopyTo(header[_headerCount..]);
        cursor.Read += count;
        _headerCount += count;
        return _headerCount == size;
    }

    private bool ReadControl(Span<byte> buffer, ref FrameCursor cursor)
    {
        _control ??= new byte[FrameHeader.MaxControlPayload];
        var count = (int)Math.Min(_frame.Length - _controlCount, cursor.End - cursor.Read);
        _key = Masking.CopyMasked(buffer.Slice(cursor.Read, count), _control.AsSpan(_controlCount), _key);
        cursor.Read += count;
        _controlCount += count;
        return _controlCount == _frame.Length;
    }

    private TranslationResult EndControl()
    {
        _isInControl = false;
        switch (_frame.Opcode)
        {
            case Opcode.Ping:
                return TranslationResult.Ping;
            case Opcode.Pong:
                return TranslationResult.Pong;
            default:
                Fault = CloseCodes.Check(Control);
                return Fault is null ? TranslationResult.Close : TranslationResult.Fault;
        }
    }

    private static void MarkBoundary(ref FrameCursor cursor)
    {
        if (cursor.Boundary < 0)
            cursor.Boundary = cursor.Written;
    }

    [InlineArray(FrameHeader.MaxSize)]
    private struct HeaderBytes
    {
        private byte _first;
    }
}

/// <summary>What a translation has come to.</summary>
internal enum TranslationResult
{
    /// <summary>All that was received has been read.</summary>
    NeedMoreData,

    /// <summary>A Ping.</summary>
    Ping,

    /// <summary>A Pong.</summary>
    Pong,

    /// <summary>A Close: whatever comes after it is ignored.</summary>
    Close,

    /// <summary>A fault: nothing can be read any more.</summary>
    Fault,
}
