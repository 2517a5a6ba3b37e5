using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Attachments.Nodes;

/// <summary>A network device of a node, as its agent found it.</summary>
/// <param name="Name">The interface, or null where no kernel driver has it.</param>
/// <param name="PciAddress">Its PCI address (<c>0000:3b:02.1</c>), or null where it isn't on a PCI bus.</param>
/// <param name="Vendor">Its vendor in lower-case hex without <c>0x</c>; empty without PCI.</param>
/// <param name="Driver">The driver that has it, or null.</param>
/// <param name="MacAddress">Its MAC address, or null.</param>
/// <param name="Mtu">Its MTU in bytes; 0 where it is no interface.</param>
/// <param name="Numa">Its NUMA node, or null where the machine doesn't say.</param>
internal sealed record NetworkDevice(
    string? Name,
    string? PciAddress,
    string Vendor,
    string Device,
    string? Driver,
    string? MacAddress,
    int Mtu,
    bool IsUp,
    int? Numa
)
{
    /// <summary>How many virtual functions it can have; 0 for none.</summary>
    public int TotalFunctions { get; init; }

    /// <summary>How many virtual functions it has.</summary>
    public int Functions { get; init; }

    /// <summary>The PCI address of the physical function it is a virtual function of, where that is visible.</summary>
    public string? PhysicalFunction { get; init; }

    /// <summary>Its index among the functions of <see cref="PhysicalFunction"/>.</summary>
    public int? FunctionIndex { get; init; }

    /// <summary>Its IOMMU group, or null without one.</summary>
    public int? IommuGroup { get; init; }

    /// <summary>Whether it has RDMA.</summary>
    public bool IsRdma { get; init; }

    /// <summary>
    /// Whether the node's default route leaves by it, of either family; also where it leaves by a bond or VLAN that
    /// stands on it.
    /// </summary>
    public bool HasDefaultRoute { get; init; }

    /// <summary>
    /// Whether an IPv4 default route names this very interface: what the SR-IOV device plugin asks before it keeps its
    /// hands off.
    /// </summary>
    public bool HasIPv4DefaultRoute { get; init; }

    /// <summary>Its index in the firmware's tables (<c>acpi_index</c>), or null.</summary>
    public string? AcpiIndex { get; init; }

    /// <summary>
    /// Its dynamic device personalization profile, or null where nobody has read it: it takes devlink, and no pool of
    /// ours asks for it.
    /// </summary>
    public string? DdpProfile { get; init; }

    /// <summary>Its first InfiniBand partition key (<c>0xffff</c>), or null.</summary>
    public string? PartitionKey { get; init; }

    /// <summary>Its link layer: <c>ether</c> or <c>infiniband</c>; empty where it is no interface.</summary>
    public string LinkType { get; init; } = "";

    /// <summary>Its speed in Mbit/s, or null where the link doesn't say.</summary>
    public int? Speed { get; init; }

    /// <summary>
    /// What it is that has no PCI address: <c>bond</c>, <c>vlan</c>, <c>veth</c>…; empty for hardware.
    /// </summary>
    public string Kind { get; init; } = "";
}

/// <summary>The huge pages of one size.</summary>
/// <param name="Numa">The NUMA node they are on, or null for the machine's sum.</param>
internal sealed record Hugepages(int Kilobytes, int Total, int Free, int? Numa);

/// <summary>A CNI plugin that is installed.</summary>
/// <param name="Versions">The versions of the CNI specification it speaks.</param>
/// <param name="Release">The plugin's own version where it says one.</param>
internal sealed record CniBinary(string Name, ImmutableArray<string> Versions, string? Release);

/// <summary>
/// What a node has, as its agent found it: what device selectors are matched against, and what capacity is counted of.
/// </summary>
/// <param name="HasIommu">Whether devices are in IOMMU groups, without which <c>vfio-pci</c> can't have one
/// safely.</param>
/// <param name="Plugins">The CNI plugins in its plugin folder.</param>
internal sealed record NodeInventory(
    string Kernel,
    bool HasIommu,
    ImmutableArray<NetworkDevice> Devices,
    ImmutableArray<Hugepages> Hugepages,
    ImmutableArray<CniBinary> Plugins
)
{
    /// <summary>
    /// Reads what <see cref="ToJson"/> wrote. What is missing is unknown and not wrong: an agent may be of another
    /// version.
    /// </summary>
    public static NodeInventory Read(JsonElement body) =>
        new(
            body.Text("kernel") ?? "",
            body.Member("hasIommu").ValueKind == JsonValueKind.True,
            [.. body.Elements("devices").Select(ReadDevice)],
            [
                .. body.Elements("hugepages")
                    .Select(h => new Hugepages(
                        (int)(h.Integer("kilobytes") ?? 0),
                        (int)(h.Integer("total") ?? 0),
                        (int)(h.Integer("free") ?? 0),
                        (int?)h.Integer("numa")
                    )),
            ],
            [
                .. body.Elements("plugins")
                    .Select(p => new CniBinary(p.Text("name") ?? "", [.. p.Texts("versions")], p.Text("release"))),
            ]
        );

    /// <summary>The inventory as an agent reports it.</summary>
    public JsonObject ToJson() =>
        WithoutNulls(
            ("kernel", Kernel),
            ("hasIommu", HasIommu),
            ("devices", new JsonArray([.. Devices.Select(device => (JsonNode)DeviceBody(device))])),
            ("hugepages", new JsonArray([.. Hugepages.Select(pages => (JsonNode)HugepagesBody(pages))])),
            ("plugins", new JsonArray([.. Plugins.Select(plugin => (JsonNode)PluginBody(plugin))]))
        );

    private static JsonObject DeviceBody(NetworkDevice device) =>
        WithoutNulls(
            ("name", device.Name),
            ("pciAddress", device.PciAddress),
            ("vendor", device.Vendor),
            ("device", device.Device),
            ("driver", device.Driver),
            ("macAddress", device.MacAddress),
            ("mtu", device.Mtu),
            ("isUp", device.IsUp),
            ("numa", device.Numa),
            ("totalFunctions", device.TotalFunctions),
            ("functions", device.Functions),
            ("physicalFunction", device.PhysicalFunction),
            ("functionIndex", device.FunctionIndex),
            ("iommuGroup", device.IommuGroup),
            ("isRdma", device.IsRdma),
            ("hasDefaultRoute", device.HasDefaultRoute),
            ("hasIPv4DefaultRoute", device.HasIPv4DefaultRoute),
            ("acpiIndex", device.AcpiIndex),
            ("ddpProfile", device.DdpProfile),
            ("partitionKey", device.PartitionKey),
            ("linkType", device.LinkType),
            ("speed", device.Speed),
            ("kind", device.Kind)
        );

    private static JsonObject HugepagesBody(Hugepages pages) =>
        WithoutNulls(
            ("kilobytes", pages.Kilobytes),
            ("total", pages.Total),
            ("free", pages.Free),
            ("numa", pages.Numa)
        );

    private static JsonObject PluginBody(CniBinary plugin) =>
        WithoutNulls(
            ("name", plugin.Name),
            ("versions", new JsonArray([.. plugin.Versions.Select(version => JsonValue.Create(version))])),
            ("release", plugin.Release)
        );

    private static NetworkDevice ReadDevice(JsonElement body) =>
        new(
            body.Text("name"),
            body.Text("pciAddress"),
            body.Text("vendor") ?? "",
            body.Text("device") ?? "",
            body.Text("driver"),
            body.Text("macAddress"),
            (int)(body.Integer("mtu") ?? 0),
            body.Member("isUp").ValueKind == JsonValueKind.True,
            (int?)body.Integer("numa")
        )
        {
            TotalFunctions = (int)(body.Integer("totalFunctions") ?? 0),
            Functions = (int)(body.Integer("functions") ?? 0),
            PhysicalFunction = body.Text("physicalFunction"),
            FunctionIndex = (int?)body.Integer("functionIndex"),
            IommuGroup = (int?)body.Integer("iommuGroup"),
            IsRdma = body.Member("isRdma").ValueKind == JsonValueKind.True,
            HasDefaultRoute = body.Member("hasDefaultRoute").ValueKind == JsonValueKind.True,
            HasIPv4DefaultRoute = body.Member("hasIPv4DefaultRoute").ValueKind == JsonValueKind.True,
            AcpiIndex = body.Text("acpiIndex"),
            DdpProfile = body.Text("ddpProfile"),
            PartitionKey = body.Text("partitionKey"),
            LinkType = body.Text("linkType") ?? "",
            Speed = (int?)body.Integer("speed"),
            Kind = body.Text("kind") ?? "",
        };

    private static JsonObject WithoutNulls(params (string Name, JsonNode? Value)[] members)
    {
        var body = new JsonObject();
        foreach (var (name, value) in members.Where(m => m.Value is not null))
            body[name] = value;
        return body;
    }
}
