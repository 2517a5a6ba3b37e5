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
        var part = RenderPool(attached, node, driver);
        return attached.IsVirtual
            ? part with
            {
                Devices = [.. node.Uplinks.Select(uplink => RenderDevice(attached, node, uplink, driver))],
            }
            : part with
            {
                PhysicalFunctions =
                [
                    .. node.Uplinks.Select(port => RenderPort(attached.Network, MtuOf(attached), port, driver)),
                ],
            };
    }

    private static NodePart RenderPool(AttachedNetwork attached, AttachedNode node, FunctionDriver driver)
    {
        if (!DeviceSelectors.Create(attached, node).TryGet(out var selectors, out var refusal))
            return new NodePart([]) { RenderErrors = [refusal with { Code = RefusalCode.PluginNotDrawn }] };
        var network = attached.Network.Id;
        var pool = new DevicePool(
            node.Name,
            network,
            attached.Attachment.Plugin.Name,
            driver,
            DefinitionNames.ResourceNameOf(network),
            selectors
        );
        return new NodePart([]) { Pools = [pool] };
    }

    private static PassthroughDevice RenderDevice(
        AttachedNetwork attached,
        AttachedNode node,
        Uplink uplink,
        FunctionDriver driver
    ) =>
        new(
            uplink.Name,
            uplink.MacAddress,
            UplinkDevices.PciAddressOf(node, uplink),
            attached.Network.Id.ToString(),
            Math.Min(MtuOf(attached), uplink.Mtu),
            driver
        );

    private static PhysicalFunction RenderPort(Network network, int mtu, Uplink port, FunctionDriver driver)
    {
        int? vlan = network.Type == NetworkType.Trunked ? null : network.Vlan;
        var (trust, spoofCheck) = TrustSettingsOf(vlan);
        var id = network.Id.ToString();
        var functions = port.FunctionIndexesOf(network.Id)
            .Select(index => new VirtualFunction(index, id, vlan, trust, spoofCheck, Math.Min(mtu, port.Mtu), driver));
        return new PhysicalFunction(port.Name, port.MacAddress, port.PciAddress, port.Mtu, [.. functions]);
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
