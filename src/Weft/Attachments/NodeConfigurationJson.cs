using System.Collections.Immutable;
using System.Text.Json;

namespace Weft.Attachments;

/// <summary>A node's configuration on its way to the agent (docs/specs/agent-api.md, "Node configuration").</summary>
internal static class NodeConfigurationJson
{
    public static void Write(NodeConfiguration configuration, Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        List(writer, "links", configuration.Links, Link);
        List(writer, "physicalFunctions", configuration.PhysicalFunctions, Port);
        List(writer, "devices", configuration.Devices, Device);
        List(writer, "guards", configuration.Guards, Guard);
        writer.WriteEndObject();
    }

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

    private static void Link(Utf8JsonWriter writer, NodeLink link)
    {
        writer.WriteString("name", link.Name);
        writer.WriteStartObject("port");
        writer.WriteString("name", link.Uplink.Name);
        Text(writer, "macAddress", link.Uplink.MacAddress);
        writer.WriteNumber("mtu", link.Uplink.Mtu);
        writer.WriteBoolean("trunk", link.Uplink.IsTrunkPort);
        writer.WriteEndObject();
        Number(writer, "vlan", link.Vlan);
        Text(writer, "parent", link.Parent);
        writer.WriteNumber("mtu", link.Mtu);
        writer.WriteStartArray("addresses");
        foreach (var address in link.Addresses)
            writer.WriteStringValue($"{address.Address}/{address.Length}");
        writer.WriteEndArray();
        List(writer, "routes", link.Routes, Route);
        writer.WriteString("why", link.Comment);
    }

    private static void Route(Utf8JsonWriter writer, NodeRoute route)
    {
        writer.WriteString("to", route.To.ToString());
        writer.WriteString("via", route.Via.ToString());
        Number(writer, "metric", route.Metric);
    }

    private static void Port(Utf8JsonWriter writer, PhysicalFunction port)
    {
        writer.WriteString("name", port.Name);
        Text(writer, "macAddress", port.MacAddress);
        Text(writer, "pciAddress", port.PciAddress);
        writer.WriteNumber("mtu", port.Mtu);
        List(writer, "functions", port.Functions, Function);
    }

    private static void Function(Utf8JsonWriter writer, VirtualFunction function)
    {
        writer.WriteNumber("index", function.Index);
        writer.WriteString("network", function.Network);
        Number(writer, "vlan", function.Vlan);
        writer.WriteBoolean("trust", function.Trust);
        writer.WriteBoolean("spoofCheck", function.SpoofCheck);
        writer.WriteNumber("mtu", function.Mtu);
        writer.WriteString("driver", DriverText(function.Driver));
    }

    private static void Device(Utf8JsonWriter writer, PassedDevice device)
    {
        writer.WriteString("name", device.Name);
        Text(writer, "macAddress", device.MacAddress);
        Text(writer, "pciAddress", device.PciAddress);
        writer.WriteString("network", device.Network);
        writer.WriteNumber("mtu", device.Mtu);
        writer.WriteString("driver", DriverText(device.Driver));
    }

    private static void Guard(Utf8JsonWriter writer, TrunkGuard guard)
    {
        writer.WriteString("interface", guard.Interface);
        writer.WriteString("network", guard.Network);
        writer.WriteString("vlans", guard.Vlans.ToString());
        writer.WriteBoolean("untagged", guard.Untagged);
    }

    private static string DriverText(FunctionDriver driver) => driver == FunctionDriver.Kernel ? nameof(FunctionDriver.Kernel) : nameof(FunctionDriver.UserSpace);

    private static void List<T>(Utf8JsonWriter writer, string name, ImmutableArray<T> items, Action<Utf8JsonWriter, T> write)
    {
        writer.WriteStartArray(name);
        foreach (var item in items)
        {
            writer.WriteStartObject();
            write(writer, item);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void Text(Utf8JsonWriter writer, string name, string? value)
    {
        if (value is not null)
            writer.WriteString(name, value);
    }

    private static void Number(Utf8JsonWriter writer, string name, int? value)
    {
        if (value is { } number)
            writer.WriteNumber(name, number);
    }
}
