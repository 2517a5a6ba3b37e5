using System.Collections.Immutable;
using Weft.Addressing;

namespace Weft.Attachments.Nodes;

/// <summary>Which interfaces of a configuration a policy refuses, and which of their addresses and routes.</summary>
/// <param name="refuse">Takes each finding.</param>
internal sealed class LinkRules(NodePolicy policy, NodeFacts facts, PortRules ports, Action<PolicyFinding> refuse)
{
    private const string NextHopRule = "nextHop";

    private readonly PrefixRules _prefixes = new(policy, facts, refuse);

    /// <summary>What of the interfaces may be applied.</summary>
    public ImmutableArray<NodeLink> Allowed(ImmutableArray<NodeLink> links)
    {
        var narrow = _prefixes.WithoutHalves([.. links.Where(IsAllowed)]);
        var kept = narrow
            .Select(link =>
                link with
                {
                    Addresses = [.. link.Addresses.Where(a => AllowsAddress(link, a.Address, a.Length))],
                    Routes = [.. link.Routes.Where(route => AllowsRoute(link, route))],
                }
            )
            .ToImmutableArray();
        return WithoutLostNextHops(kept, links);
    }

    private bool IsAllowed(NodeLink link)
    {
        var port = facts.FindPort(link.Uplink.MacAddress, link.Uplink.PciAddress, link.Uplink.Name).ToList();
        var parent = NodeLayout.ParentOf(link);
        var names = link.Vlan is null ? new[] { link.Name } : [link.Name, parent];
        var against =
            ports.AgainstNames(names)
            ?? ports.AgainstPort(port)
            ?? ports.AgainstVlan(link.Vlan)
            ?? AgainstManagement(link, port, link.Vlan is null ? link.Name : parent);
        if (against is not { } found)
            return true;
        refuse(new PolicyFinding($"links '{link.Name}'", DescribeOf(link), found.Rule, found.Reason));
        return false;
    }

    private PortRule? AgainstManagement(NodeLink link, List<NodeInterface> port, string portName)
    {
        if (!policy.Management.IsProtected)
            return null;
        // A parent may be given by a name that another port has.
        if ((ports.AgainstTakingName(link.Name, port) ?? ports.AgainstTakingName(portName, port)) is { } taken)
            return taken;
        if (port.Find(i => i.IsManagement) is not { } management)
            return null;
        if (management.Name != portName)
            return PortRules.Rename(management, portName);
        if (link.Vlan is { } vlan && management.CarriesVlans.Contains(vlan))
            return new(ManagementPolicy.Rule, $"the node is managed by VLAN {vlan} on {management.Name}");
        // Beside a file that says all of a port there is no other way to have it.
        if (link.Vlan is null ? !link.IsForeign : facts.HasNetworkService && link.Uplink.MacAddress is not null)
            return new(
                ManagementPolicy.Rule,
                $"the node is managed by {management.Name}, which stays as it is; "
                    + "what stands on it is given a port without a MAC address (uplinks of the node)"
            );
        // Below a tag the port is set up as wide as the site says of it.
        var mtu = link.Vlan is null ? link.Mtu : Math.Max(link.Mtu, link.Uplink.Mtu);
        return ports.AgainstWidening(management, mtu);
    }

    private bool AllowsAddress(NodeLink link, Address address, int length)
    {
        if (FindManagement(link) is not { } management)
            return _prefixes.AllowsAddress(link.Name, address, length);
        RefuseOn(management, $"links '{link.Name}' addresses", $"{address}/{length}", "address");
        return false;
    }

    private bool AllowsRoute(NodeLink link, NodeRoute route)
    {
        if (FindManagement(link) is not { } management)
            return _prefixes.AllowsRoute(link.Name, route);
        RefuseOn(management, $"links '{link.Name}' routes", PrefixRules.ValueOf(route), "route");
        return false;
    }

    private void RefuseOn(NodeInterface management, string member, string value, string what) =>
        refuse(
            new PolicyFinding(
                member,
                value,
                ManagementPolicy.Rule,
                $"the node is managed by {management.Name}, which is given no further {what}"
            )
        );

    /// <summary>The management's interface, where a link is that interface and doesn't only stand on it.</summary>
    private NodeInterface? FindManagement(NodeLink link) =>
        policy.Management.IsProtected && link.Vlan is null
            ? facts
                .FindPort(link.Uplink.MacAddress, link.Uplink.PciAddress, link.Uplink.Name)
                .FirstOrDefault(i => i.IsManagement)
            : null;

    /// <summary>A route whose next hop lay in a subnet that was refused can't be made; it is told, too.</summary>
    private ImmutableArray<NodeLink> WithoutLostNextHops(ImmutableArray<NodeLink> kept, ImmutableArray<NodeLink> wanted)
    {
        return [.. kept.Select(link => link with { Routes = [.. link.Routes.Where(route => Stays(link, route))] })];

        bool Stays(NodeLink link, NodeRoute route)
        {
            if (IsOnLink(kept, link.Name, route.Via) || !IsOnLink(wanted, link.Name, route.Via))
                return true;
            refuse(
                new PolicyFinding(
                    $"links '{link.Name}' routes",
                    PrefixRules.ValueOf(route),
                    NextHopRule,
                    $"the subnet of its next hop {route.Via} is refused"
                )
            );
            return false;
        }
    }

    private static bool IsOnLink(ImmutableArray<NodeLink> links, string name, Address via) =>
        links
            .Where(link => link.Name == name)
            .SelectMany(link => link.Addresses)
            .Any(a => Prefix.FromAddress(a.Address, a.Length).Contains(via));

    private static string DescribeOf(NodeLink link) =>
        link.Vlan is { } vlan ? $"VLAN {vlan} on {NodeLayout.ParentOf(link)}"
        : link.Uplink.Name == link.Name ? "the port"
        : $"the port {link.Uplink.Name}";
}
