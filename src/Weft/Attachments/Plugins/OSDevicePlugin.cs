using System.Collections.Immutable;
using Weft.Attachments.Nodes;
using Weft.Networks;

namespace Weft.Attachments.Plugins;

/// <summary>
/// OSDevice: the network is an interface of the node's own operating system, with the node's own addresses; pods get
/// nothing.
/// </summary>
/// <remarks>Source: docs/specs/plugins.md, "OSDevice".</remarks>
internal sealed class OSDevicePlugin : IPlugin
{
    /// <inheritdoc/>
    public string Name => "OSDevice";

    /// <inheritdoc/>
    public bool ServesPods => false;

    /// <inheritdoc/>
    public bool LeasesForNode => true;

    /// <inheritdoc/>
    public FunctionDriver? DeviceDriver => null;

    /// <inheritdoc/>
    public bool SplitsTrunks => true;

    /// <inheritdoc/>
    public bool TagsOnPort => false;

    /// <inheritdoc/>
    public bool HasPerVlanDefinitions => false;

    /// <inheritdoc/>
    public bool DependsOnMachineType => false;

    /// <inheritdoc/>
    public ImmutableArray<CniBinary> Binaries => [];

    /// <inheritdoc/>
    public string? ReasonNotServing(NetworkType type) => null;

    /// <inheritdoc/>
    public IEnumerable<Manifest> RenderManifests(AttachedNetwork attached) => [];

    /// <inheritdoc/>
    public NodePart RenderNode(AttachedNetwork attached, AttachedNode node)
    {
        var network = attached.Network;
        if (network.Type == NetworkType.Trunked)
            return new NodePart([.. TrunkLinks.Render(attached, node)]);
        int? tag = node.Uplink.IsTrunkPort ? network.Vlan : null;
        return new NodePart([
            new NodeLink(
                network.InterfaceName,
                node.Uplink,
                tag,
                network.Mtu,
                node.AddressesOn(network.InterfaceName, network.Subnets),
                [],
                network.Id.Name
            ),
        ]);
    }
}
