using System.Collections.Immutable;
using Weft.Attachments;
using Weft.Attachments.DevicePools;
using Weft.Attachments.Nodes;
using Weft.Attachments.Plugins;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>
/// Whether the pools that would be rendered for a node get the devices that were declared for them: each of these, and
/// none besides. Asked of the inventory as it will be once the agent has made the functions and bound the drivers. A
/// node without an inventory can't be asked.
/// </summary>
internal static class DevicePoolRules
{
    /// <summary>
    /// Checks the nodes that a write concerns. What was wrong before it is not its fault, and no reason to refuse it: a
    /// plan says it.
    /// </summary>
    /// <param name="context">The write: of a node, a pool or a cluster.</param>
    /// <param name="nodes">The nodes, as they are after the write.</param>
    public static void Check(ValidationContext context, ResourceId cluster, IEnumerable<NodeSpec> nodes, string path)
    {
        List<NodeSpec> known = [.. nodes.Where(node => InventoryRows.Find(context.Transaction, node.Id) is not null)];
        if (known.Count == 0 || context.Findings.Count > 0)
            return;
        var before = context.Transaction.State;
        var after = before.Next([new Mutation(context.Proposed.Key, context.Proposed.Bytes)]);
        List<Refusal> findings = [.. FindErrors(after, cluster, known, context.Limits)];
        if (findings.Count == 0)
            return;
        var earlier = FindErrors(before, cluster, known, context.Limits)
            .Select(f => f.Message)
            .ToHashSet(StringComparer.Ordinal);
        foreach (var finding in findings.Where(f => !earlier.Contains(f.Message)))
            context
                .About(known.Select(node => node.Id))
                .AddError(finding with { Message = $"'{path}': {finding.Message}", Target = path });
    }

    /// <summary>All that is wrong with the pools of nodes.</summary>
    /// <returns>The findings, each with the id of the network as culprit.</returns>
    public static IEnumerable<Refusal> FindErrors(
        StoreState state,
        ResourceId cluster,
        IEnumerable<NodeSpec> nodes,
        Limits limits
    )
    {
        var drawn = ClusterRenderer
            .Render(state, cluster, limits)
            .Nodes.ToDictionary(n => n.Name, StringComparer.Ordinal);
        foreach (var node in nodes)
        {
            if (
                InventoryRows.Find(state, node.Id) is not { } inventory
                || drawn.GetValueOrDefault(DnsLabel.From(node.Id.Name))
                    is not { Configuration: { } configuration } rendered
            )
                continue;
            List<Refusal> missing = [.. MissingDeviceErrors(node, inventory, configuration)];
            foreach (
                var finding in missing.Count > 0
                    ? missing
                    : SelectionErrors(node, inventory, configuration, rendered.Pools)
            )
                yield return finding;
        }
    }

    /// <summary>Ports and devices that the node hasn't got, and ports that can't have as many functions.</summary>
    private static IEnumerable<Refusal> MissingDeviceErrors(
        NodeSpec node,
        NodeInventory inventory,
        NodeConfiguration configuration
    )
    {
        foreach (var port in configuration.PhysicalFunctions)
        {
            var network = port.Functions.Select(f => f.Network).FirstOrDefault();
            if (NodeDevices.Find(inventory, port.Name, port.MacAddress, port.PciAddress) is not { } device)
                yield return CreateError(
                    network,
                    $"node {node.Id.Name} has no port {DescribeIdentity(port.Name, port.MacAddress, port.PciAddress)}; "
                        + $"its inventory has {ListPorts(inventory)}; correct the uplink"
                );
            else if (device.TotalFunctions < port.Count)
                yield return CreateError(
                    network,
                    $"port {port.Name} of node {node.Id.Name} can have {device.TotalFunctions} virtual functions, "
                        + $"but function {port.Count - 1} is declared, the {port.Count}th; "
                        + "declare fewer, or raise the card's number in its firmware"
                );
        }

        foreach (var passthrough in configuration.Devices)
        {
            if (PassthroughError(node, inventory, passthrough) is { } error)
                yield return error;
        }
    }

    private static Refusal? PassthroughError(NodeSpec node, NodeInventory inventory, PassthroughDevice passthrough)
    {
        var (name, mac, pci) = (passthrough.Name, passthrough.MacAddress, passthrough.PciAddress);
        var network = NetworkNameOf(passthrough.Network);
        if (NodeDevices.Find(inventory, name, mac, pci) is not { } device)
        {
            // Once a user-space driver has it, its MAC address is nowhere to be read.
            var mayBeHidden =
                passthrough is { Driver: FunctionDriver.UserSpace, PciAddress: null }
                && inventory.Devices.Any(d => d.Driver == DeviceDrivers.Vfio);
            return mayBeHidden
                ? null
                : CreateError(
                    passthrough.Network,
                    $"node {node.Id.Name} has no device {DescribeIdentity(name, mac, pci)} for {network}; "
                        + $"its inventory has {ListPorts(inventory)}; correct the uplink"
                );
        }

        return device.HasDefaultRoute
            ? CreateError(
                passthrough.Network,
                $"device {DeviceNameOf(device)} of node {node.Id.Name} has the node's default route, "
                    + $"so it can't be given to pods for {network}; hand over another device, or move the route"
            )
            : null;
    }

    private static IEnumerable<Refusal> SelectionErrors(
        NodeSpec node,
        NodeInventory inventory,
        NodeConfiguration configuration,
        ImmutableArray<DevicePool> pools
    )
    {
        var planned = PlannedInventory.Create(inventory, configuration);
        foreach (
            var selection in DeviceSelection.Select(pools.OrderBy(p => p.ResourceName, StringComparer.Ordinal), planned)
        )
        {
            var declared = DeclaredDevicesOf(selection.Pool, inventory, planned, configuration);
            foreach (var message in SelectionMistakes(node, selection, declared))
                yield return CreateError(selection.Pool, message);
        }
    }

    /// <summary>What a pool would get too little, too much, or must not get.</summary>
    private static IEnumerable<string> SelectionMistakes(
        NodeSpec node,
        PoolSelection selection,
        List<NetworkDevice> declared
    )
    {
        var title = $"pool {selection.Pool.FullName} of node {node.Id.Name}";
        var without = declared.Except(selection.Chosen).ToList();
        foreach (
            var step in without.Select(device => EliminationOf(selection, device)).GroupBy(e => (e.Step, e.Reason))
        )
        {
            var gets = selection.Chosen.IsEmpty
                ? "would get no device"
                : $"would get {selection.Chosen.Length - selection.Chosen.Except(declared).Count()} of the "
                    + $"{declared.Count} devices declared for it";
            yield return $"{title} {gets}: {Abbreviate([.. step.Select(e => DeviceNameOf(e.Device))])} {step.Key.Reason} "
                + $"({step.Key.Step}); {RemedyFor(step.Key.Step, node)}";
        }

        if (declared.Count == 0 && selection.Chosen.IsEmpty)
            yield return $"{title} would get no device: none is declared for "
                + $"{NetworkNameOf(selection.Pool.Network.ToString())}; "
                + "declare virtualFunctions, or an uplink that names the network";
        foreach (var device in selection.Chosen.Except(declared))
            yield return $"{title} would also get {DeviceNameOf(device)}, which {DescribeDevice(device)}; {RemedyFor("more", node)}";
        foreach (var device in selection.Chosen.Where(d => d.HasDefaultRoute && declared.Contains(d)))
            yield return $"{title} would get {DeviceNameOf(device)}, which has the node's default route; "
                + "declare another device, or move the route";
    }

    /// <summary>
    /// The devices as they will be. They are looked for as they are now: a user-space driver takes the interface away,
    /// and with it the names that a declaration goes by.
    /// </summary>
    private static List<NetworkDevice> DeclaredDevicesOf(
        DevicePool pool,
        NodeInventory inventory,
        NodeInventory planned,
        NodeConfiguration configuration
    )
    {
        bool Mine(string network) => ResourceId.TryParse(network, out var id) && id.Key == pool.Network.Key;
        var devices = new List<NetworkDevice>();
        foreach (var port in configuration.PhysicalFunctions)
        {
            var device = NodeDevices.Find(inventory, port.Name, port.MacAddress, port.PciAddress);
            foreach (var function in port.Functions.Where(f => Mine(f.Network)))
                devices.AddRange(
                    planned.Devices.Where(d =>
                        d.PhysicalFunction is { } physical
                        && physical == device?.PciAddress
                        && d.FunctionIndex == function.Index
                    )
                );
        }

        foreach (var passthrough in configuration.Devices.Where(d => Mine(d.Network)))
        {
            if (
                NodeDevices.Find(inventory, passthrough.Name, passthrough.MacAddress, passthrough.PciAddress) is
                { } device
            )
                devices.Add(
                    device.PciAddress is { } address ? planned.Devices.First(d => d.PciAddress == address) : device
                );
        }

        return [.. devices.Distinct()];
    }

    private static Elimination EliminationOf(PoolSelection selection, NetworkDevice device) =>
        selection.Eliminated.FirstOrDefault(e => e.Device == device)
        ?? new Elimination(device, "selectors", "is named by no selector of it");

    private static string RemedyFor(string step, NodeSpec node) =>
        step switch
        {
            "bus" =>
                $"declare the pciAddress of the function behind it, or attach the network by {PluginRegistry.ListDeviceless()}",
            "defaultRoute" => "declare another device, or move the node's default route",
            "physicalFunction" => "declare the port's virtualFunctions, not the port",
            "driver" => "load the device's driver on the node",
            "taken" => "declare a device for one network only",
            "pfNames" or "rootDevices" => "correct the uplink's name, pciAddress or virtualFunctions",
            "pciAddresses" => "correct the uplink's pciAddress",
            "more" => "declare every device for the network it is for",
            _ => $"weft inventory --cluster {node.Cluster.Name} --node {node.Id.Name} shows what the node has",
        };

    private static string DescribeDevice(NetworkDevice device) =>
        device.HasDefaultRoute ? "has the node's default route"
        : device.TotalFunctions > 0 ? "is a physical function itself"
        : "isn't declared for it";

    private static string ListPorts(NodeInventory inventory) =>
        Abbreviate([
            .. inventory.Devices.Where(d => d.PhysicalFunction is null && d.Kind.Length == 0).Select(DeviceNameOf),
        ])
            is { Length: > 0 } list
            ? list
            : "no port";

    private static string Abbreviate(ImmutableArray<string> names) =>
        names.Length <= 4
            ? string.Join(", ", names)
            : $"{string.Join(", ", names.Take(3))} and {names.Length - 3} more";

    private static string DeviceNameOf(NetworkDevice device) =>
        (device.Name, device.PciAddress) switch
        {
            ({ } name, { } address) => $"{name} ({address})",
            (null, { } address) => address,
            _ => device.Name ?? "a nameless device",
        };

    private static string DescribeIdentity(string name, string? macAddress, string? pciAddress) =>
        pciAddress is not null ? $"'{name}' at {pciAddress}"
        : macAddress is not null ? $"'{name}' with MAC address {macAddress}"
        : $"'{name}'";

    private static string NetworkNameOf(string network) => ResourceId.TryParse(network, out var id) ? id.Name : network;

    private static Refusal CreateError(DevicePool pool, string message) =>
        new(RefusalCode.Mismatch, message, null, pool.Network.ToString());

    private static Refusal CreateError(string? network, string message) =>
        new(RefusalCode.Mismatch, message, null, network);
}
