using System.Globalization;
using System.Text;

namespace Weft.Attachments.Renderers;

/// <summary>The rules that keep pods on a trunk's parent to the trunk's tags, as nftables reads them.</summary>
/// <remarks>Source: nft(8), family <c>netdev</c>, hooks ingress (Linux 4.2) and egress (Linux 5.16). docs/specs/node-apply.md, "Trunk guard".</remarks>
public static class TrunkGuardRules
{
    /// <summary>Writes the rules: a table for each interface.</summary>
    /// <param name="guards">What may pass; guards of one interface are one, and what any of them lets pass, passes.</param>
    /// <returns>Text for <c>nft -f</c>; empty for no guards.</returns>
    public static string Write(IEnumerable<TrunkGuard> guards)
    {
        var text = new StringBuilder();
        foreach (var same in guards.GroupBy(guard => guard.Interface, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            var vlans = same.Select(guard => guard.Vlans).Aggregate((all, more) => all.Union(more));
            var name = string.Concat(same.Key.Select(c => char.IsAsciiLetterOrDigit(c) ? c.ToString() : string.Create(CultureInfo.InvariantCulture, $"_{(int)c:x2}")));
            text.Append(CultureInfo.InvariantCulture, $"table netdev weft_guard_{name} {{\n");
            text.Append(CultureInfo.InvariantCulture, $"    set allowed {{\n        typeof vlan id\n        flags interval\n        elements = {{ {vlans.ToString().Replace(",", ", ", StringComparison.Ordinal)} }}\n    }}\n");
            foreach (var hook in (string[])["ingress", "egress"])
            {
                text.Append(CultureInfo.InvariantCulture, $"    chain {hook} {{\n        type filter hook {hook} device \"{same.Key}\" priority 0; policy accept;\n");
                // The tag is kept beside the frame: "ether type" sees it, "meta protocol" doesn't.
                text.Append("        vlan id != @allowed drop\n        ether type 8021ad drop\n");
                if (!same.Any(guard => guard.Untagged))
                    text.Append("        ether type != 8021q drop\n");
                text.Append("    }\n");
            }

            text.Append("}\n");
        }

        return text.ToString();
    }
}
