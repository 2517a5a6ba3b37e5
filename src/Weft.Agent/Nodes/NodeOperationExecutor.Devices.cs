using System.Diagnostics;
using System.Text;
using Weft.Agent.Linux;
using Weft.Agent.Nodes.Operations;
using Weft.Agent.Nodes.Planning;
using Weft.Files;

namespace Weft.Agent.Nodes;

/// <summary>The operations that go through the kernel's files, and those of the node's own network service.</summary>
internal sealed partial class NodeOperationExecutor
{
    private const string Pci = "/sys/bus/pci";

    // A driver's interface may be made a moment after the driver was bound.
    private static readonly TimeSpan InterfaceWait = TimeSpan.FromSeconds(3);

    private void ExecuteDevice(NodeOperation operation)
    {
        switch (operation)
        {
            case SetAutoProbe probe:
                sysfs.Write($"{Pci}/devices/{probe.Device}/sriov_drivers_autoprobe", probe.On ? "1" : "0");
                break;
            case SetFunctionCount count:
                SetCount(count);
                break;
            case SetFunctionSetting function:
                Set(function);
                break;
            case BindDriver bind:
                Bind(bind);
                break;
            case SetFunctionLink link:
                SetLink(link);
                break;
            default:
                throw new InvalidOperationException($"nobody does {operation.GetType().Name}");
        }
    }

    private void SetCount(SetFunctionCount operation)
    {
        var file = $"{Pci}/devices/{operation.Device}/sriov_numvfs";
        var has = sysfs.ReadNumber(file);
        if (has == operation.Count)
            return;
        // From one number to another there is no way but over none.
        if (operation.Count != 0 && has is not 0)
            sysfs.Write(file, "0");
        sysfs.Write(file, FormatNumber(operation.Count));
        _links = null;
    }

    private void Set(SetFunctionSetting operation)
    {
        var port = Index(operation.Port);
        switch (operation.Side)
        {
            case FunctionSetting.Mac:
                kernel.SetFunctionMac(port, operation.Index, operation.Value);
                break;
            case FunctionSetting.Vlan:
                kernel.SetFunctionVlan(
                    port,
                    operation.Index,
                    int.Parse(operation.Value, System.Globalization.CultureInfo.InvariantCulture)
                );
                break;
            case FunctionSetting.Trust:
                kernel.SetFunctionTrust(port, operation.Index, operation.Value == "on");
                break;
            default:
                kernel.SetFunctionSpoofCheck(port, operation.Index, operation.Value == "on");
                break;
        }
    }

    private void Bind(BindDriver operation)
    {
        var address = AddressOf(operation.Device);
        var device = $"{Pci}/devices/{address}";
        var has = sysfs.ReadLinkName($"{device}/driver");
        // Asked before the driver that it has is taken away: else it would be left with none.
        if (operation.Driver is { Length: > 0 } wanted && !sysfs.Exists($"{Pci}/drivers/{wanted}"))
            CheckModule(wanted);
        if (has is not null && !DriverBinding.IsBound(operation.Driver, has))
        {
            sysfs.Write($"{device}/driver/unbind", address);
            _links = null;
        }

        if (operation.Driver is null || DriverBinding.IsBound(operation.Driver, has))
            return;
        if (operation.Driver == BindDriver.Kernel)
            Probe(operation.Device, address, device);
        else
            Override(operation.Driver, address, device);
        _links = null;
        var got = sysfs.ReadLinkName($"{device}/driver");
        if (DriverBinding.IsBound(operation.Driver, got))
            return;
        var hint =
            got is null && operation.Driver == BindDriver.Kernel
                ? ", and whether its kernel has the driver's module"
                : "";
        throw new IOException(
            $"{address} has the driver {got ?? "none"} after it was given to {DriverBinding.Describe(operation.Driver)}; "
                + $"look at `dmesg` on the node{hint}"
        );
    }

    /// <summary>
    /// Any driver of the kernel's choice. A function whose port says so is taken by none unless it is asked for by
    /// name, so its port says otherwise meanwhile.
    /// </summary>
    private void Probe(DeviceReference device, string address, string path)
    {
        if (sysfs.Read($"{path}/driver_override") is not (null or "" or "(null)"))
            sysfs.Write($"{path}/driver_override", "\n");
        if (sysfs.Read($"{path}/modalias") is { Length: > 0 } alias)
            LoadModulesFor(alias);
        var switchFile = device.Function is null ? null : $"{Pci}/devices/{device.Address}/sriov_drivers_autoprobe";
        var wasOff = switchFile is not null && sysfs.ReadNumber(switchFile) == 0;
        if (wasOff)
            sysfs.Write(switchFile!, "1");
        try
        {
            sysfs.Write($"{Pci}/drivers_probe", address);
        }
        finally
        {
            if (wasOff)
                sysfs.Write(switchFile!, "0");
        }
    }

    /// <summary>Loads the drivers of a kind of device; those that the policy refuses are left out, as if there were none.</summary>
    private void LoadModulesFor(string alias)
    {
        if (moduleRule is not { } rule)
        {
            _ = NodePrograms.LoadModule(alias);
            return;
        }

        foreach (var module in NodePrograms.ResolveModules(alias).Where(module => rule(module) is null))
            _ = NodePrograms.LoadModule(module);
    }

    private void Override(string driver, string address, string path)
    {
        if (!sysfs.Exists($"{Pci}/drivers/{driver}") && !LoadModule(driver))
            throw new IOException(
                $"this node's kernel has no driver {driver}: `modprobe {driver}` fails; boot a kernel that has the module"
            );
        // The only way that also works where the port keeps drivers from taking functions.
        sysfs.Write($"{path}/driver_override", driver);
        sysfs.Write($"{Pci}/drivers_probe", address);
    }

    private void SetLink(SetFunctionLink operation)
    {
        var path = $"{Pci}/devices/{AddressOf(operation.Device)}/net";
        var clock = Stopwatch.StartNew();
        string? name;
        while ((name = sysfs.Names(path) is [var made, ..] ? made : null) is null && clock.Elapsed < InterfaceWait)
            Task.Delay(50).Wait();
        if (name is null)
            throw new IOException(
                $"its driver has made no interface within {InterfaceWait.TotalSeconds:0} s; look at `dmesg` on the node"
            );
        _links = null;
        var link = Find(name);
        if (link.Mtu != operation.Mtu)
            kernel.SetMtu(link.Index, operation.Mtu);
        if (!link.IsUp)
            kernel.SetLinkUp(link.Index, true);
    }

    private string AddressOf(DeviceReference device) =>
        device.Function is not { } index
            ? device.Address
            : sysfs.ReadLinkName($"{Pci}/devices/{device.Address}/virtfn{FormatNumber(index)}")
                ?? throw new IOException($"{device.Address} has no function {index}");

    private static void Write(WriteServiceFiles operation)
    {
        WriteAll(operation);
        try
        {
            NetworkService.Reload(operation.Service);
        }
        catch (IOException)
        {
            // Files that the service refuses must not lie in wait for the next start of the machine.
            WriteAll((WriteServiceFiles)operation.Undo());
            throw;
        }
    }

    private static void WriteAll(WriteServiceFiles operation)
    {
        foreach (var file in operation.Files)
        {
            if (file.Content is { } content)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(file.Path)!);
                // netplan wants its files closed to others; networkd runs as a user of its own and must read its.
                DurableFile.Write(
                    file.Path,
                    Encoding.UTF8.GetBytes(content),
                    operation.Service == NetworkService.Netplan
                        ? DurableFile.Private
                        : DurableFile.Private | UnixFileMode.GroupRead | UnixFileMode.OtherRead
                );
            }
            else
            {
                File.Delete(file.Path);
            }
        }
    }
}
