using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Attachments;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>Nodes as ARM shows them: the read-only list of a Kubernetes cluster, and a node's own attachments.</summary>
internal static class NodeBodies
{
    public static JsonArray Draw(Stored cluster, Image now)
    {
        var seen = new Snapshot(now);
        var id = ResourceKind.IdOf(cluster);
        return [.. seen.List(Node.ResourceType, id).Select(Node.Of).Select(node => (JsonNode)Body(seen, id, node))];
    }

    public static JsonArray Attachments(NodeFacts node, Image now)
    {
        var seen = new Snapshot(now);
        var list = new List<JsonNode>();
        if (seen.Get(node.Cluster) is not { } cluster)
            return [];
        var services = ResourceKind.PropertiesOf(cluster).Member("networkConfiguration").Id("cloudServicesNetworkId")!;
        list.Add(Attachment(services, CloudServicesNetwork.Interface, "Dynamic", null));
        foreach (var wish in MachineAddresses.WishesOf(now, now.Get(StoreKey.Of(node.Id))!))
            list.Add(WithAddresses(Attachment(wish.Network, wish.Interface, "Dynamic", MacOf(node, wish.Network)), now, wish));
        foreach (var attachment in ClusterAttachments.Of(seen, node.Cluster, node.Pool).Where(a => a.Plugin != PluginType.OSDevice || a.Network.Type == L2Network.ResourceType))
        {
            if (seen.Get(attachment.Network) is not { } row)
                continue;
            // Devices that are handed over for pods keep their names: they are several, and leave the node with each pod.
            if (node.IsVirtual && attachment.Plugin is (PluginType.SRIOV or PluginType.DPDK))
                list.AddRange(node.PortsOf(attachment.Network, attachment.Plugin).Select(port => Attachment(attachment.Network, port.Name, "Disabled", port.MacAddress)));
            else
                list.Add(Attachment(attachment.Network, Network.InterfaceNameOf(row), "Disabled", MacOf(node, attachment.Network)));
        }

        return [.. list];
    }

    private static JsonObject Body(Snapshot seen, ResourceId cluster, NodeFacts node)
    {
        var pool = cluster.Child("agentPools", node.Pool);
        var properties = seen.Get(pool) is { } row ? ResourceKind.PropertiesOf(row) : default;
        var body = new JsonObject
        {
            ["name"] = node.Id.Name,
            ["role"] = "Worker",
            ["mode"] = properties.Text("mode"),
            ["agentPoolId"] = pool.ToString(),
            ["vmSkuName"] = properties.Text("vmSkuName"),
            ["powerState"] = "Unknown",
            ["detailedStatus"] = "Available",
            ["networkAttachments"] = Attachments(node, seen.Image),
        };
        return body;
    }

    private static string? MacOf(NodeFacts node, ResourceId network) => node.Carrying(network) is { IsTrunkPort: false } port ? port.MacAddress : null;

    private static JsonObject Attachment(ResourceId network, string name, string method, string? mac)
    {
        var body = new JsonObject
        {
            ["attachedNetworkId"] = network.ToString(),
            ["networkAttachmentName"] = name,
            ["ipAllocationMethod"] = method,
            ["defaultGateway"] = "False",
        };
        if (mac is not null)
            body["macAddress"] = mac;
        return body;
    }

    private static JsonObject WithAddresses(JsonObject body, Image now, LeaseWish wish)
    {
        foreach (var lease in NetworkPool.HoldingsOf(now, wish.Network).Of(wish.Holder.Id))
            body[lease.Address.Family == AddressFamily.IPv4 ? "ipv4Address" : "ipv6Address"] = lease.Address.ToString();
        return body;
    }
}
