using System.Collections.Immutable;
using Weft.Addressing;

namespace Weft.Attachments.Nodes;

/// <summary>A device that the node's own network service must leave alone, because a pod is given it.</summary>
/// <param name="Name">The interface's name, or a pattern of names.</param>
/// <param name="MacAddress">Its MAC address, or null where the name finds it.</param>
/// <param name="Reason">Whose it is, for a person who reads the file.</param>
internal sealed record UnmanagedDevice(string Name, string? MacAddress, string Reason);

/// <summary>
/// A node's configuration put in the order in which every format renders it: what attachments have in common merged,
/// parents that nobody asked for by name added, and what the node sets up itself left out.
/// </summary>
/// <param name="Ports">The ports that are set up, under the names they are to have.</param>
/// <param name="Tagged">The VLAN sub-interfaces, each with its <see cref="NodeLink.Parent"/>.</param>
/// <param name="PhysicalFunctions">The ports with virtual functions, each once.</param>
/// <param name="Guards">What may pass on the parents of trunks, each parent once.</param>
/// <param name="Notes">A line per interface that says why it is there.</param>
/// <remarks>Source: docs/specs/node-configuration.md.</remarks>
internal sealed record NodeLayout(
    string Node,
    ImmutableArray<NodeLink> Ports,
    ImmutableArray<NodeLink> Tagged,
    ImmutableArray<PhysicalFunction> PhysicalFunctions,
    ImmutableArray<UnmanagedDevice> Unmanaged,
    ImmutableArray<TrunkGuard> Guards,
    ImmutableArray<string> Notes
)
{
    /// <summary>
    /// Puts a configuration in order, and refuses what some reader would accept silently and get wrong.
    /// </summary>
    /// <returns>The layout, or every fault of it.</returns>
    public static Outcome<NodeLayout> Create(NodeConfiguration configuration)
    {
        var layout = Arrange(configuration);
        var findings = NodeLayoutRules.Check(configuration, layout);
        return findings.Count > 0 ? Refusal.Combine(findings, configuration.Node) : layout;
    }

    /// <summary>The layout without a look at its faults: what weftd stores keeps the rules already.</summary>
    internal static NodeLayout Arrange(NodeConfiguration configuration)
    {
        var merged = MergeLinks(configuration.Links).ToList();
        var ports = merged.Where(link => link.Vlan is null).ToDictionary(link => link.Name, StringComparer.Ordinal);
        var order = ports.Keys.ToList();
        foreach (var link in merged.Where(link => link.Vlan is not null))
        {
            // A tagged interface needs its port to be up and wide enough.
            var parent = ParentOf(link);
            if (ports.TryAdd(parent, new NodeLink(parent, link.Uplink, null, link.Uplink.Mtu, [], [], "")))
                order.Add(parent);
        }

        var functions = MergeFunctions(configuration.PhysicalFunctions);
        foreach (var port in functions.Where(port => port.MacAddress is not null))
        {
            if (
                ports.Values.FirstOrDefault(link =>
                    link.Name == port.Name || link.Uplink.MacAddress == port.MacAddress
                ) is
                { } same
            )
                ports[same.Name] = same with { Mtu = Math.Max(same.Mtu, port.Mtu) };
            else if (
                ports.TryAdd(
                    port.Name,
                    new NodeLink(
                        port.Name,
                        new Uplink(port.Name, port.MacAddress, port.Mtu, null),
                        null,
                        port.Mtu,
                        [],
                        [],
                        ""
                    )
                )
            )
                order.Add(port.Name);
        }

        ImmutableArray<NodeLink> drawn = [.. order.Select(name => ports[name]).Where(link => !IsForeign(link))];
        ImmutableArray<NodeLink> tagged =
        [
            .. merged.Where(link => link.Vlan is not null).Select(link => link with { Parent = ParentOf(link) }),
        ];
        return new NodeLayout(
            configuration.Node,
            drawn,
            tagged,
            functions,
            UnmanagedDevicesOf(configuration, functions),
            MergeGuards(configuration, merged),
            [.. NotesOf(configuration, functions)]
        );
    }

    /// <summary>
    /// Whether a port is set up by the node's own files, and Weft only stands on it: a trunk port that has no MAC
    /// address here (a bond, say).
    /// </summary>
    /// <returns>True for a port to leave alone.</returns>
    internal static bool IsForeign(NodeLink link) =>
        link.Vlan is null && link.Uplink.IsTrunkPort && link.Uplink.MacAddress is null && link.Name == link.Uplink.Name;

    /// <summary>The interface that a tagged one stands on.</summary>
    internal static string ParentOf(NodeLink link) => link.Parent ?? link.Uplink.Name;

    /// <summary>
    /// Two attachments may want the same interface (pods' parent and the node's own): its addresses are those of both.
    /// </summary>
    private static IEnumerable<NodeLink> MergeLinks(IEnumerable<NodeLink> links) =>
        links
            .GroupBy(link => link.Name, StringComparer.Ordinal)
            .Select(same =>
                same.First() with
                {
                    Addresses = [.. same.SelectMany(l => l.Addresses).Distinct()],
                    Routes = [.. same.SelectMany(l => l.Routes).Distinct()],
                    Mtu = same.Max(l => l.Mtu),
                }
            );

    private static ImmutableArray<PhysicalFunction> MergeFunctions(ImmutableArray<PhysicalFunction> ports) =>
        [
            .. ports
                .GroupBy(port => port.Name, StringComparer.Ordinal)
                .Select(same =>
                    same.First() with
                    {
                        Mtu = same.Max(port => port.Mtu),
                        MacAddress = same.Select(port => port.MacAddress).FirstOrDefault(mac => mac is not null),
                        PciAddress = same.Select(port => port.PciAddress).FirstOrDefault(pci => pci is not null),
                        Functions = [.. same.SelectMany(port => port.Functions).Distinct().OrderBy(f => f.Index)],
                    }
                ),
        ];

    /// <summary>
    /// Virtual functions have no address that is known before they are made, but a name: the port's with <c>v</c> and
    /// their number (systemd.net-naming-scheme(7), since v239).
    /// </summary>
    private static ImmutableArray<UnmanagedDevice> UnmanagedDevicesOf(
        NodeConfiguration configuration,
        ImmutableArray<PhysicalFunction> functions
    ) =>
        [
            .. functions
                .Where(port => port.Count > 0)
                .Select(port => new UnmanagedDevice($"{port.Name}v*", null, $"virtual functions of {port.Name}")),
            .. configuration
                .Devices.DistinctBy(device => device.Name)
                .Select(device => new UnmanagedDevice(
                    device.Name,
                    device.MacAddress,
                    $"handed to pods of {NameOf(device.Network)}"
                )),
        ];

    /// <summary>
    /// One guard a parent. What the node itself tags there passes too: the guard can't tell a pod's frame from the
    /// node's, and a node that lost its own VLANs would be lost.
    /// </summary>
    private static ImmutableArray<TrunkGuard> MergeGuards(NodeConfiguration configuration, List<NodeLink> links) =>
        [
            .. configuration
                .Guards.GroupBy(guard => guard.Interface, StringComparer.Ordinal)
                .Select(same => new TrunkGuard(
                    same.Key,
                    string.Join(',', same.Select(guard => guard.Network).Distinct(StringComparer.Ordinal)),
                    same.Select(guard => guard.Vlans)
                        .Append(
                            VlanSet.Create(
                                links
                                    .Where(link =>
                                        link.Vlan is { } vlan && VlanSet.IsVlan(vlan) && ParentOf(link) == same.Key
                                    )
                                    .Select(link => link.Vlan!.Value)
                            )
                        )
                        .Aggregate((left, right) => left.Union(right)),
                    same.Any(guard => guard.Untagged)
                        || links.Exists(link => link.Name == same.Key && !link.Addresses.IsEmpty)
                )),
        ];

    private static IEnumerable<string> NotesOf(
        NodeConfiguration configuration,
        ImmutableArray<PhysicalFunction> functions
    ) =>
        configuration
            .Links.Select(link => $"{link.Name}: {link.Comment}")
            .Concat(
                functions
                    .Where(port => port.Count > 0)
                    .Select(port =>
                        $"{port.Name}: port of {(port.Count == 1 ? "one virtual function" : $"{port.Count} virtual functions")}"
                    )
            )
            .Concat(
                configuration.Devices.Select(device =>
                    $"{device.Name}: left alone, handed to pods of {NameOf(device.Network)}"
                )
            );

    private static string NameOf(string id) => id[(id.LastIndexOf('/') + 1)..];
}
