using System.Text.Json;
using Weft.Attachments;
using Weft.Attachments.DevicePools;
using Weft.Attachments.Nodes;
using Weft.Contracts;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet.Planning;

/// <summary>
/// What a plan is warned of: what will not be as meant although no rule forbids it, and what couldn't be checked. None
/// of it refuses anything.
/// </summary>
/// <remarks>Source: docs/specs/resource-api.md, "Questions".</remarks>
internal static class PlanWarnings
{
    /// <summary>Renders them.</summary>
    public static IEnumerable<PlanNotice> Render(PlanScope scope, IReadOnlyDictionary<string, DesiredState> pictures) =>
        scope
            .Clusters.SelectMany(cluster => ClusterWarnings(scope, cluster, pictures.GetValueOrDefault(cluster.Key)))
            .Select(warning => PlanNotice.For(warning.Id, warning.What));

    private static IEnumerable<(ResourceId Id, string What)> ClusterWarnings(
        PlanScope scope,
        ResourceId cluster,
        DesiredState? desired
    )
    {
        if (desired is null)
            yield break;
        List<NodeSpec> nodes = [.. scope.NodesOf(cluster)];
        foreach (
            var warning in GrowthWarnings(scope, cluster, nodes).Concat(PluginWarnings(scope, cluster, nodes, desired))
        )
            yield return warning;
        foreach (var finding in DevicePoolRules.FindErrors(scope.After, cluster, nodes, scope.Limits))
            yield return (cluster, finding.Message);
        foreach (var node in nodes)
        {
            var rendered = desired.Nodes.FirstOrDefault(n => n.Name == DnsLabel.From(node.Id.Name));
            foreach (var what in NodeWarnings(scope, node, rendered))
                yield return (node.Id, what);
        }
    }

    private static IEnumerable<string> NodeWarnings(PlanScope scope, NodeSpec node, RenderedNode? rendered)
    {
        if (InventoryRows.Find(scope.After, node.Id) is not { } inventory)
        {
            // Where no device is given away there is nothing that an inventory would be asked.
            if (rendered is { Pools.IsEmpty: false } or { Configuration.PhysicalFunctions.IsEmpty: false })
                yield return $"not checked: node {node.Id.Name} has reported no inventory, "
                    + "so nobody knows which devices its pools would get";
            yield break;
        }

        foreach (
            var uplink in node.Uplinks.Where(u =>
                u.Functions.IsEmpty
                && u.MacAddress is not null
                && NodeDevices.Find(inventory, u) is null
                && !HasUserSpaceDevice(inventory, rendered)
            )
        )
            yield return $"node {node.Id.Name} has no device for uplink {uplink.Name} with MAC address "
                + $"{uplink.MacAddress}: correct the uplink, or see to the device";
        foreach (
            var trunk in PlanCapacity
                .TaggingFunctions(scope, node, rendered)
                .Where(t => t.Limit is { } limit && t.Network.Vlans.Count > limit)
        )
            yield return $"node {node.Id.Name}: functions of {trunk.Port} are to carry the {trunk.Network.Vlans.Count} "
                + $"VLANs of {trunk.Network.Id.Name}, but {trunk.Driver} lets one that it doesn't trust have {trunk.Limit}";
        foreach (var what in DpdkWarnings(scope, node, rendered, inventory))
            yield return what;
    }

    private static IEnumerable<string> DpdkWarnings(
        PlanScope scope,
        NodeSpec node,
        RenderedNode? rendered,
        NodeInventory inventory
    )
    {
        var pools = rendered?.Pools.Where(p => p.Driver == FunctionDriver.UserSpace).ToList() ?? [];
        var wanted = PlanCapacity.HugepagesOf(scope.After, node);
        if (
            wanted is { } pages
            && (inventory.Hugepages.FirstOrDefault(h => h.Kilobytes == pages.Kilobytes && h.Numa is null)?.Total ?? 0)
                is var total
            && total < pages.Count
        )
            yield return $"node {node.Id.Name} has {total} huge pages of {FormatSize(pages.Kilobytes)}, "
                + $"but its pool {node.Pool} asks for {pages.Count} (agentOptions.hugepagesCount)";
        if (pools.Count == 0)
            yield break;
        if (wanted is null && inventory.Hugepages.All(h => h.Total == 0))
            yield return $"node {node.Id.Name} has no huge pages, and {pools[0].Network.Name} is attached by "
                + $"{pools[0].Plugin}: say hugepagesCount in agentOptions of pool {node.Pool}, or make them on the node";
        var configured = rendered!.Configuration!;
        var planned = PlannedInventory.Create(inventory, configured);
        if (!inventory.HasIommu && planned.Devices.Any(d => d.Driver == DeviceDrivers.Vfio))
            yield return $"node {node.Id.Name} has no IOMMU, so {DeviceDrivers.Vfio} takes devices only with "
                + "enable_unsafe_noiommu_mode=1, and pods that use them can reach all memory of the node";
    }

    /// <summary>Nodes that a pool is meant to have and that aren't declared yet will want addresses too.</summary>
    private static IEnumerable<(ResourceId Id, string What)> GrowthWarnings(
        PlanScope scope,
        ResourceId cluster,
        List<NodeSpec> nodes
    )
    {
        foreach (
            var (network, wanted) in NodesToCome(scope, cluster, nodes)
                .OrderBy(m => m.Network.Key, StringComparer.Ordinal)
        )
        {
            if (scope.After.Get(StoreKey.ForResource(network)) is not { } row)
                continue;
            var pool = NetworkPool.PoolOf(scope.After, row, scope.Limits);
            foreach (var family in pool.Families.Where(family => pool.FreeCount(family) < (UInt128)wanted))
                yield return (
                    ResourceKind.IdOf(row),
                    $"{network.Name} has {pool.FreeCount(family)} free {family} addresses after this "
                        + $"plan, but {cluster.Name} is meant to have {wanted} nodes more, each of which takes one"
                );
        }
    }

    /// <summary>How many nodes more than are declared will want an address of each network.</summary>
    private static Dictionary<string, (ResourceId Network, long Nodes)>.ValueCollection NodesToCome(
        PlanScope scope,
        ResourceId cluster,
        List<NodeSpec> nodes
    )
    {
        var more = new Dictionary<string, (ResourceId Network, long Nodes)>(StringComparer.Ordinal);
        foreach (var pool in new ReadTransaction(scope.After).List(AgentPool.ResourceType, cluster))
        {
            var name = ResourceKind.IdOf(pool).Name;
            var mine = nodes.Where(n => n.Pool.Equals(name, StringComparison.OrdinalIgnoreCase)).ToList();
            if (
                (ResourceKind.PropertiesOf(pool).Integer("count") ?? 0) - mine.Count is not (> 0 and var missing)
                || mine.Count == 0
            )
                continue;
            // A node that is there tells what one of the pool needs.
            foreach (
                var claim in AddressClaims.ClaimsOf(scope.After, scope.After.Get(StoreKey.ForResource(mine[0].Id))!)
            )
                more[claim.Network.Key] = (claim.Network, more.GetValueOrDefault(claim.Network.Key).Nodes + missing);
        }

        return more.Values;
    }

    /// <summary>
    /// Plugins that rendered definitions call, and that nodes haven't got or that don't speak its version.
    /// </summary>
    private static IEnumerable<(ResourceId Id, string What)> PluginWarnings(
        PlanScope scope,
        ResourceId cluster,
        List<NodeSpec> nodes,
        DesiredState desired
    )
    {
        List<InspectedNode> known =
        [
            .. nodes
                .Select(node => (Node: node, Inventory: InventoryRows.Find(scope.After, node.Id)))
                .Where(node => node.Inventory is not null)
                .Select(node => new InspectedNode(node.Node.Id.Name, node.Inventory!)),
        ];
        if (known.Count == 0)
            return [];
        return desired
            .Manifests.SelectMany(PluginCallsOf)
            .GroupBy(call => (call.Plugin, call.Version))
            .SelectMany(calls =>
            {
                var users = calls.Select(call => call.Definition).Distinct().ToList();
                var need = $"which {Abbreviate(users)} of {cluster.Name} need{(users.Count == 1 ? "s" : "")}";
                var (plugin, version) = calls.Key;
                return new[] { MissingPlugin(known, plugin, need), OldPlugin(known, plugin, version, need) };
            })
            .OfType<string>()
            .Select(warning => (cluster, warning));
    }

    private static string? MissingPlugin(List<InspectedNode> nodes, string plugin, string need)
    {
        var missing = nodes.Where(node => node.Find(plugin) is null).Select(node => node.Name).ToList();
        return missing.Count == 0
            ? null
            : $"{FormatNodes(missing)} {(missing.Count == 1 ? "has" : "have")} no CNI plugin '{plugin}', "
                + $"{need}: install it in /opt/cni/bin";
    }

    private static string? OldPlugin(List<InspectedNode> nodes, string plugin, string version, string need)
    {
        var old = nodes
            .Where(node => node.Find(plugin) is { } found && version.Length > 0 && !found.Versions.Contains(version))
            .ToList();
        if (old.Count == 0)
            return null;
        var spoken = old[0].Find(plugin)!;
        var release = spoken.Release is null ? "" : $" {spoken.Release}";
        var newest = spoken.Versions.IsEmpty ? "no version" : spoken.Versions[^1];
        return $"the CNI plugin '{plugin}'{release} of {FormatNodes([.. old.Select(node => node.Name)])} "
            + $"speaks {newest} at most and not cniVersion {version}, {need}: install a newer one";
    }

    private static IEnumerable<(string Definition, string Plugin, string Version)> PluginCallsOf(Manifest manifest)
    {
        if (
            manifest.Kind != "NetworkAttachmentDefinition"
            || manifest.Body["spec"]?["config"]?.ToString() is not { } text
        )
            yield break;
        using var document = JsonDocument.Parse(text);
        var root = document.RootElement;
        foreach (var call in root.Elements("plugins").Prepend(root))
        {
            if (call.Text("type") is { } type)
                yield return (manifest.Name, type, root.Text("cniVersion") ?? "");
            if (call.Member("ipam").Text("type") is { } ipam)
                yield return (manifest.Name, ipam, root.Text("cniVersion") ?? "");
        }
    }

    private static bool HasUserSpaceDevice(NodeInventory inventory, RenderedNode? rendered) =>
        rendered is { Pools.IsEmpty: false } && inventory.Devices.Any(d => DeviceDrivers.IsUserSpace(d.Driver));

    private static string FormatSize(int kilobytes) =>
        kilobytes >= 1024 * 1024 ? $"{kilobytes / 1024 / 1024} GiB"
        : kilobytes >= 1024 ? $"{kilobytes / 1024} MiB"
        : $"{kilobytes} KiB";

    private static string FormatNodes(List<string> names) =>
        names.Count == 1 ? $"node {names[0]}" : $"nodes {Abbreviate(names)}";

    private static string Abbreviate(List<string> names) =>
        names.Count <= 4 ? string.Join(", ", names) : $"{string.Join(", ", names.Take(3))} and {names.Count - 3} more";

    /// <summary>A node that has reported what it has.</summary>
    private sealed record InspectedNode(string Name, NodeInventory Inventory)
    {
        public CniBinary? Find(string plugin) =>
            Inventory.Plugins.FirstOrDefault(installed => installed.Name == plugin);
    }
}
