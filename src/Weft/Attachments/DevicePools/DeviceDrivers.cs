using System.Collections.Immutable;

namespace Weft.Attachments.DevicePools;

/// <summary>Vendors of PCI devices by their ids.</summary>
internal static class PciVendors
{
    /// <summary>The vendor whose DPDK driver works beside the kernel's: Mellanox, now NVIDIA.</summary>
    public const string Mellanox = "15b3";
}

/// <summary>Linux drivers of network devices: what they are called, and what follows from which one has a device.</summary>
internal static class DeviceDrivers
{
    /// <summary>The driver of devices that a user-space program gets whole.</summary>
    public const string Vfio = "vfio-pci";

    /// <summary>The kernel's driver of <see cref="PciVendors.Mellanox"/>'s cards, beside which DPDK's works.</summary>
    public const string Mlx5 = "mlx5_core";

    /// <summary>The driver of Hyper-V's devices, which are on no PCI bus: the device plugin can't see them.</summary>
    public const string HyperV = "hv_netvsc";

    /// <summary>
    /// The driver of virtio devices. Their interfaces are a step further down than where the device plugin looks for
    /// them, so that it sees none.
    /// </summary>
    public const string Virtio = "virtio-pci";

    /// <summary>Stands for a driver of which only is known that it is the kernel's.</summary>
    public const string AnyOfKernel = "kernel";

    private const string Ice = "ice";
    private const string I40e = "i40e";
    private const string Iavf = "iavf";

    private static readonly ImmutableHashSet<string> UserSpace = [Vfio, "uio_pci_generic", "igb_uio"];

    private static readonly ImmutableDictionary<string, string> DriversOfFunctions = new Dictionary<string, string>
    {
        [I40e] = Iavf,
        [Ice] = Iavf,
        ["ixgbe"] = "ixgbevf",
        ["igb"] = "igbvf",
        ["bnxt_en"] = "bnxt_en",
        [Mlx5] = Mlx5,
        ["mlx4_core"] = "mlx4_core",
    }.ToImmutableDictionary(StringComparer.Ordinal);

    /// <summary>Whether a driver hands its device to a program, so that it is no interface of the kernel.</summary>
    /// <param name="driver">The driver's name, or null for none.</param>
    public static bool IsUserSpace(string? driver) => driver is not null && UserSpace.Contains(driver);

    /// <summary>What the driver of a port's virtual functions is called, where none of them has shown it yet.</summary>
    /// <param name="port">The port's driver, or null.</param>
    public static string FunctionDriverOf(string? port) =>
        DriversOfFunctions.GetValueOrDefault(port ?? "", AnyOfKernel);

    /// <summary>How many VLANs a port's driver lets a function have that it doesn't trust.</summary>
    /// <returns>The number, or null where it isn't known or there is no limit.</returns>
    /// <remarks>Source: ICE_MAX_VLAN_PER_VF and I40E_VC_MAX_VLAN_PER_VF in the kernel.</remarks>
    public static int? UntrustedVlanLimitOf(string? port) =>
        port switch
        {
            Ice => 8,
            I40e => 16,
            _ => null,
        };
}
