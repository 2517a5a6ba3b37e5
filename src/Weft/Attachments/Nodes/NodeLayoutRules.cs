using System.Text.RegularExpressions;
using Weft.Addressing;

namespace Weft.Attachments.Nodes;

/// <summary>
/// What a node's configuration must keep before any of it is written. Each rule stands for something that a reader
/// accepts silently: netplan 0.106 takes a name the kernel refuses, VLAN 0 and a child wider than its parent, and the
/// interface is then not there or drops frames.
/// </summary>
internal static partial class NodeLayoutRules
{
    /// <summary>RFC 8200 §5: below this the kernel takes IPv6 off an interface.</summary>
    private const int MinIPv6Mtu = 1280;

    public static List<Refusal> Check(NodeConfiguration configuration, NodeLayout layout)
    {
        var findings = new List<Refusal>();
        CheckNames(configuration, findings);
        CheckDuplicates(configuration, layout, findings);
        foreach (var link in layout.Ports.Concat(layout.Tagged))
        {
            CheckMtu(link, layout, findings);
            CheckRoutes(link, findings);
        }

        foreach (var link in layout.Tagged.Where(link => !VlanSet.IsVlan(link.Vlan!.Value)))
            findings.Add(
                RefusalOf(RefusalCode.InvalidMember, link, "vlan", $"{link.Vlan} is no VLAN; it must be 1 to 4094")
            );
        foreach (
            var link in layout.Ports.Where(link => link.Uplink.MacAddress is null && link.Uplink.Name != link.Name)
        )
            findings.Add(
                RefusalOf(
                    RefusalCode.MissingMember,
                    link,
                    "port.macAddress",
                    $"the port '{link.Uplink.Name}' is to become '{link.Name}', so it needs a MAC address to be found by"
                )
            );
        return findings;
    }

    /// <summary>
    /// Whether a name is one that Multus gives interfaces in pods; after a forced deletion of a pod its interface comes
    /// back to the node under it.
    /// </summary>
    public static bool IsPodInterfaceName(string name) => PodInterfaceName().IsMatch(name);

    private static void CheckNames(NodeConfiguration configuration, List<Refusal> findings)
    {
        foreach (var name in NamesIn(configuration).DistinctBy(given => (given.Name, given.IsOurs)))
        {
            if (WhyBad(name) is { } why)
                findings.Add(new Refusal(RefusalCode.InvalidMember, $"{name.Path}: '{name.Name}' {why}", name.Path));
        }
    }

    private static IEnumerable<GivenName> NamesIn(NodeConfiguration configuration) =>
        configuration
            .Links.Select(link => new GivenName(
                link.Name,
                $"links '{link.Name}'",
                link.Vlan is not null || link.Name != link.Uplink.Name
            ))
            .Concat(
                configuration.Links.Select(link => new GivenName(
                    NodeLayout.ParentOf(link),
                    $"links '{link.Name}' parent",
                    IsOurs: false
                ))
            )
            .Concat(
                configuration.PhysicalFunctions.Select(port => new GivenName(
                    port.Name,
                    $"physicalFunctions '{port.Name}'",
                    IsOurs: false
                ))
            )
            .Concat(
                configuration.Devices.Select(device => new GivenName(
                    device.Name,
                    $"devices '{device.Name}'",
                    IsOurs: false
                ))
            )
            .Concat(
                configuration.Guards.Select(guard => new GivenName(
                    guard.Interface,
                    $"guards '{guard.Interface}'",
                    IsOurs: false
                ))
            );

    private static string? WhyBad(GivenName given)
    {
        var name = given.Name;
        if (name.Length is 0 or > InterfaceName.MaxLength)
            return $"has {name.Length} characters; the kernel takes 1 to {InterfaceName.MaxLength}, "
                + "so give the network a shorter interfaceName";
        if (!InterfaceName.IsPortable(name))
            return "has characters that a file of node configuration reads as something else; "
                + "use letters, digits and . _ - + @";
        return given.IsOurs && IsPodInterfaceName(name)
            ? "is what Multus calls interfaces in pods, and one that comes back to the node would take its place; "
                + "give the network another interfaceName"
            : null;
    }

    private static void CheckDuplicates(NodeConfiguration configuration, NodeLayout layout, List<Refusal> findings)
    {
        findings.AddRange(
            configuration.Links.GroupBy(link => link.Name, StringComparer.Ordinal).SelectMany(Contradictions)
        );
        findings.AddRange(
            layout.Tagged.GroupBy(link => (NodeLayout.ParentOf(link), link.Vlan)).SelectMany(DuplicateVlans)
        );
        findings.AddRange(
            layout
                .Ports.Where(link => link.Uplink.MacAddress is not null)
                .GroupBy(link => link.Uplink.MacAddress)
                .SelectMany(DuplicatePorts)
        );
        findings.AddRange(layout.PhysicalFunctions.SelectMany(DuplicateFunctions));
    }

    private static IEnumerable<Refusal> Contradictions(IEnumerable<NodeLink> sameName)
    {
        var first = sameName.First();
        var other = sameName.FirstOrDefault(link =>
            link.Vlan != first.Vlan
            || NodeLayout.ParentOf(link) != NodeLayout.ParentOf(first)
            || link.Uplink.MacAddress != first.Uplink.MacAddress
        );
        if (other is not null)
            yield return RefusalOf(
                RefusalCode.Overlap,
                first,
                "name",
                $"it is wanted twice and differently ({first.Comment}; {other.Comment})"
            );
    }

    private static IEnumerable<Refusal> DuplicateVlans(IGrouping<(string Parent, int? Vlan), NodeLink> same)
    {
        if (same.Count() > 1)
            yield return RefusalOf(
                RefusalCode.Overlap,
                same.First(),
                "vlan",
                $"VLAN {same.Key.Vlan} would be on {same.Key.Parent} twice, "
                    + $"as {string.Join(" and ", same.Select(l => l.Name))}; the kernel takes it once"
            );
    }

    private static IEnumerable<Refusal> DuplicatePorts(IGrouping<string?, NodeLink> same)
    {
        if (same.Count() > 1)
            yield return RefusalOf(
                RefusalCode.Overlap,
                same.First(),
                "port.macAddress",
                $"the port {same.Key} would have the names "
                    + $"{string.Join(" and ", same.Select(l => l.Name))}; it can have one"
            );
    }

    private static IEnumerable<Refusal> DuplicateFunctions(PhysicalFunction port) =>
        port
            .Functions.GroupBy(function => function.Index)
            .Where(same => same.Count() > 1)
            .Select(same => new Refusal(
                RefusalCode.Overlap,
                $"physicalFunctions '{port.Name}': function {same.Key} is for "
                    + $"{string.Join(" and ", same.Select(f => f.Network))}; it can be for one",
                $"physicalFunctions '{port.Name}'"
            ));

    private static void CheckMtu(NodeLink link, NodeLayout layout, List<Refusal> findings)
    {
        var widest = link.Vlan is null
            ? link.Uplink.Mtu
            : layout.Ports.FirstOrDefault(port => port.Name == link.Parent)?.Mtu ?? link.Uplink.Mtu;
        if (link.Vlan is not null && link.Mtu > widest)
            findings.Add(
                RefusalOf(
                    RefusalCode.Mismatch,
                    link,
                    "mtu",
                    $"{link.Mtu} bytes are more than the {widest} of its parent {link.Parent}"
                )
            );
        if (link.Mtu is < 68 or > 65535)
            findings.Add(
                RefusalOf(RefusalCode.InvalidMember, link, "mtu", $"{link.Mtu} is no MTU; it must be 68 to 65535")
            );
        else if (link.Mtu < MinIPv6Mtu && link.HasIPv6)
            findings.Add(
                RefusalOf(
                    RefusalCode.Mismatch,
                    link,
                    "mtu",
                    $"it has an IPv6 address, which needs {MinIPv6Mtu} bytes, but an MTU of {link.Mtu}"
                )
            );
    }

    private static void CheckRoutes(NodeLink link, List<Refusal> findings)
    {
        foreach (var route in link.Routes)
        {
            if (route.To.Length == 0)
                findings.Add(
                    RefusalOf(
                        RefusalCode.InvalidMember,
                        link,
                        "routes",
                        $"a node is given no default route, and {route.To} by {route.Via} is one; name the prefixes beyond the gateway"
                    )
                );
            else if (route.To.Family != route.Via.Family)
                findings.Add(
                    RefusalOf(
                        RefusalCode.Mismatch,
                        link,
                        "routes",
                        $"{route.To} and its next hop {route.Via} are of two families"
                    )
                );
            else if (
                !link.Addresses.Any(a => Prefix.FromAddress(a.Address, a.Length).Contains(route.Via))
                && !LinkLocal.Contains(route.Via)
            )
                findings.Add(
                    RefusalOf(
                        RefusalCode.Mismatch,
                        link,
                        "routes",
                        $"the next hop {route.Via} of {route.To} is on no subnet of the interface"
                    )
                );
        }
    }

    /// <summary>RFC 4291 §2.5.6.</summary>
    private static Prefix LinkLocal { get; } = Prefix.Parse("fe80::/10").Value;

    private static Refusal RefusalOf(RefusalCode code, NodeLink link, string member, string why) =>
        new(code, $"links '{link.Name}' {member}: {why}", $"links '{link.Name}' {member}");

    [GeneratedRegex("^net[0-9]+\\z")]
    private static partial Regex PodInterfaceName();

    /// <summary>A name somewhere in a configuration.</summary>
    /// <param name="IsOurs">Whether the interface gets it from Weft.</param>
    private sealed record GivenName(string Name, string Path, bool IsOurs);
}
