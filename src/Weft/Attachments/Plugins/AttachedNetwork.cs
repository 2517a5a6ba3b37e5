using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Attachments.DevicePools;
using Weft.Attachments.Nodes;
using Weft.Networks;

namespace Weft.Attachments.Plugins;

/// <summary>An attachment with everything that a plugin needs, so that it looks nothing up.</summary>
/// <param name="Network">The network, as it derives from the fabric.</param>
/// <param name="Master">The interface that pods' interfaces are children of: the same on every node.</param>
internal sealed record AttachedNetwork(Attachment Attachment, Network Network, string Master)
{
    /// <summary>
    /// Whether the nodes are virtual: their devices are handed over one by one, and no physical function is visible.
    /// </summary>
    public bool IsVirtual { get; init; }

    /// <summary>For a trunk: the layer-3 networks on its VLANs, whose pools give addresses there.</summary>
    public ImmutableDictionary<int, Network> L3Networks { get; init; } = ImmutableDictionary<int, Network>.Empty;

    /// <summary>
    /// For DPDK: whether its devices stay interfaces of the kernel on every node (vendor 15b3), as far as the nodes'
    /// inventories tell.
    /// </summary>
    public bool KeepsInterfaces { get; init; }
}

/// <summary>A node as far as an attachment is concerned.</summary>
/// <param name="Uplink">The port that carries the network there.</param>
/// <param name="Addresses">
/// The node's own addresses by interface name: they are leased before anything is rendered.
/// </param>
internal sealed record AttachedNode(
    string Name,
    Uplink Uplink,
    ImmutableDictionary<string, ImmutableArray<Lease>> Addresses
)
{
    /// <summary>
    /// Every port that carries the network there: a network handed over several times is one pool of devices.
    /// </summary>
    public ImmutableArray<Uplink> Uplinks { get; init; } = [Uplink];

    /// <summary>What the node's agent found there, or null while none has reported.</summary>
    public NodeInventory? Inventory { get; init; }

    /// <summary>The node's addresses on an interface, with the length of their subnets.</summary>
    /// <returns>The addresses, IPv4 first.</returns>
    public ImmutableArray<(Address Address, int Length)> AddressesOn(string name, ImmutableArray<Subnet> subnets) =>
        Addresses.TryGetValue(name, out var leases)
            ?
            [
                .. leases.Select(l =>
                    (
                        l.Address,
                        subnets.FirstOrDefault(s => s.Prefix.Contains(l.Address))?.Prefix.Length ?? l.Address.Bits
                    )
                ),
            ]
            : [];
}

/// <summary>What one attachment adds to a node.</summary>
internal sealed record NodePart(ImmutableArray<NodeLink> Links)
{
    /// <summary>Ports with virtual functions; those of one port are the same port.</summary>
    public ImmutableArray<PhysicalFunction> PhysicalFunctions { get; init; } = [];

    /// <summary>Devices handed over for pods.</summary>
    public ImmutableArray<PassthroughDevice> Devices { get; init; } = [];

    /// <summary>What may pass on parents of trunks.</summary>
    public ImmutableArray<TrunkGuard> Guards { get; init; } = [];

    /// <summary>The devices that pods are given from.</summary>
    public ImmutableArray<DevicePool> Pools { get; init; } = [];

    /// <summary>What can't be rendered here, and why.</summary>
    public ImmutableArray<Refusal> RenderErrors { get; init; } = [];
}
