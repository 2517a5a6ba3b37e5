using System.Collections.Immutable;
using Weft.Agent.Linux.Netlink;

namespace Weft.Agent.Nodes.Planning;

/// <summary>A device on a PCI bus, as far as a plan needs it.</summary>
/// <param name="Address">Its address, such as <c>0000:3b:02.1</c>.</param>
/// <param name="Vendor">Its vendor in lower-case hex without <c>0x</c>.</param>
/// <param name="Driver">The driver that has it, or null.</param>
internal sealed record PciDevice(string Address, string Vendor, string? Driver)
{
    /// <summary>Whether it is in an IOMMU group.</summary>
    public bool HasIommuGroup { get; init; }

    /// <summary>The interfaces it has in this network namespace.</summary>
    public ImmutableArray<string> Interfaces { get; init; } = [];

    /// <summary>How many virtual functions it can have; 0 for none.</summary>
    public int MaxFunctions { get; init; }

    /// <summary>The PCI addresses of its functions, by index.</summary>
    public ImmutableArray<string> Functions { get; init; } = [];

    /// <summary>Whether the kernel's drivers take its functions by themselves; null where it doesn't say.</summary>
    public bool? AutoProbe { get; init; }

    /// <summary>Why it mustn't be touched, or null: a pod has it.</summary>
    public string? InUse { get; init; }
}

/// <summary>A node as it is: all that a plan is made from.</summary>
internal sealed record ObservedNode(
    ImmutableArray<KernelLink> Links,
    ImmutableArray<KernelAddress> Addresses,
    ImmutableArray<KernelRoute> Routes
)
{
    /// <summary>The name under which the kernel keeps what a new interface begins with.</summary>
    public const string DefaultInterface = "default";

    /// <summary>IPv6 settings by interface and name. Empty where the kernel has no IPv6.</summary>
    public ImmutableDictionary<(string Link, string Name), string> Sysctls { get; init; } =
        ImmutableDictionary<(string, string), string>.Empty;

    /// <summary>Devices by PCI address: those that the configuration names, and their functions.</summary>
    public ImmutableDictionary<string, PciDevice> Devices { get; init; } = ImmutableDictionary<string, PciDevice>.Empty;

    /// <summary>
    /// The MAC addresses of interfaces in other network namespaces that stand on an interface, by its number; known of those
    /// alone that may be taken away.
    /// </summary>
    public ImmutableDictionary<int, ImmutableArray<string>> Elsewhere { get; init; } =
        ImmutableDictionary<int, ImmutableArray<string>>.Empty;

    /// <summary>A fingerprint of the guards' tables as the kernel has them; null where it has none of them.</summary>
    public string? Guards { get; init; }

    /// <summary>The guards' tables as text, to be put back.</summary>
    public string GuardsText { get; init; } = "";

    /// <summary>The interface of a name.</summary>
    public KernelLink? FindLink(string name) => Links.FirstOrDefault(link => link.Name == name);

    /// <summary>The interface of a number.</summary>
    public KernelLink? FindLink(int index) => Links.FirstOrDefault(link => link.Index == index);
}
