using System.Collections.Immutable;
using Weft.Addressing;

namespace Weft.Agent.Linux.Netlink;

/// <summary>A network interface as the kernel has it.</summary>
/// <param name="Index">Its number; another interface of the same name has another one.</param>
internal sealed record KernelLink(int Index, string Name)
{
    /// <summary>Its other names.</summary>
    public ImmutableArray<string> AlternativeNames { get; init; } = [];

    /// <summary>Its note for people; empty for none.</summary>
    public string Alias { get; init; } = "";

    /// <summary>Its link layer: <c>ether</c>, <c>infiniband</c>, <c>loopback</c>; empty for any other.</summary>
    public string LinkType { get; init; } = "";

    /// <summary>Its MAC address in lower case with colons, or null.</summary>
    public string? MacAddress { get; init; }

    /// <summary>
    /// The MAC address that its hardware was made with, or null where it has none or the kernel doesn't say.
    /// </summary>
    public string? PermanentMacAddress { get; init; }

    /// <summary>Its MTU in bytes.</summary>
    public int Mtu { get; init; }

    /// <summary>The greatest MTU it can have; 0 where the driver doesn't say.</summary>
    public int MaxMtu { get; init; }

    /// <summary>Its flags, <c>IFF_*</c>.</summary>
    public uint Flags { get; init; }

    /// <summary>What kind of software makes it: <c>vlan</c>, <c>veth</c>, <c>bridge</c>…; empty for hardware.</summary>
    public string Kind { get; init; } = "";

    /// <summary>The number of the interface it stands on, or 0.</summary>
    public int Parent { get; init; }

    /// <summary>Whether <see cref="Parent"/> is a number of another network namespace.</summary>
    public bool IsParentElsewhere { get; init; }

    /// <summary>The number of the bridge, bond or VRF that it belongs to, or 0.</summary>
    public int Master { get; init; }

    /// <summary>Its tag, for a <c>vlan</c>.</summary>
    public int? Vlan { get; init; }

    /// <summary>Its device on a bus, such as a PCI address, or null; kernels before 5.14 don't say.</summary>
    public string? Device { get; init; }

    /// <summary>Its virtual functions, by index, where it is a physical function.</summary>
    public ImmutableArray<KernelFunction> Functions { get; init; } = [];

    /// <summary>Whether it is set up (<c>IFF_UP</c>).</summary>
    public bool IsUp => (Flags & 1) != 0;

    /// <summary>Whether it has a carrier (<c>IFF_LOWER_UP</c>).</summary>
    public bool HasCarrier => (Flags & 0x10000) != 0;

    /// <summary>
    /// Whether a bond, a team or Hyper-V has taken it in (<c>IFF_SLAVE</c>): it can't be found by a MAC address that it
    /// shares.
    /// </summary>
    public bool IsEnslaved => (Flags & 0x800) != 0;
}

/// <summary>A virtual function as its physical function has it.</summary>
/// <param name="MacAddress">The MAC address that the administrator gave it; all zeros for none.</param>
/// <param name="Vlan">The VLAN that the card tags with; 0 for none.</param>
/// <param name="SpoofCheck">Whether other MAC addresses are dropped; null where the driver doesn't say.</param>
/// <param name="Trust">Whether it is trusted; null where the driver doesn't say.</param>
internal sealed record KernelFunction(int Index, string MacAddress, int Vlan, bool? SpoofCheck, bool? Trust);

/// <summary>An address on an interface.</summary>
/// <param name="Flags">Its flags, <c>IFA_F_*</c>.</param>
/// <param name="Scope">Its scope: 0 everywhere, 253 the link.</param>
internal sealed record KernelAddress(int Link, Address Address, int Length, uint Flags, int Scope)
{
    /// <summary>
    /// Whether it stays until somebody takes it away; false for one that a router advertisement gave.
    /// </summary>
    public bool IsPermanent => (Flags & 0x80) != 0;

    /// <summary>Whether another machine on the link has the same one (<c>IFA_F_DADFAILED</c>).</summary>
    public bool IsDuplicate => (Flags & 0x08) != 0;
}

/// <summary>A unicast route of the main table.</summary>
/// <param name="Link">The interface's number; 0 where it has several next hops.</param>
/// <param name="Via">The next hop, or null where the destination is on the link.</param>
/// <param name="Protocol">Who made it: 2 the kernel, 3 boot, 4 static, 9 a router advertisement, 16 DHCP.</param>
internal sealed record KernelRoute(int Link, Prefix To, Address? Via, int Metric, int Protocol, int Scope)
{
    /// <summary><c>RTPROT_KERNEL</c>: an address brought it.</summary>
    public const int MadeByKernel = 2;

    /// <summary>The interfaces of its next hops, where it has several.</summary>
    public ImmutableArray<int> NextHopLinks { get; init; } = [];

    /// <summary>The interfaces that it leads to.</summary>
    public IEnumerable<int> Links => Link == 0 ? NextHopLinks : [Link];

    /// <summary>The address it prefers as the source, or null.</summary>
    public Address? Source { get; init; }

    /// <summary>Whether it leads everywhere.</summary>
    public bool IsDefault => To.Length == 0;
}
