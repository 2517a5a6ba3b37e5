using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weft.Attachments;

/// <summary>A node's configuration on its way to the agent (docs/specs/agent-api.md, "Node configuration").</summary>
internal static class NodeConfigurationJson
{
    public static JsonObject Write(NodeConfiguration configuration) => new()
    {
        ["links"] = List(configuration.Links, Link),
        ["physicalFunctions"] = List(configuration.PhysicalFunctions, port => Body(
            ("name", port.Name), ("macAddress", port.MacAddress), ("pciAddress", port.PciAddress), ("mtu", port.Mtu), ("functions", List(port.Functions, Function)))),
        ["devices"] = List(configuration.Devices, device => Body(
            ("name", device.Name), ("macAddress", device.MacAddress), ("pciAddress", device.PciAddress), ("network", device.Network), ("mtu", device.Mtu), ("driver", device.Driver.ToString()))),
        ["guards"] = List(configuration.Guards, guard => Body(
            ("interface", guard.Interface), ("network", guard.Network), ("vlans", guard.Vlans.ToString()), ("untagged", guard.Untagged))),
    };

    public static Outcome<NodeConfiguration> Read(JsonElement body, string node)
    {
        var findings = new List<Refusal>();
        var reader = new NodeConfigurationReader(findings);
        var configuration = new NodeConfiguration(
            node,
            reader.Each(body, "links", "configuration.links", reader.Link),
            reader.Each(body, "physicalFunctions", "configuration.physicalFunctions", reader.Port),
            reader.Each(body, "devices", "configuration.devices", reader.Device),
            reader.Each(body, "guards", "configuration.guards", reader.Guard));
        return findings.Count > 0 ? Refusal.Of(findings, node) : configuration;
    }

    private static JsonObject Link(NodeLink link) => Body(
        ("name", link.Name),
        ("port", Body(("name", link.Uplink.Name), ("macAddress", link.Uplink.MacAddress), ("mtu", link.Uplink.Mtu), ("trunk", link.Uplink.IsTrunkPort))),
        ("vlan", link.Vlan),
        ("parent", link.Parent),
        ("mtu", link.Mtu),
        ("addresses", new JsonArray([.. link.Addresses.Select(a => JsonValue.Create($"{a.Address}/{a.Length}"))])),
        ("routes", List(link.Routes, route => Body(("to", route.To.ToString()), ("via", route.Via.ToString()), ("metric", route.Metric)))),
        ("why", link.Comment));

    private static JsonObject Function(VirtualFunction function) => Body(
        ("index", function.Index), ("network", function.Network), ("vlan", function.Vlan), ("trust", function.Trust), ("spoofCheck", function.SpoofCheck),
        ("mtu", function.Mtu), ("driver", function.Driver.ToString()));

    private static JsonArray List<T>(ImmutableArray<T> items, Func<T, JsonObject> write) => [.. items.Select(item => (JsonNode)write(item))];

    private static JsonObject Body(params (string Name, JsonNode? Value)[] members)
    {
        var body = new JsonObject();
        foreach (var (name, value) in members.Where(m => m.Value is not null))
            body[name] = value;
        return body;
    }
}
