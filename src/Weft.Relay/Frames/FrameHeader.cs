using System.Buffers.Binary;

namespace Weft.Relay.Frames;

/// <summary>The header of a client's frame (RFC 6455, section 5.2).</summary>
/// <param name="Length">Bytes of payload, 0–2⁶³−1.</param>
/// <param name="Mask">The masking key, its first byte lowest.</param>
internal readonly record struct FrameHeader(bool IsFinal, Opcode Opcode, long Length, uint Mask)
{
    /// <summary>The longest header that a client sends, bytes.</summary>
    public const int MaxSize = 14;

    /// <summary>The most that a control frame holds, bytes (section 5.5).</summary>
    public const int MaxControlPayload = 125;

    /// <summary>How many bytes the header has whose first two are given.</summary>
    public static int SizeOf(byte second) =>
        6
        + (second & 0x7F) switch
        {
            126 => 2,
            127 => 8,
            _ => 0,
        };

    /// <summary>
    /// Checks what the first two bytes say: enough for most faults, so nothing is waited for in vain.
    /// </summary>
    public static FrameFault? Check(byte first, byte second)
    {
        var opcode = (Opcode)(first & 0x0F);
        if ((first & 0x70) != 0)
            return FrameFault.ReservedBits;
        if (!opcode.IsKnown())
            return FrameFault.UnknownOpcode;
        if ((second & 0x80) == 0)
            return FrameFault.Unmasked;
        if (!opcode.IsControl())
            return null;
        return (first & 0x80) == 0 ? FrameFault.FragmentedControl
            : (second & 0x7F) > MaxControlPayload ? FrameFault.LongControl
            : null;
    }

    /// <summary>Reads a header that is whole and whose first two bytes were found good.</summary>
    public static FrameFault? Read(ReadOnlySpan<byte> bytes, out FrameHeader header)
    {
        var (length, shortest, mask) = (bytes[1] & 0x7F) switch
        {
            126 => (BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]), 126L, 4),
            127 => (BinaryPrimitives.ReadInt64BigEndian(bytes[2..]), 0x10000L, 10),
            var small => (small, 0L, 2),
        };
        header = new FrameHeader(
            (bytes[0] & 0x80) != 0,
            (Opcode)(bytes[0] & 0x0F),
            length,
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[mask..])
        );
        return length < 0 ? FrameFault.LengthTooLarge
            : length < shortest ? FrameFault.LengthNotMinimal
            : null;
    }

    /// <summary>Checks whether the frame may come now (section 5.4).</summary>
    /// <param name="isInMessage">Whether a message has begun whose last frame hasn't come.</param>
    public FrameFault? CheckSequence(bool isInMessage) =>
        Opcode switch
        {
            Opcode.Continuation => isInMessage ? null : FrameFault.NothingToContinue,
            Opcode.Text or Opcode.Binary => isInMessage ? FrameFault.MessageNotEnded : null,
            _ => null,
        };

    /// <summary>Writes the header as a server sends it: without a mask.</summary>
    /// <returns>How many bytes were written, 2–10.</returns>
    public static int Write(Span<byte> target, bool isFinal, Opcode opcode, long length)
    {
        target[0] = (byte)((isFinal ? 0x80 : 0) | (int)opcode);
        if (length <= MaxControlPayload)
        {
            target[1] = (byte)length;
            return 2;
        }

        if (length <= ushort.MaxValue)
        {
            target[1] = 126;
            BinaryPrimitives.WriteUInt16BigEndian(target[2..], (ushort)length);
            return 4;
        }

        target[1] = 127;
        BinaryPrimitives.WriteInt64BigEndian(target[2..], length);
        return 10;
    }
}
