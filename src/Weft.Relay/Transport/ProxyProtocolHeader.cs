using System.Buffers.Binary;
using System.Net;

namespace Weft.Relay.Transport;

/// <summary>
/// The header of the PROXY protocol, version 2 (HAProxy's proxy-protocol.txt, section 2.2). Version 1, which is text,
/// isn't supported.
/// </summary>
internal static class ProxyProtocolHeader
{
    /// <summary>The fixed part, bytes.</summary>
    public const int FixedSize = 16;

    /// <summary>The most that is taken of addresses and TLVs, bytes: senders' certificates fit, floods don't.</summary>
    public const int MaxAddressBlockSize = 4096;

    private static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;

    /// <summary>Checks the fixed part.</summary>
    /// <param name="rest">How many bytes of addresses and TLVs follow.</param>
    /// <returns>What is wrong; null for nothing.</returns>
    public static string? Check(ReadOnlySpan<byte> start, out int rest)
    {
        rest = BinaryPrimitives.ReadUInt16BigEndian(start[14..]);
        if (!start[..12].SequenceEqual(Signature))
            return start.StartsWith("PROXY "u8)
                ? "the PROXY protocol's version 1 is not spoken here"
                : "no PROXY protocol header, which this port requires";
        if (start[12] is not (0x20 or 0x21))
            return $"PROXY protocol version and command 0x{start[12]:x2} are unknown";
        return rest > MaxAddressBlockSize ? $"a PROXY header of {rest} bytes is more than {MaxAddressBlockSize}" : null;
    }

    /// <summary>Reads where the caller comes from.</summary>
    /// <param name="source">The caller; null where the proxy itself is (command LOCAL: health checks).</param>
    /// <returns>What is wrong; null for nothing.</returns>
    public static string? ReadSource(ReadOnlySpan<byte> start, ReadOnlySpan<byte> rest, out IPEndPoint? source)
    {
        source = null;
        if (start[12] == 0x20)
            return null;
        // Address family in the high half, protocol in the low one: only TCP connections come in here.
        var (address, port, size) = start[13] switch
        {
            0x11 => (4, 8, 12),
            0x21 => (16, 32, 36),
            _ => (0, 0, 0),
        };
        if (size == 0)
            return $"PROXY address family and protocol 0x{start[13]:x2} are not TCP over IPv4 or IPv6";
        if (rest.Length < size)
            return $"a PROXY header with {rest.Length} bytes of addresses is too short";
        if (CheckTlvs(rest[size..]) is { } fault)
            return fault;
        var caller = AddressNormalizer.Normalize(
            new IPEndPoint(new IPAddress(rest[..address]), BinaryPrimitives.ReadUInt16BigEndian(rest[port..]))
        );
        if (!IsUnicast(caller.Address))
            return $"a PROXY header with the source {caller.Address}, from which nobody can call";
        source = caller;
        return null;
    }

    /// <summary>
    /// Whether somebody can have called from an address: not from 0.0.0.0/8 ("this host on this network", RFC 6890),
    /// multicast, class E with the broadcast address, or ::. A rule might be about such a network by mistake, and pass
    /// whoever claims it.
    /// </summary>
    private static bool IsUnicast(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        _ = address.TryWriteBytes(bytes, out var length);
        return length == 4 ? bytes[0] is > 0 and < 224 : bytes[0] != 0xff && !address.Equals(IPAddress.IPv6Any);
    }

    /// <summary>
    /// Checks that the TLVs fill the header exactly, so that both sides agree where it ends. What they say isn't needed.
    /// </summary>
    private static string? CheckTlvs(ReadOnlySpan<byte> tlvs)
    {
        while (!tlvs.IsEmpty)
        {
            if (
                tlvs.Length < 3
                || BinaryPrimitives.ReadUInt16BigEndian(tlvs[1..]) is var length && tlvs.Length - 3 < length
            )
                return "a PROXY TLV runs over the header's end";
            tlvs = tlvs[(3 + length)..];
        }

        return null;
    }
}
