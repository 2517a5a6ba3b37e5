namespace Weft.Attachments.Renderers;

/// <summary>DPDK: each pod gets a virtual function for a driver of its own in user space.</summary>
/// <remarks>Source: docs/specs/plugins.md, "SRIOV and DPDK".</remarks>
public sealed class DpdkRenderer : IPluginRenderer
{
    /// <inheritdoc/>
    public PluginType Plugin => PluginType.DPDK;

    /// <inheritdoc/>
    public IEnumerable<Manifest> Manifests(AttachedNetwork attached)
    {
        // Where a user-space driver has the device there is no interface for tuning to set an MTU or MAC address on, and it would fail.
        return attached.IsVirtual ? [FunctionDefinitions.OnVirtual(attached, attached.KeepsInterfaces)] : FunctionDefinitions.OnBareMetal(attached);
    }

    /// <inheritdoc/>
    public NodePart On(AttachedNetwork attached, AttachedNode node)
    {
        return FunctionPlans.On(attached, node, FunctionDriver.UserSpace);
    }
}
