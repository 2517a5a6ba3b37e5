using System.Collections.Immutable;
using System.Globalization;
using Weft.Addressing;
using Weft.Agent.Linux.Netlink;
using Weft.Agent.Nodes.Operations;
using Weft.Attachments.Nodes;

namespace Weft.Agent.Nodes.Planning;

/// <summary>A port with virtual functions, as it is and as it should be.</summary>
/// <param name="Name">The name it has by the time its functions are set up.</param>
internal sealed record FunctionPort(
    string Node,
    string Name,
    PhysicalFunction Desired,
    KernelLink Link,
    PciDevice Device
)
{
    /// <summary>Whether its functions are made anew: their number can only be changed from none.</summary>
    public bool IsRecreated => Device.Functions.Length < Desired.Count;
}

/// <summary>Virtual functions of one port: set up by their port, given to their drivers.</summary>
internal sealed class FunctionPlanner(ObservedNode observed, PlanBuilder plan, FunctionPort port)
{
    private static readonly string NoMac = default(MacAddress).ToString();

    /// <summary>
    /// The MAC address of a function that nobody has given one: locally administered, and the same whenever it is asked
    /// for.
    /// </summary>
    /// <param name="port">What tells its port from the node's others.</param>
    public static string MacOf(string node, string port, int index) =>
        MacAddress
            .FromSeed(string.Create(CultureInfo.InvariantCulture, $"weft function\n{node}\n{port}\n{index}"))
            .ToString();

    /// <summary>Writes a function's part of the plan.</summary>
    public void Plan(VirtualFunction function)
    {
        var actual = port.IsRecreated
            ? null
            : observed.Devices.GetValueOrDefault(port.Device.Functions[function.Index]);
        var driver = DriverBinding.Desired(function.Driver, actual ?? port.Device);
        var change = new FunctionChange(
            function,
            new DeviceReference($"function {function.Index} of {port.Name}", port.Device.Address, function.Index),
            actual,
            driver,
            IdentityOf(function),
            SwitchesOf(function)
        );
        foreach (var setting in Enum.GetValues<FunctionSetting>())
            plan.Retain($"function {port.Name} {function.Index} {setting}");
        plan.Retain(new BindDriver(change.Device, driver, null));
        if (actual?.InUse is { } pod)
            RefuseInUse(change, pod);
        else
            Apply(change);
    }

    /// <summary>What a driver learns when it is bound: the function's MAC address and VLAN.</summary>
    private ImmutableArray<NodeOperation> IdentityOf(VirtualFunction function)
    {
        var settings = ImmutableArray.CreateBuilder<NodeOperation>();
        var actual = SettingsOf(function.Index);
        if (actual is null || actual.MacAddress == NoMac)
        {
            var portKey = port.Desired.MacAddress ?? port.Desired.PciAddress ?? port.Desired.Name;
            var mac = MacOf(port.Node, portKey, function.Index);
            settings.Add(Set(function, FunctionSetting.Mac, mac, actual?.MacAddress));
        }

        var vlan = function.Vlan ?? 0;
        if (vlan != (actual?.Vlan ?? 0))
            settings.Add(
                Set(function, FunctionSetting.Vlan, TextOf(vlan), actual is null ? null : TextOf(actual.Vlan))
            );
        return settings.ToImmutable();
    }

    /// <summary>What a card changes under a driver that is bound.</summary>
    private ImmutableArray<NodeOperation> SwitchesOf(VirtualFunction function)
    {
        var actual = SettingsOf(function.Index);
        return
        [
            .. SwitchOf(function, FunctionSetting.SpoofCheck, function.SpoofCheck, actual?.SpoofCheck),
            .. SwitchOf(function, FunctionSetting.Trust, function.Trust, actual?.Trust),
        ];
    }

    private ImmutableArray<NodeOperation> SwitchOf(
        VirtualFunction function,
        FunctionSetting setting,
        bool on,
        bool? was
    )
    {
        var operation = Set(function, setting, TextOf(on), was is { } known ? TextOf(known) : null);
        // A driver that doesn't say what it has is told once.
        var isTold =
            !port.IsRecreated && (plan.Owned.Find(operation.Key) as SetFunctionSetting)?.Value == operation.Value;
        var isSet = was is null ? isTold : was == on;
        return isSet ? [] : [operation];
    }

    /// <summary>What the pod's plugin has set besides is the pod's; a VLAN or a driver of another network is not.</summary>
    private void RefuseInUse(FunctionChange change, string pod)
    {
        var wishes = change.Identity.Select(operation => operation.Description);
        if (!change.HasDriver)
            wishes = wishes.Append(
                $"driver {DriverBinding.Describe(change.Driver)} (has {change.Actual?.Driver ?? "none"})"
            );
        var wanted = string.Join(", ", wishes);
        if (wanted.Length > 0)
            plan.Findings.Add(
                $"{change.Device.Name}: {wanted} is wanted, but it is in use ({pod}); it is done once the pod is gone"
            );
    }

    private void Apply(FunctionChange change)
    {
        var bound = change.Actual?.Driver;
        var hasNewIdentity = !change.Identity.IsEmpty;
        // A driver that is bound doesn't learn of another address or VLAN: it is taken off first.
        if (hasNewIdentity && bound is not null)
            plan.Devices.Add(new BindDriver(change.Device, null, bound));
        plan.Devices.AddRange([.. change.Identity, .. change.Switches]);
        var binds = !change.HasDriver || hasNewIdentity;
        if (
            binds
            && DriverBinding.ReasonNotBindable(change.Device.Name, change.Driver, change.Actual ?? port.Device)
                is { } reason
        )
        {
            plan.Findings.Add(reason);
            return;
        }

        if (binds)
            plan.Devices.Add(new BindDriver(change.Device, change.Driver, hasNewIdentity ? null : bound));
        if (change.Driver == BindDriver.Kernel && (binds || IsLinkDifferent(change)))
            plan.Devices.Add(new SetFunctionLink(change.Device, change.Function.Mtu));
    }

    private bool IsLinkDifferent(FunctionChange change) =>
        change.Actual?.Interfaces is [var name]
        && observed.FindLink(name) is { } link
        && (link.Mtu != change.Function.Mtu || !link.IsUp);

    /// <summary>What the port says of a function; null where it has yet to be made.</summary>
    private KernelFunction? SettingsOf(int index) =>
        port.IsRecreated ? null : port.Link.Functions.FirstOrDefault(f => f.Index == index);

    private SetFunctionSetting Set(VirtualFunction function, FunctionSetting setting, string value, string? was) =>
        new(port.Name, function.Index, setting, value, was);

    private static string TextOf(bool on) => on ? "on" : "off";

    private static string TextOf(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>What differs of one function.</summary>
    /// <param name="Actual">The function as it is; null where it has yet to be made.</param>
    private sealed record FunctionChange(
        VirtualFunction Function,
        DeviceReference Device,
        PciDevice? Actual,
        string Driver,
        ImmutableArray<NodeOperation> Identity,
        ImmutableArray<NodeOperation> Switches
    )
    {
        public bool HasDriver => DriverBinding.IsBound(Driver, Actual?.Driver);
    }
}
