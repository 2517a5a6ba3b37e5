namespace Weft.Attachments.Renderers;

/// <summary>SRIOV: each pod gets a virtual function as its interface, in the network's VLAN or with all of a trunk's.</summary>
/// <remarks>Source: docs/specs/plugins.md, "SRIOV and DPDK".</remarks>
public sealed class SriovRenderer : IPluginRenderer
{
    /// <inheritdoc/>
    public PluginType Plugin => PluginType.SRIOV;

    /// <inheritdoc/>
    public IEnumerable<Manifest> Manifests(AttachedNetwork attached)
    {
        return attached.IsVirtual ? [FunctionDefinitions.OnVirtual(attached, true)] : FunctionDefinitions.OnBareMetal(attached);
    }

    /// <inheritdoc/>
    public NodePart On(AttachedNetwork attached, AttachedNode node)
    {
        return FunctionPlans.On(attached, node, FunctionDriver.Kernel);
    }
}
