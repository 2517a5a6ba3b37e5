using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>
/// Nodes as ARM shows them: the read-only list of a Kubernetes cluster, and a node's own attachments.
/// </summary>
internal static class NodeBodies
{
    public static JsonArray RenderList(Row cluster, StoreState state)
    {
        var transaction = new ReadTransaction(state);
        var id = ResourceKind.IdOf(cluster);
        return
        [
            .. transaction
                .List(Node.ResourceType, id)
                .Select(Node.Read)
                .Select(node => (JsonNode)RenderNode(transaction, id, node)),
        ];
    }

    public static JsonArray RenderAttachments(NodeSpec node, StoreState state)
    {
        var transaction = new ReadTransaction(state);
        var list = new List<JsonNode>();
        if (transaction.Get(node.Cluster) is not { } cluster)
            return [];
        var services = ResourceKind.PropertiesOf(cluster).Member("networkConfiguration").Id("cloudServicesNetworkId")!;
        list.Add(RenderAttachment(services, CloudServicesNetwork.Interface, "Dynamic", null));
        foreach (var claim in AddressClaims.ClaimsOf(state, state.Get(StoreKey.ForResource(node.Id))!))
            list.Add(
                AddAddresses(
                    RenderAttachment(claim.Network, claim.InterfaceName, "Dynamic", MacAddressOf(node, claim.Network)),
                    state,
                    claim
                )
            );
        foreach (
            var attachment in ClusterAttachments
                .OfPool(transaction, node.Cluster, node.Pool)
                .Where(a => !a.Plugin.LeasesForNode || a.Network.Type == L2Network.ResourceType)
        )
        {
            if (transaction.Get(attachment.Network) is not { } row)
                continue;
            // Devices that are handed over for pods keep their names: they are several, and leave the node with each
            // pod.
            if (node.IsVirtual && attachment.Plugin.NeedsDevices)
                list.AddRange(
                    node.UplinksFor(attachment.Network, attachment.Plugin)
                        .Select(port => RenderAttachment(attachment.Network, port.Name, "Disabled", port.MacAddress))
                );
            else
                list.Add(
                    RenderAttachment(
                        attachment.Network,
                        Network.InterfaceNameOf(row),
                        "Disabled",
                        MacAddressOf(node, attachment.Network)
                    )
                );
        }

        return [.. list];
    }

    private static JsonObject RenderNode(ReadTransaction transaction, ResourceId cluster, NodeSpec node)
    {
        var pool = AgentPool.IdOf(cluster, node.Pool);
        var properties = transaction.Get(pool) is { } row ? ResourceKind.PropertiesOf(row) : default;
        var body = new JsonObject
        {
            ["name"] = node.Id.Name,
            ["role"] = "Worker",
            ["mode"] = properties.Text("mode"),
            ["agentPoolId"] = pool.ToString(),
            ["vmSkuName"] = properties.Text("vmSkuName"),
            ["powerState"] = "Unknown",
            ["detailedStatus"] = "Available",
            ["networkAttachments"] = RenderAttachments(node, transaction.State),
        };
        return body;
    }

    private static string? MacAddressOf(NodeSpec node, ResourceId network) =>
        node.UplinkFor(network) is { IsTrunkPort: false } port ? port.MacAddress : null;

    private static JsonObject RenderAttachment(ResourceId network, string name, string method, string? mac)
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

    private static JsonObject AddAddresses(JsonObject body, StoreState state, AddressClaim claim)
    {
        foreach (var lease in NetworkPool.HoldingsOf(state, claim.Network).LeasesOf(claim.Holder.Id))
            body[lease.Address.Family == AddressFamily.IPv4 ? "ipv4Address" : "ipv6Address"] = lease.Address.ToString();
        return body;
    }
}
