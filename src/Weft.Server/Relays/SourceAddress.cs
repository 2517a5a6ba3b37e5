using System.Buffers.Binary;
using System.Net;
using Weft.Addressing;

namespace Weft.Server.Relays;

/// <summary>
/// Where a caller comes from, as the rules know addresses: IPv4 as such and never mapped, without a zone.
/// </summary>
internal static class SourceAddress
{
    /// <summary>Takes an address over.</summary>
    public static Address From(IPAddress source)
    {
        var plain = source.IsIPv4MappedToIPv6 ? source.MapToIPv4() : source;
        Span<byte> bytes = stackalloc byte[16];
        _ = plain.TryWriteBytes(bytes, out var length);
        return length == 4
            ? new Address(AddressFamily.IPv4, BinaryPrimitives.ReadUInt32BigEndian(bytes))
            : new Address(AddressFamily.IPv6, BinaryPrimitives.ReadUInt128BigEndian(bytes));
    }

    /// <summary>Where a request comes from; null where it came by no network.</summary>
    public static Address? From(HttpContext http) =>
        http.Connection.RemoteIpAddress is { } source ? From(source) : null;
}
