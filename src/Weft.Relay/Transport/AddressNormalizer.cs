using System.Net;
using System.Net.Sockets;

namespace Weft.Relay.Transport;

/// <summary>Normalizes IPv4-mapped addresses, as rules are written for IPv4.</summary>
internal static class AddressNormalizer
{
    /// <summary>
    /// A socket of both families reports IPv4 peers as <c>::ffff:a.b.c.d</c>, which no rule for IPv4 is meant to miss.
    /// </summary>
    public static IPAddress Normalize(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    public static IPEndPoint Normalize(IPEndPoint endpoint) => new(Normalize(endpoint.Address), endpoint.Port);

    /// <summary>
    /// What counts as one source: an IPv4 address, or an IPv6 network of 64 bits, because one machine may use all of its
    /// addresses.
    /// </summary>
    public static IPAddress SourceOf(IPAddress address)
    {
        var plain = Normalize(address);
        if (plain.AddressFamily != AddressFamily.InterNetworkV6)
            return plain;
        var bytes = plain.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new(bytes);
    }
}
