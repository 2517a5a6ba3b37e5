using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Weft.Attachments.Nodes;

namespace Weft.Attachments.Formats;

/// <summary>
/// The guards of a node's trunks as rules for <c>nft -f</c>: a table for each parent, which drops what the trunk
/// doesn't allow as it comes in from the fabric and as it goes out from the pods, and counts it.
/// </summary>
/// <remarks>
/// Source: nft(8), netdev family; the egress hook needs a kernel of 5.16 or later. The text replaces what it wrote
/// before in one transaction. What pods on one parent send to each other passes neither hook in macvlan's bridge mode;
/// docs/specs/node-configuration.md, "Trunk guard".
/// </remarks>
internal static class TrunkGuardRuleset
{
    /// <summary>What the name of every table begins with; the rest is the parent's name.</summary>
    public const string TablePrefix = "weft-trunk-";

    /// <summary>
    /// Tag protocols that are not 802.1Q: 802.1ad, and two from before it. Some switch might read a VLAN out of them.
    /// </summary>
    private static readonly ImmutableArray<(string Type, string What)> OtherTagProtocols =
    [
        ("0x88a8", "802.1ad"),
        ("0x9100", "tag type 9100"),
        ("0x9200", "tag type 9200"),
    ];

    /// <summary>The table of a parent.</summary>
    /// <param name="parent">The parent's name, at most 15 characters of the kernel's.</param>
    /// <returns>A name that nft takes unquoted: other characters than letters, digits, <c>_ - .</c> become a slash and
    /// their code, which no interface has in its name.</returns>
    public static string TableNameOf(string parent)
    {
        return TablePrefix
            + string.Concat(
                parent.Select(c =>
                    char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.'
                        ? c.ToString()
                        : string.Create(CultureInfo.InvariantCulture, $"/{(int)c:x2}")
                )
            );
    }

    /// <summary>Writes the guards as a file.</summary>
    /// <param name="previous">What was rendered for the node before, or null: guards that are in it alone are taken
    /// away.</param>
    /// <returns>The rules; empty where there are none and were none.</returns>
    public static string Write(NodeLayout layout, NodeLayout? previous = null)
    {
        var gone = (previous?.Guards ?? [])
            .Where(old => layout.Guards.All(guard => guard.Interface != old.Interface))
            .ToList();
        return layout.Guards.IsEmpty && gone.Count == 0
            ? ""
            : NetplanDocument.GeneratedHeader
                + Write(layout.Guards)
                + string.Concat(gone.Select(old => DeleteTable(old.Interface)));
    }

    /// <summary>Writes guards.</summary>
    /// <returns>The rules, which replace those of the same parents and leave every other table alone.</returns>
    public static string Write(IEnumerable<TrunkGuard> guards)
    {
        var text = new StringBuilder();
        foreach (var guard in guards)
        {
            var table = TableNameOf(guard.Interface);
            text.Append(DeleteTable(guard.Interface))
                .Append(CultureInfo.InvariantCulture, $"table netdev {table} {{\n");
            // 0 is no VLAN but a priority without one (IEEE 802.1Q-2022 §9.6): it is let pass where untagged frames
            // are.
            var allowed = (guard.Untagged ? ["0"] : Enumerable.Empty<string>())
                .Concat(guard.Vlans.ToString().Split(',', StringSplitOptions.RemoveEmptyEntries))
                .ToList();
            text.Append("  set allowed {\n    typeof vlan id\n    flags interval\n");
            if (allowed.Count > 0)
                text.Append(CultureInfo.InvariantCulture, $"    elements = {{ {string.Join(", ", allowed)} }}\n");
            text.Append("  }\n");
            foreach (var (hook, direction) in new[] { ("ingress", "from the fabric"), ("egress", "from pods") })
                WriteChain(text, guard, hook, direction);
            text.Append("}\n");
        }

        return text.ToString();
    }

    /// <summary>
    /// Takes a table away, whether it is there or not: <c>delete</c> alone fails where it isn't, and <c>destroy</c> is
    /// newer than nft 1.0.6.
    /// </summary>
    private static string DeleteTable(string parent) =>
        $"add table netdev {TableNameOf(parent)}\ndelete table netdev {TableNameOf(parent)}\n";

    private static void WriteChain(StringBuilder text, TrunkGuard guard, string hook, string direction)
    {
        text.Append(
            CultureInfo.InvariantCulture,
            $"  chain {hook} {{\n    type filter hook {hook} device \"{guard.Interface}\" priority filter; policy accept;\n"
        );
        // 'ether type' and not 'meta protocol': the tag may be beside the frame rather than in it, and then the
        // protocol is that of what is inside.
        text.Append(
            CultureInfo.InvariantCulture,
            $"    ether type 8021q vlan id != @allowed counter drop comment \"{direction}: a VLAN outside of the trunk\"\n"
        );
        if (guard.Untagged)
        {
            foreach (var (type, what) in OtherTagProtocols)
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"    ether type {type} counter drop comment \"{direction}: {what}\"\n"
                );
        }
        else
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"    ether type != 8021q counter drop comment \"{direction}: untagged, or tagged otherwise\"\n"
            );
        }

        text.Append("  }\n");
    }
}
