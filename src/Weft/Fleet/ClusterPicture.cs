using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Attachments;
using Weft.Attachments.Admission;
using Weft.Attachments.Renderers;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>Draws what a Kubernetes cluster and its nodes should look like.</summary>
public static class ClusterPicture
{
    /// <summary>The namespace of what Weft keeps in a cluster for itself.</summary>
    public const string Namespace = "weft-system";

    private const string NetplanFile = "60-weft.yaml";

    /// <summary>Draws a cluster.</summary>
    /// <param name="image">What is stored.</param>
    /// <param name="cluster">The cluster.</param>
    /// <param name="limits">The numbers that count here.</param>
    /// <returns>The picture; empty for a cluster that is gone or being deleted.</returns>
    public static DesiredState Draw(Image image, ResourceId cluster, Limits limits)
    {
        ArgumentNullException.ThrowIfNull(image);
        var seen = new Snapshot(image);
        if (seen.Get(cluster) is not { } row)
            return new DesiredState(cluster, image.Revision, [], [], []);
        var nodes = seen.List(Node.ResourceType, cluster).Select(Node.Of).ToImmutableArray();
        var undrawn = ImmutableArray.CreateBuilder<Refusal>();
        var attached = ImmutableArray.CreateBuilder<AttachedNetwork>();
        foreach (var attachment in ClusterAttachments.All(seen, cluster))
        {
            if (!Attached(image, attachment, nodes, limits).TryGet(out var drawable, out var refusal))
                undrawn.Add(refusal);
            else
                attached.Add(drawable);
        }

        var files = nodes.Select(node => NodePicture(image, KubernetesCluster.CniNetworkOf(row), node, attached, limits)).ToImmutableArray();
        var manifests = attached.SelectMany(a => Plugins.Find(a.Attachment.Plugin)!.Manifests(a))
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
        if (Plugins.Find(attachment.Plugin) is null)
        {
            return new Refusal(RefusalCode.PluginNotDrawn, $"{network.Id.Name} is attached by {attachment.Plugin}, for which this version draws nothing; it draws {string.Join(" and ", Plugins.Drawn)}",
                $"{attachment.Path}.pluginType", attachment.Network.ToString());
        }

        return Master(network, attachment, nodes).TryGet(out var master, out var refusal) ? new AttachedNetwork(attachment, network, master)
        {
            IsVirtual = nodes.Any(node => node.IsVirtual),
            LayerThree = network.Type == NetworkType.Trunked ? MachineAddresses.LayerThreeOf(image, network.Id, limits) : ImmutableDictionary<int, Network>.Empty,
        } : refusal;
    }

    /// <summary>One definition serves all nodes, so its parent must have one name on all of them.</summary>
    private static Outcome<string> Master(Network network, Attachment attachment, ImmutableArray<NodeFacts> nodes)
    {
        if (network.Type != NetworkType.Trunked || !attachment.ServesPods)
            return network.InterfaceName;
        var names = nodes.Select(node => (Node: node, Port: node.Carrying(network.Id)))
            .Where(n => n.Port is not null).Select(n => (n.Node, Name: n.Port!.IsTrunkPort ? n.Port.Name : network.InterfaceName)).ToList();
        if (names.FirstOrDefault(n => n.Name != names[0].Name) is not { Node: { } odd } different)
            return names.Count == 0 ? network.InterfaceName : names[0].Name;
        return new Refusal(RefusalCode.Mismatch, $"the trunk {network.Id.Name} is on '{names[0].Name}' of node {names[0].Node.Id.Name} and on '{different.Name}' of node {odd.Id.Name}; "
            + "pods need one name for it on every node: name the ports alike", attachment.Path, odd.Id.ToString());
    }

    private static NodeFiles NodePicture(Image image, ResourceId cni, NodeFacts node, IEnumerable<AttachedNetwork> attached, Limits limits)
    {
        var mine = ClusterAttachments.Of(new Snapshot(image), node.Cluster, node.Pool).Select(a => (a.Network.Key, a.Plugin)).ToHashSet();
        var addresses = MachineAddresses.WishesOf(image, image.Get(StoreKey.Of(node.Id))!)
            .ToImmutableDictionary(wish => wish.Interface, wish => NetworkPool.HoldingsOf(image, wish.Network).Of(wish.Holder.Id));
        var parts = new List<NodePart>();
        if (node.Carrying(cni) is { } port && Network.Of(image, cni, limits) is { } network)
        {
            var on = new AttachedNode(node.Id.Name, port, addresses).On(MachineAddresses.CniInterface, network.Subnets);
            parts.Add(new NodePart([new NodeLink(MachineAddresses.CniInterface, port, port.IsTrunkPort ? network.Vlan : null, network.Mtu, on, [], $"{cni.Name}: the cluster's own network")]));
        }

        foreach (var attachment in attached.Where(a => mine.Contains((a.Network.Id.Key, a.Attachment.Plugin))))
        {
            if (node.Carrying(attachment.Network.Id) is not { } uplink)
                continue;
            parts.Add(Plugins.Find(attachment.Attachment.Plugin)!.On(attachment, new AttachedNode(node.Id.Name, uplink, addresses)));
        }

        var name = DnsLabel.Of(node.Id.Name);
        var configuration = new NodeConfiguration(name, [.. parts.SelectMany(p => p.Links)], [.. parts.SelectMany(p => p.PhysicalFunctions)], [.. parts.SelectMany(p => p.Devices)], [.. parts.SelectMany(p => p.Guards)]);
        return new NodeFiles(name, [new NodeFile($"/etc/netplan/{NetplanFile}", "0600", NetworkConfig.Write(configuration.Links))], configuration);
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
