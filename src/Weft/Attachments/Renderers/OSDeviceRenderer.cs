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
        var network = attached.Network;
        if (network.Type == NetworkType.Trunked)
            return new NodePart([.. TrunkLinks.Of(attached, node, true)]);
        int? tag = node.Uplink.IsTrunkPort ? network.Vlan : null;
        return new NodePart([new NodeLink(network.InterfaceName, node.Uplink, tag, network.Mtu, node.On(network.InterfaceName, network.Subnets), [], network.Id.Name)]);
    }
}
