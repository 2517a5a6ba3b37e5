using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Attachments.Nodes;
using Weft.Networks;

namespace Weft.Attachments.Plugins;

/// <summary>
/// IPVLAN: pods are children of one node interface that share its MAC address and are told apart by IP.
/// </summary>
/// <remarks>Source: the upstream <c>ipvlan</c> plugin; docs/specs/plugins.md, "IPVLAN".</remarks>
internal sealed class IpvlanPlugin : IPlugin
{
    /// <summary>
    /// In l3 modes pods have no neighbour discovery, and the fabric would have to route every pod's address to its
    /// node.
    /// </summary>
    private const string Mode = "l2";

    private static readonly ImmutableArray<string> Modes = [Mode, "l3", "l3s"];

    private static readonly CniBinary Ipvlan = new("ipvlan")
    {
        NeedsMaster = true,
        HoldsMaster = true,
        RequiresIpam = true,
        IgnoresMac = true,
        Modes = Modes,
        DroppedMembers = [new(["vlan", "vlanId", "vlanTrunk", "trunk", "mac"], "name a VLAN interface as master")],
    };

    /// <summary>Weft's plugin that gives a pod an interface for each VLAN of a trunk (docs/specs/cni.md).</summary>
    private static readonly CniBinary WeftTrunk = new("weft-trunk")
    {
        NeedsMaster = true,
        IgnoresMac = true,
        HasInterfacePerVlan = true,
        Modes = Modes,
    };

    /// <inheritdoc/>
    public string Name => "IPVLAN";

    /// <inheritdoc/>
    public bool ServesPods => true;

    /// <inheritdoc/>
    public bool LeasesForNode => false;

    /// <inheritdoc/>
    public FunctionDriver? DeviceDriver => null;

    /// <inheritdoc/>
    public bool SplitsTrunks => true;

    /// <inheritdoc/>
    public bool TagsOnPort => false;

    /// <inheritdoc/>
    public bool HasPerVlanDefinitions => true;

    /// <inheritdoc/>
    public bool DependsOnMachineType => false;

    /// <inheritdoc/>
    public ImmutableArray<CniBinary> Binaries => [Ipvlan, WeftTrunk];

    /// <inheritdoc/>
    public string? ReasonNotServing(NetworkType type) =>
        type == NetworkType.L2 ? "its interfaces are told apart by IP alone" : null;

    /// <inheritdoc/>
    public IEnumerable<Manifest> RenderManifests(AttachedNetwork attached)
    {
        var network = attached.Network;
        if (network.Type != NetworkType.Trunked)
        {
            yield return DefinitionRenderer.Render(
                attached,
                null,
                ChildConfig(attached.Master, network.Mtu, attached.Attachment.Ipam ? network : null)
            );
            yield break;
        }

        yield return DefinitionRenderer.Render(attached, null, TrunkConfig(attached));
        foreach (var vlan in network.Vlans)
        {
            var pool = attached.L3Networks.GetValueOrDefault(vlan);
            yield return DefinitionRenderer.Render(
                attached,
                vlan,
                ChildConfig(TrunkLinks.SubInterfaceNameOf(attached.Master, vlan), pool?.Mtu ?? network.Mtu, pool)
            );
        }
    }

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
                [],
                [],
                $"{network.Id.Name}: parent of pods' {Name} interfaces"
            ),
        ]);
    }

    /// <summary>
    /// One child of one interface. The plugin makes none without an address, so where no pool gives one the pod must.
    /// </summary>
    private static JsonObject ChildConfig(string master, int mtu, Network? pool)
    {
        var plugin = new JsonObject
        {
            ["type"] = Ipvlan.Name,
            ["master"] = master,
            ["mode"] = Mode,
            ["mtu"] = mtu,
        };
        return pool is null ? DefinitionRenderer.WithStaticIpam(plugin) : DefinitionRenderer.WithIpam(plugin, pool.Id);
    }

    /// <summary>
    /// The children of all VLANs at once, which Weft's own <c>weft-trunk</c> asks the upstream plugin for
    /// (docs/specs/cni.md).
    /// </summary>
    private static JsonObject TrunkConfig(AttachedNetwork attached) =>
        new()
        {
            ["type"] = WeftTrunk.Name,
            ["master"] = attached.Master,
            ["mode"] = Mode,
            ["vlans"] = new JsonArray([.. attached.Network.Vlans.Select(vlan => (JsonNode)VlanConfig(attached, vlan))]),
        };

    private static JsonObject VlanConfig(AttachedNetwork attached, int vlan)
    {
        var pool = attached.L3Networks.GetValueOrDefault(vlan);
        var body = new JsonObject { ["id"] = vlan, ["mtu"] = pool?.Mtu ?? attached.Network.Mtu };
        if (pool is not null)
            body["network"] = pool.Id.ToString();
        return body;
    }
}
