using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Weft.Agent.Netlink;
using Weft.Attachments;

namespace Weft.Agent.Nodes;

/// <summary>Virtual functions and devices that a host has handed over: how many, set up by their port, given to their drivers.</summary>
internal sealed class DevicePlan(NodeState state, PlanSheet sheet, PortPlan ports)
{
    /// <summary>The PCI vendor whose DPDK driver works beside the kernel's: Mellanox, now NVIDIA.</summary>
    private const string WorksBesideTheKernel = "15b3";

    private const string NoMac = "00:00:00:00:00:00";

    /// <summary>Writes their part of the plan.</summary>
    public void Write(NodeConfiguration wanted)
    {
        foreach (var port in wanted.PhysicalFunctions)
            Port(wanted.Node, port);
        foreach (var device in wanted.Devices)
            Passed(device);
        foreach (var step in sheet.Unwanted.ToList())
            Leftover(step);
    }

    /// <summary>The MAC address of a function that nobody has given one: locally administered, and the same whenever it is asked for.</summary>
    /// <param name="port">What tells its port from the node's others.</param>
    public static string MacOf(string node, string port, int index)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"weft function\n{node}\n{port}\n{index}")));
        return string.Join(':', hash.Take(5).Prepend((byte)2).Select(b => b.ToString("x2", CultureInfo.InvariantCulture)));
    }

    private void Port(string node, PhysicalFunction wish)
    {
        var uplink = new Uplink(wish.Name, wish.MacAddress, wish.Mtu, null) { PciAddress = wish.PciAddress };
        var link = ports.Of(wish.Name) ?? (ports.Candidates(uplink, wish.Name) is [var only] ? only : null);
        if (link is null || (link.Device ?? wish.PciAddress) is not { } address || state.Devices.GetValueOrDefault(address) is not { } device)
        {
            Refuse(wish.Name, link is null ? $"{wish.Name}: the port isn't there, so it has no functions" : $"{wish.Name}: it isn't on a PCI bus, so it can have no virtual functions; take them off this uplink in Weft");
            return;
        }

        // With the node's own service in charge of interfaces, the port may still have another name.
        var name = ports.Of(wish.Name) is null ? link.Name : wish.Name;
        sheet.Keep($"autoprobe {device.Address}");
        sheet.Keep($"functions {device.Address}");
        if (!link.IsUp && ports.Of(wish.Name) is null)
            sheet.Devices.Add(sheet.Keep(new SetUp(name, true)));
        if (device.GreatestCount < wish.Count)
        {
            Refuse(name, $"{name}: {wish.Count} virtual functions are wanted, and it can have {device.GreatestCount}"
                + (device.GreatestCount == 0 ? "; turn SR-IOV on in the machine's firmware and on the card" : "; use fewer in Weft, or raise the card's number by its vendor's tool"));
            return;
        }

        if (device.AutoProbe == true && wish.Count > 0)
            sheet.Devices.Add(new SetAutoProbe(name, device.Address, false));
        var isNew = device.Functions.Length < wish.Count;
        if (isNew && device.Functions.Select((f, i) => (Device: state.Devices.GetValueOrDefault(f), Index: i)).FirstOrDefault(f => f.Device?.InUse is not null) is { Device: not null } used)
        {
            Refuse(name, $"{name}: it has {device.Functions.Length} virtual functions and {wish.Count} are wanted; that takes all of them away first, and function {used.Index} is in use ({used.Device.InUse}). Move the pods off this node, then it is done");
            return;
        }

        if (isNew)
            sheet.Devices.Add(new SetFunctionCount(name, device.Address, wish.Count, device.Functions.Length));
        foreach (var function in wish.Functions.OrderBy(f => f.Index))
            Function(node, name, wish, function, link, device, isNew);
    }

    private void Function(string node, string port, PhysicalFunction wish, VirtualFunction function, KernelLink link, PciDevice device, bool isNew)
    {
        var there = isNew ? null : state.Devices.GetValueOrDefault(device.Functions[function.Index]);
        var set = isNew ? null : link.Functions.FirstOrDefault(f => f.Index == function.Index);
        var what = new StepDevice($"function {function.Index} of {port}", device.Address, function.Index);
        var hard = new List<NodeStep>();
        var soft = new List<NodeStep>();
        if (set is null || set.MacAddress == NoMac)
            hard.Add(Side(FunctionSide.Mac, MacOf(node, wish.MacAddress ?? wish.PciAddress ?? wish.Name, function.Index), set?.MacAddress));
        if ((function.Vlan ?? 0) != (set?.Vlan ?? 0))
            hard.Add(Side(FunctionSide.Vlan, (function.Vlan ?? 0).ToString(CultureInfo.InvariantCulture), set?.Vlan.ToString(CultureInfo.InvariantCulture)));
        Switch(FunctionSide.SpoofCheck, function.SpoofCheck, set?.SpoofCheck);
        Switch(FunctionSide.Trust, function.Trust, set?.Trust);
        foreach (var side in Enum.GetValues<FunctionSide>())
            sheet.Keep($"function {port} {function.Index} {side}");

        var driver = Wanted(function.Driver, there ?? device);
        sheet.Keep(new BindDriver(what, driver, null));
        if (there?.InUse is { } pod)
        {
            // What the pod's plugin has set besides is the pod's; a VLAN or a driver of another network is not.
            if (hard.Count > 0 || !IsRight(driver, there.Driver))
                sheet.Findings.Add($"{what.Name}: {string.Join(", ", hard.Select(step => step.Does).Append(IsRight(driver, there.Driver) ? null : $"driver {Said(driver)} (has {there.Driver ?? "none"})").OfType<string>())} is wanted, but it is in use ({pod}); it is done once the pod is gone");
            return;
        }

        // A driver that is bound doesn't learn of another address or VLAN: it is taken off first.
        if (hard.Count > 0 && there?.Driver is { } bound)
            sheet.Devices.Add(new BindDriver(what, null, bound));
        sheet.Devices.AddRange([.. hard, .. soft]);
        var binds = !IsRight(driver, there?.Driver) || hard.Count > 0;
        if (binds && !MayBind(what.Name, driver, there ?? device))
            return;
        if (binds)
            sheet.Devices.Add(new BindDriver(what, driver, hard.Count > 0 ? null : there?.Driver));
        if (driver == BindDriver.Kernel && (binds || there?.Interfaces is [var name] && state.Link(name) is { } own && (own.Mtu != function.Mtu || !own.IsUp)))
            sheet.Devices.Add(new SetFunctionLink(what, function.Mtu));

        SetFunction Side(FunctionSide side, string value, string? was) => new(port, function.Index, side, value, was);

        void Switch(FunctionSide side, bool on, bool? was)
        {
            var step = Side(side, on ? "on" : "off", was is { } known ? known ? "on" : "off" : null);
            // A driver that doesn't say what it has is told once.
            if (was is null ? isNew || (sheet.Made.Of(step.Key) as SetFunction)?.Value != step.Value : was != on)
                soft.Add(step);
        }
    }

    private void Passed(PassedDevice wish)
    {
        var uplink = new Uplink(wish.Name, wish.MacAddress, wish.Mtu, null) { PciAddress = wish.PciAddress };
        var link = ports.Candidates(uplink, wish.Name) is [var only] ? only : null;
        var address = wish.PciAddress ?? link?.Device ?? sheet.Made.Steps.OfType<BindDriver>().FirstOrDefault(made => made.Device.Name == wish.Name && made.Device.Function is null)?.Device.Address;
        var device = address is null ? null : state.Devices.GetValueOrDefault(address);
        if (device is null && (wish.Driver == FunctionDriver.UserSpace || wish.PciAddress is not null))
        {
            Refuse(wish.Name, address is null
                ? $"{wish.Name}: its PCI address isn't known, so no user-space driver can be given to it; say the uplink's pciAddress in Weft"
                : $"{wish.Name}: there is no PCI device {address}; look at `lspci -D` on the node, and mend the uplink's pciAddress in Weft");
            return;
        }

        if (device is not null)
        {
            var driver = Wanted(wish.Driver, device);
            var step = sheet.Keep(new BindDriver(new StepDevice(wish.Name, device.Address, null), driver, device.Driver));
            if (!IsRight(driver, device.Driver))
            {
                if (device.InUse is { } holder)
                    sheet.Findings.Add($"{wish.Name}: driver {Said(driver)} is wanted (has {device.Driver ?? "none"}), but it is in use ({holder}); it is done once the pod is gone");
                else if (MayBind(wish.Name, driver, device))
                    sheet.Devices.AddRange(driver == BindDriver.Kernel ? [step, new SetFunctionLink(((BindDriver)step).Device, wish.Mtu)] : [step]);
                return;
            }
        }

        // Where it isn't in sight a pod has it, and sets it up itself.
        if (link is null || wish.Driver == FunctionDriver.UserSpace && device?.Vendor != WorksBesideTheKernel)
            return;
        sheet.Keep($"mtu {link.Name}");
        sheet.Keep($"up {link.Name}");
        if (link.Mtu != wish.Mtu)
            sheet.Devices.Add(new SetMtu(link.Name, wish.Mtu, link.Mtu));
        if (!link.IsUp)
            sheet.Devices.Add(new SetUp(link.Name, true));
    }

    private void Leftover(NodeStep step)
    {
        switch (step)
        {
            case SetFunctionCount count when state.Devices.GetValueOrDefault(count.Device) is { } device && device.Functions.Length == count.Count:
                if (device.Functions.Select(f => state.Devices.GetValueOrDefault(f)?.InUse).FirstOrDefault(use => use is not null) is { } pod)
                    sheet.Findings.Add($"{count.Port}: its virtual functions are no longer wanted, but one is in use ({pod}); they are taken away once the pod is gone");
                else
                    sheet.TakenAway.Add(step.Undo()!);
                break;
            case SetAutoProbe probe when state.Devices.GetValueOrDefault(probe.Device)?.AutoProbe == probe.On:
                sheet.TakenAway.Add(step.Undo()!);
                break;
            case BindDriver { Device.Function: null } bind when state.Devices.GetValueOrDefault(bind.Device.Address) is { InUse: null } device && IsRight(bind.Driver, device.Driver):
                sheet.TakenAway.Add(step.Undo()!);
                break;
            case BindDriver { Device.Function: null } bind when state.Devices.GetValueOrDefault(bind.Device.Address) is { InUse: { } holder }:
                sheet.Findings.Add($"{bind.Device.Name} is no longer wanted, but it is in use ({holder}); it is given back once the pod is gone");
                break;
            case SetFunctionCount or SetAutoProbe or SetFunction or BindDriver:
                // A function that nobody wants keeps what it has: no pool offers it, and it is set anew when one does.
                sheet.Forgotten.Add(step.Key!);
                break;
            default:
                break;
        }
    }

    private bool MayBind(string name, string driver, PciDevice device)
    {
        if (driver != BindDriver.UserSpace || device.HasIommuGroup)
            return true;
        sheet.Findings.Add($"{name}: {BindDriver.UserSpace} needs an IOMMU, and {device.Address} is in no IOMMU group; turn VT-d (AMD-Vi) on in the machine's firmware, and start the kernel with intel_iommu=on (amd_iommu=on) iommu=pt");
        return false;
    }

    private void Refuse(string name, string why)
    {
        sheet.Findings.Add(why);
        sheet.KeepAll(name);
        foreach (var step in sheet.Made.Steps.Where(step => step is SetFunction function && function.Port == name || step is BindDriver bind && bind.Device.Name.EndsWith($" of {name}", StringComparison.Ordinal)))
            sheet.Keep(step);
    }

    private static string Wanted(FunctionDriver driver, PciDevice device) =>
        driver == FunctionDriver.UserSpace && device.Vendor != WorksBesideTheKernel ? BindDriver.UserSpace : BindDriver.Kernel;

    private static bool IsRight(string? wanted, string? has) => wanted switch
    {
        null => has is null,
        BindDriver.Kernel => has is not (null or BindDriver.UserSpace or "uio_pci_generic" or "igb_uio"),
        _ => has == wanted,
    };

    private static string Said(string driver) => driver == BindDriver.Kernel ? "the kernel's" : driver;
}
