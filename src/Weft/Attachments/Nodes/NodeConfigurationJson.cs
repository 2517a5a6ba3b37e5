using System.Collections.Immutable;
using System.Text.Json;

namespace Weft.Attachments.Nodes;

/// <summary>A node's configuration on its way to the agent (docs/specs/agent-api.md, "Desired state").</summary>
internal static class NodeConfigurationJson
{
    public static void Write(NodeConfiguration configuration, Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        WriteList(writer, "links", configuration.Links, WriteLink);
        WriteList(writer, "physicalFunctions", configuration.PhysicalFunctions, WritePort);
        WriteList(writer, "devices", configuration.Devices, WriteDevice);
        WriteList(writer, "guards", configuration.Guards, WriteGuard);
        writer.WriteEndObject();
    }

    public static Outcome<NodeConfiguration> Read(JsonElement body, string node)
    {
        var findings = new List<Refusal>();
        var reader = new NodeConfigurationReader(findings);
        var configuration = new NodeConfiguration(
            node,
            reader.ReadList(body, "links", "configuration.links", reader.ReadLink),
            reader.ReadList(body, "physicalFunctions", "configuration.physicalFunctions", reader.ReadPort),
            reader.ReadList(body, "devices", "configuration.devices", reader.ReadDevice),
            reader.ReadList(body, "guards", "configuration.guards", reader.ReadGuard)
        );
        return findings.Count > 0 ? Refusal.Combine(findings, node) : configuration;
    }

    private static void WriteLink(Utf8JsonWriter writer, NodeLink link)
    {
        writer.WriteString("name", link.Name);
        writer.WriteStartObject("port");
        writer.WriteString("name", link.Uplink.Name);
        WriteText(writer, "macAddress", link.Uplink.MacAddress);
        writer.WriteNumber("mtu", link.Uplink.Mtu);
        writer.WriteBoolean("trunk", link.Uplink.IsTrunkPort);
        writer.WriteEndObject();
        WriteNumber(writer, "vlan", link.Vlan);
        WriteText(writer, "parent", link.Parent);
        writer.WriteNumber("mtu", link.Mtu);
        writer.WriteStartArray("addresses");
        foreach (var address in link.Addresses)
            writer.WriteStringValue($"{address.Address}/{address.Length}");
        writer.WriteEndArray();
        WriteList(writer, "routes", link.Routes, WriteRoute);
        writer.WriteString("why", link.Comment);
    }

    private static void WriteRoute(Utf8JsonWriter writer, NodeRoute route)
    {
        writer.WriteString("to", route.To.ToString());
        writer.WriteString("via", route.Via.ToString());
        WriteNumber(writer, "metric", route.Metric);
    }

    private static void WritePort(Utf8JsonWriter writer, PhysicalFunction port)
    {
        writer.WriteString("name", port.Name);
        WriteText(writer, "macAddress", port.MacAddress);
        WriteText(writer, "pciAddress", port.PciAddress);
        writer.WriteNumber("mtu", port.Mtu);
        WriteList(writer, "functions", port.Functions, WriteFunction);
    }

    private static void WriteFunction(Utf8JsonWriter writer, VirtualFunction function)
    {
        writer.WriteNumber("index", function.Index);
        writer.WriteString("network", function.Network);
        WriteNumber(writer, "vlan", function.Vlan);
        writer.WriteBoolean("trust", function.Trust);
        writer.WriteBoolean("spoofCheck", function.SpoofCheck);
        writer.WriteNumber("mtu", function.Mtu);
        writer.WriteString("driver", DriverNameOf(function.Driver));
    }

    private static void WriteDevice(Utf8JsonWriter writer, PassthroughDevice device)
    {
        writer.WriteString("name", device.Name);
        WriteText(writer, "macAddress", device.MacAddress);
        WriteText(writer, "pciAddress", device.PciAddress);
        writer.WriteString("network", device.Network);
        writer.WriteNumber("mtu", device.Mtu);
        writer.WriteString("driver", DriverNameOf(device.Driver));
    }

    private static void WriteGuard(Utf8JsonWriter writer, TrunkGuard guard)
    {
        writer.WriteString("interface", guard.Interface);
        writer.WriteString("network", guard.Network);
        writer.WriteString("vlans", guard.Vlans.ToString());
        writer.WriteBoolean("untagged", guard.Untagged);
    }

    private static string DriverNameOf(FunctionDriver driver) =>
        driver == FunctionDriver.Kernel ? nameof(FunctionDriver.Kernel) : nameof(FunctionDriver.UserSpace);

    private static void WriteList<T>(
        Utf8JsonWriter writer,
        string name,
        ImmutableArray<T> items,
        Action<Utf8JsonWriter, T> write
    )
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

    private static void WriteText(Utf8JsonWriter writer, string name, string? value)
    {
        if (value is not null)
            writer.WriteString(name, value);
    }

    private static void WriteNumber(Utf8JsonWriter writer, string name, int? value)
    {
        if (value is { } number)
            writer.WriteNumber(name, number);
    }
}
