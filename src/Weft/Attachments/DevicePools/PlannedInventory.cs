using Weft.Attachments.Nodes;

namespace Weft.Attachments.DevicePools;

/// <summary>
/// A node's inventory as it will be once the agent has applied a configuration: the functions are made, and every
/// device has the driver it is meant to have. Pools are matched against this, since right after functions are declared
/// there are none yet.
/// </summary>
internal static class PlannedInventory
{
    /// <summary>The inventory after a configuration was applied.</summary>
    /// <returns>
    /// What it will have. A function that isn't there yet has no PCI address before it is made; it stands under that of
    /// its port with its index behind it (<c>0000:3b:00.0#5</c>).
    /// </returns>
    public static NodeInventory Create(NodeInventory inventory, NodeConfiguration configuration)
    {
        var devices = inventory.Devices.ToList();
        foreach (var port in configuration.PhysicalFunctions)
        {
            if (
                NodeDevices.Find(inventory, port.Name, port.MacAddress, port.PciAddress) is
                { PciAddress: not null } device
            )
                AddFunctions(devices, device, port);
        }

        foreach (var passthrough in configuration.Devices)
        {
            if (
                NodeDevices.Find(inventory, passthrough.Name, passthrough.MacAddress, passthrough.PciAddress) is
                { } device
            )
                devices[devices.IndexOf(device)] = WithDriver(device, passthrough.Driver, DeviceDrivers.AnyOfKernel);
        }

        return inventory with
        {
            Devices = [.. devices],
        };
    }

    private static void AddFunctions(List<NetworkDevice> devices, NetworkDevice port, PhysicalFunction desired)
    {
        // A port that is found by its MAC address is given the declared name.
        var planned = port with
        {
            Name = desired.MacAddress is null ? port.Name : desired.Name,
            Functions = Math.Max(port.Functions, Math.Min(desired.Count, port.TotalFunctions)),
        };
        devices[devices.IndexOf(port)] = planned;
        var driver = FunctionDriverOf(devices, port);
        for (var index = 0; index < planned.Functions; index++)
        {
            var declared = desired.Functions.FirstOrDefault(f => f.Index == index);
            var at = devices.FindIndex(d => d.PhysicalFunction == port.PciAddress && d.FunctionIndex == index);
            var function = at >= 0 ? devices[at] : PlannedFunction(port, index, driver);
            function = declared is null ? function : WithDriver(function, declared.Driver, driver);
            if (at >= 0)
                devices[at] = function;
            else
                devices.Add(function);
        }
    }

    /// <summary>The kernel's driver of a port's functions.</summary>
    private static string FunctionDriverOf(List<NetworkDevice> devices, NetworkDevice port) =>
        devices
            .Where(device => device.PhysicalFunction == port.PciAddress)
            .Select(device => device.Driver)
            .OfType<string>()
            .FirstOrDefault(driver => !DeviceDrivers.IsUserSpace(driver))
        ?? DeviceDrivers.FunctionDriverOf(port.Driver);

    private static NetworkDevice PlannedFunction(NetworkDevice port, int index, string driver) =>
        new(null, $"{port.PciAddress}#{index}", port.Vendor, "", driver, null, 0, false, port.Numa)
        {
            PhysicalFunction = port.PciAddress,
            FunctionIndex = index,
            IsRdma = port.IsRdma,
        };

    private static NetworkDevice WithDriver(NetworkDevice device, FunctionDriver desired, string kernel) =>
        desired switch
        {
            FunctionDriver.UserSpace when device.Vendor != PciVendors.Mellanox && device.PciAddress is not null =>
                device with
                {
                    Driver = DeviceDrivers.Vfio,
                    Name = null,
                    LinkType = "",
                    IsRdma = false,
                },
            FunctionDriver.Kernel when device.Driver is null || DeviceDrivers.IsUserSpace(device.Driver) => device with
            {
                Driver = kernel,
            },
            _ => device,
        };
}
