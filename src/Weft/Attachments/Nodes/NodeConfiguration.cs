using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Addressing;

namespace Weft.Attachments.Nodes;

/// <summary>A virtual function of a physical function that the node can see.</summary>
/// <param name="Index">Its number on the physical function, from 0.</param>
/// <param name="Network">The id of the network that it is for.</param>
/// <param name="Vlan">The VLAN that the card tags its frames with, or null where the workload tags for itself and the
/// card must add nothing.</param>
/// <param name="Trust">Whether the card lets it receive for MAC addresses and VLANs of its own choice.</param>
/// <param name="SpoofCheck">Whether the card drops frames from other MAC addresses than its own.</param>
/// <param name="Mtu">Its MTU in bytes; nothing to a function that a user-space driver has.</param>
internal sealed record VirtualFunction(
    int Index,
    string Network,
    int? Vlan,
    bool Trust,
    bool SpoofCheck,
    int Mtu,
    FunctionDriver Driver
);

/// <summary>Which driver a device is to have.</summary>
internal enum FunctionDriver
{
    /// <summary>The kernel's own, so that it is a network interface.</summary>
    Kernel,

    /// <summary>
    /// What DPDK needs of this card: <c>vfio-pci</c>, but for cards whose DPDK driver works beside the kernel's (vendor
    /// 15b3, <c>mlx5_core</c>) the kernel's own.
    /// </summary>
    UserSpace,
}

/// <summary>A port with virtual functions, which the node makes and sets up.</summary>
/// <param name="MacAddress">The MAC address it is found by, or null where the name finds it.</param>
/// <param name="PciAddress">Its PCI address, or null where it isn't known.</param>
/// <param name="Mtu">The MTU in bytes that its functions can have at most.</param>
/// <param name="Functions">The functions, by index. There must be as many as the greatest index says, and one
/// more.</param>
internal sealed record PhysicalFunction(
    string Name,
    string? MacAddress,
    string? PciAddress,
    int Mtu,
    ImmutableArray<VirtualFunction> Functions
)
{
    /// <summary>How many functions the port must have.</summary>
    public int Count => Functions.IsEmpty ? 0 : Functions.Max(f => f.Index) + 1;
}

/// <summary>
/// A device that the host of a virtual node has handed over, for pods to be given whole: its VLAN is the host's doing.
/// </summary>
/// <param name="Name">The interface as the system finds it; of no meaning once a user-space driver has it.</param>
/// <param name="MacAddress">Its MAC address, or null.</param>
/// <param name="PciAddress">Its PCI address, or null where it isn't known.</param>
/// <param name="Network">The id of the network that it is for.</param>
/// <param name="Mtu">Its MTU in bytes.</param>
internal sealed record PassthroughDevice(
    string Name,
    string? MacAddress,
    string? PciAddress,
    string Network,
    int Mtu,
    FunctionDriver Driver
);

/// <summary>
/// What may pass on an interface whose pods tag for themselves: every other tag is dropped, in both directions.
/// </summary>
/// <param name="Untagged">Whether untagged frames pass: on a port that carries the node's own traffic too, they
/// must.</param>
internal sealed record TrunkGuard(string Interface, string Network, VlanSet Vlans, bool Untagged);

/// <summary>
/// All that a node's operating system must have: what every format of node configuration is written from, and what an
/// agent applies.
/// </summary>
/// <param name="Devices">Devices that its host has handed over for pods.</param>
/// <param name="Guards">What may pass on the parents of trunks.</param>
internal sealed record NodeConfiguration(
    string Node,
    ImmutableArray<NodeLink> Links,
    ImmutableArray<PhysicalFunction> PhysicalFunctions,
    ImmutableArray<PassthroughDevice> Devices,
    ImmutableArray<TrunkGuard> Guards
)
{
    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="body">The member <c>configuration</c> of a node in a desired state.</param>
    /// <returns>The configuration, or every fault of it.</returns>
    public static Outcome<NodeConfiguration> Read(JsonElement body, string node) =>
        NodeConfigurationJson.Read(body, node);

    /// <summary>Writes the configuration as agents get it.</summary>
    public void WriteTo(Utf8JsonWriter writer) => NodeConfigurationJson.Write(this, writer);

    /// <summary>The configuration as agents get it.</summary>
    public JsonObject ToJson()
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
            WriteTo(writer);
        return JsonNode.Parse(buffer.ToArray())!.AsObject();
    }
}
