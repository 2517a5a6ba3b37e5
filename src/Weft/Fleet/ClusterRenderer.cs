using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Attachments;
using Weft.Attachments.Admission;
using Weft.Attachments.DevicePools;
using Weft.Attachments.Formats;
using Weft.Attachments.Nodes;
using Weft.Attachments.Plugins;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>Renders what a Kubernetes cluster and its nodes should look like.</summary>
internal static class ClusterRenderer
{
    /// <summary>The namespace of what Weft keeps in a cluster for itself.</summary>
    public const string SystemNamespace = "weft-system";

    /// <summary>Renders a cluster.</summary>
    /// <returns>The desired state; empty for a cluster that is gone or being deleted.</returns>
    public static DesiredState Render(StoreState state, ResourceId cluster, Limits limits)
    {
        var transaction = new ReadTransaction(state);
        if (transaction.Get(cluster) is not { } row)
            return new DesiredState(cluster, state.Revision, [], [], []);
        var nodes = transaction.List(Node.ResourceType, cluster).Select(Node.Read).ToImmutableArray();
        var pools = AttachmentsByPool(transaction, cluster, nodes);
        bool Has(NodeSpec node, Attachment attachment) =>
            pools[node.Pool].Contains((attachment.Network.Key, attachment.Plugin));
        var (attached, errors) = ResolveAttachments(transaction, cluster, nodes, Has, limits);
        var cni = KubernetesCluster.CniNetworkOf(row);
        var drains = Drain.ListIn(state, cluster).ToDictionary(drain => drain.Node.Key, StringComparer.Ordinal);
        var drawn = nodes
            .Select(node =>
                RenderNode(
                    state,
                    cni,
                    node,
                    attached.Where(a => Has(node, a.Attachment)),
                    drains.GetValueOrDefault(node.Id.Key),
                    limits
                )
            )
            .ToImmutableArray();
        var declared = drawn.Select(d => d.Files).ToImmutableArray();
        var files = declared.AddRange(RenderLeavingNodes(state, nodes, drains.Values));
        var manifests = attached
            .SelectMany(a => a.Attachment.Plugin.RenderManifests(a))
            .Concat(DevicePluginManifests(state, nodes, declared, attached))
            .OrderBy(m => m.Title, StringComparer.Ordinal)
            .Concat(NodeManifests(files));
        return new DesiredState(
            ResourceKind.IdOf(row),
            state.Revision,
            [.. manifests],
            files,
            [.. errors, .. drawn.SelectMany(d => d.Undrawn)]
        )
        {
            Networks = NetworkFactsOf(state, cni, attached, limits),
        };
    }

    private static Dictionary<string, HashSet<(string Network, IPlugin Plugin)>> AttachmentsByPool(
        ReadTransaction transaction,
        ResourceId cluster,
        ImmutableArray<NodeSpec> nodes
    ) =>
        nodes
            .Select(node => node.Pool)
            .Distinct()
            .ToDictionary(
                pool => pool,
                pool =>
                    ClusterAttachments
                        .OfPool(transaction, cluster, pool)
                        .Select(a => (a.Network.Key, a.Plugin))
                        .ToHashSet(),
                StringComparer.Ordinal
            );

    /// <summary>Nodes that are deleted: each keeps what its pods stand on, and nothing else.</summary>
    private static IEnumerable<RenderedNode> RenderLeavingNodes(
        StoreState state,
        ImmutableArray<NodeSpec> nodes,
        IEnumerable<Drain> drains
    ) =>
        drains
            .Where(drain => nodes.All(node => !node.Id.Equals(drain.Node)))
            .Select(drain => RenderParts(state, drain.Node, [], [], drain))
            .Where(node => !node.Configuration!.Links.IsEmpty);

    /// <summary>The cluster's attachments with what they are made of, and why some can't be made.</summary>
    /// <param name="has">Whether a node has an attachment.</param>
    private static (ImmutableArray<AttachedNetwork> Attached, ImmutableArray<Refusal> Errors) ResolveAttachments(
        ReadTransaction transaction,
        ResourceId cluster,
        ImmutableArray<NodeSpec> nodes,
        Func<NodeSpec, Attachment, bool> has,
        Limits limits
    )
    {
        var errors = ImmutableArray.CreateBuilder<Refusal>();
        var attached = ImmutableArray.CreateBuilder<AttachedNetwork>();
        foreach (var attachment in ClusterAttachments.OfCluster(transaction, cluster))
        {
            ImmutableArray<NodeSpec> having = [.. nodes.Where(node => has(node, attachment))];
            if (
                ResolveAttachment(transaction.State, attachment, having, limits)
                    .TryGet(out var resolved, out var refusal)
            )
                attached.Add(resolved);
            else
                errors.Add(refusal);
        }

        return (attached.ToImmutable(), errors.ToImmutable());
    }

    private static ImmutableArray<NetworkFacts> NetworkFactsOf(
        StoreState state,
        ResourceId cni,
        IEnumerable<AttachedNetwork> attached,
        Limits limits
    )
    {
        var networks = attached.Select(a => NetworkFacts.FromNetwork(a.Network, a.L3Networks));
        if (Network.Find(state, cni, limits) is { } own)
            networks = networks.Append(
                NetworkFacts.FromNetwork(own, ImmutableDictionary<int, Network>.Empty) with
                {
                    Interface = Network.CniInterfaceName,
                }
            );
        return [.. networks.DistinctBy(n => n.Id.Key).OrderBy(n => n.Id.Key, StringComparer.Ordinal)];
    }

    private static Outcome<AttachedNetwork> ResolveAttachment(
        StoreState state,
        Attachment attachment,
        ImmutableArray<NodeSpec> nodes,
        Limits limits
    )
    {
        if (Network.Find(state, attachment.Network, limits) is not { } network)
            return new Refusal(
                RefusalCode.ReferenceNotFound,
                $"{attachment.Network} is gone",
                attachment.Path,
                attachment.Network.ToString()
            );
        if (!MasterInterfaceOf(network, attachment, nodes).TryGet(out var master, out var refusal))
            return refusal;
        if (attachment.Plugin.DependsOnMachineType && nodes.DistinctBy(node => node.IsVirtual).Count() > 1)
        {
            return new Refusal(
                RefusalCode.PluginNotDrawn,
                $"{network.Id.Name} is attached by {attachment.Plugin.Name} to nodes of both kinds, "
                    + "and its one NetworkAttachmentDefinition can't serve both",
                attachment.Path,
                attachment.Network.ToString()
            );
        }

        var ports = nodes
            .Where(node => node.IsVirtual && attachment.Plugin.DeviceDriver == FunctionDriver.UserSpace)
            .Select(node => AttachedNodeOf(state, node, network.Id, attachment.Plugin))
            .OfType<AttachedNode>()
            .SelectMany(node => node.Uplinks.Select(uplink => (Node: node, Uplink: uplink)))
            .ToList();
        return new AttachedNetwork(attachment, network, master)
        {
            IsVirtual = nodes.Any(node => node.IsVirtual),
            L3Networks =
                network.Type == NetworkType.Trunked
                    ? AddressClaims.L3NetworksOf(state, network.Id, limits)
                    : ImmutableDictionary<int, Network>.Empty,
            KeepsInterfaces =
                ports.Count > 0 && ports.TrueForAll(p => UplinkDevices.IsMellanox(p.Node, p.Uplink) == true),
        };
    }

    /// <summary>A node as an attachment sees it, or null where it doesn't reach the network.</summary>
    internal static AttachedNode? AttachedNodeOf(StoreState state, NodeSpec node, ResourceId network, IPlugin plugin)
    {
        var ports = node.UplinksFor(network, plugin);
        return ports.IsEmpty
            ? null
            : new AttachedNode(
                DnsLabel.From(node.Id.Name),
                ports[0],
                ImmutableDictionary<string, ImmutableArray<Lease>>.Empty
            )
            {
                Uplinks = ports,
                Inventory = InventoryRows.Find(state, node.Id),
            };
    }

    /// <summary>The device plugin's configuration, where a plugin of the cluster is served by it.</summary>
    private static IEnumerable<Manifest> DevicePluginManifests(
        StoreState state,
        ImmutableArray<NodeSpec> nodes,
        ImmutableArray<RenderedNode> files,
        IEnumerable<AttachedNetwork> attached
    )
    {
        if (nodes.IsEmpty || !attached.Any(a => a.Attachment.Plugin.NeedsDevices))
            return [];
        return
        [
            DevicePluginConfig.Render([
                .. nodes.Zip(
                    files,
                    (node, file) =>
                        new PooledNode(file.Name, node.Uplinks, InventoryRows.Find(state, node.Id), file.Pools)
                ),
            ]),
        ];
    }

    /// <summary>One definition serves all nodes, so its parent must have one name on all of them.</summary>
    private static Outcome<string> MasterInterfaceOf(
        Network network,
        Attachment attachment,
        ImmutableArray<NodeSpec> nodes
    )
    {
        // The others stand on an interface that is named after the network wherever it is.
        if (network.Type != NetworkType.Trunked || !attachment.Plugin.TagsOnPort)
            return network.InterfaceName;
        var names = nodes
            .Select(node => (Node: node, Port: node.UplinkFor(network.Id)))
            .Where(n => n.Port is not null)
            .Select(n => (n.Node, Name: n.Port!.IsTrunkPort ? n.Port.Name : network.InterfaceName))
            .ToList();
        if (names.FirstOrDefault(n => n.Name != names[0].Name) is not { Node: { } odd } different)
            return names.Count == 0 ? network.InterfaceName : names[0].Name;
        return new Refusal(
            RefusalCode.Mismatch,
            $"the trunk {network.Id.Name} is on '{names[0].Name}' of node {names[0].Node.Id.Name} and on "
                + $"'{different.Name}' of node {odd.Id.Name}; "
                + "pods need one name for it on every node: name the ports alike",
            attachment.Path,
            odd.Id.ToString()
        );
    }

    private static (RenderedNode Files, ImmutableArray<Refusal> Undrawn) RenderNode(
        StoreState state,
        ResourceId cni,
        NodeSpec node,
        IEnumerable<AttachedNetwork> attached,
        Drain? drain,
        Limits limits
    )
    {
        var addresses = AddressClaims
            .ClaimsOf(state, state.Get(StoreKey.ForResource(node.Id))!)
            .ToImmutableDictionary(
                claim => claim.InterfaceName,
                claim => NetworkPool.HoldingsOf(state, claim.Network).LeasesOf(claim.Holder.Id)
            );
        var parts = new List<NodePart>();
        var parents = new List<PodParent>();
        if (node.UplinkFor(cni) is { } port && Network.Find(state, cni, limits) is { } network)
        {
            var on = new AttachedNode(node.Id.Name, port, addresses).AddressesOn(
                Network.CniInterfaceName,
                network.Subnets
            );
            parts.Add(
                new NodePart([
                    new NodeLink(
                        Network.CniInterfaceName,
                        port,
                        port.IsTrunkPort ? network.Vlan : null,
                        network.Mtu,
                        on,
                        [],
                        $"{cni.Name}: the cluster's own network"
                    ),
                ])
            );
        }

        foreach (var attachment in attached)
        {
            var plugin = attachment.Attachment.Plugin;
            if (AttachedNodeOf(state, node, attachment.Network.Id, plugin) is not { } facts)
                continue;
            var part = plugin.RenderNode(attachment, facts with { Addresses = addresses });
            parts.Add(part);
            if (plugin.ServesPods)
                parents.AddRange(part.Links.Select(link => new PodParent(link, LeasedNetworksOf(attachment))));
        }

        return (RenderParts(state, node.Id, parts, parents, drain), [.. parts.SelectMany(p => p.RenderErrors)]);
    }

    /// <summary>The networks that pods lease from which stand on an attachment's interfaces.</summary>
    private static ImmutableArray<ResourceId> LeasedNetworksOf(AttachedNetwork attached) =>
        attached.Network.Type != NetworkType.Trunked ? [attached.Network.Id]
        : attached.Attachment.Plugin.HasPerVlanDefinitions
            ? [.. attached.L3Networks.OrderBy(vlan => vlan.Key).Select(vlan => vlan.Value.Id)]
        : [];

    /// <summary>A node of its parts, and of what nothing declares any more while pods stand on it.</summary>
    private static RenderedNode RenderParts(
        StoreState state,
        ResourceId node,
        List<NodePart> parts,
        List<PodParent> parents,
        Drain? drain
    )
    {
        var name = DnsLabel.From(node.Name);
        var declared = NodeParts.Merge(name, parts);
        var kept = (drain?.Parents ?? [])
            .Where(drained => declared.Links.All(link => link.Name != drained.Parent.Link.Name))
            .Where(drained => !drain!.PodsOn(state, drained).IsEmpty)
            .Select(drained => drained.Parent.Link with { Comment = $"draining: {drained.Parent.Link.Comment}" });
        var configuration = declared with { Links = [.. declared.Links, .. kept] };
        return new RenderedNode(name, NodeFormats.RenderDefault(configuration), configuration)
        {
            Id = node,
            Parents = [.. parents],
            Declared = declared.Links,
            Pools = [.. parts.SelectMany(p => p.Pools)],
        };
    }

    private static IEnumerable<Manifest> NodeManifests(ImmutableArray<RenderedNode> nodes)
    {
        if (nodes.IsEmpty)
            yield break;
        yield return Manifest.Create("v1", "Namespace", null, SystemNamespace, []);
        foreach (var node in nodes)
        {
            var data = new JsonObject();
            foreach (var file in node.Files)
                data[file.Path[(file.Path.LastIndexOf('/') + 1)..]] = file.Content;
            yield return Manifest.Create(
                "v1",
                "ConfigMap",
                SystemNamespace,
                $"weft-node-{node.Name}",
                new JsonObject { ["data"] = data },
                new JsonObject { ["weft.dev/node"] = node.Name }
            );
        }
    }
}
