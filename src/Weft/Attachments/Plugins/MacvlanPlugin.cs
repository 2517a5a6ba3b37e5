using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Attachments.Nodes;
using Weft.Networks;

namespace Weft.Attachments.Plugins;

/// <summary>MACVLAN: pods are children of one node interface, each with a MAC address of its own.</summary>
/// <remarks>Source: the upstream <c>macvlan</c> plugin; docs/specs/plugins.md, "MACVLAN".</remarks>
internal sealed class MacvlanPlugin : IPlugin
{
    private static readonly CniBinary Macvlan = new("macvlan")
    {
        NeedsMaster = true,
        HoldsMaster = true,
        Modes = ["bridge", "private", "vepa", "passthru"],
        DroppedMembers =
        [
            new(
                ["vlan", "vlanId", "vlanTrunk", "trunk"],
                "name a VLAN interface as master, or let the guard of the node drop other tags"
            ),
        ],
    };

    /// <inheritdoc/>
    public string Name => "MACVLAN";

    /// <inheritdoc/>
    public bool ServesPods => true;

    /// <inheritdoc/>
    public bool LeasesForNode => false;

    /// <inheritdoc/>
    public FunctionDriver? DeviceDriver => null;

    /// <inheritdoc/>
    public bool SplitsTrunks => false;

    /// <inheritdoc/>
    public bool TagsOnPort => true;

    /// <inheritdoc/>
    public bool HasPerVlanDefinitions => false;

    /// <inheritdoc/>
    public bool DependsOnMachineType => false;

    /// <inheritdoc/>
    public ImmutableArray<CniBinary> Binaries => [Macvlan];

    /// <inheritdoc/>
    public string? ReasonNotServing(NetworkType type) => null;

    /// <inheritdoc/>
    public IEnumerable<Manifest> RenderManifests(AttachedNetwork attached)
    {
        var plugin = new JsonObject
        {
            ["type"] = Macvlan.Name,
            ["master"] = attached.Master,
            // In bridge mode siblings hear each other's broadcasts past every filter on the parent, so tags outside of
            // the trunk would leak between pods of one node; in private mode they reach nobody but the fabric.
            ["mode"] = attached.Network.Type == NetworkType.Trunked ? "private" : "bridge",
            ["mtu"] = attached.Network.Mtu,
        };
        yield return DefinitionRenderer.Render(
            attached,
            null,
            DefinitionRenderer.WithIpam(plugin, attached.Attachment.Ipam ? attached.Network.Id : null, "mac")
        );
    }

    /// <inheritdoc/>
    public NodePart RenderNode(AttachedNetwork attached, AttachedNode node)
    {
        var network = attached.Network;
        var comment = $"{network.Id.Name}: parent of pods' {Name} interfaces";
        if (network.Type != NetworkType.Trunked)
        {
            int? tag = node.Uplink.IsTrunkPort ? network.Vlan : null;
            return new NodePart([new NodeLink(network.InterfaceName, node.Uplink, tag, network.Mtu, [], [], comment)]);
        }

        // A trunk's children stand on the port itself: a VLAN sub-interface would swallow its tag before they see it.
        var port = node.Uplink.IsTrunkPort
            ? new NodeLink(
                node.Uplink.Name,
                node.Uplink,
                null,
                node.Uplink.Mtu,
                [],
                [],
                $"{comment}, tagged by the pods"
            )
            : new NodeLink(network.InterfaceName, node.Uplink, null, network.Mtu, [], [], comment);
        // MACVLAN itself lets every tag pass.
        return new NodePart([port])
        {
            Guards = [new TrunkGuard(port.Name, network.Id.ToString(), network.Vlans, false)],
        };
    }
}
