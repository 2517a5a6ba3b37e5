using System.Collections.Immutable;
using Weft.Attachments;
using Weft.Attachments.Nodes;
using Weft.Attachments.Plugins;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>
/// Whether a node has devices for the networks that its pool attaches by SRIOV or DPDK, and not for others.
/// </summary>
internal static class FunctionUplinkRules
{
    /// <summary>Checks one attachment by SRIOV or DPDK on one node.</summary>
    /// <param name="inventory">What the node's agent found, or null.</param>
    public static void Check(
        ValidationContext context,
        NodeSpec node,
        Attachment attachment,
        Network network,
        NodeInventory? inventory,
        string path
    )
    {
        var ports = node.UplinksFor(network.Id, attachment.Plugin);
        if (ports.IsEmpty)
        {
            context.AddError(
                node.IsVirtual
                    ? UplinkRules.NoUplinkError(node, attachment, network, path)
                    : new Refusal(
                        RefusalCode.Mismatch,
                        $"'{path}': node {node.Id.Name} has no virtual functions for {network.Id.Name}, "
                            + $"which its pool {node.Pool} attaches by {attachment.Plugin.Name} ({attachment.Path}); "
                            + "say which in virtualFunctions of an uplink, such as {\"functions\":\"0-7\",\"networkId\":\""
                            + network.Id
                            + "\"}",
                        path,
                        network.Id.ToString()
                    )
            );
            return;
        }

        var facts = new AttachedNode(
            node.Id.Name,
            ports[0],
            ImmutableDictionary<string, ImmutableArray<Addressing.Lease>>.Empty
        )
        {
            Uplinks = ports,
            Inventory = inventory,
        };
        foreach (var port in ports)
        {
            UplinkRules.CheckMtu(context, node, port, network, path);
            if (node.IsVirtual && DeviceSelectors.FindRefusal(attachment, facts, port) is { } missing)
                context.AddError(missing with { Message = $"'{path}': {missing.Message}", Target = path });
            else if (!node.IsVirtual)
                CheckFunctionCount(context, facts, port, network, path);
        }
    }

    /// <summary>Checks that no other plugin has a hand on the same devices.</summary>
    public static void CheckPluginConflicts(
        ValidationContext context,
        NodeSpec node,
        ImmutableArray<Attachment> attachments,
        string path
    )
    {
        static bool Gives(Attachment attachment) => attachment.Plugin.NeedsDevices;
        foreach (var same in attachments.GroupBy(a => a.Network.Key, StringComparer.Ordinal))
        {
            var name = same.First().Network.Name;
            if (node.IsVirtual && same.Any(Gives) && same.FirstOrDefault(a => !Gives(a)) is { } other)
            {
                context.AddError(
                    RefusalCode.Overlap,
                    path,
                    $"'{path}': {name} is attached by {same.First(Gives).Plugin.Name} and by {other.Plugin.Name} to "
                        + $"{node.Id.Name}, which is Virtual; pods get the devices that are handed over there whole, "
                        + $"so the node can't have one as its own interface: attach {name} by one of the two only",
                    other.Network
                );
            }

            // Functions for a network that nobody attaches yet are let pass: a node must be able to have them before
            // its cluster attaches the network.
            if (
                !same.Any(Gives)
                && node.Uplinks.FirstOrDefault(u => u.Functions.Any(f => f.Network == same.Key)) is { } port
            )
            {
                context.AddError(
                    RefusalCode.Mismatch,
                    path,
                    $"'{path}': uplink {port.Name} of node {node.Id.Name} has virtual functions for {name}, "
                        + $"which its pool {node.Pool} attaches by {same.First().Plugin.Name} ({same.First().Path}); "
                        + $"only {PluginRegistry.ListNames(plugin => plugin.NeedsDevices, "and")} give functions to "
                        + "pods: take them away there, or change the pluginType",
                    same.First().Network
                );
            }
        }
    }

    private static void CheckFunctionCount(
        ValidationContext context,
        AttachedNode node,
        Uplink port,
        Network network,
        string path
    )
    {
        if (
            UplinkDevices.Find(node, port, device => device.PciAddress is not null && device.PhysicalFunction is null)
            is not { } device
        )
            return;
        var last = port.Functions.Where(f => f.Network == network.Id.Key).Max(f => f.Last);
        if (device.TotalFunctions == 0)
            context.AddError(
                RefusalCode.Mismatch,
                path,
                $"'{path}': uplink {port.Name} of node {node.Name} has functions for {network.Id.Name}, "
                    + $"but its device {device.PciAddress} can have none (its inventory says so; is SR-IOV enabled in the firmware?)",
                network.Id
            );
        else if (last >= device.TotalFunctions)
            context.AddError(
                RefusalCode.Mismatch,
                path,
                $"'{path}': uplink {port.Name} of node {node.Name} gives function {last} to {network.Id.Name}, "
                    + $"but its device {device.PciAddress} can have {device.TotalFunctions}, 0 to {device.TotalFunctions - 1}",
                network.Id
            );
    }
}
