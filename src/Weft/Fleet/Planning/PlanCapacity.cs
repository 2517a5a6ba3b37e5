using System.Globalization;
using Weft.Attachments;
using Weft.Attachments.DevicePools;
using Weft.Contracts;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet.Planning;

/// <summary>How full things are after a plan: addresses, virtual functions, VLANs on ports, huge pages.</summary>
/// <remarks>Source: docs/specs/resource-api.md, "Questions".</remarks>
internal static class PlanCapacity
{
    /// <summary>Renders it.</summary>
    public static PlannedCapacity Render(PlanScope scope, IReadOnlyDictionary<string, DesiredState> pictures) =>
        new(
            [.. scope.Networks.SelectMany(network => Addresses(scope, network))],
            [.. scope.Nodes.SelectMany(node => Functions(scope, node, RenderedNodeOf(pictures, node)))],
            [.. scope.Nodes.SelectMany(node => Vlans(scope, node, RenderedNodeOf(pictures, node)))],
            [.. scope.Nodes.SelectMany(node => Hugepages(scope, node))]
        );

    /// <summary>A node as it is rendered, or null where it isn't.</summary>
    public static RenderedNode? RenderedNodeOf(IReadOnlyDictionary<string, DesiredState> pictures, NodeSpec node) =>
        pictures.GetValueOrDefault(node.Cluster.Key)?.Nodes.FirstOrDefault(n => n.Name == DnsLabel.From(node.Id.Name));

    /// <summary>How plans name a node: <c>core-east/w1</c>.</summary>
    public static string NodeTitleOf(NodeSpec node) => $"{node.Cluster.Name}/{node.Id.Name}";

    /// <summary>How many huge pages of which size a node's pool asks for; null where it asks for none.</summary>
    public static (int Kilobytes, long Count)? HugepagesOf(StoreState state, NodeSpec node)
    {
        if (
            new ReadTransaction(state).Get(AgentPool.IdOf(node.Cluster, node.Pool)) is not { } pool
            || ResourceKind.PropertiesOf(pool).Member("agentOptions") is var options
                && options.Integer("hugepagesCount") is not > 0
        )
            return null;
        return (options.Text("hugepagesSize") == "1G" ? 1024 * 1024 : 2048, options.Integer("hugepagesCount")!.Value);
    }

    private static IEnumerable<AddressCapacity> Addresses(PlanScope scope, ResourceId network)
    {
        if (scope.After.Get(StoreKey.ForResource(network)) is not { } row)
            yield break;
        var pool = NetworkPool.PoolOf(scope.After, row, scope.Limits);
        var before = pool with { Holdings = NetworkPool.HoldingsOf(scope.Before, network) };
        foreach (var subnet in pool.Subnets)
        {
            yield return new AddressCapacity(
                ResourceKind.IdOf(row).ToString(),
                subnet.Prefix.Family.ToString(),
                subnet.Prefix.ToString(),
                subnet.Size.ToString(CultureInfo.InvariantCulture),
                before.CountHeld(subnet),
                pool.CountHeld(subnet),
                pool.FreeCount(subnet).ToString(CultureInfo.InvariantCulture)
            );
        }
    }

    private static IEnumerable<FunctionCapacity> Functions(PlanScope scope, NodeSpec node, RenderedNode? rendered)
    {
        var inventory = InventoryRows.Find(scope.After, node.Id);
        var chosen =
            inventory is null || rendered?.Configuration is not { } configuration
                ? []
                : DeviceSelection.Select(
                    rendered.Pools.OrderBy(p => p.ResourceName, StringComparer.Ordinal),
                    PlannedInventory.Create(inventory, configuration)
                );
        foreach (var uplink in node.Uplinks)
        {
            var device = inventory is null ? null : NodeDevices.Find(inventory, uplink);
            if (uplink.Functions.IsEmpty && device is not { TotalFunctions: > 0 })
                continue;
            var networks = uplink
                .Functions.GroupBy(f => f.Network)
                .Select(ranges => new NetworkFunctionCapacity(
                    NetworkIdOf(scope.After, ranges.Key),
                    ranges.Sum(f => f.Last - f.First + 1),
                    chosen
                        .FirstOrDefault(c => c.Pool.Network.Key == ranges.Key)
                        ?.Chosen.Count(d => d.PhysicalFunction is { } physical && physical == device?.PciAddress)
                ));
            yield return new FunctionCapacity(
                NodeTitleOf(node),
                uplink.Name,
                uplink.Functions.Sum(f => f.Last - f.First + 1),
                device?.Functions,
                device?.TotalFunctions,
                [.. networks]
            );
        }
    }

    private static IEnumerable<VlanCapacity> Vlans(PlanScope scope, NodeSpec node, RenderedNode? rendered)
    {
        var transaction = new ReadTransaction(scope.After);
        var networks = ClusterAttachments
            .OfPool(transaction, node.Cluster, node.Pool)
            .Where(a => a.Plugin.StandsOnPort)
            .Select(a => a.Network);
        if (transaction.Get(node.Cluster) is { } cluster)
            networks = networks.Prepend(KubernetesCluster.CniNetworkOf(cluster));
        if (node.TrunkPort is { } trunk)
        {
            var vlans = networks
                .DistinctBy(n => n.Key)
                .Where(n => node.UplinkFor(n) == trunk)
                .SelectMany(n => Network.Find(scope.After, n, scope.Limits)?.Vlans.AsEnumerable() ?? [])
                .Distinct()
                .Count();
            yield return new VlanCapacity(NodeTitleOf(node), trunk.Name, Vlans: vlans);
        }

        foreach (var trunked in TaggingFunctions(scope, node, rendered))
            yield return new VlanCapacity(
                NodeTitleOf(node),
                trunked.Port,
                trunked.Network.Id.ToString(),
                trunked.Functions,
                trunked.Network.Vlans.Count,
                trunked.Limit
            );
    }

    /// <summary>
    /// Functions whose workloads tag for themselves, by port and network, and how many VLANs a card lets one have; null
    /// where the number is not known or not limited.
    /// </summary>
    public static IEnumerable<(
        string Port,
        Network Network,
        int Functions,
        int? Limit,
        string? Driver
    )> TaggingFunctions(PlanScope scope, NodeSpec node, RenderedNode? rendered)
    {
        foreach (var port in rendered?.Configuration?.PhysicalFunctions ?? [])
        {
            var driver = InventoryRows.Find(scope.After, node.Id) is { } inventory
                ? NodeDevices.Find(inventory, port.Name, port.MacAddress, port.PciAddress)?.Driver
                : null;
            foreach (var functions in port.Functions.Where(f => f.Vlan is null).GroupBy(f => f.Network))
            {
                if (
                    !ResourceId.TryParse(functions.Key, out var id)
                    || Network.Find(scope.After, id, scope.Limits) is not { } network
                )
                    continue;
                var limit = functions.All(f => f.Trust) ? null : DeviceDrivers.UntrustedVlanLimitOf(driver);
                yield return (port.Name, network, functions.Count(), limit, driver);
            }
        }
    }

    private static IEnumerable<HugepageCapacity> Hugepages(PlanScope scope, NodeSpec node)
    {
        if (HugepagesOf(scope.After, node) is not { } wanted)
            return [];
        var title = NodeTitleOf(node);
        if (InventoryRows.Find(scope.After, node.Id) is not { } inventory)
            return [new HugepageCapacity(title, wanted.Kilobytes, wanted.Count)];
        var found = inventory.Hugepages.FirstOrDefault(h => h.Kilobytes == wanted.Kilobytes && h.Numa is null);
        return [new HugepageCapacity(title, wanted.Kilobytes, wanted.Count, found?.Total ?? 0, found?.Free ?? 0)];
    }

    private static string NetworkIdOf(StoreState state, string key) =>
        ResourceId.TryParse(key, out var id) && state.Get(StoreKey.ForResource(id)) is { } row
            ? ResourceKind.IdOf(row).ToString()
            : key;
}
