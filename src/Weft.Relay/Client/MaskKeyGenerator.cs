using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Weft.Relay.Client;

/// <summary>
/// The keys that a client masks its frames with (RFC 6455 §5.3). They come from the system's generator, many at a time:
/// a key that a peer can foresee would let it write what it likes on the wire.
/// </summary>
internal sealed class MaskKeyGenerator
{
    private readonly byte[] _keys = new byte[1024];
    private int _next = 1024;

    /// <summary>A fresh key.</summary>
    /// <returns>Four bytes, the first of them lowest.</returns>
    public uint Next()
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
}
