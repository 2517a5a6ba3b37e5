using Weft.Attachments.Nodes;

namespace Weft.Attachments.Plugins;

/// <summary>DPDK: each pod gets a virtual function for a driver of its own in user space.</summary>
/// <remarks>Source: docs/specs/plugins.md, "SRIOV and DPDK".</remarks>
internal sealed class DpdkPlugin : IPlugin
{
    /// <inheritdoc/>
    public PluginType Type => PluginType.DPDK;

    /// <inheritdoc/>
    public IEnumerable<Manifest> RenderManifests(AttachedNetwork attached)
    {
        // Where a user-space driver has the device there is no interface for tuning to set an MTU or MAC address on,
        // and it would fail.
        return attached.IsVirtual
            ? [FunctionDefinitions.RenderVirtual(attached, attached.KeepsInterfaces)]
            : FunctionDefinitions.RenderBareMetal(attached);
    }

    /// <inheritdoc/>
    public NodePart RenderNode(AttachedNetwork attached, AttachedNode node)
    {
        return FunctionParts.RenderNode(attached, node, FunctionDriver.UserSpace);
    }
}
