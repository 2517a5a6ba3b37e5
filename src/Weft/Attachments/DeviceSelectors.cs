using System.Collections.Immutable;
using System.Globalization;
using Weft.Attachments.DevicePools;
using Weft.Attachments.Nodes;
using Weft.Attachments.Plugins;

namespace Weft.Attachments;

/// <summary>Which devices of a node are a network's: what a pool selects by.</summary>
/// <remarks>
/// Source: sriov-network-device-plugin, <c>pkg/resources</c> and <c>pkg/netdevice</c>; docs/specs/plugins.md, "Device
/// pools".
/// </remarks>
internal static class DeviceSelectors
{
    /// <summary>The vendor whose DPDK driver works beside the kernel's: Mellanox, now NVIDIA.</summary>
    public const string MellanoxVendor = "15b3";

    /// <summary>Drivers by which a device is no interface of the kernel.</summary>
    public static readonly ImmutableHashSet<string> UserSpaceDrivers = ["vfio-pci", "uio_pci_generic", "igb_uio"];

    /// <summary>The driver of devices that aren't on a PCI bus: the device plugin can't see them.</summary>
    private const string HyperVDriver = "hv_netvsc";

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
        var groups = node
            .Uplinks.GroupBy(uplink => attached.Attachment.Plugin == PluginType.DPDK ? IsMellanox(node, uplink) : false)
            .OrderBy(group => group.Key);
        return groups.SelectMany(group => CreateSelectors(attached, node, [.. group], group.Key)).ToImmutableArray();
    }

    /// <summary>Why a device that is handed over can't be found by the device plugin, or null where it can.</summary>
    /// <returns>A refusal that names the node, the port and the way out.</returns>
    public static Refusal? FindRefusal(Attachment attachment, AttachedNode node, Uplink uplink)
    {
        var (plugin, network) = (attachment.Plugin, attachment.Network);
        Refusal Because(string why) =>
            new(
                RefusalCode.Mismatch,
                $"uplink {uplink.Name} of node {node.Name} can't be pooled for {network.Name} by {plugin}: {why}",
                attachment.Path,
                network.ToString()
            );
        if (FindDevice(node, uplink, device => device.Driver == HyperVDriver) is not null && uplink.PciAddress is null)
            return Because(
                $"it is a {HyperVDriver} device, which is on no PCI bus, and the SR-IOV device plugin sees PCI devices only; attach {network.Name} by MACVLAN or OSDevice, or hand over a virtual function"
            );
        if (uplink.PciAddress is not null)
            return null;
        var found = FindDevice(node, uplink, device => device.PciAddress is not null)?.PciAddress;
        // A device that a user-space driver has shows no MAC address any more, so by it the pool would be lost as soon
        // as it is in use.
        if (plugin == PluginType.DPDK)
            return Because(
                $"it has no pciAddress, and a device that a user-space driver has is found by nothing else{(found is null ? "" : $"; the node's inventory has it at {found}")}"
            );
        return found is not null
            ? null
            : Because(
                $"it has no pciAddress, and {(node.Inventory is null ? "the node's agent has reported no inventory yet" : $"the node's inventory has no PCI device with {uplink.MacAddress ?? "that name"}")}; give the uplink a pciAddress"
            );
    }

    /// <summary>The PCI address of a port.</summary>
    /// <returns>What was declared, else what the inventory knows by its MAC address or name, else null.</returns>
    public static string? PciAddressOf(AttachedNode node, Uplink uplink)
    {
        return uplink.PciAddress ?? FindDevice(node, uplink, device => device.PciAddress is not null)?.PciAddress;
    }

    /// <summary>Whether a port is of the vendor whose DPDK driver works beside the kernel's.</summary>
    /// <returns>Null where no inventory tells.</returns>
    public static bool? IsMellanox(AttachedNode node, Uplink uplink) =>
        FindDevice(node, uplink, device => device.Vendor.Length > 0) is { } device
            ? device.Vendor == MellanoxVendor
            : null;

    /// <summary>The device of a port in the node's inventory.</summary>
    /// <param name="which">What else it must be: several devices may share a MAC address.</param>
    /// <returns>The device, or null.</returns>
    public static NetworkDevice? FindDevice(AttachedNode node, Uplink uplink, Func<NetworkDevice, bool> which)
    {
        if (node.Inventory is not { } inventory)
            return null;
        var devices = inventory.Devices.Where(which).ToList();
        return (uplink.PciAddress is { } pci ? devices.Find(d => d.PciAddress == pci) : null)
            ?? (
                uplink.MacAddress is { } mac
                    ? devices.Find(d =>
                        string.Equals(d.MacAddress, mac, StringComparison.OrdinalIgnoreCase)
                        && d.PhysicalFunction is null
                    ) ?? devices.Find(d => string.Equals(d.MacAddress, mac, StringComparison.OrdinalIgnoreCase))
                    : null
            )
            ?? (
                uplink.MacAddress is null && uplink.PciAddress is null ? devices.Find(d => d.Name == uplink.Name) : null
            );
    }

    /// <summary>Functions as the device plugin reads them: <c>ens1f0#0-3,6</c>.</summary>
    /// <returns>One entry: of a second one for the same port the plugin takes no notice.</returns>
    public static string FormatFunctionEntry(string port, IEnumerable<int> indexes)
    {
        var ranges = new List<(int First, int Last)>();
        foreach (var index in indexes)
        {
            if (ranges.Count > 0 && ranges[^1].Last == index - 1)
                ranges[^1] = (ranges[^1].First, index);
            else
                ranges.Add((index, index));
        }

        return $"{port}#{string.Join(',', ranges.Select(r => r.First == r.Last ? FormatNumber(r.First) : $"{FormatNumber(r.First)}-{FormatNumber(r.Last)}"))}";
    }

    private static IEnumerable<DeviceSelector> CreateSelectors(
        AttachedNetwork attached,
        AttachedNode node,
        ImmutableArray<Uplink> ports,
        bool? isMellanox
    )
    {
        var devices = attached.IsVirtual
            ? new DeviceSelector { PciAddresses = [.. ports.Select(port => PciAddressOf(node, port)!)] }
            : new DeviceSelector
            {
                PfNames =
                [
                    .. ports.Select(port =>
                        FormatFunctionEntry(port.Name, port.FunctionIndexesOf(attached.Network.Id))
                    ),
                ],
            };
        if (attached.Attachment.Plugin == PluginType.SRIOV)
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
                Drivers = ["vfio-pci"],
            };
        if (isMellanox is not false)
            yield return devices with
            {
                Vendors = [MellanoxVendor],
                Drivers = ["mlx5_core"],
                IsRdma = true,
            };
    }

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
                    .Where(d => !UserSpaceDrivers.Contains(d))
                    .ToList()
            )
            .ToList();
        return drivers.Exists(known => known.Count == 0)
            ? []
            : [.. drivers.SelectMany(known => known).Distinct().Order(StringComparer.Ordinal)];
    }

    private static IEnumerable<NetworkDevice> DevicesOf(AttachedNetwork attached, AttachedNode node, Uplink port)
    {
        if (attached.IsVirtual)
            return FindDevice(node, port, device => device.PciAddress is not null) is { } device ? [device] : [];
        if (FindDevice(node, port, device => device.PciAddress is not null) is not { } physical)
            return [];
        var indexes = port.FunctionIndexesOf(attached.Network.Id);
        return node.Inventory!.Devices.Where(d =>
            d.PhysicalFunction == physical.PciAddress && d.FunctionIndex is { } index && indexes.Contains(index)
        );
    }

    private static string FormatNumber(int number) => number.ToString(CultureInfo.InvariantCulture);
}
