using Weft.Agent.Nodes.Operations;
using Weft.Attachments.DevicePools;
using Weft.Attachments.Nodes;

namespace Weft.Agent.Nodes.Planning;

/// <summary>
/// Which driver a device is to have: the one place of a plan that asks who made a card. A family of cards whose DPDK
/// driver wants something else is added here.
/// </summary>
internal static class DriverBinding
{
    /// <summary>The driver of a device that is to be a network interface or a user-space driver's.</summary>
    public static string Desired(FunctionDriver driver, PciDevice device) =>
        IsHiddenFromKernel(driver, device.Vendor) ? BindDriver.UserSpace : BindDriver.Kernel;

    /// <summary>Whether a device is no network interface once it has its driver.</summary>
    /// <param name="vendor">Its PCI vendor; null where it isn't known.</param>
    public static bool IsHiddenFromKernel(FunctionDriver driver, string? vendor) =>
        driver == FunctionDriver.UserSpace && vendor != PciVendors.Mellanox;

    /// <summary>Whether the driver that a device has is the one it is to have; any of the kernel's own will do.</summary>
    /// <param name="desired">Null for none.</param>
    /// <param name="actual">Null for none.</param>
    public static bool IsBound(string? desired, string? actual) =>
        desired switch
        {
            null => actual is null,
            BindDriver.Kernel => actual is not null && !DeviceDrivers.IsUserSpace(actual),
            _ => actual == desired,
        };

    /// <summary>A driver as a finding says it.</summary>
    public static string Describe(string driver) => driver == BindDriver.Kernel ? "the kernel's" : driver;

    /// <summary>Why a device can't be given its driver.</summary>
    /// <param name="name">The device, as findings name it.</param>
    /// <returns>A finding, or null where nothing is in the way.</returns>
    public static string? ReasonNotBindable(string name, string driver, PciDevice device) =>
        driver != BindDriver.UserSpace || device.HasIommuGroup
            ? null
            : $"{name}: {BindDriver.UserSpace} needs an IOMMU, and {device.Address} is in no IOMMU group; "
                + "turn VT-d (AMD-Vi) on in the machine's firmware, "
                + "and start the kernel with intel_iommu=on (amd_iommu=on) iommu=pt";
}
