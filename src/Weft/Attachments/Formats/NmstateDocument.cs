using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Attachments.Nodes;

namespace Weft.Attachments.Formats;

/// <summary>A node's interfaces as the desired state of nmstate, alone or in a policy of kubernetes-nmstate.</summary>
/// <remarks>
/// nmstate changes what it is told of and nothing else: what a node had and is to have no longer must be said too
/// (<c>state: absent</c>). It gives no port a name: with <c>identifier: mac-address</c> it takes the interface that has
/// the address, under whatever name. So the names come by .link files, which udev reads before
/// (<see cref="NetworkdFiles.RenderLinkFiles"/>). Source: nmstate 2.2's <c>NetworkState</c>, which refuses members it
/// doesn't know; docs/specs/node-configuration.md.
/// </remarks>
internal static class NmstateDocument
{
    /// <summary>Renders the desired state.</summary>
    /// <param name="previous">What was rendered for the node before, or null where nothing was: what is in it alone is
    /// taken away.</param>
    public static JsonObject Render(NodeLayout layout, NodeLayout? previous = null)
    {
        var interfaces = new JsonArray();
        foreach (var link in layout.Ports)
            interfaces.Add((JsonNode)RenderPort(link, layout, previous));
        foreach (var link in layout.Tagged)
            interfaces.Add((JsonNode)RenderVlan(link));
        foreach (var body in RenderUnmanagedPorts(layout, previous).Concat(RenderRemovedLinks(layout, previous)))
            interfaces.Add((JsonNode)body);
        var state = new JsonObject { ["interfaces"] = interfaces };
        JsonArray routes =
        [
            .. RenderRemovedRoutes(layout, previous),
            .. LinksOf(layout).SelectMany(link => link.Routes.Select(route => (JsonNode)RenderRoute(link, route))),
        ];
        if (routes.Count > 0)
            state["routes"] = new JsonObject { ["config"] = routes };
        return state;
    }

    /// <summary>Renders the policy that kubernetes-nmstate applies on the node.</summary>
    /// <param name="previous">What was rendered for the node before, or null.</param>
    public static Manifest RenderPolicy(NodeLayout layout, NodeLayout? previous = null)
    {
        return Manifest.Create(
            "nmstate.io/v1",
            "NodeNetworkConfigurationPolicy",
            null,
            $"weft-{layout.Node}",
            new JsonObject
            {
                ["spec"] = new JsonObject
                {
                    ["nodeSelector"] = new JsonObject { ["kubernetes.io/hostname"] = layout.Node },
                    ["desiredState"] = Render(layout, previous),
                },
            }
        );
    }

    /// <summary>Writes the desired state as a file.</summary>
    /// <param name="previous">What was rendered for the node before, or null.</param>
    public static string Write(NodeLayout layout, NodeLayout? previous = null) =>
        HeaderOf(layout) + Yaml.Write(Render(layout, previous));

    /// <summary>Writes the policy as a file.</summary>
    /// <param name="previous">What was rendered for the node before, or null.</param>
    public static string WritePolicy(NodeLayout layout, NodeLayout? previous = null) =>
        HeaderOf(layout) + Yaml.Write(RenderPolicy(layout, previous).Body);

    private static string HeaderOf(NodeLayout layout)
    {
        return NetplanDocument.GeneratedHeader + string.Concat(layout.Notes.Select(note => $"#   {note}\n"));
    }

    private static IEnumerable<NodeLink> LinksOf(NodeLayout layout) => layout.Ports.Concat(layout.Tagged);

    private static JsonObject RenderPort(NodeLink link, NodeLayout layout, NodeLayout? previous)
    {
        var body = new JsonObject
        {
            ["name"] = link.Name,
            ["type"] = "ethernet",
            ["state"] = "up",
        };
        if (link.Uplink.MacAddress is { } mac)
        {
            body["identifier"] = "mac-address";
            body["mac-address"] = mac.ToUpperInvariant();
        }

        body = WithAddresses(body, link);
        if (FindFunctions(layout, link.Name, link.Uplink.MacAddress) is { } functions)
            body["ethernet"] = RenderFunctions(functions);
        else if (previous is not null && FindFunctions(previous, link.Name, link.Uplink.MacAddress) is not null)
            body["ethernet"] = RenderNoFunctions();
        return body;
    }

    private static JsonObject RenderVlan(NodeLink link)
    {
        var body = new JsonObject
        {
            ["name"] = link.Name,
            ["type"] = "vlan",
            ["state"] = "up",
            ["vlan"] = new JsonObject { ["base-iface"] = link.Parent, ["id"] = link.Vlan },
        };
        return WithAddresses(body, link);
    }

    private static JsonObject WithAddresses(JsonObject body, NodeLink link)
    {
        body["mtu"] = link.Mtu;
        foreach (var family in new[] { AddressFamily.IPv4, AddressFamily.IPv6 })
        {
            var mine = link.Addresses.Where(a => a.Address.Family == family).ToList();
            var stack = new JsonObject { ["enabled"] = mine.Count > 0 };
            if (mine.Count > 0)
            {
                stack["dhcp"] = false;
                if (family == AddressFamily.IPv6)
                    stack["autoconf"] = false;
                stack["address"] = new JsonArray([
                    .. mine.Select(a =>
                        (JsonNode)new JsonObject { ["ip"] = a.Address.ToString(), ["prefix-length"] = a.Length }
                    ),
                ]);
            }

            body[family == AddressFamily.IPv4 ? "ipv4" : "ipv6"] = stack;
        }

        return body;
    }

    /// <summary>
    /// A port with functions that the node sets up itself: its functions alone, so that its addresses stay as they are.
    /// </summary>
    private static IEnumerable<JsonObject> RenderUnmanagedPorts(NodeLayout layout, NodeLayout? previous)
    {
        bool Undrawn(PhysicalFunction port, NodeLayout where) =>
            port.Count > 0 && where.Ports.All(link => !IsSamePort(port, link.Name, link.Uplink.MacAddress));
        foreach (var port in layout.PhysicalFunctions.Where(port => Undrawn(port, layout)))
            yield return new JsonObject
            {
                ["name"] = port.Name,
                ["type"] = "ethernet",
                ["state"] = "up",
                ["ethernet"] = RenderFunctions(port),
            };
        foreach (
            var port in (previous?.PhysicalFunctions ?? []).Where(port =>
                Undrawn(port, previous!) && layout.PhysicalFunctions.All(now => now.Name != port.Name)
            )
        )
            yield return new JsonObject
            {
                ["name"] = port.Name,
                ["type"] = "ethernet",
                ["state"] = "up",
                ["ethernet"] = RenderNoFunctions(),
            };
    }

    private static IEnumerable<JsonObject> RenderRemovedLinks(NodeLayout layout, NodeLayout? previous)
    {
        var there = LinksOf(layout).Select(link => link.Name).ToHashSet(StringComparer.Ordinal);
        // Sub-interfaces first: a port that goes takes what stands on it along, and then it is not there to be taken
        // away.
        foreach (var link in (previous?.Tagged ?? []).Where(link => !there.Contains(link.Name)))
            yield return new JsonObject
            {
                ["name"] = link.Name,
                ["type"] = "vlan",
                ["state"] = "absent",
            };
        foreach (var link in (previous?.Ports ?? []).Where(link => !there.Contains(link.Name)))
            yield return new JsonObject
            {
                ["name"] = link.Name,
                ["type"] = "ethernet",
                ["state"] = "absent",
            };
    }

    private static IEnumerable<JsonNode> RenderRemovedRoutes(NodeLayout layout, NodeLayout? previous)
    {
        var now = LinksOf(layout).SelectMany(link => link.Routes.Select(route => (link.Name, route))).ToHashSet();
        var there = LinksOf(layout).Select(link => link.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var link in previous is null ? [] : LinksOf(previous).Where(link => there.Contains(link.Name)))
        {
            foreach (var route in link.Routes.Where(route => !now.Contains((link.Name, route))))
            {
                var body = RenderRoute(link, route);
                body["state"] = "absent";
                yield return body;
            }
        }
    }

    private static JsonObject RenderRoute(NodeLink link, NodeRoute route)
    {
        var body = new JsonObject
        {
            ["destination"] = route.To.ToString(),
            ["next-hop-address"] = route.Via.ToString(),
            ["next-hop-interface"] = link.Name,
        };
        if (route.Metric is { } metric)
            body["metric"] = metric;
        return body;
    }

    private static PhysicalFunction? FindFunctions(NodeLayout layout, string name, string? mac) =>
        layout.PhysicalFunctions.FirstOrDefault(port => port.Count > 0 && IsSamePort(port, name, mac));

    private static bool IsSamePort(PhysicalFunction port, string name, string? mac) =>
        port.Name == name || (mac is not null && port.MacAddress == mac);

    /// <summary>A function without a VLAN is told 0, which is none: what isn't said stays as it was.</summary>
    private static JsonObject RenderFunctions(PhysicalFunction port) =>
        new()
        {
            ["sr-iov"] = new JsonObject
            {
                ["total-vfs"] = port.Count,
                ["vfs"] = new JsonArray([
                    .. port.Functions.Select(f =>
                        (JsonNode)
                            new JsonObject
                            {
                                ["id"] = f.Index,
                                ["trust"] = f.Trust,
                                ["spoof-check"] = f.SpoofCheck,
                                ["vlan-id"] = f.Vlan ?? 0,
                            }
                    ),
                ]),
            },
        };

    private static JsonObject RenderNoFunctions() => new() { ["sr-iov"] = new JsonObject { ["total-vfs"] = 0 } };
}
