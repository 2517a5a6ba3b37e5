using System.Text.Json.Nodes;
using Weft.Attachments;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>A node's inventory as the API shows it: with the networks that use each device.</summary>
internal static class InventoryBodies
{
    /// <summary>Draws it.</summary>
    /// <returns>The member <c>inventory</c>, or null while none was reported.</returns>
    public static JsonObject? Draw(NodeFacts node, Image now)
    {
        if (Inventories.Of(now, node.Id) is not { } inventory)
            return null;
        var body = inventory.ToJson();
        foreach (var (device, drawn) in inventory.Devices.Zip(body["devices"]!.AsArray().OfType<JsonObject>()))
        {
            var users = UsersOf(node, inventory, device, now).Distinct(StringComparer.Ordinal).Select(id => JsonValue.Create(id)).ToArray<JsonNode?>();
            if (users.Length > 0)
                drawn["networks"] = new JsonArray(users);
            if (device.TotalFunctions > 0)
                drawn["functionsDeclared"] = node.Uplinks.Where(u => NodeDevices.Find(inventory, u, InterfaceOf(now, u)) == device).SelectMany(u => u.Functions).Sum(f => f.Last - f.First + 1);
        }

        body["reportedAt"] = Inventories.ReportedAt(now, node.Id);
        return body;
    }

    private static IEnumerable<string> UsersOf(NodeFacts node, NodeInventory inventory, NetworkDevice device, Image now)
    {
        foreach (var uplink in node.Uplinks)
        {
            if (NodeDevices.Find(inventory, uplink, InterfaceOf(now, uplink)) is not { } port)
                continue;
            var ranges = uplink.Functions.AsEnumerable();
            if (port == device)
            {
                foreach (var network in uplink.IsTrunkPort ? CarriedBy(uplink, node, now) : [uplink.Network!])
                    yield return NameOf(now, network);
            }
            else
            {
                ranges = ranges.Where(f => device.PhysicalFunction is { } physical && physical == port.PciAddress && device.FunctionIndex >= f.First && device.FunctionIndex <= f.Last);
            }

            foreach (var range in ranges)
                yield return NameOf(now, range.Network);
        }
    }

    /// <summary>The networks that a trunk port carries itself, and not by functions of it.</summary>
    private static IEnumerable<string> CarriedBy(Uplink uplink, NodeFacts node, Image now)
    {
        var seen = new Snapshot(now);
        var networks = ClusterAttachments.Of(seen, node.Cluster, node.Pool).Where(a => a.Plugin is not (PluginType.SRIOV or PluginType.DPDK)).Select(a => a.Network);
        if (seen.Get(node.Cluster) is { } cluster)
            networks = networks.Prepend(KubernetesCluster.CniNetworkOf(cluster));
        return networks.Where(network => node.Carrying(network) == uplink).Select(network => network.Key);
    }

    private static string? InterfaceOf(Image now, Uplink uplink) =>
        uplink.Network is { } key && ResourceId.TryParse(key, out var id) && now.Get(StoreKey.Of(id)) is { } row ? Network.InterfaceNameOf(row) : null;

    private static string NameOf(Image now, string key) =>
        ResourceId.TryParse(key, out var id) && now.Get(StoreKey.Of(id)) is { } row ? ResourceKind.IdOf(row).ToString() : key;
}
