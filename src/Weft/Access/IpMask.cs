using System.Net;
using Weft.Addressing;

namespace Weft.Access;

/// <summary>
/// The networks of a rule: one address or a prefix, by the strict grammar of <see cref="Prefix"/> and
/// <see cref="Address"/>.
/// </summary>
/// <remarks>docs/specs/relay-rules.md, "Network rules".</remarks>
internal static class IpMask
{
    /// <summary>Reads a mask. An address alone is itself: <c>/32</c> or <c>/128</c>.</summary>
    /// <param name="text">The text, such as <c>10.0.0.0/8</c>, <c>192.0.2.7</c> or <c>2001:db8::/32</c>.</param>
    /// <param name="target">The member it came from, for the refusal.</param>
    /// <returns>The prefix, or a refusal that says what to write instead.</returns>
    public static Outcome<Prefix> Parse(string text, string? target = null)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (UnmapIPv4(slash < 0 ? text : text[..slash], slash < 0 ? null : text[(slash + 1)..]) is { } meant)
            return new Refusal(
                RefusalCode.InvalidMember,
                $"'{text}' is an IPv4 network in IPv6 clothes, and addresses are never judged in these; write '{meant}'",
                target
            );
        if (slash >= 0)
            return Prefix.Parse(text, target);
        return Address.Parse(text, target).TryGet(out var address, out var refusal)
            ? Prefix.FromAddress(address, address.Bits)
            : refusal;
    }

    /// <summary>What an IPv4-mapped mask means; null for any other.</summary>
    private static string? UnmapIPv4(string host, string? length)
    {
        if (
            !host.Contains(':', StringComparison.Ordinal)
            || !IPAddress.TryParse(host, out var address)
            || !address.IsIPv4MappedToIPv6
        )
            return null;
        var ipv4 = address.MapToIPv4();
        return
            int.TryParse(
                length,
                System.Globalization.NumberStyles.None,
                System.Globalization.CultureInfo.InvariantCulture,
                out var bits
            )
            && bits is >= 96 and <= 128
            && Address.TryParse(ipv4.ToString(), out var first)
            ? Prefix.FromAddress(first, bits - 96).ToString()
            : ipv4.ToString();
    }
}
