using Weft.Addressing;
using Weft.Agent.Linux.Netlink;
using Weft.Agent.Nodes.Operations;
using Weft.Attachments.Nodes;

namespace Weft.Agent.Nodes.Planning;

/// <summary>
/// Finds what a node is managed by: where its default routes and its way to the control plane leave, and what that stands
/// on. What the agent has made is left out, so that nothing that is desired makes itself the management's.
/// </summary>
/// <param name="observed">The node as it is.</param>
/// <param name="owned">What the agent has made.</param>
/// <param name="controlPlane">Where the control plane is.</param>
/// <param name="known">What was found before.</param>
internal sealed class ManagementSearch(
    ObservedNode observed,
    OwnedState owned,
    IReadOnlyCollection<Address> controlPlane,
    ManagementPolicy policy,
    ManagementRecord known
)
{
    // Interfaces of a node stand on each other a few deep; a ring of them is a fault of the kernel's.
    private const int MaxDepth = 8;

    private readonly HashSet<int> _uplinks = [];
    private readonly HashSet<int> _all = [];

    /// <summary>What the ways leave by now, and which prefixes are the node's own; to be known later.</summary>
    public ManagementRecord Found { get; private set; } = ManagementRecord.Empty;

    /// <summary>The node as a policy sees it.</summary>
    /// <param name="hasService">Whether files of netplan or networkd set interfaces up.</param>
    public NodeFacts Find(bool hasService)
    {
        int[] ways = [.. DefaultLinks().Concat(controlPlane.SelectMany(LinksTo)).Distinct()];
        _uplinks.UnionWith(ways);
        _uplinks.UnionWith(observed.Links.Where(IsNamed).Select(link => link.Index));
        foreach (var link in _uplinks)
            Include(link, 0);
        Found = new ManagementRecord(
            [.. ways.Select(link => observed.FindLink(link)?.Name).OfType<string>()],
            [.. OwnPrefixes().Select(own => own.Prefix.ToString()).Distinct()]
        );
        return new NodeFacts([.. observed.Links.Select(ToInterface)], [.. OwnPrefixes(), .. KnownPrefixes()])
        {
            HasNetworkService = hasService,
        };
    }

    private IEnumerable<KernelRoute> OwnRoutes => observed.Routes.Where(route => !IsWefts(route));

    private IEnumerable<int> DefaultLinks()
    {
        var defaults = OwnRoutes.Where(route => route.IsDefault).ToList();
        return defaults.SelectMany(route => route.Links);
    }

    /// <summary>The way to an address by the routes that aren't of Weft's making.</summary>
    private IEnumerable<int> LinksTo(Address address) =>
        OwnRoutes
            .Where(route => route.To.Contains(address))
            .OrderByDescending(route => route.To.Length)
            .ThenBy(route => route.Metric)
            .Take(1)
            .SelectMany(route => route.Links);

    private bool IsNamed(KernelLink link) =>
        known.Interfaces.Contains(link.Name)
        || policy.Interfaces.Any(pattern => new NamePolicy("", [pattern], []).RuleAgainst(NamesOf(link)) is null);

    /// <summary>What an interface stands on, and the ports of a bond or bridge.</summary>
    private void Include(int index, int depth)
    {
        if (depth > MaxDepth || observed.FindLink(index) is not { LinkType: not "loopback" } link || !_all.Add(index))
            return;
        if (link.Parent != 0 && !link.IsParentElsewhere)
            Include(link.Parent, depth + 1);
        foreach (var port in observed.Links.Where(port => port.Master == index))
            Include(port.Index, depth + 1);
    }

    private NodeInterface ToInterface(KernelLink link) =>
        new(link.Name)
        {
            AlternativeNames = link.AlternativeNames,
            MacAddresses = PortPlanner.IsFoundByMacAddress(link)
                ? [.. new[] { link.PermanentMacAddress, link.MacAddress }.OfType<string>().Distinct()]
                : [],
            PciAddress = link.Device,
            Mtu = link.Mtu,
            IsManagement = _all.Contains(link.Index),
            CarriesUntagged = CarriesUntagged(link, 0),
            CarriesVlans = VlanSet.Create(VlansThrough(link, 0)),
        };

    private bool CarriesUntagged(KernelLink link, int depth) =>
        _all.Contains(link.Index)
        && depth <= MaxDepth
        && (
            _uplinks.Contains(link.Index)
            || ChildrenOf(link).Any(child => child.Vlan is null && CarriesUntagged(child, depth + 1))
            || (observed.FindLink(link.Master) is { } master && CarriesUntagged(master, depth + 1))
        );

    private IEnumerable<int> VlansThrough(KernelLink link, int depth)
    {
        if (!_all.Contains(link.Index) || depth > MaxDepth)
            return [];
        var own = ChildrenOf(link).Select(child => child.Vlan).OfType<int>().Where(vlan => VlanSet.IsVlan(vlan));
        return observed.FindLink(link.Master) is { } master ? own.Concat(VlansThrough(master, depth + 1)) : own;
    }

    /// <summary>What of the management stands on an interface.</summary>
    private IEnumerable<KernelLink> ChildrenOf(KernelLink link) =>
        observed.Links.Where(child =>
            child.Parent == link.Index
            && !child.IsParentElsewhere
            && child.Index != link.Index
            && _all.Contains(child.Index)
        );

    private IEnumerable<OwnPrefix> OwnPrefixes()
    {
        foreach (var prefix in policy.Prefixes)
            yield return new OwnPrefix(prefix, "which the policy names as the node's own");
        foreach (var address in controlPlane)
            yield return new OwnPrefix(Prefix.FromAddress(address, address.Bits), "where weftd is");
        foreach (var route in OwnRoutes.Where(route => route is { IsDefault: true, Via: not null }))
            yield return new OwnPrefix(
                Prefix.FromAddress(route.Via!.Value, route.Via.Value.Bits),
                "the node's gateway"
            );
        foreach (var address in observed.Addresses.Where(IsManagements))
            yield return new OwnPrefix(
                Prefix.FromAddress(address.Address, address.Length),
                $"the subnet of {observed.FindLink(address.Link)!.Name}, by which the node is managed"
            );
    }

    private IEnumerable<OwnPrefix> KnownPrefixes()
    {
        foreach (var text in known.Prefixes.Except(Found.Prefixes))
        {
            if (Prefix.TryParse(text, out var prefix))
                yield return new OwnPrefix(prefix, "which was the node's own a while ago");
        }
    }

    private bool IsManagements(KernelAddress address) =>
        _all.Contains(address.Link)
        && address.Scope != LinkSettings.LinkScope
        && observed.FindLink(address.Link) is { } link
        && !IsWefts(link, address);

    private bool IsWefts(KernelLink link, KernelAddress address) =>
        owned.Find($"address {link.Name} {address.Address}/{address.Length}") is not null
        || IsInFiles($"{address.Address}/{address.Length}");

    /// <summary>Whether the agent made a route, or an address that the kernel made it for.</summary>
    private bool IsWefts(KernelRoute route)
    {
        if (observed.FindLink(route.Link) is not { } link)
            return false;
        if (
            owned
                .Steps.OfType<AddRoute>()
                .Any(made => made.Link == link.Name && LinkSettings.Matches(route, made.Route))
        )
            return true;
        if (route.Protocol != KernelRoute.MadeByKernel)
            return IsInFiles(route.To.ToString());
        var sources = observed
            .Addresses.Where(a => a.Link == link.Index && Prefix.FromAddress(a.Address, a.Length) == route.To)
            .ToList();
        return sources.Count > 0 && sources.TrueForAll(address => IsWefts(link, address));
    }

    /// <summary>Whether files that the agent wrote for the node's own network service say something.</summary>
    private bool IsInFiles(string text) =>
        owned
            .Steps.OfType<WriteServiceFiles>()
            .SelectMany(made => made.Files)
            .Any(file => file.Content?.Contains(text, StringComparison.Ordinal) == true);

    private static string[] NamesOf(KernelLink link) => [link.Name, .. link.AlternativeNames];
}
