using System.Buffers.Binary;
using Weft.Relay.Frames;

namespace Weft.Relay.Client;

/// <summary>
/// The header of a frame as a client writes and reads it: what it sends is masked, what it receives isn't. The relay's
/// own side is <see cref="FrameHeader"/>.
/// </summary>
/// <param name="Length">The payload's length in bytes.</param>
internal readonly record struct ClientFrameHeader(Opcode Kind, bool IsFinal, long Length)
{
    /// <summary>The longest header that is sent: two bytes, eight of length, four of key.</summary>
    public const int MaxSize = 14;

    /// <summary>The largest payload of a control frame (RFC 6455 §5.5).</summary>
    public const int MaxControlPayload = 125;

    /// <summary>Whether it is a frame about the connection, which may stand between those of a message.</summary>
    public bool IsControl => Kind.IsControl();

    /// <summary>Writes the header and the key.</summary>
    /// <param name="target">Where; at least <see cref="MaxSize"/> bytes.</param>
    /// <returns>How many bytes it took.</returns>
    public int Write(Span<byte> target, uint key)
    {
        target[0] = (byte)((IsFinal ? 0x80 : 0) | (int)Kind);
        int size;
        if (Length <= 125)
        {
            target[1] = (byte)(0x80 | (int)Length);
            size = 2;
        }
        else if (Length <= ushort.MaxValue)
        {
            target[1] = 0x80 | 126;
            BinaryPrimitives.WriteUInt16BigEndian(target[2..], (ushort)Length);
            size = 4;
        }
        else
        {
            target[1] = 0x80 | 127;
            BinaryPrimitives.WriteInt64BigEndian(target[2..], Length);
            size = 10;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(target[size..], key);
        return size + sizeof(uint);
    }

    /// <summary>Reads a header that a server sent.</summary>
    /// <param name="size">How many bytes it takes.</param>
    /// <returns>False where there isn't all of it yet.</returns>
    /// <exception cref="IOException">No server may send it.</exception>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out ClientFrameHeader header, out int size)
    {
        (header, size) = (default, 2);
        if (bytes.Length < 2)
            return false;
        var (first, second) = (bytes[0], bytes[1]);
        size = second switch
        {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        if ((first & 0x70) != 0 || second > 127 || (first & 0x0f) is > 2 and < 8 or > 10)
            throw new IOException("The relay sent a frame with reserved bits, a reserved kind or a mask.");
        if (bytes.Length < size)
            return false;
        var length = second switch
        {
            126 => BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]),
            127 => BinaryPrimitives.ReadInt64BigEndian(bytes[2..]),
            _ => second,
        };
        header = new((Opcode)(first & 0x0f), (first & 0x80) != 0, length);
        if (length < 0 || (header.IsControl && (length > MaxControlPayload || !header.IsFinal)))
            throw new IOException("The relay sent a frame with a length that it can't have.");
        return true;
    }
}
