using Weft.Addressing;
using Weft.Agent.Linux.Netlink;
using Weft.Agent.Nodes.Operations;
using Weft.Attachments.Nodes;

namespace Weft.Agent.Nodes.Planning;

/// <summary>What ports and tagged interfaces have alike: IPv6 settings, addresses, routes.</summary>
internal static class LinkSettings
{
    /// <summary><c>RT_SCOPE_LINK</c>.</summary>
    public const int LinkScope = 253;

    /// <summary>The settings that are read and set: <c>ip-sysctl</c>, "conf/interface".</summary>
    public static readonly string[] Names = ["accept_ra", "autoconf", "addr_gen_mode"];

    private const string NoLinkLocal = "1",
        FromMac = "0";

    /// <summary>
    /// Nothing on the interface but what is wanted: no router advertisements, link-local addresses only beside an IPv6
    /// address of ours.
    /// </summary>
    public static void DisableAutoconfiguration(
        ObservedNode observed,
        PlanBuilder plan,
        KernelLink? link,
        NodeLink desired,
        bool isNew
    )
    {
        Set("accept_ra", _ => "0");
        Set("autoconf", _ => "0");
        // Another mode than none (stable-privacy, say) is the node's taste, and serves as well.
        Set(
            "addr_gen_mode",
            was =>
                !desired.HasIPv6 ? NoLinkLocal
                : was == NoLinkLocal ? FromMac
                : was
        );
        if (link is null)
            return;
        if (desired.HasIPv6)
        {
            LinkLocal(observed, plan, link, desired);
            return;
        }

        foreach (
            var local in observed.Addresses.Where(a =>
                a.Link == link.Index && a.Scope == LinkScope && a.Address.Family == AddressFamily.IPv6
            )
        )
            plan.Links.Add(new RemoveAddress(desired.Name, local.Address.ToString(), local.Length));

        void Set(string name, Func<string, string> value)
        {
            if (!observed.Sysctls.TryGetValue((isNew ? ObservedNode.DefaultInterface : link!.Name, name), out var was))
                return;
            var operation = plan.Retain(new SetSysctl(desired.Name, name, value(was), was));
            if (value(was) != was)
                plan.Links.Add(operation);
        }
    }

    /// <summary>
    /// The kernel makes the link-local address when the interface comes up, and not again once somebody has flushed it.
    /// </summary>
    private static void LinkLocal(ObservedNode observed, PlanBuilder plan, KernelLink link, NodeLink desired)
    {
        if (
            link.LinkType != "ether"
            || !MacAddress.TryParse(link.MacAddress, MacAddressNotations.Colons, out var mac, out _)
        )
            return;
        var operation = plan.Retain(new AddAddress(desired.Name, mac.LinkLocalAddress.ToString(), 64));
        if (
            link is { IsUp: true, HasCarrier: true }
            && observed.Sysctls.GetValueOrDefault((link.Name, "addr_gen_mode")) is FromMac
            && !observed.Addresses.Any(a =>
                a.Link == link.Index && a.Scope == LinkScope && a.Address.Family == AddressFamily.IPv6
            )
        )
            plan.Links.Add(operation);
    }

    /// <summary>The wanted addresses that are missing. Others' stay.</summary>
    public static void Addresses(ObservedNode observed, PlanBuilder plan, KernelLink? link, NodeLink desired)
    {
        foreach (var (address, length) in desired.Addresses)
        {
            var operation = plan.Retain(new AddAddress(desired.Name, address.ToString(), length));
            var there = observed.Addresses.Where(a => a.Address == address).ToList();
            if (there.FirstOrDefault(a => a.Link == link?.Index && a.Length == length) is { } own)
            {
                if (own.IsDuplicate)
                    plan.Findings.Add(
                        $"{desired.Name}: another machine on the network has {address} too (duplicate address "
                            + "detection); find it by its MAC address in `ip neigh`, and take the address from it"
                    );
            }
            else if (
                there.FirstOrDefault(a =>
                    a.Link != link?.Index && observed.FindLink(a.Link) is { } other && !plan.IsOwned(other, a)
                ) is
                { } elsewhere
            )
            {
                plan.Findings.Add(
                    $"{desired.Name}: {address}/{length} is not given to it, "
                        + $"because {observed.FindLink(elsewhere.Link)!.Name} has {address} and not by the agent; "
                        + "take it from there"
                );
            }
            else
            {
                plan.Links.Add(operation);
            }
        }
    }

    /// <summary>The wanted routes that are missing. Others' stay, and there is never a second default route.</summary>
    public static void Routes(ObservedNode observed, PlanBuilder plan, KernelLink? link, NodeLink desired)
    {
        foreach (var route in desired.Routes)
        {
            var operation = plan.Retain(
                new AddRoute(desired.Name, new RouteSpec(route.To.ToString(), route.Via.ToString(), route.Metric ?? 0))
            );
            // 0 is IPv4's own metric, 1024 IPv6's.
            var metric = route.Metric ?? (route.To.Family == AddressFamily.IPv4 ? 0 : 1024);
            var same = observed.Routes.Where(r => r.To == route.To && r.Metric == metric).ToList();
            if (same.Exists(r => r.Link == link?.Index && r.Via == route.Via))
                continue;
            if (ReasonNotToAdd(observed, plan, route, same) is { } reason)
                plan.Findings.Add($"{desired.Name}: {reason}");
            else
                plan.Links.Add(operation);
        }
    }

    /// <param name="same">The node's routes to the same prefix with the same metric.</param>
    private static string? ReasonNotToAdd(
        ObservedNode observed,
        PlanBuilder plan,
        NodeRoute route,
        List<KernelRoute> same
    )
    {
        var defaultRoute =
            route.To.Length == 0
                ? observed.Routes.FirstOrDefault(r => r.IsDefault && r.To.Family == route.To.Family)
                : null;
        if (defaultRoute is not null)
            return $"a default route via {route.Via} is not added, because the node has one{Via(defaultRoute)} already; "
                + "take one of the two away";
        if (same.Find(r => IsForeign(observed, plan, r)) is not { } other)
            return null;
        var where = observed.FindLink(other.Link)?.Name ?? "several interfaces";
        return $"the route to {route.To} via {route.Via} is not added, because there is one{Via(other)} on {where} "
            + "that the agent didn't make; take it away, or give one of them another metric";
    }

    /// <summary>A route as an operation.</summary>
    public static RouteSpec ToRouteSpec(KernelRoute route) =>
        new(route.To.ToString(), route.Via?.ToString(), route.Metric)
        {
            Protocol = route.Protocol,
            Scope = route.Scope,
            Source = route.Source?.ToString(),
        };

    /// <summary>Whether a route that is there is the one of an operation.</summary>
    public static bool Matches(KernelRoute there, RouteSpec route) =>
        there.To.ToString() == route.To
        && there.Via?.ToString() == route.Via
        && there.Metric == (route.Metric != 0 || there.To.Family == AddressFamily.IPv4 ? route.Metric : 1024);

    private static bool IsForeign(ObservedNode observed, PlanBuilder plan, KernelRoute route) =>
        observed.FindLink(route.Link) is not { } link
        || !plan.Owned.Steps.OfType<AddRoute>().Any(made => made.Link == link.Name && Matches(route, made.Route));

    private static string Via(KernelRoute route) => route.Via is { } via ? $" via {via}" : "";
}
