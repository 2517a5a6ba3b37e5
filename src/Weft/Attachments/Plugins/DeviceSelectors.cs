using System.Collections.Immutable;
using Weft.Attachments.DevicePools;
using Weft.Attachments.Nodes;
using Weft.Resources;

namespace Weft.Attachments.Plugins;

/// <summary>Which devices of a node are a network's: what a pool selects by.</summary>
/// <remarks>
/// Source: sriov-network-device-plugin, <c>pkg/resources</c> and <c>pkg/netdevice</c>; docs/specs/plugins.md, "Device
/// pools".
/// </remarks>
internal static class DeviceSelectors
{
    /// <summary>The selectors of a network's pool on a node.</summary>
    /// <param name="node">The node, with every port that carries the network.</param>
    /// <returns>The selectors, or a refusal that names the node and the port.</returns>
    public static Outcome<ImmutableArray<DeviceSelector>> Create(AttachedNetwork attached, AttachedNode node)
    {
        if (
            attached.IsVirtual
            && node
                .Uplinks.Select(uplink => FindRefusal(attached.Attachment, node, uplink))
                .OfType<Refusal>()
                .FirstOrDefault()
                is { } refusal
        )
            return refusal;
        var isUserSpace = attached.Attachment.Plugin.DeviceDriver == FunctionDriver.UserSpace;
        return node
            .Uplinks.GroupBy(uplink => isUserSpace ? UplinkDevices.IsMellanox(node, uplink) : false)
            .OrderBy(group => group.Key)
            .SelectMany(group => CreateSelectors(attached, node, [.. group], group.Key))
            .ToImmutableArray();
    }

    /// <summary>Why a device that is handed over can't be found by the device plugin, or null where it can.</summary>
    /// <returns>A refusal that names the node, the port and the way out.</returns>
    public static Refusal? FindRefusal(Attachment attachment, AttachedNode node, Uplink uplink)
    {
        if (uplink.PciAddress is not null)
            return null;
        var (plugin, network) = (attachment.Plugin, attachment.Network);
        var isHyperV = UplinkDevices.Find(node, uplink, device => device.Driver == DeviceDrivers.HyperV) is not null;
        var why = isHyperV ? ReasonNotOnPci(network) : ReasonNoPciAddress(plugin, node, uplink);
        return why is null
            ? null
            : new Refusal(
                RefusalCode.Mismatch,
                $"uplink {uplink.Name} of node {node.Name} can't be pooled for {network.Name} by {plugin.Name}: {why}",
                attachment.Path,
                network.ToString()
            );
    }

    private static string ReasonNotOnPci(ResourceId network) =>
        $"it is a {DeviceDrivers.HyperV} device, which is on no PCI bus, and the SR-IOV device plugin sees PCI devices only; "
        + $"attach {network.Name} by {PluginRegistry.ListDeviceless()}, or hand over a virtual function";

    private static string? ReasonNoPciAddress(IPlugin plugin, AttachedNode node, Uplink uplink)
    {
        var found = UplinkDevices.PciAddressOf(node, uplink);
        // A device that a user-space driver has shows no MAC address any more, so by it the pool would be lost as soon
        // as it is in use.
        if (plugin.DeviceDriver == FunctionDriver.UserSpace)
            return "it has no pciAddress, and a device that a user-space driver has is found by nothing else"
                + (found is null ? "" : $"; the node's inventory has it at {found}");
        if (found is not null)
            return null;
        var unknown = node.Inventory is null
            ? "the node's agent has reported no inventory yet"
            : $"the node's inventory has no PCI device with {uplink.MacAddress ?? "that name"}";
        return $"it has no pciAddress, and {unknown}; give the uplink a pciAddress";
    }

    private static IEnumerable<DeviceSelector> CreateSelectors(
        AttachedNetwork attached,
        AttachedNode node,
        ImmutableArray<Uplink> ports,
        bool? isMellanox
    )
    {
        var devices = attached.IsVirtual ? SelectorByAddress(node, ports) : SelectorByPort(attached.Network.Id, ports);
        if (attached.Attachment.Plugin.DeviceDriver == FunctionDriver.Kernel)
        {
            yield return devices with
            {
                Drivers = KernelDriversOf(attached, node, ports),
            };
            yield break;
        }

        // A pool must not mix devices that pods use in two ways, but without an inventory nobody knows yet which of the
        // two these are.
        if (isMellanox is not true)
            yield return devices with
            {
                Drivers = [DeviceDrivers.Vfio],
            };
        if (isMellanox is not false)
            yield return devices with
            {
                Vendors = [PciVendors.Mellanox],
                Drivers = [DeviceDrivers.Mlx5],
                IsRdma = true,
            };
    }

    private static DeviceSelector SelectorByAddress(AttachedNode node, ImmutableArray<Uplink> ports) =>
        new() { PciAddresses = [.. ports.Select(port => UplinkDevices.PciAddressOf(node, port)!)] };

    private static DeviceSelector SelectorByPort(ResourceId network, ImmutableArray<Uplink> ports) =>
        new()
        {
            PfNames = [.. ports.Select(port => FunctionEntries.Format(port.Name, port.FunctionIndexesOf(network)))],
        };

    /// <summary>
    /// The kernel's drivers of a pool's devices, so that one that was left with a user-space driver isn't given to a
    /// pod that wants an interface. There is no list of all such drivers, so they are said only where the inventory
    /// knows them of every port.
    /// </summary>
    private static ImmutableArray<string> KernelDriversOf(
        AttachedNetwork attached,
        AttachedNode node,
        ImmutableArray<Uplink> ports
    )
    {
        var drivers = ports
            .Select(port =>
                DevicesOf(attached, node, port)
                    .Select(d => d.Driver)
                    .OfType<string>()
                    .Where(d => !DeviceDrivers.IsUserSpace(d))
                    .ToList()
            )
            .ToList();
        return drivers.Exists(known => known.Count == 0)
            ? []
            : [.. drivers.SelectMany(known => known).Distinct().Order(StringComparer.Ordinal)];
    }

    private static IEnumerable<NetworkDevice> DevicesOf(AttachedNetwork attached, AttachedNode node, Uplink port)
    {
        if (UplinkDevices.Find(node, port, device => device.PciAddress is not null) is not { } physical)
            return [];
        if (attached.IsVirtual)
            return [physical];
        var indexes = port.FunctionIndexesOf(attached.Network.Id);
        return node.Inventory!.Devices.Where(d =>
            d.PhysicalFunction == physical.PciAddress && d.FunctionIndex is { } index && indexes.Contains(index)
        );
    }
}
