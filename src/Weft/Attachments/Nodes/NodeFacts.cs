using System.Collections.Immutable;
using Weft.Addressing;

namespace Weft.Attachments.Nodes;

/// <summary>An interface that a node has, as far as a policy asks.</summary>
internal sealed record NodeInterface(string Name)
{
    /// <summary>Its other names.</summary>
    public ImmutableArray<string> AlternativeNames { get; init; } = [];

    /// <summary>The MAC addresses it can be found by; none for what borrows another's.</summary>
    public ImmutableArray<string> MacAddresses { get; init; } = [];

    /// <summary>Its PCI address, or null.</summary>
    public string? PciAddress { get; init; }

    /// <summary>Its MTU in bytes.</summary>
    public int Mtu { get; init; }

    /// <summary>Whether the node is managed by it, or by what stands on it.</summary>
    public bool IsManagement { get; init; }

    /// <summary>What of the management goes through it: untagged frames.</summary>
    public bool CarriesUntagged { get; init; }

    /// <summary>What of the management goes through it: frames with these tags.</summary>
    public VlanSet CarriesVlans { get; init; } = VlanSet.Empty;

    /// <summary>All its names.</summary>
    public ImmutableArray<string> Names => [Name, .. AlternativeNames];
}

/// <summary>A prefix that the node uses for itself.</summary>
/// <param name="What">What for, in a few words.</param>
internal sealed record OwnPrefix(Prefix Prefix, string What);

/// <summary>What a node is, as far as a policy asks: none of it is of Weft's making.</summary>
internal sealed record NodeFacts(ImmutableArray<NodeInterface> Interfaces, ImmutableArray<OwnPrefix> OwnPrefixes)
{
    /// <summary>
    /// Whether files of netplan or networkd set interfaces up: a file about a port then says all of it, not only what is
    /// added.
    /// </summary>
    public bool HasNetworkService { get; init; }

    /// <summary>The interfaces that a port may turn out to be: by its MAC address, else its PCI address, else its name.</summary>
    public IEnumerable<NodeInterface> FindPort(string? macAddress, string? pciAddress, string name)
    {
        if (macAddress is not null)
            return Interfaces.Where(i => i.MacAddresses.Contains(macAddress, StringComparer.OrdinalIgnoreCase));
        var onDevice = Interfaces.Where(i => pciAddress is not null && i.PciAddress == pciAddress).ToList();
        return onDevice.Count > 0 ? onDevice : FindNamed(name);
    }

    /// <summary>The interfaces that have a name.</summary>
    public IEnumerable<NodeInterface> FindNamed(string name) => Interfaces.Where(i => i.Names.Contains(name));
}
