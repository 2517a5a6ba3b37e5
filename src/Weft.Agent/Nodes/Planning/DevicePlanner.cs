using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Weft.Agent.Linux.Netlink;
using Weft.Agent.Nodes.Operations;
using Weft.Attachments.DevicePools;
using Weft.Attachments.Nodes;

namespace Weft.Agent.Nodes.Planning;

/// <summary>
/// Virtual functions and devices that a host has handed over: how many, set up by their port, given to their drivers.
/// </summary>
internal sealed class DevicePlanner(ObservedNode observed, PlanBuilder plan, PortPlanner ports)
{
    private const string NoMac = "00:00:00:00:00:00";

    /// <summary>Writes their part of the plan.</summary>
    public void Plan(NodeConfiguration wanted)
    {
        foreach (var port in wanted.PhysicalFunctions)
            PlanPort(wanted.Node, port);
        foreach (var device in wanted.Devices)
            PlanPassedDevice(device);
        foreach (var operation in plan.Unretained.ToList())
            PlanLeftover(operation);
    }

    /// <summary>
    /// The MAC address of a function that nobody has given one: locally administered, and the same whenever it is asked
    /// for.
    /// </summary>
    /// <param name="port">What tells its port from the node's others.</param>
    public static string MacOf(string node, string port, int index)
    {
        var hash = SHA256.HashData(
            Encoding.UTF8.GetBytes(
                string.Create(CultureInfo.InvariantCulture, $"weft function\n{node}\n{port}\n{index}")
            )
        );
        return string.Join(
            ':',
            hash.Take(5).Prepend((byte)2).Select(b => b.ToString("x2", CultureInfo.InvariantCulture))
        );
    }

    private void PlanPort(string node, PhysicalFunction wish)
    {
        var uplink = new Uplink(wish.Name, wish.MacAddress, wish.Mtu, null) { PciAddress = wish.PciAddress };
        var link = ports.FindPort(wish.Name) ?? (ports.Candidates(uplink, wish.Name) is [var only] ? only : null);
        if (
            link is null
            || (link.Device ?? wish.PciAddress) is not { } address
            || observed.Devices.GetValueOrDefault(address) is not { } device
        )
        {
            RefusePort(
                wish.Name,
                link is null
                    ? $"{wish.Name}: the port isn't there, so it has no functions"
                    : $"{wish.Name}: it isn't on a PCI bus, so it can have no virtual functions; take them off this uplink in Weft"
            );
            return;
        }

        // With the node's own service in charge of interfaces, the port may still have another name.
        var name = ports.FindPort(wish.Name) is null ? link.Name : wish.Name;
        plan.Retain($"autoprobe {device.Address}");
        plan.Retain($"functions {device.Address}");
        if (!link.IsUp && ports.FindPort(wish.Name) is null)
            plan.Devices.Add(plan.Retain(new SetLinkUp(name, true)));
        if (device.MaxFunctions < wish.Count)
        {
            RefusePort(
                name,
                $"{name}: {wish.Count} virtual functions are wanted, and it can have {device.MaxFunctions}"
                    + (
                        device.MaxFunctions == 0
                            ? "; turn SR-IOV on in the machine's firmware and on the card"
                            : "; use fewer in Weft, or raise the card's number by its vendor's tool"
                    )
            );
            return;
        }

        if (device.AutoProbe == true && wish.Count > 0)
            plan.Devices.Add(new SetAutoProbe(name, device.Address, false));
        var isNew = device.Functions.Length < wish.Count;
        if (
            isNew
            && device
                .Functions.Select((f, i) => (Device: observed.Devices.GetValueOrDefault(f), Index: i))
                .FirstOrDefault(f => f.Device?.InUse is not null)
                is { Device: not null } used
        )
        {
            RefusePort(
                name,
                $"{name}: it has {device.Functions.Length} virtual functions and {wish.Count} are wanted; that takes all of them away first, and function {used.Index} is in use ({used.Device.InUse}). Move the pods off this node, then it is done"
            );
            return;
        }

        if (isNew)
            plan.Devices.Add(new SetFunctionCount(name, device.Address, wish.Count, device.Functions.Length));
        foreach (var function in wish.Functions.OrderBy(f => f.Index))
            PlanFunction(node, name, wish, function, link, device, isNew);
    }

    private void PlanFunction(
        string node,
        string port,
        PhysicalFunction wish,
        VirtualFunction function,
        KernelLink link,
        PciDevice device,
        bool isNew
    )
    {
        var there = isNew ? null : observed.Devices.GetValueOrDefault(device.Functions[function.Index]);
        var set = isNew ? null : link.Functions.FirstOrDefault(f => f.Index == function.Index);
        var what = new DeviceReference($"function {function.Index} of {port}", device.Address, function.Index);
        var hard = new List<NodeOperation>();
        var soft = new List<NodeOperation>();
        if (set is null || set.MacAddress == NoMac)
            hard.Add(
                Side(
                    FunctionSetting.Mac,
                    MacOf(node, wish.MacAddress ?? wish.PciAddress ?? wish.Name, function.Index),
                    set?.MacAddress
                )
            );
        if ((function.Vlan ?? 0) != (set?.Vlan ?? 0))
            hard.Add(
                Side(
                    FunctionSetting.Vlan,
                    (function.Vlan ?? 0).ToString(CultureInfo.InvariantCulture),
                    set?.Vlan.ToString(CultureInfo.InvariantCulture)
                )
            );
        Switch(FunctionSetting.SpoofCheck, function.SpoofCheck, set?.SpoofCheck);
        Switch(FunctionSetting.Trust, function.Trust, set?.Trust);
        foreach (var setting in Enum.GetValues<FunctionSetting>())
            plan.Retain($"function {port} {function.Index} {setting}");

        var driver = DesiredDriver(function.Driver, there ?? device);
        plan.Retain(new BindDriver(what, driver, null));
        if (there?.InUse is { } pod)
        {
            // What the pod's plugin has set besides is the pod's; a VLAN or a driver of another network is not.
            if (hard.Count > 0 || !IsDesiredDriver(driver, there.Driver))
                plan.Findings.Add(
                    $"{what.Name}: {string.Join(", ", hard.Select(operation => operation.Description).Append(IsDesiredDriver(driver, there.Driver) ? null : $"driver {DescribeDriver(driver)} (has {there.Driver ?? "none"})").OfType<string>())} is wanted, but it is in use ({pod}); it is done once the pod is gone"
                );
            return;
        }

        // A driver that is bound doesn't learn of another address or VLAN: it is taken off first.
        if (hard.Count > 0 && there?.Driver is { } bound)
            plan.Devices.Add(new BindDriver(what, null, bound));
        plan.Devices.AddRange([.. hard, .. soft]);
        var binds = !IsDesiredDriver(driver, there?.Driver) || hard.Count > 0;
        if (binds && !MayBind(what.Name, driver, there ?? device))
            return;
        if (binds)
            plan.Devices.Add(new BindDriver(what, driver, hard.Count > 0 ? null : there?.Driver));
        if (
            driver == BindDriver.Kernel
            && (
                binds
                || there?.Interfaces is [var name]
                    && observed.FindLink(name) is { } own
                    && (own.Mtu != function.Mtu || !own.IsUp)
            )
        )
            plan.Devices.Add(new SetFunctionLink(what, function.Mtu));

        SetFunctionSetting Side(FunctionSetting setting, string value, string? was) =>
            new(port, function.Index, setting, value, was);

        void Switch(FunctionSetting setting, bool on, bool? was)
        {
            var operation = Side(
                setting,
                on ? "on" : "off",
                was is { } known
                    ? known
                        ? "on"
                        : "off"
                    : null
            );
            // A driver that doesn't say what it has is told once.
            if (
                was is null
                    ? isNew || (plan.Owned.Find(operation.Key) as SetFunctionSetting)?.Value != operation.Value
                    : was != on
            )
                soft.Add(operation);
        }
    }

    private void PlanPassedDevice(PassthroughDevice wish)
    {
        var uplink = new Uplink(wish.Name, wish.MacAddress, wish.Mtu, null) { PciAddress = wish.PciAddress };
        var link = ports.Candidates(uplink, wish.Name) is [var only] ? only : null;
        var address =
            wish.PciAddress
            ?? link?.Device
            ?? plan.Owned.Steps.OfType<BindDriver>()
                .FirstOrDefault(made => made.Device.Name == wish.Name && made.Device.Function is null)
                ?.Device.Address;
        var device = address is null ? null : observed.Devices.GetValueOrDefault(address);
        if (device is null && (wish.Driver == FunctionDriver.UserSpace || wish.PciAddress is not null))
        {
            RefusePort(
                wish.Name,
                address is null
                    ? $"{wish.Name}: its PCI address isn't known, so no user-space driver can be given to it; say the uplink's pciAddress in Weft"
                    : $"{wish.Name}: there is no PCI device {address}; look at `lspci -D` on the node, and mend the uplink's pciAddress in Weft"
            );
            return;
        }

        if (device is not null)
        {
            var driver = DesiredDriver(wish.Driver, device);
            var operation = plan.Retain(
                new BindDriver(new DeviceReference(wish.Name, device.Address, null), driver, device.Driver)
            );
            if (!IsDesiredDriver(driver, device.Driver))
            {
                if (device.InUse is { } holder)
                    plan.Findings.Add(
                        $"{wish.Name}: driver {DescribeDriver(driver)} is wanted (has {device.Driver ?? "none"}), but it is in use ({holder}); it is done once the pod is gone"
                    );
                else if (MayBind(wish.Name, driver, device))
                    plan.Devices.AddRange(
                        driver == BindDriver.Kernel
                            ? [operation, new SetFunctionLink(((BindDriver)operation).Device, wish.Mtu)]
                            : [operation]
                    );
                return;
            }
        }

        // Where it isn't in sight a pod has it, and sets it up itself.
        if (link is null || wish.Driver == FunctionDriver.UserSpace && device?.Vendor != PciVendors.Mellanox)
            return;
        plan.Retain($"mtu {link.Name}");
        plan.Retain($"up {link.Name}");
        if (link.Mtu != wish.Mtu)
            plan.Devices.Add(new SetMtu(link.Name, wish.Mtu, link.Mtu));
        if (!link.IsUp)
            plan.Devices.Add(new SetLinkUp(link.Name, true));
    }

    private void PlanLeftover(NodeOperation operation)
    {
        switch (operation)
        {
            case SetFunctionCount count
                when observed.Devices.GetValueOrDefault(count.Device) is { } device
                    && device.Functions.Length == count.Count:
                if (
                    device
                        .Functions.Select(f => observed.Devices.GetValueOrDefault(f)?.InUse)
                        .FirstOrDefault(use => use is not null) is
                    { } pod
                )
                    plan.Findings.Add(
                        $"{count.Port}: its virtual functions are no longer wanted, but one is in use ({pod}); they are taken away once the pod is gone"
                    );
                else
                    plan.Removals.Add(operation.Undo()!);
                break;
            case SetAutoProbe probe when observed.Devices.GetValueOrDefault(probe.Device)?.AutoProbe == probe.On:
                plan.Removals.Add(operation.Undo()!);
                break;
            case BindDriver { Device.Function: null } bind
                when observed.Devices.GetValueOrDefault(bind.Device.Address) is { InUse: null } device
                    && IsDesiredDriver(bind.Driver, device.Driver):
                plan.Removals.Add(operation.Undo()!);
                break;
            case BindDriver { Device.Function: null } bind
                when observed.Devices.GetValueOrDefault(bind.Device.Address) is { InUse: { } holder }:
                plan.Findings.Add(
                    $"{bind.Device.Name} is no longer wanted, but it is in use ({holder}); it is given back once the pod is gone"
                );
                break;
            case SetFunctionCount or SetAutoProbe or SetFunctionSetting or BindDriver:
                // A function that nobody wants keeps what it has: no pool offers it, and it is set anew when one does.
                plan.Forgotten.Add(operation.Key!);
                break;
            default:
                break;
        }
    }

    private bool MayBind(string name, string driver, PciDevice device)
    {
        if (driver != BindDriver.UserSpace || device.HasIommuGroup)
            return true;
        plan.Findings.Add(
            $"{name}: {BindDriver.UserSpace} needs an IOMMU, and {device.Address} is in no IOMMU group; turn VT-d (AMD-Vi) on in the machine's firmware, and start the kernel with intel_iommu=on (amd_iommu=on) iommu=pt"
        );
        return false;
    }

    private void RefusePort(string name, string why)
    {
        plan.Findings.Add(why);
        plan.RetainAll(name);
        foreach (
            var operation in plan.Owned.Steps.Where(operation =>
                operation is SetFunctionSetting function && function.Port == name
                || operation is BindDriver bind && bind.Device.Name.EndsWith($" of {name}", StringComparison.Ordinal)
            )
        )
            plan.Retain(operation);
    }

    private static string DesiredDriver(FunctionDriver driver, PciDevice device) =>
        driver == FunctionDriver.UserSpace && device.Vendor != PciVendors.Mellanox
            ? BindDriver.UserSpace
            : BindDriver.Kernel;

    private static bool IsDesiredDriver(string? wanted, string? has) =>
        wanted switch
        {
            null => has is null,
            BindDriver.Kernel => has is not null && !DeviceDrivers.IsUserSpace(has),
            _ => has == wanted,
        };

    private static string DescribeDriver(string driver) => driver == BindDriver.Kernel ? "the kernel's" : driver;
}
