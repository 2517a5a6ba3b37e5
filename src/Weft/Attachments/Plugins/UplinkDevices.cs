using Weft.Attachments.DevicePools;
using Weft.Attachments.Nodes;

namespace Weft.Attachments.Plugins;

/// <summary>The devices behind a node's ports, as far as its inventory tells.</summary>
internal static class UplinkDevices
{
    /// <summary>The PCI address of a port.</summary>
    /// <returns>What was declared, else what the inventory knows by its MAC address or name, else null.</returns>
    public static string? PciAddressOf(AttachedNode node, Uplink uplink) =>
        uplink.PciAddress ?? Find(node, uplink, device => device.PciAddress is not null)?.PciAddress;

    /// <summary>Whether a port is of the vendor whose DPDK driver works beside the kernel's.</summary>
    /// <returns>Null where no inventory tells.</returns>
    public static bool? IsMellanox(AttachedNode node, Uplink uplink) =>
        Find(node, uplink, device => device.Vendor.Length > 0) is { } device
            ? device.Vendor == PciVendors.Mellanox
            : null;

    /// <summary>The device of a port in the node's inventory.</summary>
    /// <param name="which">What else it must be: several devices may share a MAC address.</param>
    /// <returns>The device, or null.</returns>
    public static NetworkDevice? Find(AttachedNode node, Uplink uplink, Func<NetworkDevice, bool> which)
    {
        if (node.Inventory is not { } inventory)
            return null;
        var devices = inventory.Devices.Where(which).ToList();
        if (uplink.PciAddress is { } pci && devices.Find(device => device.PciAddress == pci) is { } there)
            return there;
        if (uplink.MacAddress is { } mac)
            return FindByMac(devices, mac);
        return uplink.PciAddress is null ? devices.Find(device => device.Name == uplink.Name) : null;
    }

    /// <summary>A port rather than a function that has the same MAC address.</summary>
    private static NetworkDevice? FindByMac(List<NetworkDevice> devices, string mac)
    {
        var fitting = devices.FindAll(device =>
            string.Equals(device.MacAddress, mac, StringComparison.OrdinalIgnoreCase)
        );
        return fitting.Find(device => device.PhysicalFunction is null) ?? fitting.FirstOrDefault();
    }
}
