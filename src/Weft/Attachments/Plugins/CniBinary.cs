using System.Collections.Immutable;

namespace Weft.Attachments.Plugins;

/// <summary>
/// The program of a CNI plugin, by what it makes of its configuration: what lint must know to judge a definition. A
/// program of which nothing is known has its name alone.
/// </summary>
/// <param name="Name">The file in <c>/opt/cni/bin</c>, and <c>type</c> in the configuration.</param>
internal sealed record CniBinary(string Name)
{
    /// <summary>Members that people write and that it drops silently.</summary>
    public ImmutableArray<DroppedMembers> DroppedMembers { get; init; } = [];

    /// <summary>The values of <c>mode</c>; none where it has no such member.</summary>
    public ImmutableArray<string> Modes { get; init; } = [];

    /// <summary>
    /// Whether it stands on the interface that <c>master</c> names; without one it takes that of the default route.
    /// </summary>
    public bool NeedsMaster { get; init; }

    /// <summary>Whether the kernel lets the master have children of this kind alone.</summary>
    public bool HoldsMaster { get; init; }

    /// <summary>Whether it fails without a device.</summary>
    public bool NeedsDevice { get; init; }

    /// <summary>Whether a pod that asks for a MAC address doesn't get it, and nobody says so.</summary>
    public bool IgnoresMac { get; init; }

    /// <summary>Whether it sets the MAC address of an interface that the plugin before it made.</summary>
    public bool SetsMac { get; init; }

    /// <summary>
    /// Whether it fails without an IPAM. Its interfaces on one node have one MAC address, so DHCP is none for it.
    /// </summary>
    public bool RequiresIpam { get; init; }

    /// <summary>Whether <c>vlan</c>, <c>vlanQoS</c> and <c>vlanProto</c> set what the card tags with.</summary>
    public bool TagsInCard { get; init; }

    /// <summary>Whether a pod gets an interface for each VLAN, and names addresses for each.</summary>
    public bool HasInterfacePerVlan { get; init; }

    /// <summary>The release since which it reads <c>vlanTrunk</c>; null where it never does.</summary>
    public Version? ReadsVlanTrunkSince { get; init; }
}

/// <summary>Members that a CNI plugin drops, and what to do instead.</summary>
internal sealed record DroppedMembers(ImmutableArray<string> Names, string Instead);
