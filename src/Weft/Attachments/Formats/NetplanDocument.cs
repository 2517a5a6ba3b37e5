using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Attachments.Nodes;

namespace Weft.Attachments.Formats;

/// <summary>
/// Interfaces as network-config version 2: what netplan reads on a node, and cloud-init on a machine at its first boot.
/// </summary>
/// <remarks>
/// Source: netplan YAML reference 0.106; cloud-init network-config v2. docs/specs/plugins.md, "Node configuration".
/// </remarks>
internal static class NetplanDocument
{
    /// <summary>The first line of every file.</summary>
    internal const string GeneratedHeader =
        "# Drawn by Weft. It is drawn anew when the site changes; edits here are lost.\n";

    /// <summary>
    /// Writes a machine's document as a file, with a line above it for each interface that says why it is there.
    /// </summary>
    public static string Write(IReadOnlyList<NodeLink> links) =>
        Write(new NodeConfiguration("", [.. links], [], [], []));

    /// <summary>
    /// Writes a node's document as a file. Virtual functions are not in it: netplan makes them after their driver may
    /// have taken them, and makes all anew to change their number, under the pods that have them. The agent makes them;
    /// here is only their port, wide enough.
    /// </summary>
    public static string Write(NodeConfiguration configuration) => Write(NodeLayout.Arrange(configuration));

    /// <summary>The same of a layout.</summary>
    internal static string Write(NodeLayout layout) =>
        GeneratedHeader + string.Concat(layout.Notes.Select(note => $"#   {note}\n")) + Yaml.Write(Render(layout));

    /// <summary>Renders the <c>network</c> mapping.</summary>
    /// <param name="links">The interfaces; those of one name are the same interface and are rendered as one.</param>
    public static JsonObject Render(IEnumerable<NodeLink> links) =>
        Render(NodeLayout.Arrange(new NodeConfiguration("", [.. links], [], [], [])));

    /// <summary>The same of a layout.</summary>
    internal static JsonObject Render(NodeLayout layout)
    {
        var ethernets = new JsonObject();
        foreach (var port in layout.Ports)
            ethernets[port.Name] = WithAddressing(RenderPort(port.Uplink, port.Name, port.Mtu, []), port, port.Mtu);
        var vlans = new JsonObject();
        foreach (var link in layout.Tagged)
            vlans[link.Name] = WithAddressing(
                new JsonObject { ["id"] = link.Vlan, ["link"] = link.Parent },
                link,
                link.Mtu
            );
        var network = new JsonObject { ["version"] = 2 };
        if (ethernets.Count > 0)
            network["ethernets"] = ethernets;
        if (vlans.Count > 0)
            network["vlans"] = vlans;
        return new JsonObject { ["network"] = network };
    }

    private static JsonObject RenderPort(Uplink uplink, string name, int mtu, JsonObject body)
    {
        if (uplink.MacAddress is { } mac)
        {
            body["match"] = new JsonObject { ["macaddress"] = mac };
            body["set-name"] = name;
        }
        else if (uplink.Name != name)
        {
            body["match"] = new JsonObject { ["name"] = uplink.Name };
            body["set-name"] = name;
        }

        body["mtu"] = mtu;
        return WithoutAutoconfiguration(body);
    }

    private static JsonObject WithAddressing(JsonObject body, NodeLink link, int mtu)
    {
        body["mtu"] = mtu;
        WithoutAutoconfiguration(body);
        if (!link.Addresses.IsEmpty)
        {
            body["addresses"] = new JsonArray([
                .. link.Addresses.Select(a => JsonValue.Create($"{a.Address}/{a.Length}")),
            ]);
            if (link.HasIPv6)
                body["link-local"] = new JsonArray("ipv6");
        }

        if (!link.Routes.IsEmpty)
            body["routes"] = new JsonArray([.. link.Routes.Select(RenderRoute)]);
        return body;
    }

    /// <summary>
    /// Nothing on the interface but what is rendered: no DHCP, no router advertisements, no waiting at boot.
    /// </summary>
    private static JsonObject WithoutAutoconfiguration(JsonObject body)
    {
        body["dhcp4"] = false;
        body["dhcp6"] = false;
        body["accept-ra"] = false;
        body["link-local"] = new JsonArray();
        body["optional"] = true;
        return body;
    }

    private static JsonObject RenderRoute(NodeRoute route)
    {
        var body = new JsonObject { ["to"] = route.To.ToString(), ["via"] = route.Via.ToString() };
        if (route.Metric is { } metric)
            body["metric"] = metric;
        return body;
    }
}
