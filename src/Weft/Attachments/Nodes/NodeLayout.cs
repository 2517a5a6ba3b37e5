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
    /// Every port that a link is or stands on, the node's own among them, as wide as links want it: what netlink sets up.
    /// </summary>
    public required ImmutableArray<NodeLink> LinkPorts { get; init; }

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
        var links = MergeLinks(configuration.Links);
        var linkPorts = PortsOf(links);
        var functions = MergeFunctions(configuration.PhysicalFunctions);
        return new NodeLayout(
            configuration.Node,
            [.. WithFunctionPorts(linkPorts, functions).Where(port => !port.IsForeign)],
            [.. links.Where(link => link.Vlan is not null).Select(link => link with { Parent = ParentOf(link) })],
            functions,
            UnmanagedDevicesOf(configuration, functions),
            MergeGuards(configuration, links),
            [.. NotesOf(configuration, functions)]
        )
        {
            LinkPorts = linkPorts,
        };
    }

    /// <summary>The interface that a tagged one stands on.</summary>
    internal static string ParentOf(NodeLink link) => link.Parent ?? link.Uplink.Name;

    /// <summary>The port of virtual functions, where no interface of the node's own is or stands on it.</summary>
    internal static NodeLink PortOf(PhysicalFunction port)
    {
        var uplink = new Uplink(port.Name, port.MacAddress, port.Mtu, null) { PciAddress = port.PciAddress };
        return new NodeLink(port.Name, uplink, null, port.Mtu, [], [], "");
    }

    /// <summary>
    /// Two attachments may want the same interface (pods' parent and the node's own): its addresses are those of both.
    /// </summary>
    private static ImmutableArray<NodeLink> MergeLinks(ImmutableArray<NodeLink> links) =>
        [
            .. links
                .GroupBy(link => link.Name, StringComparer.Ordinal)
                .Select(same =>
                    same.First() with
                    {
                        Addresses = [.. same.SelectMany(l => l.Addresses).Distinct()],
                        Routes = [.. same.SelectMany(l => l.Routes).Distinct()],
                        Mtu = same.Max(l => l.Mtu),
                    }
                ),
        ];

    /// <summary>The ports among the links, then those that a tagged one needs to be up and wide enough.</summary>
    private static ImmutableArray<NodeLink> PortsOf(ImmutableArray<NodeLink> links) =>
        [
            .. links
                .Where(link => link.Vlan is null)
                .Concat(
                    links
                        .Where(link => link.Vlan is not null)
                        .Select(link => new NodeLink(ParentOf(link), link.Uplink, null, link.Uplink.Mtu, [], [], ""))
                )
                .DistinctBy(port => port.Name, StringComparer.Ordinal),
        ];

    /// <summary>
    /// The ports, and those of virtual functions that a file can find: by MAC address, which may be another port's
    /// under the name that its network gives it.
    /// </summary>
    private static List<NodeLink> WithFunctionPorts(
        ImmutableArray<NodeLink> linkPorts,
        ImmutableArray<PhysicalFunction> functions
    )
    {
        var ports = linkPorts.ToList();
        foreach (var function in functions.Where(function => function.MacAddress is not null))
        {
            var same = ports.FindIndex(port =>
                port.Name == function.Name || port.Uplink.MacAddress == function.MacAddress
            );
            if (same < 0)
                ports.Add(PortOf(function));
            else
                ports[same] = ports[same] with { Mtu = Math.Max(ports[same].Mtu, function.Mtu) };
        }

        return ports;
    }

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
    private static ImmutableArray<TrunkGuard> MergeGuards(
        NodeConfiguration configuration,
        ImmutableArray<NodeLink> links
    ) =>
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
                        || links.Any(link => link.Name == same.Key && !link.Addresses.IsEmpty)
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
