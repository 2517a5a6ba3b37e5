using System.Text.Json.Nodes;
using Weft.Addressing;

namespace Weft.Attachments.Renderers;

/// <summary>
/// Interfaces as network-config version 2: what netplan reads on a node, and cloud-init on a machine at its first boot.
/// </summary>
/// <remarks>Source: netplan YAML reference 0.106; cloud-init network-config v2. docs/specs/plugins.md, "Node configuration".</remarks>
public static class NetworkConfig
{
    /// <summary>Writes the document as a file, with a line above it for each interface that says why it is there.</summary>
    /// <param name="links">The interfaces.</param>
    /// <returns>YAML.</returns>
    public static string Write(IReadOnlyList<NodeLink> links)
    {
        var head = new System.Text.StringBuilder("# Drawn by Weft. It is drawn anew when the site changes; edits here are lost.\n");
        foreach (var link in links)
            head.Append(System.Globalization.CultureInfo.InvariantCulture, $"#   {link.Name}: {link.Comment}\n");
        return head + Yaml.Write(Draw(links));
    }

    /// <summary>Draws the <c>network</c> mapping.</summary>
    /// <param name="links">The interfaces; those of one name are the same interface and are drawn as one.</param>
    /// <returns>The document.</returns>
    public static JsonObject Draw(IEnumerable<NodeLink> links)
    {
        var ethernets = new JsonObject();
        var vlans = new JsonObject();
        foreach (var link in Merged(links))
        {
            if (link.Vlan is { } vlan)
            {
                var parent = link.Parent ?? link.Uplink.Name;
                // A tagged interface needs its port to be up and wide enough. A trunk port that has no MAC address here (a bond, say) is
                // set up by the node's own files, and netplan finds it there.
                if (!ethernets.ContainsKey(parent) && !IsForeign(link.Uplink))
                    ethernets[parent] = Port(link.Uplink, parent, link.Uplink.Mtu, []);
                var body = new JsonObject { ["id"] = vlan, ["link"] = parent };
                vlans[link.Name] = Common(body, link, link.Mtu);
            }
            else if (!(IsForeign(link.Uplink) && link.Name == link.Uplink.Name))
            {
                ethernets[link.Name] = Common(Port(link.Uplink, link.Name, link.Mtu, []), link, link.Mtu);
            }
        }

        var network = new JsonObject { ["version"] = 2 };
        if (ethernets.Count > 0)
            network["ethernets"] = ethernets;
        if (vlans.Count > 0)
            network["vlans"] = vlans;
        return new JsonObject { ["network"] = network };
    }

    /// <summary>Two attachments may want the same interface (pods' parent and the node's own): its addresses are those of both.</summary>
    private static IEnumerable<NodeLink> Merged(IEnumerable<NodeLink> links) => links.GroupBy(link => link.Name, StringComparer.Ordinal).Select(same =>
        same.First() with
        {
            Addresses = [.. same.SelectMany(l => l.Addresses).Distinct()],
            Routes = [.. same.SelectMany(l => l.Routes).Distinct()],
            Mtu = same.Max(l => l.Mtu),
        });

    private static bool IsForeign(Uplink uplink) => uplink.IsTrunkPort && uplink.MacAddress is null;

    private static JsonObject Port(Uplink uplink, string name, int mtu, JsonObject body)
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
        return Quiet(body);
    }

    private static JsonObject Common(JsonObject body, NodeLink link, int mtu)
    {
        body["mtu"] = mtu;
        Quiet(body);
        if (!link.Addresses.IsEmpty)
        {
            body["addresses"] = new JsonArray([.. link.Addresses.Select(a => JsonValue.Create($"{a.Address}/{a.Length}"))]);
            // An interface with an IPv6 address needs a link-local one beside it for neighbour discovery (RFC 4291 §2.8).
            if (link.Addresses.Any(a => a.Address.Family == AddressFamily.IPv6))
                body["link-local"] = new JsonArray("ipv6");
        }

        if (!link.Routes.IsEmpty)
            body["routes"] = new JsonArray([.. link.Routes.Select(Route)]);
        return body;
    }

    /// <summary>Nothing on the interface but what is drawn: no DHCP, no router advertisements, no waiting at boot.</summary>
    private static JsonObject Quiet(JsonObject body)
    {
        body["dhcp4"] = false;
        body["dhcp6"] = false;
        body["accept-ra"] = false;
        body["link-local"] = new JsonArray();
        body["optional"] = true;
        return body;
    }

    private static JsonObject Route(NodeRoute route)
    {
        var body = new JsonObject { ["to"] = route.To.ToString(), ["via"] = route.Via.ToString() };
        if (route.Metric is { } metric)
            body["metric"] = metric;
        return body;
    }
}
