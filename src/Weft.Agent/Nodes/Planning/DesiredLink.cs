using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Attachments.Nodes;

namespace Weft.Agent.Nodes.Planning;

/// <summary>One interface that a node must have, with everything that anybody wants of it.</summary>
/// <param name="Uplink">The port it is, or stands on.</param>
/// <param name="Vlan">Its tag, or null for a port.</param>
/// <param name="Parent">The name of what a tagged one stands on.</param>
/// <param name="Mtu">Its MTU in bytes.</param>
internal sealed record DesiredLink(
    string Name,
    Uplink Uplink,
    int? Vlan,
    string Parent,
    int Mtu,
    ImmutableArray<(Address Address, int Length)> Addresses,
    ImmutableArray<NodeRoute> Routes
)
{
    /// <summary>
    /// Whether the node's own files set it up and Weft only stands on it: a trunk port that no MAC address finds. It is
    /// set up and widened if need be, and otherwise left as it is.
    /// </summary>
    public bool IsForeign => Vlan is null && Name == Uplink.Name && Uplink is { IsTrunkPort: true, MacAddress: null };

    /// <summary>Whether it has an IPv6 address of ours.</summary>
    public bool HasIPv6 => Addresses.Any(a => a.Address.Family == AddressFamily.IPv6);

    /// <summary>
    /// A configuration's interfaces, ports first: those of one name are one, a tagged one's port is there even if
    /// nobody names it, and no port is narrower than what stands on it.
    /// </summary>
    public static ImmutableArray<DesiredLink> FromConfiguration(NodeConfiguration configuration)
    {
        var links = configuration.Links.Select(FromConfiguration).ToList();
        var names = links.Select(link => link.Name).ToHashSet(StringComparer.Ordinal);
        links.AddRange(
            links
                .Where(link => link.Vlan is not null && names.Add(link.Parent))
                .ToList()
                .Select(link => FromPort(link.Parent, link.Uplink))
        );
        links.AddRange(
            configuration.PhysicalFunctions.Select(port =>
                FromPort(
                    port.Name,
                    new Uplink(port.Name, port.MacAddress, port.Mtu, null) { PciAddress = port.PciAddress }
                )
            )
        );
        var merged = links.GroupBy(link => link.Name, StringComparer.Ordinal).Select(Merge).ToList();
        return
        [
            .. merged
                .Where(link => link.Vlan is null)
                .Select(port =>
                    port with
                    {
                        Mtu = merged
                            .Where(l => l.Vlan is not null && l.Parent == port.Name)
                            .Select(l => l.Mtu)
                            .Append(port.Mtu)
                            .Max(),
                    }
                ),
            .. merged.Where(link => link.Vlan is not null),
        ];
    }

    private static DesiredLink FromConfiguration(NodeLink link) =>
        new(link.Name, link.Uplink, link.Vlan, link.Parent ?? link.Uplink.Name, link.Mtu, link.Addresses, link.Routes);

    private static DesiredLink FromPort(string name, Uplink uplink) =>
        new(name, uplink, null, name, uplink.Mtu, [], []);

    private static DesiredLink Merge(IEnumerable<DesiredLink> same) =>
        same.First() with
        {
            Mtu = same.Max(link => link.Mtu),
            Addresses = [.. same.SelectMany(link => link.Addresses).Distinct()],
            Routes = [.. same.SelectMany(link => link.Routes).Distinct()],
        };
}
