using System.Buffers.Binary;
using System.Numerics;

namespace Weft.Files;

/// <summary>CRC-32C (RFC 3720 appendix B.4): it finds every error of up to 32 neighbouring bits for certain.</summary>
internal static class Crc32C
{
    /// <summary>What a checksum begins with; it ends with the complement of what has become of it.</summary>
    public const uint Begin = uint.MaxValue;

    /// <summary>Takes in more bytes.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var left in bytes)
            crc = BitOperations.Crc32C(crc, left);
        return crc;
    }

    /// <summary>Takes in a number, as its eight bytes in little-endian order.</summary>
    public static uint Append(uint crc, long number) => BitOperations.Crc32C(crc, (ulong)number);

    /// <summary>The checksum of bytes.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes) => ~Append(Begin, bytes);
}
