using System.Collections.Immutable;
using Weft.Attachments;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>
/// Whether the pools that would be drawn for a node get the devices that were declared for them: each of these, and none besides. Asked of the
/// inventory as it will be once the agent has made the functions and bound the drivers. A node without an inventory can't be asked.
/// </summary>
internal static class DevicePoolRules
{
    /// <summary>Checks the nodes that a write concerns. What was wrong before it is not its fault, and no reason to refuse it: a plan says it.</summary>
    /// <param name="proposal">The write: of a node, a pool or a cluster.</param>
    /// <param name="nodes">The nodes, as they are after the write.</param>
    public static void Check(Proposal proposal, ResourceId cluster, IEnumerable<NodeFacts> nodes, string path)
    {
        List<NodeFacts> known = [.. nodes.Where(node => Inventories.Of(proposal.Seen, node.Id) is not null)];
        if (known.Count == 0 || proposal.Findings.Count > 0)
            return;
        var before = proposal.Seen.Image;
        var after = before.Next([new Change(proposal.Wanted.Key, proposal.Wanted.Bytes)]);
        List<Refusal> findings = [.. Findings(after, cluster, known, proposal.Limits)];
        if (findings.Count == 0)
            return;
        var earlier = Findings(before, cluster, known, proposal.Limits).Select(f => f.Message).ToHashSet(StringComparer.Ordinal);
        foreach (var finding in findings.Where(f => !earlier.Contains(f.Message)))
            proposal.Find(finding with { Message = $"'{path}': {finding.Message}", Target = path });
    }

    /// <summary>All that is wrong with the pools of nodes.</summary>
    /// <returns>The findings, each with the id of the network as culprit.</returns>
    public static IEnumerable<Refusal> Findings(Image image, ResourceId cluster, IEnumerable<NodeFacts> nodes, Limits limits)
    {
        var drawn = ClusterPicture.Draw(image, cluster, limits).Nodes.ToDictionary(n => n.Name, StringComparer.Ordinal);
        foreach (var node in nodes)
        {
            if (Inventories.Of(image, node.Id) is not { } inventory || drawn.GetValueOrDefault(DnsLabel.Of(node.Id.Name)) is not { Configuration: { } configuration } files)
                continue;
            List<Refusal> missing = [.. Absent(node, inventory, configuration)];
            foreach (var finding in missing.Count > 0 ? missing : Judged(node, inventory, configuration, files.Pools))
                yield return finding;
        }
    }

    /// <summary>Ports and devices that the node hasn't got, and ports that can't have as many functions.</summary>
    private static IEnumerable<Refusal> Absent(NodeFacts node, NodeInventory inventory, NodeConfiguration configuration)
    {
        foreach (var port in configuration.PhysicalFunctions)
        {
            var network = port.Functions.Select(f => f.Network).FirstOrDefault();
            if (NodeDevices.Find(inventory, port.Name, port.MacAddress, port.PciAddress) is not { } device)
                yield return Finding(network, $"node {node.Id.Name} has no port {Called(port.Name, port.MacAddress, port.PciAddress)}; its inventory has {PortsOf(inventory)}; correct the uplink");
            else if (device.TotalFunctions < port.Count)
                yield return Finding(network, $"port {port.Name} of node {node.Id.Name} can have {device.TotalFunctions} virtual functions, but function {port.Count - 1} is declared, the {port.Count}th; declare fewer, or raise the card's number in its firmware");
        }

        foreach (var passed in configuration.Devices)
        {
            if (NodeDevices.Find(inventory, passed.Name, passed.MacAddress, passed.PciAddress) is not { } device)
            {
                // Once a user-space driver has it, its MAC address is nowhere to be read.
                if (passed is { Driver: FunctionDriver.UserSpace, PciAddress: null } && inventory.Devices.Any(d => d.Driver == PlannedInventory.VfioDriver))
                    continue;
                yield return Finding(passed.Network, $"node {node.Id.Name} has no device {Called(passed.Name, passed.MacAddress, passed.PciAddress)} for {NameOf(passed.Network)}; its inventory has {PortsOf(inventory)}; correct the uplink");
            }
            else if (device.HasDefaultRoute)
                yield return Finding(passed.Network, $"device {NameOf(device)} of node {node.Id.Name} has the node's default route, so it can't be given to pods for {NameOf(passed.Network)}; hand over another device, or move the route");
        }
    }

    private static IEnumerable<Refusal> Judged(NodeFacts node, NodeInventory inventory, NodeConfiguration configuration, ImmutableArray<DevicePool> pools)
    {
        var planned = PlannedInventory.Of(inventory, configuration);
        foreach (var selection in DeviceSelection.Try(pools.OrderBy(p => p.ResourceName, StringComparer.Ordinal), planned))
        {
            var declared = DeclaredFor(selection.Pool, inventory, planned, configuration);
            var title = $"pool {selection.Pool.FullName} of node {node.Id.Name}";
            var without = declared.Except(selection.Chosen).ToList();
            foreach (var step in without.Select(device => Why(selection, device)).GroupBy(e => (e.Step, e.Why)))
            {
                var gets = selection.Chosen.IsEmpty ? "would get no device" : $"would get {selection.Chosen.Length - selection.Chosen.Except(declared).Count()} of the {declared.Count} devices declared for it";
                yield return Finding(selection.Pool, $"{title} {gets}: {Few([.. step.Select(e => NameOf(e.Device))])} {step.Key.Why} ({step.Key.Step}); {NextStep(step.Key.Step, node)}");
            }

            if (declared.Count == 0 && selection.Chosen.IsEmpty)
                yield return Finding(selection.Pool, $"{title} would get no device: none is declared for {NameOf(selection.Pool.Network.ToString())}; declare virtualFunctions, or an uplink that names the network");
            foreach (var device in selection.Chosen.Except(declared))
                yield return Finding(selection.Pool, $"{title} would also get {NameOf(device)}, which {Nature(device)}; {NextStep("more", node)}");
            foreach (var device in selection.Chosen.Where(d => d.HasDefaultRoute && declared.Contains(d)))
                yield return Finding(selection.Pool, $"{title} would get {NameOf(device)}, which has the node's default route; declare another device, or move the route");
        }
    }

    /// <summary>
    /// The devices as they will be. They are looked for as they are now: a user-space driver takes the interface away, and with it the names that a
    /// declaration goes by.
    /// </summary>
    private static List<NetworkDevice> DeclaredFor(DevicePool pool, NodeInventory inventory, NodeInventory planned, NodeConfiguration configuration)
    {
        bool Mine(string network) => ResourceId.TryParse(network, out var id) && id.Key == pool.Network.Key;
        var devices = new List<NetworkDevice>();
        foreach (var port in configuration.PhysicalFunctions)
        {
            var device = NodeDevices.Find(inventory, port.Name, port.MacAddress, port.PciAddress);
            foreach (var function in port.Functions.Where(f => Mine(f.Network)))
                devices.AddRange(planned.Devices.Where(d => d.PhysicalFunction is { } physical && physical == device?.PciAddress && d.FunctionIndex == function.Index));
        }

        foreach (var passed in configuration.Devices.Where(d => Mine(d.Network)))
        {
            if (NodeDevices.Find(inventory, passed.Name, passed.MacAddress, passed.PciAddress) is { } device)
                devices.Add(device.PciAddress is { } address ? planned.Devices.First(d => d.PciAddress == address) : device);
        }

        return [.. devices.Distinct()];
    }

    private static Elimination Why(PoolSelection selection, NetworkDevice device) =>
        selection.Eliminated.FirstOrDefault(e => e.Device == device) ?? new Elimination(device, "selectors", "is named by no selector of it");

    private static string NextStep(string step, NodeFacts node) => step switch
    {
        "bus" => "declare the pciAddress of the function behind it, or attach the network by MACVLAN or OSDevice",
        "defaultRoute" => "declare another device, or move the node's default route",
        "physicalFunction" => "declare the port's virtualFunctions, not the port",
        "driver" => "load the device's driver on the node",
        "taken" => "declare a device for one network only",
        "pfNames" or "rootDevices" => "correct the uplink's name, pciAddress or virtualFunctions",
        "pciAddresses" => "correct the uplink's pciAddress",
        "more" => "declare every device for the network it is for",
        _ => $"weft inventory --cluster {node.Cluster.Name} --node {node.Id.Name} shows what the node has",
    };

    private static string Nature(NetworkDevice device) =>
        device.HasDefaultRoute ? "has the node's default route" : device.TotalFunctions > 0 ? "is a physical function itself" : "isn't declared for it";

    private static string PortsOf(NodeInventory inventory) =>
        Few([.. inventory.Devices.Where(d => d.PhysicalFunction is null && d.Kind.Length == 0).Select(NameOf)]) is { Length: > 0 } list ? list : "no port";

    private static string Few(ImmutableArray<string> names) => names.Length <= 4 ? string.Join(", ", names) : $"{string.Join(", ", names.Take(3))} and {names.Length - 3} more";

    private static string NameOf(NetworkDevice device) => (device.Name, device.PciAddress) switch
    {
        ({ } name, { } address) => $"{name} ({address})",
        (null, { } address) => address,
        _ => device.Name ?? "a nameless device",
    };

    private static string Called(string name, string? macAddress, string? pciAddress) =>
        pciAddress is not null ? $"'{name}' at {pciAddress}" : macAddress is not null ? $"'{name}' with MAC address {macAddress}" : $"'{name}'";

    private static string NameOf(string network) => ResourceId.TryParse(network, out var id) ? id.Name : network;

    private static Refusal Finding(DevicePool pool, string message) => new(RefusalCode.Mismatch, message, null, pool.Network.ToString());

    private static Refusal Finding(string? network, string message) => new(RefusalCode.Mismatch, message, null, network);
}
