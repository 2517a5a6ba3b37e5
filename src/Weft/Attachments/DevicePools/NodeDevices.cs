using Weft.Attachments.Nodes;

namespace Weft.Attachments.DevicePools;

/// <summary>Finds the devices that a node's declaration speaks of in its inventory.</summary>
internal static class NodeDevices
{
    /// <summary>The device that an uplink is.</summary>
    /// <param name="interfaceName">What the uplink is called once it is set up, or null where it keeps its
    /// name.</param>
    /// <returns>The device, or null where none fits.</returns>
    public static NetworkDevice? Find(NodeInventory inventory, Uplink uplink, string? interfaceName = null)
    {
        return Find(inventory, uplink.Name, uplink.MacAddress, uplink.PciAddress)
            ?? (interfaceName is null || uplink.PciAddress is not null ? null : FindByName(inventory, interfaceName));
    }

    /// <summary>
    /// The device of an address or name. The PCI address counts before all, then the MAC address; the name only where
    /// neither is said, since it is what changes. A VLAN or bond has the MAC address of the port below it, so the port
    /// is meant; a Hyper-V port has it twice, and the one that isn't passed through is the one to configure.
    /// </summary>
    /// <param name="macAddress">Its MAC address, or null.</param>
    /// <param name="pciAddress">Its PCI address, or null.</param>
    /// <returns>The device, or null.</returns>
    public static NetworkDevice? Find(NodeInventory inventory, string name, string? macAddress, string? pciAddress)
    {
        if (pciAddress is not null)
            return inventory.Devices.FirstOrDefault(d => d.PciAddress == pciAddress);
        if (macAddress is null)
            return FindByName(inventory, name);
        var fitting = inventory.Devices.Where(d => d.MacAddress == macAddress).ToList();
        return fitting.Find(d => d.Name == name)
            ?? fitting.Find(d => d.Driver == DeviceDrivers.HyperV)
            ?? fitting.Find(d => d.Kind.Length == 0)
            ?? (fitting.Count > 0 ? fitting[0] : null);
    }

    private static NetworkDevice? FindByName(NodeInventory inventory, string name) =>
        inventory.Devices.FirstOrDefault(d => d.Name == name);
}
