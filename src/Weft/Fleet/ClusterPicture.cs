using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Attachments;
using Weft.Attachments.Admission;
using Weft.Attachments.Formats;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>Draws what a Kubernetes cluster and its nodes should look like.</summary>
public static class ClusterPicture
{
    /// <summary>The namespace of what Weft keeps in a cluster for itself.</summary>
    public const string Namespace = "weft-system";

    /// <summary>Draws a cluster.</summary>
    /// <returns>The picture; empty for a cluster that is gone or being deleted.</returns>
    public static DesiredState Draw(Image image, ResourceId cluster, Limits limits)
    {
        var seen = new Snapshot(image);
        if (seen.Get(cluster) is not { } row)
            return new DesiredState(cluster, image.Revision, [], [], []);
        var nodes = seen.List(Node.ResourceType, cluster).Select(Node.Of).ToImmutableArray();
        var pools = nodes.Select(node => node.Pool).Distinct().ToDictionary(pool => pool, pool => ClusterAttachments.Of(seen, cluster, pool).Select(a => (a.Network.Key, a.Plugin)).ToHashSet(), StringComparer.Ordinal);
        var undrawn = ImmutableArray.CreateBuilder<Refusal>();
        var attached = ImmutableArray.CreateBuilder<AttachedNetwork>();
        foreach (var attachment in ClusterAttachments.All(seen, cluster))
        {
            ImmutableArray<NodeFacts> having = [.. nodes.Where(node => pools[node.Pool].Contains((attachment.Network.Key, attachment.Plugin)))];
            if (!Attached(image, attachment, having, limits).TryGet(out var drawable, out var refusal))
                undrawn.Add(refusal);
            else
                attached.Add(drawable);
        }

        var drawn = nodes.Select(node => NodePicture(image, KubernetesCluster.CniNetworkOf(row), node, attached.Where(a => pools[node.Pool].Contains((a.Network.Id.Key, a.Attachment.Plugin))), limits)).ToImmutableArray();
        undrawn.AddRange(drawn.SelectMany(d => d.Undrawn));
        var files = drawn.Select(d => d.Files).ToImmutableArray();
        var manifests = attached.SelectMany(a => Plugins.Find(a.Attachment.Plugin).Manifests(a)).Concat(DevicePlugin(image, nodes, files, attached))
            .OrderBy(m => m.Title, StringComparer.Ordinal)
            .Concat(OfNodes(files));
        return new DesiredState(ResourceKind.IdOf(row), image.Revision, [.. manifests], files, undrawn.ToImmutable())
        {
            Networks = Facts(image, KubernetesCluster.CniNetworkOf(row), attached, limits),
        };
    }

    private static ImmutableArray<NetworkFacts> Facts(Image image, ResourceId cni, IEnumerable<AttachedNetwork> attached, Limits limits)
    {
        var networks = attached.Select(a => NetworkFacts.Of(a.Network, a.LayerThree));
        if (Network.Of(image, cni, limits) is { } own)
            networks = networks.Append(NetworkFacts.Of(own, ImmutableDictionary<int, Network>.Empty) with { Interface = MachineAddresses.CniInterface });
        return [.. networks.DistinctBy(n => n.Id.Key).OrderBy(n => n.Id.Key, StringComparer.Ordinal)];
    }

    private static Outcome<AttachedNetwork> Attached(Image image, Attachment attachment, ImmutableArray<NodeFacts> nodes, Limits limits)
    {
        if (Network.Of(image, attachment.Network, limits) is not { } network)
            return new Refusal(RefusalCode.ReferenceNotFound, $"{attachment.Network} is gone", attachment.Path, attachment.Network.ToString());
        if (!Master(network, attachment, nodes).TryGet(out var master, out var refusal))
            return refusal;
        if (attachment.Plugin is PluginType.SRIOV or PluginType.DPDK && nodes.DistinctBy(node => node.IsVirtual).Count() > 1)
        {
            return new Refusal(RefusalCode.PluginNotDrawn, $"{network.Id.Name} is attached by {attachment.Plugin} to nodes of both kinds, and its one NetworkAttachmentDefinition can't serve both",
                attachment.Path, attachment.Network.ToString());
        }

        var ports = nodes.Where(node => node.IsVirtual && attachment.Plugin == PluginType.DPDK).Select(node => Facts(image, node, network.Id, attachment.Plugin)).OfType<AttachedNode>()
            .SelectMany(node => node.Uplinks.Select(uplink => (Node: node, Uplink: uplink))).ToList();
        return new AttachedNetwork(attachment, network, master)
        {
            IsVirtual = nodes.Any(node => node.IsVirtual),
            LayerThree = network.Type == NetworkType.Trunked ? MachineAddresses.LayerThreeOf(image, network.Id, limits) : ImmutableDictionary<int, Network>.Empty,
            KeepsInterfaces = ports.Count > 0 && ports.TrueForAll(p => DeviceSelectors.IsMellanox(p.Node, p.Uplink) == true),
        };
    }

    /// <summary>A node as an attachment sees it, or null where it doesn't reach the network.</summary>
    internal static AttachedNode? Facts(Image image, NodeFacts node, ResourceId network, PluginType plugin)
    {
        var ports = node.PortsOf(network, plugin);
        return ports.IsEmpty ? null : new AttachedNode(DnsLabel.Of(node.Id.Name), ports[0], ImmutableDictionary<string, ImmutableArray<Lease>>.Empty)
        {
            Uplinks = ports,
            Inventory = Inventories.Of(image, node.Id),
        };
    }

    /// <summary>The device plugin's configuration, where a plugin of the cluster is served by it.</summary>
    private static IEnumerable<Manifest> DevicePlugin(Image image, ImmutableArray<NodeFacts> nodes, ImmutableArray<NodeFiles> files, IEnumerable<AttachedNetwork> attached)
    {
        if (nodes.IsEmpty || !attached.Any(a => a.Attachment.Plugin is PluginType.SRIOV or PluginType.DPDK))
            return [];
        return [DevicePluginConfig.Draw([.. nodes.Zip(files, (node, file) => new PooledNode(file.Name, node.Uplinks, Inventories.Of(image, node.Id), file.Pools))])];
    }

    /// <summary>One definition serves all nodes, so its parent must have one name on all of them.</summary>
    private static Outcome<string> Master(Network network, Attachment attachment, ImmutableArray<NodeFacts> nodes)
    {
        // The others stand on an interface that is named after the network wherever it is.
        if (network.Type != NetworkType.Trunked || attachment.Plugin != PluginType.MACVLAN)
            return network.InterfaceName;
        var names = nodes.Select(node => (Node: node, Port: node.Carrying(network.Id)))
            .Where(n => n.Port is not null).Select(n => (n.Node, Name: n.Port!.IsTrunkPort ? n.Port.Name : network.InterfaceName)).ToList();
        if (names.FirstOrDefault(n => n.Name != names[0].Name) is not { Node: { } odd } different)
            return names.Count == 0 ? network.InterfaceName : names[0].Name;
        return new Refusal(RefusalCode.Mismatch, $"the trunk {network.Id.Name} is on '{names[0].Name}' of node {names[0].Node.Id.Name} and on '{different.Name}' of node {odd.Id.Name}; "
            + "pods need one name for it on every node: name the ports alike", attachment.Path, odd.Id.ToString());
    }

    private static (NodeFiles Files, ImmutableArray<Refusal> Undrawn) NodePicture(Image image, ResourceId cni, NodeFacts node, IEnumerable<AttachedNetwork> attached, Limits limits)
    {
        var addresses = MachineAddresses.WishesOf(image, image.Get(StoreKey.Of(node.Id))!)
            .ToImmutableDictionary(wish => wish.Interface, wish => NetworkPool.HoldingsOf(image, wish.Network).Of(wish.Holder.Id));
        var parts = new List<NodePart>();
        if (node.Carrying(cni) is { } port && Network.Of(image, cni, limits) is { } network)
        {
            var on = new AttachedNode(node.Id.Name, port, addresses).On(MachineAddresses.CniInterface, network.Subnets);
            parts.Add(new NodePart([new NodeLink(MachineAddresses.CniInterface, port, port.IsTrunkPort ? network.Vlan : null, network.Mtu, on, [], $"{cni.Name}: the cluster's own network")]));
        }

        foreach (var attachment in attached)
        {
            if (Facts(image, node, attachment.Network.Id, attachment.Attachment.Plugin) is { } facts)
                parts.Add(Plugins.Find(attachment.Attachment.Plugin).On(attachment, facts with { Addresses = addresses }));
        }

        var name = DnsLabel.Of(node.Id.Name);
        var configuration = NodeParts.Together(name, parts);
        var files = new NodeFiles(name, NodeFormats.Files(configuration), configuration) { Pools = [.. parts.SelectMany(p => p.Pools)] };
        return (files, [.. parts.SelectMany(p => p.Undrawn)]);
    }

    private static IEnumerable<Manifest> OfNodes(ImmutableArray<NodeFiles> nodes)
    {
        if (nodes.IsEmpty)
            yield break;
        yield return Manifest.Of("v1", "Namespace", null, Namespace, []);
        foreach (var node in nodes)
        {
            var data = new JsonObject();
            foreach (var file in node.Files)
                data[file.Path[(file.Path.LastIndexOf('/') + 1)..]] = file.Content;
            yield return Manifest.Of("v1", "ConfigMap", Namespace, $"weft-node-{node.Name}", new JsonObject { ["data"] = data },
                new JsonObject { ["weft.dev/node"] = node.Name });
        }
    }
}
