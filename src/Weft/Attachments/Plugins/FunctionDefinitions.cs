using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Attachments.Plugins;

/// <summary>The definitions of networks whose pods get devices of their own: what SRIOV and DPDK share.</summary>
/// <remarks>
/// Source: sriov-cni, <c>docs/configuration-reference.md</c>; upstream <c>host-device</c> and <c>tuning</c>;
/// docs/specs/plugins.md, "SRIOV and DPDK".
/// </remarks>
internal static class FunctionDefinitions
{
    private static readonly CniBinary Sriov = new("sriov")
    {
        NeedsDevice = true,
        TagsInCard = true,
        DroppedMembers =
        [
            new(
                ["trunk", "vlanTrunk", "vlans"],
                "tags are let through by the fabric, the host or the card's own trunk setting"
            ),
            new(["mtu"], "set the MTU on the node, or chain the tuning plugin"),
            new(["master", "logicalUplink", "bridge", "vf"], "the device comes from the resource"),
        ],
    };

    /// <summary>It moves a device as it is.</summary>
    private static readonly CniBinary HostDevice = new("host-device")
    {
        NeedsDevice = true,
        IgnoresMac = true,
        DroppedMembers =
        [
            new(
                ["vlan", "trust", "spoofchk", "mac", "mtu"],
                "chain the tuning plugin for mtu and mac; the host sets the rest"
            ),
        ],
    };

    private static readonly CniBinary Tuning = new("tuning") { SetsMac = true };

    /// <summary>The CNI plugins that the definitions name.</summary>
    public static ImmutableArray<CniBinary> Binaries { get; } = [Sriov, HostDevice, Tuning];

    /// <summary>
    /// The definitions where the physical function is visible: the card tags, and a trunk is narrowed to each of its
    /// VLANs.
    /// </summary>
    /// <returns>The network's own, then one for each VLAN of a trunk.</returns>
    public static IEnumerable<Manifest> RenderBareMetal(AttachedNetwork attached)
    {
        var network = attached.Network;
        var pool = attached.Attachment.Ipam ? network.Id : null;
        if (network.Type != NetworkType.Trunked)
        {
            yield return DefinitionRenderer.Render(attached, null, SriovConfig(network.Vlan, pool));
            yield break;
        }

        yield return DefinitionRenderer.Render(attached, null, SriovConfig(null, null));
        foreach (var vlan in network.Vlans)
            yield return DefinitionRenderer.Render(
                attached,
                vlan,
                SriovConfig(vlan, attached.L3Networks.GetValueOrDefault(vlan)?.Id)
            );
    }

    /// <summary>
    /// The definition where devices are handed over: the host has tagged, and set up trust and spoof check.
    /// </summary>
    /// <param name="hasInterface">Whether the device is a network interface, whose MTU and MAC address can be
    /// set.</param>
    public static Manifest RenderVirtual(AttachedNetwork attached, bool hasInterface)
    {
        var device = DefinitionRenderer.WithIpam(
            new JsonObject { ["type"] = HostDevice.Name },
            attached.Attachment.Ipam ? attached.Network.Id : null,
            "deviceID"
        );
        if (!hasInterface)
            return DefinitionRenderer.Render(attached, null, device);
        var tuning = new JsonObject
        {
            ["type"] = Tuning.Name,
            ["mtu"] = FunctionParts.MtuOf(attached),
            ["capabilities"] = new JsonObject { ["mac"] = true },
        };
        return DefinitionRenderer.Render(attached, null, device, tuning);
    }

    private static JsonObject SriovConfig(int? vlan, ResourceId? pool)
    {
        var plugin = new JsonObject { ["type"] = Sriov.Name };
        // Absent isn't 0: 0 would take away what the site's own driver tools have set on a trunk (sriov-cni issue 291).
        if (vlan is { } one)
            plugin["vlan"] = one;
        var (trust, spoofCheck) = FunctionParts.TrustSettingsOf(vlan);
        plugin["spoofchk"] = spoofCheck ? "on" : "off";
        plugin["trust"] = trust ? "on" : "off";
        return DefinitionRenderer.WithIpam(plugin, pool, "mac");
    }
}
