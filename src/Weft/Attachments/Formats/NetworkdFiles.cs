using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Weft.Addressing;
using Weft.Attachments.Nodes;

namespace Weft.Attachments.Formats;

/// <summary>A node's interfaces as files of systemd-networkd and, for the names of ports, of systemd-udevd.</summary>
/// <remarks>
/// Source: systemd.link(5), systemd.network(5) and systemd.netdev(5) of systemd 252; docs/specs/node-configuration.md.
/// </remarks>
internal static class NetworkdFiles
{
    private const string Folder = "/etc/systemd/network";

    // networkd runs as a user of its own and must be able to read them; there are no secrets in them.
    private const string Mode = "0644";

    /// <summary>Renders the files.</summary>
    public static ImmutableArray<NodeFile> Render(NodeLayout layout)
    {
        var notes = new InterfaceNotes(layout);
        var foreign = layout
            .Tagged.Where(link => layout.Ports.All(port => port.Name != link.Parent))
            .GroupBy(link => link.Parent!, StringComparer.Ordinal);
        return
        [
            .. RenderLinkFiles(layout),
            .. layout.Ports.Select(port => NetworkFile(port, layout, notes)),
            .. foreign.Select(same => DropInFile(same.Key, same)),
            .. layout.Tagged.Select(link => NetdevFile(link, notes)),
            .. layout.Tagged.Select(link => NetworkFile(link, layout, notes)),
            .. layout.Unmanaged.Select(UnmanagedFile),
        ];
    }

    /// <summary>
    /// The files that give ports their names, which udev reads whatever sets up the network afterwards.
    /// </summary>
    /// <returns>One for each port that is found by its MAC address.</returns>
    internal static IEnumerable<NodeFile> RenderLinkFiles(NodeLayout layout)
    {
        var notes = new InterfaceNotes(layout);
        // The permanent address, because sub-interfaces share the present one.
        return layout
            .Ports.Where(port => port.Uplink.MacAddress is not null)
            .Select(port =>
                File(
                    $"{port.Name}.link",
                    notes.NoteOf(port.Name),
                    ("Match", [("PermanentMACAddress", port.Uplink.MacAddress!)]),
                    ("Link", [("Name", port.Name), ("MTUBytes", FormatNumber(port.Mtu))])
                )
            );
    }

    private static NodeFile NetworkFile(NodeLink link, NodeLayout layout, InterfaceNotes notes)
    {
        (string, string)[] match =
            link.Vlan is null && link.Uplink.MacAddress is { } mac
                ? [("PermanentMACAddress", mac), ("Name", link.Name)]
                : [("Name", link.Name)];
        var network = new List<(string, string)>
        {
            ("DHCP", "no"),
            ("LinkLocalAddressing", link.HasIPv6 ? "ipv6" : "no"),
            ("IPv6AcceptRA", "no"),
            // Pods' interfaces stand on it before the cable does.
            ("ConfigureWithoutCarrier", "yes"),
        };
        network.AddRange(
            layout
                .Tagged.Where(tagged => link.Vlan is null && tagged.Parent == link.Name)
                .Select(tagged => ("VLAN", tagged.Name))
        );
        network.AddRange(link.Addresses.Select(a => ("Address", $"{a.Address}/{a.Length}")));
        return File(
            $"{link.Name}.network",
            notes.NoteOf(link.Name),
            [
                ("Match", match),
                ("Link", [("RequiredForOnline", "no"), ("MTUBytes", FormatNumber(link.Mtu))]),
                ("Network", [.. network]),
                .. link.Routes.Select(RouteSection),
            ]
        );
    }

    private static (string, (string, string)[]) RouteSection(NodeRoute route) =>
        (
            "Route",
            route.Metric is { } metric
                ?
                [
                    ("Destination", route.To.ToString()),
                    ("Gateway", route.Via.ToString()),
                    ("Metric", FormatNumber(metric)),
                ]
                : [("Destination", route.To.ToString()), ("Gateway", route.Via.ToString())]
        );

    /// <summary>
    /// A port of the node's own gets its sub-interfaces by a drop-in: networkd makes those that the file which sets up
    /// the port names (<c>VLAN=</c>), and that file is the node's. So it must be called <c>NAME.network</c>.
    /// </summary>
    private static NodeFile DropInFile(string parent, IEnumerable<NodeLink> children) =>
        new(
            $"{Folder}/{parent}.network.d/60-weft.conf",
            Mode,
            $"{NetplanDocument.GeneratedHeader}#   {parent} is set up by the node's own {parent}.network; this adds its sub-interfaces\n"
                + FormatSection("Network", [.. children.Select(child => ("VLAN", child.Name))])
        );

    private static NodeFile NetdevFile(NodeLink link, InterfaceNotes notes) =>
        File(
            $"{link.Name}.netdev",
            notes.NoteOf(link.Name),
            ("NetDev", [("Name", link.Name), ("Kind", "vlan"), ("MTUBytes", FormatNumber(link.Mtu))]),
            ("VLAN", [("Id", FormatNumber(link.Vlan!.Value))])
        );

    /// <summary>Left alone, even where a file further back in the alphabet takes every interface there is.</summary>
    private static NodeFile UnmanagedFile(UnmanagedDevice device) =>
        File(
            device.Name.EndsWith('*') ? $"virtual-functions-of-{device.Name[..^2]}.network" : $"{device.Name}.network",
            device.Reason,
            ("Match", [device.MacAddress is { } mac ? ("PermanentMACAddress", mac) : ("Name", device.Name)]),
            ("Link", [("Unmanaged", "yes")])
        );

    private static NodeFile File(string name, string note, params (string Name, (string, string)[] Keys)[] sections) =>
        new(
            $"{Folder}/60-weft-{name}",
            Mode,
            NetplanDocument.GeneratedHeader
                + (note.Length > 0 ? $"#   {note}\n" : "")
                + string.Join('\n', sections.Select(s => FormatSection(s.Name, s.Keys)))
        );

    private static string FormatSection(string name, (string Key, string Value)[] keys) =>
        keys.Aggregate(
                new StringBuilder($"[{name}]\n"),
                (text, pair) => text.Append(pair.Key).Append('=').Append(pair.Value).Append('\n')
            )
            .ToString();

    private static string FormatNumber(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>The lines about an interface, as one.</summary>
    private sealed class InterfaceNotes(NodeLayout layout)
    {
        public string NoteOf(string name) =>
            string.Join(
                "; ",
                layout
                    .Notes.Where(note => note.StartsWith($"{name}: ", StringComparison.Ordinal))
                    .Select(note => note[(name.Length + 2)..])
                    .Distinct()
            );
    }
}
