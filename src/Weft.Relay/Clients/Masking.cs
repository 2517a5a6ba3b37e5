using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;

namespace Weft.Relay.Clients;

/// <summary>
/// Masks what a client sends (RFC 6455 §5.3). Keys come from the system's generator, many at a time: a key that a peer can foresee would let
/// it write what it likes on the wire.
/// </summary>
internal sealed class Masking
{
    private readonly byte[] _keys = new byte[1024];
    private int _next = 1024;

    /// <summary>A fresh key.</summary>
    /// <returns>Four bytes, in the order in which they stand on the wire when written little-endian.</returns>
    public uint NextKey()
    {
        if (_next == _keys.Length)
        {
            RandomNumberGenerator.Fill(_keys);
            _next = 0;
        }

        var key = BinaryPrimitives.ReadUInt32LittleEndian(_keys.AsSpan(_next));
        _next += sizeof(uint);
        return key;
    }

    /// <summary>Copies and masks in one pass.</summary>
    /// <param name="source">The payload.</param>
    /// <param name="target">Where it goes; at least as long.</param>
    /// <param name="key">The key.</param>
    public static void Copy(ReadOnlySpan<byte> source, Span<byte> target, uint key)
    {
        var width = Vector<byte>.Count;
        var at = 0;
        if (source.Length >= width)
        {
            var wide = Vector.AsVectorByte(new Vector<uint>(BitConverter.IsLittleEndian ? key : BinaryPrimitives.ReverseEndianness(key)));
            for (; at <= source.Length - width; at += width)
                (new Vector<byte>(source[at..]) ^ wide).CopyTo(target[at..]);
        }

        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, key);
        // A vector's width is a multiple of the key's, so the key starts anew behind it.
        for (; at < source.Length; at++)
            target[at] = (byte)(source[at] ^ bytes[at & 3]);
    }
}
