using System.Text.Json.Nodes;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Attachments.Renderers;

/// <summary>The definitions of networks whose pods get devices of their own: what SRIOV and DPDK share.</summary>
/// <remarks>Source: sriov-cni, <c>docs/configuration-reference.md</c>; upstream <c>host-device</c> and <c>tuning</c>; docs/specs/plugins.md, "SRIOV and DPDK".</remarks>
internal static class FunctionDefinitions
{
    /// <summary>The definitions where the physical function is in sight: the card tags, and a trunk is narrowed to each of its VLANs.</summary>
    /// <returns>The network's own, then one for each VLAN of a trunk.</returns>
    public static IEnumerable<Manifest> OnBareMetal(AttachedNetwork attached)
    {
        var network = attached.Network;
        var pool = attached.Attachment.Ipam ? network.Id : null;
        if (network.Type != NetworkType.Trunked)
        {
            yield return NetworkAttachmentDefinition.Of(attached, null, Sriov(network.Vlan, pool));
            yield break;
        }

        yield return NetworkAttachmentDefinition.Of(attached, null, Sriov(null, null));
        foreach (var vlan in network.Vlans)
            yield return NetworkAttachmentDefinition.Of(attached, vlan, Sriov(vlan, attached.LayerThree.GetValueOrDefault(vlan)?.Id));
    }

    /// <summary>The definition where devices are handed over: the host has tagged, and set up trust and spoof check.</summary>
    /// <param name="hasInterface">Whether the device is a network interface, whose MTU and MAC address can be set.</param>
    public static Manifest OnVirtual(AttachedNetwork attached, bool hasInterface)
    {
        var device = NetworkAttachmentDefinition.WithIpam(new JsonObject { ["type"] = "host-device" }, attached.Attachment.Ipam ? attached.Network.Id : null, "deviceID");
        if (!hasInterface)
            return NetworkAttachmentDefinition.Of(attached, null, device);
        var tuning = new JsonObject { ["type"] = "tuning", ["mtu"] = FunctionPlans.MtuOf(attached), ["capabilities"] = new JsonObject { ["mac"] = true } };
        return NetworkAttachmentDefinition.Of(attached, null, device, tuning);
    }

    private static JsonObject Sriov(int? vlan, ResourceId? pool)
    {
        var plugin = new JsonObject { ["type"] = "sriov" };
        // Absent isn't 0: 0 would take away what the site's own driver tools have set on a trunk (sriov-cni issue 291).
        if (vlan is { } one)
            plugin["vlan"] = one;
        var (trust, spoofCheck) = FunctionPlans.LibertiesOf(vlan);
        plugin["spoofchk"] = spoofCheck ? "on" : "off";
        plugin["trust"] = trust ? "on" : "off";
        return NetworkAttachmentDefinition.WithIpam(plugin, pool, "mac");
    }
}
