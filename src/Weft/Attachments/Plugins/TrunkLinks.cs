using System.Collections.Immutable;
using System.Globalization;
using Weft.Attachments.Nodes;

namespace Weft.Attachments.Plugins;

/// <summary>A trunk taken apart on the node: its port, and one sub-interface for each VLAN.</summary>
internal static class TrunkLinks
{
    /// <summary>The interfaces.</summary>
    /// <returns>The port, then the sub-interfaces in the order of their VLANs.</returns>
    public static IEnumerable<NodeLink> Render(AttachedNetwork attached, AttachedNode node)
    {
        var network = attached.Network;
        var parent = node.Uplink.IsTrunkPort ? node.Uplink.Name : network.InterfaceName;
        // The trunk's own MTU is the least of its VLANs'; the parent must carry the greatest, because no VLAN can have
        // more than its parent.
        var carried = node.Uplink.IsTrunkPort
            ? node.Uplink.Mtu
            : Math.Min(node.Uplink.Mtu, FunctionParts.MtuOf(attached));
        yield return new NodeLink(
            parent,
            node.Uplink,
            null,
            carried,
            [],
            [],
            $"{network.Id.Name}: parent of its VLANs"
        );
        foreach (var vlan in network.Vlans)
            yield return RenderVlan(attached, node, vlan, parent, carried);
    }

    private static NodeLink RenderVlan(
        AttachedNetwork attached,
        AttachedNode node,
        int vlan,
        string parent,
        int carried
    )
    {
        var (network, plugin) = (attached.Network, attached.Attachment.Plugin);
        var name = SubInterfaceNameOf(network.InterfaceName, vlan);
        var layer3 = attached.L3Networks.GetValueOrDefault(vlan);
        var use =
            !plugin.LeasesForNode ? $"parent of pods' {plugin.Name} interfaces"
            : layer3 is null ? "no layer 3 of ours"
            : $"addresses of {layer3.Id.Name}";
        return new NodeLink(
            name,
            node.Uplink,
            vlan,
            Math.Min(carried, layer3?.Mtu ?? network.Mtu),
            // A sub-interface takes its address from the same pool as everybody else on that VLAN.
            layer3 is not null
            && plugin.LeasesForNode
                ? node.AddressesOn(name, layer3.Subnets)
                : [],
            [],
            $"{network.Id.Name}: VLAN {vlan}, {use}"
        )
        {
            Parent = parent,
        };
    }

    /// <summary>The name of a VLAN's sub-interface.</summary>
    /// <returns>Such as <c>ran.602</c>.</returns>
    public static string SubInterfaceNameOf(string parent, int vlan) =>
        string.Create(CultureInfo.InvariantCulture, $"{parent}.{vlan}");
}
