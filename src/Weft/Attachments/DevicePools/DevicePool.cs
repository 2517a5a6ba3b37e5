using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Attachments.Nodes;
using Weft.Resources;

namespace Weft.Attachments.DevicePools;

/// <summary>
/// Devices of one node that pods get by one NetworkAttachmentDefinition: a resource of the SR-IOV device plugin.
/// Several ports, or several devices handed over, of one network are one pool.
/// </summary>
/// <param name="Network">The network that the devices are for.</param>
/// <param name="Plugin">The name of the plugin that attaches it.</param>
/// <param name="Driver">The driver that its devices are to have.</param>
/// <param name="ResourceName">The resource's name behind <see cref="ResourcePrefix"/>: letters, digits and underscores,
/// at most 63.</param>
/// <param name="Selectors">Which devices: those that one of these takes, in this order.</param>
/// <remarks>
/// Source: sriov-network-device-plugin, README "Configurations"; docs/specs/plugins.md, "Device pools".
/// </remarks>
internal sealed record DevicePool(
    string Node,
    ResourceId Network,
    string Plugin,
    FunctionDriver Driver,
    string ResourceName,
    ImmutableArray<DeviceSelector> Selectors
)
{
    /// <summary>The prefix of every resource that Weft renders.</summary>
    public const string ResourcePrefix = "weft.dev";

    /// <summary>What a pod requests: <c>weft.dev/n6</c>.</summary>
    public string FullName => $"{ResourcePrefix}/{ResourceName}";

    /// <summary>The resource as the device plugin reads it.</summary>
    /// <returns>An element of <c>resourceList</c>.</returns>
    public JsonObject ToJson() =>
        new()
        {
            ["resourcePrefix"] = ResourcePrefix,
            ["resourceName"] = ResourceName,
            ["deviceType"] = "netDevice",
            ["selectors"] = new JsonArray([.. Selectors.Select(s => (JsonNode)s.ToJson())]),
        };
}

/// <summary>What a device must be to belong to a pool: every list that isn't empty must have it.</summary>
internal sealed record DeviceSelector
{
    /// <summary>Vendors, in lower-case hex of four digits without <c>0x</c>.</summary>
    public ImmutableArray<string> Vendors { get; init; } = [];

    /// <summary>Device ids, likewise.</summary>
    public ImmutableArray<string> Devices { get; init; } = [];

    /// <summary>Drivers that have it.</summary>
    public ImmutableArray<string> Drivers { get; init; } = [];

    /// <summary>PCI addresses of devices (<c>0000:3b:02.1</c>).</summary>
    public ImmutableArray<string> PciAddresses { get; init; } = [];

    /// <summary>Indexes in the firmware's tables.</summary>
    public ImmutableArray<string> AcpiIndexes { get; init; } = [];

    /// <summary>
    /// Physical functions by name, with the indexes of their functions: <c>ens1f0#0-3,6</c>. One entry a port: the
    /// plugin reads the first only.
    /// </summary>
    public ImmutableArray<string> PfNames { get; init; } = [];

    /// <summary>Physical functions by PCI address, with indexes likewise: <c>0000:3b:00.0#0-3</c>.</summary>
    public ImmutableArray<string> RootDevices { get; init; } = [];

    /// <summary>Link layers: <c>ether</c> or <c>infiniband</c>.</summary>
    public ImmutableArray<string> LinkTypes { get; init; } = [];

    /// <summary>Intel's dynamic device personalization profiles.</summary>
    public ImmutableArray<string> DdpProfiles { get; init; } = [];

    /// <summary>InfiniBand partition keys.</summary>
    public ImmutableArray<string> PKeys { get; init; } = [];

    /// <summary>Whether it must have RDMA.</summary>
    public bool IsRdma { get; init; }

    /// <summary>The selector as the device plugin reads it: lists that are empty are left out.</summary>
    public JsonObject ToJson()
    {
        var body = new JsonObject();
        foreach (
            var (name, values) in new[]
            {
                ("vendors", Vendors),
                ("devices", Devices),
                ("drivers", Drivers),
                ("pciAddresses", PciAddresses),
                ("acpiIndexes", AcpiIndexes),
                ("pfNames", PfNames),
                ("rootDevices", RootDevices),
                ("linkTypes", LinkTypes),
                ("ddpProfiles", DdpProfiles),
                ("pKeys", PKeys),
            }
        )
        {
            if (!values.IsEmpty)
                body[name] = new JsonArray([.. values.Select(v => JsonValue.Create(v))]);
        }

        if (IsRdma)
            body["isRdma"] = true;
        return body;
    }
}
