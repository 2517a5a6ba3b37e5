using System.Diagnostics;
using System.Text;
using Weft.Agent.Disk;

namespace Weft.Agent.Nodes;

/// <summary>The steps that go through the kernel's files, and those of the node's own network service.</summary>
internal sealed partial class NodeWriter
{
    private const string Pci = "/sys/bus/pci";

    // A driver's interface may be made a moment after the driver was bound.
    private static readonly TimeSpan InterfaceWait = TimeSpan.FromSeconds(3);

    private void DoDevice(NodeStep step)
    {
        switch (step)
        {
            case SetAutoProbe probe: sysfs.Write($"{Pci}/devices/{probe.Device}/sriov_drivers_autoprobe", probe.On ? "1" : "0"); break;
            case SetFunctionCount count: Count(count); break;
            case SetFunction function: Set(function); break;
            case BindDriver bind: Bind(bind); break;
            case SetFunctionLink link: SetLink(link); break;
            default: throw new InvalidOperationException($"nobody does {step.GetType().Name}");
        }
    }

    private void Count(SetFunctionCount step)
    {
        var file = $"{Pci}/devices/{step.Device}/sriov_numvfs";
        var has = sysfs.Number(file);
        if (has == step.Count)
            return;
        // From one number to another there is no way but over none.
        if (step.Count != 0 && has is not 0)
            sysfs.Write(file, "0");
        sysfs.Write(file, Text(step.Count));
        _links = null;
    }

    private void Set(SetFunction step)
    {
        var port = Index(step.Port);
        switch (step.Side)
        {
            case FunctionSide.Mac: kernel.SetFunctionMac(port, step.Index, step.Value); break;
            case FunctionSide.Vlan: kernel.SetFunctionVlan(port, step.Index, int.Parse(step.Value, System.Globalization.CultureInfo.InvariantCulture)); break;
            case FunctionSide.Trust: kernel.SetFunctionTrust(port, step.Index, step.Value == "on"); break;
            default: kernel.SetFunctionSpoofCheck(port, step.Index, step.Value == "on"); break;
        }
    }

    private void Bind(BindDriver step)
    {
        var address = AddressOf(step.Device);
        var device = $"{Pci}/devices/{address}";
        var has = sysfs.Target($"{device}/driver");
        if (has is not null && (step.Driver is null || !IsBound(step.Driver, has)))
        {
            sysfs.Write($"{device}/driver/unbind", address);
            _links = null;
        }

        if (step.Driver is null || (has is not null && IsBound(step.Driver, has)))
            return;
        if (step.Driver == BindDriver.Kernel)
            Probe(step.Device, address, device);
        else
            Override(step.Driver, address, device);
        _links = null;
        var got = sysfs.Target($"{device}/driver");
        if (got is null || !IsBound(step.Driver, got))
            throw new IOException($"{address} has the driver {got ?? "none"} after it was given to {(step.Driver == BindDriver.Kernel ? "the kernel's" : step.Driver)}; look at `dmesg` on the node{(got is null && step.Driver == BindDriver.Kernel ? ", and whether its kernel has the driver's module" : "")}");
    }

    /// <summary>Any driver of the kernel's choice. A function whose port says so is taken by none unless it is asked for by name, so its port says otherwise meanwhile.</summary>
    private void Probe(StepDevice device, string address, string path)
    {
        if (sysfs.Read($"{path}/driver_override") is not (null or "" or "(null)"))
            sysfs.Write($"{path}/driver_override", "\n");
        if (sysfs.Read($"{path}/modalias") is { Length: > 0 } alias)
            _ = Tools.LoadModule(alias);
        var switchFile = device.Function is null ? null : $"{Pci}/devices/{device.Address}/sriov_drivers_autoprobe";
        var wasOff = switchFile is not null && sysfs.Number(switchFile) == 0;
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

    private void Override(string driver, string address, string path)
    {
        if (!sysfs.Has($"{Pci}/drivers/{driver}") && !Tools.LoadModule(driver))
            throw new IOException($"this node's kernel has no driver {driver}: `modprobe {driver}` fails; boot a kernel that has the module");
        // The only way that also works where the port keeps drivers from taking functions.
        sysfs.Write($"{path}/driver_override", driver);
        sysfs.Write($"{Pci}/drivers_probe", address);
    }

    private void SetLink(SetFunctionLink step)
    {
        var path = $"{Pci}/devices/{AddressOf(step.Device)}/net";
        var clock = Stopwatch.StartNew();
        string? name;
        while ((name = sysfs.Names(path) is [var made, ..] ? made : null) is null && clock.Elapsed < InterfaceWait)
            Task.Delay(50).Wait();
        if (name is null)
            throw new IOException($"its driver has made no interface within {InterfaceWait.TotalSeconds:0} s; look at `dmesg` on the node");
        _links = null;
        var link = Find(name);
        if (link.Mtu != step.Mtu)
            kernel.SetMtu(link.Index, step.Mtu);
        if (!link.IsUp)
            kernel.SetUp(link.Index, true);
    }

    private string AddressOf(StepDevice device) => device.Function is not { } index ? device.Address
        : sysfs.Target($"{Pci}/devices/{device.Address}/virtfn{Text(index)}") ?? throw new IOException($"{device.Address} has no function {index}");

    private static bool IsBound(string wanted, string has) => wanted == BindDriver.Kernel ? has is not (BindDriver.UserSpace or "uio_pci_generic" or "igb_uio") : wanted == has;

    private static void Write(WriteFiles step)
    {
        WriteAll(step);
        try
        {
            NetworkService.Reload(step.Service);
        }
        catch (IOException)
        {
            // Files that the service refuses must not lie in wait for the next start of the machine.
            WriteAll((WriteFiles)step.Undo());
            throw;
        }
    }

    private static void WriteAll(WriteFiles step)
    {
        foreach (var file in step.Files)
        {
            if (file.Content is { } content)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(file.Path)!);
                // netplan wants its files closed to others; networkd runs as a user of its own and must read its.
                AtomicFile.Write(file.Path, Encoding.UTF8.GetBytes(content), step.Service == NetworkService.Netplan ? AtomicFile.Private
                    : AtomicFile.Private | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
            }
            else
            {
                File.Delete(file.Path);
            }
        }
    }
}
