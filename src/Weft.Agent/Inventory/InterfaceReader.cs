using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Weft.Addressing;
using Weft.Agent.Linux;
using Weft.Agent.Linux.Netlink;

namespace Weft.Agent.Inventory;

/// <summary>What the kernel says of an interface that no file of <c>/sys</c> says.</summary>
/// <param name="Kind">The driver's kind of a virtual interface (<c>veth</c>, <c>bond</c>), or null for
/// hardware.</param>
/// <param name="PermanentAddress">The MAC address the hardware was made with, in lower case, or null.</param>
internal sealed record LinkFacts(string? Kind, string? PermanentAddress)
{
    /// <summary>Asks netlink for all interfaces at once.</summary>
    /// <returns>What is said of each interface, by name; none where netlink can't be asked: the rest of an inventory is
    /// worth having without.</returns>
    public static IReadOnlyDictionary<string, LinkFacts> Query()
    {
        try
        {
            using var netlink = Rtnetlink.Open();
            return netlink
                .Links()
                .Where(link => link.Name.Length > 0)
                .ToDictionary(link => link.Name, FromLink, StringComparer.Ordinal);
        }
        catch (NetlinkException)
        {
            return ImmutableDictionary<string, LinkFacts>.Empty;
        }
    }

    // An InfiniBand port has twenty bytes, which no pool is declared by.
    private static LinkFacts FromLink(KernelLink link) =>
        new(
            link.Kind.Length > 0 ? link.Kind : null,
            MacAddress.TryParse(link.PermanentMacAddress, MacAddressNotations.Colons, out var mac, out _)
                ? mac.ToString()
                : null
        );
}

/// <summary>An interface of the node.</summary>
/// <param name="Path">Where it is in <c>/sys/devices</c>.</param>
internal sealed record Interface(string Name, string Path)
{
    public string? MacAddress { get; init; }

    public int Mtu { get; init; }

    public bool IsUp { get; init; }

    public int? Speed { get; init; }

    public string LinkType { get; init; } = "";

    public string? Driver { get; init; }

    /// <summary>
    /// What it is where it is no port of its own: <c>bond</c>, <c>vlan</c>, <c>representor</c>…; empty for a port.
    /// </summary>
    public string Kind { get; init; } = "";

    /// <summary>The interfaces it stands on: the ports of a bond, the parent of a VLAN.</summary>
    public IReadOnlyList<string> LowerLinks { get; init; } = [];
}

/// <summary>Reads the interfaces of the node.</summary>
/// <remarks>
/// Source: Linux, Documentation/ABI/testing/sysfs-class-net and sysfs-class-net-bonding; ARPHRD numbers of
/// <c>if_arp.h</c>.
/// </remarks>
internal static partial class InterfaceReader
{
    private const string Class = "class/net";
    private const int Ethernet = 1;
    private const int InfiniBand = 32;

    /// <summary>The interfaces, loopback left out.</summary>
    /// <param name="sys">The tree of <c>/sys</c>.</param>
    /// <param name="links">What netlink says of them, by name; may be empty.</param>
    /// <returns>Them in ordinal order of their names.</returns>
    public static List<Interface> Read(SystemTree sys, IReadOnlyDictionary<string, LinkFacts> links)
    {
        var interfaces = new List<Interface>();
        foreach (var name in sys.Names(Class))
        {
            // Files beside the links are switches of modules (bonding_masters) and no interfaces.
            if (name != "lo" && sys.ReadLink($"{Class}/{name}") is { } path)
                interfaces.Add(ReadOne(sys, name, path, links.GetValueOrDefault(name)));
        }

        return interfaces;
    }

    private static Interface ReadOne(SystemTree sys, string name, string path, LinkFacts? facts)
    {
        var at = $"{Class}/{name}";
        return new Interface(name, path)
        {
            MacAddress =
                Mac(facts?.PermanentAddress)
                ?? Mac(sys.ReadText($"{at}/bonding_slave/perm_hwaddr"))
                ?? Mac(sys.ReadText($"{at}/address")),
            Mtu = sys.ReadNumber($"{at}/mtu") ?? 0,
            IsUp = sys.ReadText($"{at}/carrier") == "1",
            Speed = sys.ReadNumber($"{at}/speed") is > 0 and var speed ? speed : null,
            LinkType = sys.ReadNumber($"{at}/type") switch
            {
                Ethernet => "ether",
                InfiniBand => "infiniband",
                _ => "",
            },
            Driver = sys.ReadLinkName($"{at}/device/driver"),
            Kind = KindOf(sys, at, path, facts),
            LowerLinks =
            [
                .. sys.Names(at)
                    .Where(entry => entry.StartsWith("lower_", StringComparison.Ordinal))
                    .Select(entry => entry["lower_".Length..]),
            ],
        };
    }

    private static string KindOf(SystemTree sys, string at, string path, LinkFacts? facts)
    {
        // The host's ends of functions of a NIC in switchdev mode are on the NIC's own PCI function and must not be
        // taken for it.
        if (sys.ReadText($"{at}/phys_port_name") is { } port && Representor().IsMatch(port))
            return "representor";
        if (!path.Contains("/virtual/net/", StringComparison.Ordinal))
            return "";
        if (facts?.Kind is { Length: > 0 } kind)
            return kind;
        return
            sys.ReadLines($"{at}/uevent").FirstOrDefault(line => line.StartsWith("DEVTYPE=", StringComparison.Ordinal))
                is { } type
            ? type["DEVTYPE=".Length..]
            : "virtual";
    }

    /// <summary>
    /// A MAC address of six bytes; what isn't set yet is all zeros, and what InfiniBand has is no MAC address.
    /// </summary>
    private static string? Mac(string? text) =>
        MacAddress.TryParse(text, MacAddressNotations.Colons, out var address, out _) && !address.IsZero
            ? address.ToString()
            : null;

    [GeneratedRegex("^(c[0-9]+)?pf[0-9]+(vf|sf)[0-9]+\\z")]
    private static partial Regex Representor();
}
