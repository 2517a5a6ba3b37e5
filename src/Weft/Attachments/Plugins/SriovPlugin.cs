using System.Collections.Immutable;
using Weft.Attachments.Nodes;
using Weft.Networks;

namespace Weft.Attachments.Plugins;

/// <summary>
/// SRIOV: each pod gets a virtual function as its interface, in the network's VLAN or with all of a trunk's.
/// </summary>
/// <remarks>Source: docs/specs/plugins.md, "SRIOV and DPDK".</remarks>
internal sealed class SriovPlugin : IPlugin
{
    /// <inheritdoc/>
    public string Name => "SRIOV";

    /// <inheritdoc/>
    public bool ServesPods => true;

    /// <inheritdoc/>
    public bool LeasesForNode => false;

    /// <inheritdoc/>
    public FunctionDriver? DeviceDriver => FunctionDriver.Kernel;

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
        attached.IsVirtual
            ? [FunctionDefinitions.RenderVirtual(attached, true)]
            : FunctionDefinitions.RenderBareMetal(attached);

    /// <inheritdoc/>
    public NodePart RenderNode(AttachedNetwork attached, AttachedNode node) =>
        FunctionParts.RenderNode(attached, node, FunctionDriver.Kernel);
}
