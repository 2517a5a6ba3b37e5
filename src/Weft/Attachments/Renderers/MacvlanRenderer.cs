using System.Text.Json.Nodes;
using Weft.Networks;

namespace Weft.Attachments.Renderers;

/// <summary>MACVLAN: pods are children of one node interface, each with a MAC address of its own.</summary>
/// <remarks>Source: the upstream <c>macvlan</c> plugin; docs/specs/plugins.md, "MACVLAN".</remarks>
public sealed class MacvlanRenderer : IPluginRenderer
{
    /// <inheritdoc/>
    public PluginType Plugin => PluginType.MACVLAN;

    /// <inheritdoc/>
    public IEnumerable<Manifest> Manifests(AttachedNetwork attached)
    {
        ArgumentNullException.ThrowIfNull(attached);
        var capabilities = new JsonObject { ["mac"] = true };
        // Only an IPAM that reads them may be offered addresses: otherwise a pod's wish would be dropped without a word.
        if (attached.Attachment.Ipam)
            capabilities["ips"] = true;
        var plugin = new JsonObject
        {
            ["type"] = "macvlan",
            ["master"] = attached.Master,
            // In bridge mode siblings hear each other's broadcasts past every filter on the parent, so tags outside of the trunk would
            // leak between pods of one node; in private mode they reach nobody but the fabric.
            ["mode"] = attached.Network.Type == NetworkType.Trunked ? "private" : "bridge",
            ["mtu"] = attached.Network.Mtu,
            ["capabilities"] = capabilities,
        };
        yield return NetworkAttachmentDefinition.Of(attached, plugin);
    }

    /// <inheritdoc/>
    public NodePart On(AttachedNetwork attached, AttachedNode node)
    {
        ArgumentNullException.ThrowIfNull(attached);
        ArgumentNullException.ThrowIfNull(node);
        var network = attached.Network;
        // A trunk's children stand on the port itself: a VLAN sub-interface would swallow its tag before they see it.
        if (network.Type == NetworkType.Trunked && node.Uplink.IsTrunkPort)
            return new NodePart([new NodeLink(node.Uplink.Name, node.Uplink, null, node.Uplink.Mtu, [], [], $"{network.Id.Name}: parent of pods' MACVLAN interfaces, tagged by the pods")]);
        int? tag = node.Uplink.IsTrunkPort ? network.Vlan : null;
        return new NodePart([new NodeLink(network.InterfaceName, node.Uplink, tag, network.Mtu, [], [], $"{network.Id.Name}: parent of pods' MACVLAN interfaces")]);
    }
}
