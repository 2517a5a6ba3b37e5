using System.Net;

namespace Weft.Relay.Transport;

/// <summary>Normalizes IPv4-mapped addresses, as rules are written for IPv4.</summary>
internal static class AddressNormalizer
{
    /// <summary>
    /// A socket of both families reports IPv4 peers as <c>::ffff:a.b.c.d</c>, which no rule for IPv4 is meant to miss.
    /// </summary>
    public static IPAddress Normalize(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    public static IPEndPoint Normalize(IPEndPoint endpoint) => new(Normalize(endpoint.Address), endpoint.Port);
}
