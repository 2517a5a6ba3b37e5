using System.Collections.Immutable;
using Weft.Attachments.Nodes;
using Weft.Networks;

namespace Weft.Attachments.Plugins;

/// <summary>DPDK: each pod gets a virtual function for a driver of its own in user space.</summary>
/// <remarks>Source: docs/specs/plugins.md, "SRIOV and DPDK".</remarks>
internal sealed class DpdkPlugin : IPlugin
{
    /// <inheritdoc/>
    public string Name => "DPDK";

    /// <inheritdoc/>
    public bool ServesPods => true;

    /// <inheritdoc/>
    public bool LeasesForNode => false;

    /// <inheritdoc/>
    public FunctionDriver? DeviceDriver => FunctionDriver.UserSpace;

    /// <inheritdoc/>
    public bool SplitsTrunks => false;

    /// <inheritdoc/>
    public bool TagsOnPort => false;

    /// <inheritdoc/>
    public bool HasPerVlanDefinitions => true;

    /// <inheritdoc/>
    public bool DependsOnMachineType => true;

    /// <inheritdoc/>
    public ImmutableArray<CniBinary> Binaries => FunctionDefinitions.Binaries;

    /// <inheritdoc/>
    public string? ReasonNotServing(NetworkType type) => null;

    /// <inheritdoc/>
    public IEnumerable<Manifest> RenderManifests(AttachedNetwork attached) =>
        // Where a user-space driver has the device there is no interface for tuning to set an MTU or MAC address on,
        // and it would fail.
        attached.IsVirtual
            ? [FunctionDefinitions.RenderVirtual(attached, attached.KeepsInterfaces)]
            : FunctionDefinitions.RenderBareMetal(attached);

    /// <inheritdoc/>
    public NodePart RenderNode(AttachedNetwork attached, AttachedNode node) =>
        FunctionParts.RenderNode(attached, node, FunctionDriver.UserSpace);
}
