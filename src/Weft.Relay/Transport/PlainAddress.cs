using System.Net;

namespace Weft.Relay.Transport;

/// <summary>Addresses as rules are written for them.</summary>
internal static class PlainAddress
{
    /// <summary>A socket of both families reports IPv4 peers as <c>::ffff:a.b.c.d</c>, which no rule for IPv4 is meant to miss.</summary>
    public static IPAddress Of(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    public static IPEndPoint Of(IPEndPoint endpoint) => new(Of(endpoint.Address), endpoint.Port);
}
