using System.Collections.Immutable;
using System.Globalization;
using Weft.Networks;

namespace Weft.Attachments.Renderers;

/// <summary>OSDevice: the network is an interface of the node's own operating system, with the node's own addresses; pods get nothing.</summary>
/// <remarks>Source: docs/specs/plugins.md, "OSDevice".</remarks>
public sealed class OSDeviceRenderer : IPluginRenderer
{
    /// <inheritdoc/>
    public PluginType Plugin => PluginType.OSDevice;

    /// <inheritdoc/>
    public IEnumerable<Manifest> Manifests(AttachedNetwork attached) => [];

    /// <inheritdoc/>
    public NodePart On(AttachedNetwork attached, AttachedNode node)
    {
        ArgumentNullException.ThrowIfNull(attached);
        ArgumentNullException.ThrowIfNull(node);
        return new NodePart([.. Links(attached, node, attached.LayerThree)]);
    }

    private static IEnumerable<NodeLink> Links(AttachedNetwork attached, AttachedNode node, ImmutableDictionary<int, Network> vlans)
    {
        var network = attached.Network;
        if (network.Type != NetworkType.Trunked)
        {
            int? tag = node.Uplink.IsTrunkPort ? network.Vlan : null;
            yield return new NodeLink(network.InterfaceName, node.Uplink, tag, network.Mtu, node.On(network.InterfaceName, network.Subnets), [], network.Id.Name);
            yield break;
        }

        var parent = node.Uplink.IsTrunkPort ? node.Uplink.Name : network.InterfaceName;
        // The trunk's own MTU is the least of its VLANs'; the parent must carry the greatest, because no VLAN can have more than its parent.
        var carried = node.Uplink.IsTrunkPort ? node.Uplink.Mtu : Math.Min(node.Uplink.Mtu, vlans.Values.Select(n => n.Mtu).Append(network.Mtu).Max());
        yield return new NodeLink(parent, node.Uplink, null, carried, [], [], $"{network.Id.Name}: parent of its VLANs");
        foreach (var vlan in network.Vlans)
        {
            // A sub-interface takes its address from the same pool as everybody else on that VLAN.
            var name = string.Create(CultureInfo.InvariantCulture, $"{network.InterfaceName}.{vlan}");
            var layer3 = vlans.GetValueOrDefault(vlan);
            yield return new NodeLink(name, node.Uplink, vlan, Math.Min(carried, layer3?.Mtu ?? network.Mtu), layer3 is null ? [] : node.On(name, layer3.Subnets), [],
                layer3 is null ? $"{network.Id.Name}: VLAN {vlan}, no layer 3 of ours" : $"{network.Id.Name}: VLAN {vlan}, addresses of {layer3.Id.Name}")
            { Parent = parent };
        }
    }
}
