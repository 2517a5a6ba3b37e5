using System.Collections.Immutable;
using Weft.Addressing;

namespace Weft.Attachments.Nodes;

/// <summary>
/// A port of a node as the site has it: either the interface that the host or the fabric hands over for one network (a
/// node that is a virtual machine has one for each), or a trunk port that carries every VLAN (bare metal).
/// </summary>
/// <param name="Name">The interface's name as the system finds it.</param>
/// <param name="MacAddress">Its MAC address, or null where it is matched by name.</param>
/// <param name="Mtu">The largest payload it carries, in bytes.</param>
/// <param name="Network">The key of the network's id it is handed over for, or null for a trunk port.</param>
internal sealed record Uplink(string Name, string? MacAddress, int Mtu, string? Network)
{
    /// <summary>Its PCI address (<c>0000:3b:00.0</c>), or null where nobody has said it.</summary>
    public string? PciAddress { get; init; }

    /// <summary>Which of its virtual functions are whose; none where it has none.</summary>
    public ImmutableArray<FunctionRange> Functions { get; init; } = [];

    /// <summary>Whether it carries every VLAN.</summary>
    public bool IsTrunkPort => Network is null;
}

/// <summary>Virtual functions of a port that are for one network.</summary>
/// <param name="First">The first one's index, from 0.</param>
internal sealed record FunctionRange(int First, int Last, string Network);

/// <summary>A route.</summary>
/// <param name="Metric">The lower, the better; null for the system's own.</param>
internal sealed record NodeRoute(Prefix To, Address Via, int? Metric = null);

/// <summary>
/// An interface that a node or machine must have: what every format of node configuration is written from.
/// </summary>
/// <param name="Name">The name it must have.</param>
/// <param name="Uplink">The port it is, or stands on.</param>
/// <param name="Vlan">The VLAN that the node tags with, or null where frames leave the port as they are.</param>
/// <param name="Mtu">The MTU in bytes.</param>
/// <param name="Addresses">Addresses with the length of their subnet.</param>
/// <param name="Comment">Why it is there, for a person who reads the file.</param>
internal sealed record NodeLink(
    string Name,
    Uplink Uplink,
    int? Vlan,
    int Mtu,
    ImmutableArray<(Address Address, int Length)> Addresses,
    ImmutableArray<NodeRoute> Routes,
    string Comment
)
{
    /// <summary>The name of the interface that a tagged one stands on; the port's own name unless given.</summary>
    public string? Parent { get; init; }

    /// <summary>
    /// Whether it is a port that the node's own files set up, and Weft only stands on it: a trunk port that has no MAC
    /// address here (a bond, say). It is set up and widened if need be, and otherwise left as it is.
    /// </summary>
    public bool IsForeign => Vlan is null && Name == Uplink.Name && Uplink is { IsTrunkPort: true, MacAddress: null };

    /// <summary>
    /// Whether it has an IPv6 address, which needs a link-local one beside it for neighbour discovery (RFC 4291 §2.8).
    /// </summary>
    public bool HasIPv6 => Addresses.Any(a => a.Address.Family == AddressFamily.IPv6);
}
