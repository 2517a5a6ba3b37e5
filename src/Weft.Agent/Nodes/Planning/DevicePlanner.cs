using Weft.Agent.Linux.Netlink;
using Weft.Agent.Nodes.Operations;
using Weft.Attachments.Nodes;

namespace Weft.Agent.Nodes.Planning;

/// <summary>
/// Virtual functions and devices that a host has handed over: how many, set up by their port, given to their drivers.
/// </summary>
internal sealed class DevicePlanner(ObservedNode observed, PlanBuilder plan, PortPlanner ports)
{
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

    private void PlanPort(string node, PhysicalFunction desired)
    {
        var isPlanned = ports.FindPort(desired.Name) is not null;
        if (FindPort(node, desired) is not { } port)
            return;
        var device = port.Device;
        plan.Retain($"autoprobe {device.Address}");
        plan.Retain($"functions {device.Address}");
        if (!port.Link.IsUp && !isPlanned)
            plan.Devices.Add(plan.Retain(new SetLinkUp(port.Name, true)));
        if (ReasonTooFew(port) is { } tooFew)
        {
            RefusePort(port.Name, tooFew);
            return;
        }

        if (device.AutoProbe == true && desired.Count > 0)
            plan.Devices.Add(new SetAutoProbe(port.Name, device.Address, false));
        if (ReasonNotToRecreate(port) is { } inUse)
        {
            RefusePort(port.Name, inUse);
            return;
        }

        if (port.IsRecreated)
            plan.Devices.Add(new SetFunctionCount(port.Name, device.Address, desired.Count, device.Functions.Length));
        var functions = new FunctionPlanner(observed, plan, port);
        foreach (var function in desired.Functions.OrderBy(f => f.Index))
            functions.Plan(function);
    }

    private FunctionPort? FindPort(string node, PhysicalFunction desired)
    {
        var planned = ports.FindPort(desired.Name);
        var link = planned ?? FindLink(NodeLayout.PortOf(desired));
        var address = link is null ? null : link.Device ?? desired.PciAddress;
        // With the node's own service in charge of interfaces, the port may still have another name.
        if (link is not null && FindDevice(address) is { } device)
            return new FunctionPort(node, planned is null ? link.Name : desired.Name, desired, link, device);
        RefusePort(
            desired.Name,
            link is null
                ? $"{desired.Name}: the port isn't there, so it has no functions"
                : $"{desired.Name}: it isn't on a PCI bus, so it can have no virtual functions; "
                    + "take them off this uplink in Weft"
        );
        return null;
    }

    private static string? ReasonTooFew(FunctionPort port)
    {
        var (most, wanted) = (port.Device.MaxFunctions, port.Desired.Count);
        if (most >= wanted)
            return null;
        var next =
            most == 0
                ? "turn SR-IOV on in the machine's firmware and on the card"
                : "use fewer in Weft, or raise the card's number by its vendor's tool";
        return $"{port.Name}: {wanted} virtual functions are wanted, and it can have {most}; {next}";
    }

    private string? ReasonNotToRecreate(FunctionPort port)
    {
        if (!port.IsRecreated)
            return null;
        var functions = port.Device.Functions;
        var used = functions.FirstOrDefault(function => FindDevice(function)?.InUse is not null);
        return used is null
            ? null
            : $"{port.Name}: it has {functions.Length} virtual functions and {port.Desired.Count} are wanted; "
                + $"that takes all of them away first, and function {functions.IndexOf(used)} is in use "
                + $"({FindDevice(used)!.InUse}). Move the pods off this node, then it is done";
    }

    private void PlanPassedDevice(PassthroughDevice desired)
    {
        var uplink = new Uplink(desired.Name, desired.MacAddress, desired.Mtu, null)
        {
            PciAddress = desired.PciAddress,
        };
        var link = FindLink(new NodeLink(desired.Name, uplink, null, desired.Mtu, [], [], ""));
        var address = desired.PciAddress ?? link?.Device ?? AddressBoundEarlier(desired.Name);
        var device = FindDevice(address);
        var needsDevice = desired.Driver == FunctionDriver.UserSpace || desired.PciAddress is not null;
        if (device is null && needsDevice)
            RefusePort(desired.Name, ReasonNoDevice(desired.Name, address));
        else if (device is not null && !HasDriver(desired, device))
            PlanDriver(desired, device);
        else if (link is not null && !DriverBinding.IsHiddenFromKernel(desired.Driver, device?.Vendor))
            PlanLink(link, desired.Mtu);
    }

    private string? AddressBoundEarlier(string name) =>
        plan
            .Owned.Steps.OfType<BindDriver>()
            .FirstOrDefault(made => made.Device.Name == name && made.Device.Function is null)
            ?.Device.Address;

    private static string ReasonNoDevice(string name, string? address) =>
        address is null
            ? $"{name}: its PCI address isn't known, so no user-space driver can be given to it; "
                + "say the uplink's pciAddress in Weft"
            : $"{name}: there is no PCI device {address}; "
                + "look at `lspci -D` on the node, and mend the uplink's pciAddress in Weft";

    private bool HasDriver(PassthroughDevice desired, PciDevice device)
    {
        var driver = DriverBinding.Desired(desired.Driver, device);
        plan.Retain(new BindDriver(new DeviceReference(desired.Name, device.Address, null), driver, device.Driver));
        return DriverBinding.IsBound(driver, device.Driver);
    }

    private void PlanDriver(PassthroughDevice desired, PciDevice device)
    {
        var driver = DriverBinding.Desired(desired.Driver, device);
        var reference = new DeviceReference(desired.Name, device.Address, null);
        if (device.InUse is { } holder)
        {
            plan.Findings.Add(
                $"{desired.Name}: driver {DriverBinding.Describe(driver)} is wanted (has {device.Driver ?? "none"}), "
                    + $"but it is in use ({holder}); it is done once the pod is gone"
            );
            return;
        }

        if (DriverBinding.ReasonNotBindable(desired.Name, driver, device) is { } reason)
        {
            plan.Findings.Add(reason);
            return;
        }

        plan.Devices.Add(new BindDriver(reference, driver, device.Driver));
        if (driver == BindDriver.Kernel)
            plan.Devices.Add(new SetFunctionLink(reference, desired.Mtu));
    }

    /// <summary>Sets up a device that is in sight. Where it isn't a pod has it, and sets it up itself.</summary>
    private void PlanLink(KernelLink link, int mtu)
    {
        plan.Retain($"mtu {link.Name}");
        plan.Retain($"up {link.Name}");
        if (link.Mtu != mtu)
            plan.Devices.Add(new SetMtu(link.Name, mtu, link.Mtu));
        if (!link.IsUp)
            plan.Devices.Add(new SetLinkUp(link.Name, true));
    }

    private void PlanLeftover(NodeOperation operation)
    {
        switch (operation)
        {
            case SetFunctionCount count when FindDevice(count.Device)?.Functions.Length == count.Count:
                RemoveFunctions(count);
                break;
            case SetAutoProbe probe when FindDevice(probe.Device)?.AutoProbe == probe.On:
                plan.Removals.Add(probe.Undo());
                break;
            case BindDriver { Device.Function: null } bind
                when FindDevice(bind.Device.Address) is { InUse: null } device
                    && DriverBinding.IsBound(bind.Driver, device.Driver):
                plan.Removals.Add(bind.Undo());
                break;
            case BindDriver { Device.Function: null } bind
                when FindDevice(bind.Device.Address) is { InUse: { } holder }:
                plan.Findings.Add(
                    $"{bind.Device.Name} is no longer wanted, but it is in use ({holder}); "
                        + "it is given back once the pod is gone"
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

    private void RemoveFunctions(SetFunctionCount count)
    {
        var functions = FindDevice(count.Device)!.Functions;
        if (functions.Select(f => FindDevice(f)?.InUse).FirstOrDefault(use => use is not null) is { } pod)
            plan.Findings.Add(
                $"{count.Port}: its virtual functions are no longer wanted, but one is in use ({pod}); "
                    + "they are taken away once the pod is gone"
            );
        else
            plan.Removals.Add(count.Undo());
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

    /// <summary>The one interface that a port or device can be; null where there is none, or more than one.</summary>
    private KernelLink? FindLink(NodeLink desired) =>
        ports.Candidates(desired.Uplink, desired.Name) is [var only] ? only : null;

    private PciDevice? FindDevice(string? address) =>
        address is null ? null : observed.Devices.GetValueOrDefault(address);
}
