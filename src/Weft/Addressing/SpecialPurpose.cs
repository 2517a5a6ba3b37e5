using System.Collections.Immutable;

namespace Weft.Addressing;

/// <summary>Prefixes that no network can lease from, because every host takes their addresses for something else.</summary>
/// <remarks>Source: the IANA special-purpose address registries (RFC 6890); docs/specs/addressing.md.</remarks>
internal static class SpecialPurpose
{
    private static readonly ImmutableArray<(Prefix Prefix, string What)> Known =
    [
        (Read("0.0.0.0/8"), "this network (RFC 791)"),
        (Read("127.0.0.0/8"), "loopback (RFC 1122)"),
        (Read("169.254.0.0/16"), "link-local (RFC 3927)"),
        (Read("224.0.0.0/4"), "multicast (RFC 5771)"),
        (Read("255.255.255.255/32"), "the limited broadcast (RFC 919)"),
        (Read("::/128"), "the unspecified address (RFC 4291)"),
        (Read("::1/128"), "loopback (RFC 4291)"),
        (Read("fe80::/10"), "link-local (RFC 4291)"),
        (Read("ff00::/8"), "multicast (RFC 4291)"),
    ];

    /// <summary>Why nothing can be leased from a prefix.</summary>
    /// <returns>The reason, or null where it can.</returns>
    public static string? ReasonNotLeasable(Prefix prefix)
    {
        // The last address of a subnet is its broadcast address, and never leased.
        var overlaps = Known
            .Where(known => known.Prefix.Overlaps(prefix) && !(known.Prefix.Length == 32 && prefix.Length < 31))
            .ToList();
        return overlaps.Count == 0
            ? null
            : $"{prefix} {(overlaps.Exists(o => o.Prefix.Contains(prefix)) ? "is in" : "overlaps with")} "
                + $"{string.Join(" and ", overlaps.Select(o => $"{o.Prefix}, {o.What}"))}: "
                + "no host takes its addresses for those of a network";
    }

    private static Prefix Read(string text) => Prefix.Parse(text).Value;
}
