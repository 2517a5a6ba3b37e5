using Weft.Attachments.Nodes;

namespace Weft.Attachments.Plugins;

/// <summary>
/// SRIOV: each pod gets a virtual function as its interface, in the network's VLAN or with all of a trunk's.
/// </summary>
/// <remarks>Source: docs/specs/plugins.md, "SRIOV and DPDK".</remarks>
internal sealed class SriovPlugin : IPlugin
{
    /// <inheritdoc/>
    public PluginType Type => PluginType.SRIOV;

    /// <inheritdoc/>
    public IEnumerable<Manifest> RenderManifests(AttachedNetwork attached)
    {
        return attached.IsVirtual
            ? [FunctionDefinitions.RenderVirtual(attached, true)]
            : FunctionDefinitions.RenderBareMetal(attached);
    }

    /// <inheritdoc/>
    public NodePart RenderNode(AttachedNetwork attached, AttachedNode node)
    {
        return FunctionParts.RenderNode(attached, node, FunctionDriver.Kernel);
    }
}
