using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Weft.Relay.Client;

/// <summary>
/// Which addresses a listener may lead senders to. The link's own and those under which clouds hand out credentials are
/// refused unless they are wanted; so is an IPv4 address in the disguise of an IPv6 one, and one in any spelling but
/// four decimal numbers.
/// </summary>
internal static class TargetAddressRules
{
    /// <summary>
    /// Hand out credentials to whoever asks from the machine: 169.254.169.254 is among the link's own; these aren't.
    /// </summary>
    private static readonly (string Address, string What)[] MetadataServices =
    [
        ("168.63.129.16", "the host service of a cloud"),
        ("100.100.100.200", "the metadata service of a cloud"),
        ("192.0.0.192", "the metadata service of a cloud"),
        ("fd00:ec2::254", "the metadata service of a cloud"),
        ("fd20:ce::254", "the metadata service of a cloud"),
    ];

    /// <summary>Reads an address as it is written in a configuration.</summary>
    /// <param name="host">A host name or an address; an IPv6 address may stand in brackets.</param>
    /// <param name="fault">What is wrong with it; null where nothing is.</param>
    /// <returns>The address; null for a name, and where it is at fault.</returns>
    public static IPAddress? ParseHost(string host, out string? fault)
    {
        fault = null;
        var bare = host is ['[', .. var inner, ']'] ? inner : host;
        if (!IPAddress.TryParse(bare, out var address))
        {
            fault = Uri.CheckHostName(host) == UriHostNameType.Dns ? null : $"'{host}' is no host name and no address";
            return null;
        }

        // 127.1, 0x7f.1, 2130706433 and 0177.0.0.1 are all loopback to a parser: none is what somebody meant to write.
        if (address.AddressFamily == AddressFamily.InterNetwork && address.ToString() != bare)
            fault = $"'{host}' isn't written as four decimal numbers";
        return fault is null ? address : null;
    }

    /// <summary>Why an address may not be a target.</summary>
    /// <param name="allowsLinkLocal">Whether the link's own, disguised and metadata addresses are wanted.</param>
    /// <returns>Why; null where it may.</returns>
    public static string? Check(IPAddress address, bool allowsLinkLocal)
    {
        var plain =
            address.AddressFamily == AddressFamily.InterNetworkV6 ? FindEmbeddedIPv4(address) ?? address : address;
        if (IsUnusable(plain))
            return $"{address} is nobody's address";
        if (allowsLinkLocal)
            return null;
        if (!plain.Equals(address) && !address.IsIPv4MappedToIPv6)
            return $"{address} is {plain} in disguise";
        if (
            plain.IsIPv6LinkLocal
            || (plain.AddressFamily == AddressFamily.InterNetwork && ToUInt32(plain) >> 16 == 0xa9fe)
        )
            return $"{address} is an address of the link itself, where metadata services are";
        var known = MetadataServices.FirstOrDefault(m => IPAddress.Parse(m.Address).Equals(plain));
        return known.What is null ? null : $"{address} is {known.What}";
    }

    /// <summary>
    /// The IPv4 address that an IPv6 one leads to: mapped, compatible (RFC 4291 §2.5.5), NAT64 (RFC 6052 §2.1) or 6to4
    /// (RFC 3056 §2).
    /// </summary>
    private static IPAddress? FindEmbeddedIPv4(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        if (address.IsIPv4MappedToIPv6)
            return address.MapToIPv4();
        if (bytes is [0, 0x64, 0xff, 0x9b, ..] && bytes[4..12].IndexOfAnyExcept((byte)0) < 0)
            return new(bytes[12..]);
        if (bytes is [0x20, 0x02, ..])
            return new(bytes[2..6]);
        return bytes[..12].IndexOfAnyExcept((byte)0) < 0 && BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]) > 1
            ? new(bytes[12..])
            : null;
    }

    private static bool IsUnusable(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetwork
            ? ToUInt32(address) >> 24 == 0 || ToUInt32(address) >> 28 >= 0xe
            : address.IsIPv6Multicast || address.Equals(IPAddress.IPv6Any);

    private static uint ToUInt32(IPAddress address) => BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes());

    /// <summary>Splits <c>host:port</c>.</summary>
    /// <returns>Host and port, the host without brackets; null where it is none.</returns>
    public static (string Host, int Port)? SplitHostPort(string text)
    {
        var colon = text.LastIndexOf(':');
        if (
            colon < 1
            || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || port is < 1 or > 65535
            || text[colon + 1] == '0'
        )
            return null;
        var host = text[..colon];
        if (host is ['[', .. var inner, ']'])
            return (inner, port);
        return host.Contains(':', StringComparison.Ordinal) ? null : (host, port);
    }
}
