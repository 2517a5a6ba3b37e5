using System.Collections.Immutable;
using Weft.Attachments.DevicePools;
using Weft.Attachments.Nodes;
using Weft.Networks;

namespace Weft.Attachments.Plugins;

/// <summary>What a node must do for networks whose pods get devices of their own: what SRIOV and DPDK share.</summary>
/// <remarks>Source: docs/specs/plugins.md, "SRIOV and DPDK".</remarks>
internal static class FunctionParts
{
    /// <summary>A node's part.</summary>
    /// <param name="driver">Which driver its devices are to have.</param>
    /// <returns>Virtual functions where the port is visible, devices handed over where it isn't, and the pool of
    /// either.</returns>
    public static NodePart RenderNode(AttachedNetwork attached, AttachedNode node, FunctionDriver driver)
    {
        var network = attached.Network;
        var part = new NodePart([]);
        if (DeviceSelectors.Create(attached, node).TryGet(out var selectors, out var refusal))
            part = part with
            {
                Pools =
                [
                    new DevicePool(
                        node.Name,
                        network.Id,
                        attached.Attachment.Plugin,
                        DefinitionNames.ResourceNameOf(network.Id),
                        selectors
                    ),
                ],
            };
        else
            part = part with { RenderErrors = [refusal with { Code = RefusalCode.PluginNotDrawn }] };
        var id = network.Id.ToString();
        var mtu = MtuOf(attached);
        if (attached.IsVirtual)
            return part with
            {
                Devices =
                [
                    .. node.Uplinks.Select(uplink => new PassthroughDevice(
                        uplink.Name,
                        uplink.MacAddress,
                        DeviceSelectors.PciAddressOf(node, uplink),
                        id,
                        Math.Min(mtu, uplink.Mtu),
                        driver
                    )),
                ],
            };
        int? vlan = network.Type == NetworkType.Trunked ? null : network.Vlan;
        var (trust, spoofCheck) = TrustSettingsOf(vlan);
        return part with
        {
            PhysicalFunctions =
            [
                .. node.Uplinks.Select(port => new PhysicalFunction(
                    port.Name,
                    port.MacAddress,
                    port.PciAddress,
                    port.Mtu,
                    [
                        .. port.FunctionIndexesOf(network.Id)
                            .Select(index => new VirtualFunction(
                                index,
                                id,
                                vlan,
                                trust,
                                spoofCheck,
                                Math.Min(mtu, port.Mtu),
                                driver
                            )),
                    ]
                )),
            ],
        };
    }

    /// <summary>
    /// The MTU of a device: of a trunk the widest of its VLANs, because no sub-interface can be wider than what it
    /// stands on.
    /// </summary>
    public static int MtuOf(AttachedNetwork attached) =>
        attached.L3Networks.Values.Select(layer3 => layer3.Mtu).Append(attached.Network.Mtu).Max();

    /// <summary>
    /// What the card lets a function do. One VLAN needs none: the function has one MAC address, which the card sees to.
    /// On a trunk the workload adds VLANs (and often MAC addresses) of its own, which cards take from trusted functions
    /// only, and their spoof check drops tags they don't know of.
    /// </summary>
    /// <param name="vlan">The VLAN that the card tags with, or null for a trunk.</param>
    public static (bool Trust, bool SpoofCheck) TrustSettingsOf(int? vlan) => (vlan is null, vlan is not null);

    /// <summary>The indexes of a port's functions that are for a network, ascending.</summary>
    public static ImmutableArray<int> FunctionIndexesOf(this Uplink port, Resources.ResourceId network) =>
        [
            .. port
                .Functions.Where(range => range.Network == network.Key)
                .SelectMany(range => Enumerable.Range(range.First, range.Last - range.First + 1))
                .Distinct()
                .Order(),
        ];
}
