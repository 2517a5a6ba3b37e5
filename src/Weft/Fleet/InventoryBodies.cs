using System.Text.Json.Nodes;
using Weft.Attachments.DevicePools;
using Weft.Attachments.Nodes;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>A node's inventory as the API shows it: with the networks that use each device.</summary>
internal static class InventoryBodies
{
    /// <summary>Renders it.</summary>
    /// <returns>The member <c>inventory</c>, or null while none was reported.</returns>
    public static JsonObject? Render(NodeSpec node, StoreState state)
    {
        if (InventoryRows.Find(state, node.Id) is not { } inventory)
            return null;
        var body = inventory.ToJson();
        foreach (var (device, drawn) in inventory.Devices.Zip(body["devices"]!.AsArray().OfType<JsonObject>()))
        {
            var users = NetworkIdsOf(node, inventory, device, state)
                .Distinct(StringComparer.Ordinal)
                .Select(id => JsonValue.Create(id))
                .ToArray<JsonNode?>();
            if (users.Length > 0)
                drawn["networks"] = new JsonArray(users);
            if (device.TotalFunctions > 0)
                drawn["functionsDeclared"] = node
                    .Uplinks.Where(u => NodeDevices.Find(inventory, u, InterfaceNameOf(state, u)) == device)
                    .SelectMany(u => u.Functions)
                    .Sum(f => f.Last - f.First + 1);
        }

        body["reportedAt"] = InventoryRows.ReportedAt(state, node.Id);
        return body;
    }

    private static IEnumerable<string> NetworkIdsOf(
        NodeSpec node,
        NodeInventory inventory,
        NetworkDevice device,
        StoreState state
    )
    {
        foreach (var uplink in node.Uplinks)
        {
            if (NodeDevices.Find(inventory, uplink, InterfaceNameOf(state, uplink)) is not { } port)
                continue;
            var ranges = uplink.Functions.AsEnumerable();
            if (port == device)
            {
                foreach (var network in uplink.IsTrunkPort ? NetworksCarriedBy(uplink, node, state) : [uplink.Network!])
                    yield return ResourceIdOf(state, network);
            }
            else
            {
                ranges = ranges.Where(f =>
                    device.PhysicalFunction is { } physical
                    && physical == port.PciAddress
                    && device.FunctionIndex >= f.First
                    && device.FunctionIndex <= f.Last
                );
            }

            foreach (var range in ranges)
                yield return ResourceIdOf(state, range.Network);
        }
    }

    /// <summary>The networks that a trunk port carries itself, and not by functions of it.</summary>
    private static IEnumerable<string> NetworksCarriedBy(Uplink uplink, NodeSpec node, StoreState state)
    {
        var transaction = new ReadTransaction(state);
        var networks = ClusterAttachments
            .OfPool(transaction, node.Cluster, node.Pool)
            .Where(a => a.Plugin.StandsOnPort)
            .Select(a => a.Network);
        if (transaction.Get(node.Cluster) is { } cluster)
            networks = networks.Prepend(KubernetesCluster.CniNetworkOf(cluster));
        return networks.Where(network => node.UplinkFor(network) == uplink).Select(network => network.Key);
    }

    private static string? InterfaceNameOf(StoreState state, Uplink uplink) =>
        uplink.Network is { } key
        && ResourceId.TryParse(key, out var id)
        && state.Get(StoreKey.ForResource(id)) is { } row
            ? Network.InterfaceNameOf(row)
            : null;

    private static string ResourceIdOf(StoreState state, string key) =>
        ResourceId.TryParse(key, out var id) && state.Get(StoreKey.ForResource(id)) is { } row
            ? ResourceKind.IdOf(row).ToString()
            : key;
}
