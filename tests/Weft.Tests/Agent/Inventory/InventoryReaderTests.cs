using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text.Json;
using Weft.Agent.Inventory;
using Weft.Agent.Linux;
using Weft.Attachments.DevicePools;
using Weft.Attachments.Nodes;

namespace Weft.Tests.Agent.Inventory;

/// <summary>
/// What is read of nodes of many kinds. The trees are built as the kernel lays them out; the last tests read this
/// machine's own.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class InventoryReaderTests : IDisposable
{
    private readonly KernelTree _tree = new();

    public void Dispose() => _tree.Dispose();

    [Theory]
    [InlineData("8086", "1528", "ixgbe", "1515", "ixgbevf", 63)]
    [InlineData("8086", "1572", "i40e", "154c", "iavf", 64)]
    [InlineData("8086", "1592", "ice", "1889", "iavf", 128)]
    [InlineData("8086", "10c9", "igb", "10ca", "igbvf", 7)]
    [InlineData("15b3", "101d", "mlx5_core", "101e", "mlx5_core", 16)]
    public void Reads_PortAndItsFunctions(
        string vendor,
        string device,
        string driver,
        string functionDevice,
        string functionDriver,
        int total
    )
    {
        _tree.Port(
            "ens1f0",
            "0000:3b:00.0",
            vendor,
            device,
            driver,
            total,
            5,
            (functionDevice, functionDriver),
            numa: 1
        );

        var inventory = Read();

        var port = inventory.Devices[0];
        Assert.Equal(
            ("ens1f0", "0000:3b:00.0", vendor, device, driver, "3c:fd:fe:00:00:3b", 1500, true, 1),
            (
                port.Name,
                port.PciAddress,
                port.Vendor,
                port.Device,
                port.Driver,
                port.MacAddress,
                port.Mtu,
                port.IsUp,
                port.Numa
            )
        );
        Assert.Equal(
            (total, 5, 25000, "ether", ""),
            (port.TotalFunctions, port.Functions, port.Speed, port.LinkType, port.Kind)
        );
        Assert.Equal(6, inventory.Devices.Length);
        Assert.All(
            inventory.Devices[1..],
            (function, i) =>
                Assert.Equal(
                    (
                        $"ens1f0v{i}",
                        KernelTree.FunctionAddress("0000:3b:00.0", i),
                        functionDevice,
                        functionDriver,
                        "0000:3b:00.0",
                        i,
                        100 + i,
                        null,
                        false
                    ),
                    (
                        function.Name,
                        function.PciAddress,
                        function.Device,
                        function.Driver,
                        function.PhysicalFunction,
                        function.FunctionIndex,
                        function.IommuGroup,
                        function.Speed,
                        function.IsUp
                    )
                )
        );
    }

    [Fact]
    public void Reads_FunctionThatUserSpaceHas_WithoutInterface()
    {
        _tree.Port("ens1f0", "0000:3b:00.0", "8086", "1592", "ice", 64, 1, ("1889", "vfio-pci"));

        var function = Read().Devices[1];

        Assert.Equal(
            (null, "vfio-pci", null, 0, "", 0),
            (
                function.Name,
                function.Driver,
                function.MacAddress,
                function.Mtu,
                function.LinkType,
                function.FunctionIndex
            )
        );
        Assert.True(Read().HasIommu);
    }

    [Fact]
    public void Reads_FunctionInMachine_WithoutPort()
    {
        _tree.Pci("0000:00:05.0", "8086", "1889", "iavf");
        _tree.Interface("ens5", "devices/pci0000:00/0000:00:05.0", "52:54:00:aa:bb:01");
        _tree.Group("0000:00:05.0", 0, "vfio-noiommu");

        var inventory = Read();

        var device = Assert.Single(inventory.Devices);
        Assert.Equal(
            (null, null, 0, 0),
            (device.PhysicalFunction, device.FunctionIndex, device.TotalFunctions, device.IommuGroup)
        );
        Assert.False(inventory.HasIommu);
    }

    [Fact]
    public void Tells_NetvscFromTheFunctionBehindIt()
    {
        const string Bus = "devices/LNXSYSTM:00/LNXSYBUS:00/VMBUS:00/f8615163-0000-1000-2000-000d3a000001";
        _tree.Interface("eth1", Bus, "00:0d:3a:00:00:01");
        _tree.Link($"{Bus}/driver", "../../../../../bus/vmbus/drivers/hv_netvsc");
        _tree.Pci("7870:00:02.0", "15b3", "101a", "mlx5_core");
        _tree.Interface("enP30832s1", "devices/pci0000:00/7870:00:02.0", "00:0d:3a:00:00:01");

        var inventory = Read();

        Assert.Equal(
            [("enP30832s1", "7870:00:02.0", "mlx5_core"), ("eth1", null, "hv_netvsc")],
            inventory.Devices.Select(d => (d.Name, d.PciAddress, d.Driver))
        );
        Assert.Equal("eth1", NodeDevices.Find(inventory, "any", "00:0d:3a:00:00:01", null)!.Name);
        Assert.Equal("enP30832s1", NodeDevices.Find(inventory, "any", "00:0d:3a:00:00:01", "7870:00:02.0")!.Name);
    }

    [Fact]
    public void Finds_InterfaceOfVirtio_OneStepFurtherDown()
    {
        _tree.Pci("0000:00:03.0", "1af4", "1041", "virtio-pci");
        _tree.Interface("eth0", "devices/pci0000:00/0000:00:03.0/virtio2", "52:54:00:00:00:01");

        var device = Assert.Single(Read().Devices);

        Assert.Equal(("eth0", "0000:00:03.0", "virtio-pci"), (device.Name, device.PciAddress, device.Driver));
    }

    [Fact]
    public void Leaves_OtherPciDevicesOut_AndNamesUsbPortsWithoutAddress()
    {
        _tree.Pci("0000:00:14.0", "8086", "a36d", "xhci_hcd", pciClass: "0x0c0330");
        _tree.Interface("enx001", "devices/pci0000:00/0000:00:14.0/usb1/1-3/1-3:1.0", "00:e0:4c:00:00:01");

        var device = Assert.Single(Read().Devices);

        Assert.Equal(("enx001", null), (device.Name, device.PciAddress));
    }

    [Fact]
    public void Reads_PermanentAddress_OfBondedPorts()
    {
        foreach (var (port, bus) in new[] { ("eno1", "19"), ("eno2", "1a") })
        {
            _tree.Pci($"0000:{bus}:00.0", "14e4", "16d8", "bnxt_en");
            _tree.Interface(
                port,
                $"devices/pci0000:00/0000:{bus}:00.0",
                "aa:aa:aa:00:00:01",
                true,
                9000,
                ("bonding_slave/perm_hwaddr", $"BC:97:E1:00:00:{bus}")
            );
        }

        _tree.Virtual("bond0", "aa:aa:aa:00:00:01", "bond");
        _tree.Below("bond0", "eno1");
        _tree.Below("bond0", "eno2");
        _tree.Virtual("bond0.7", "aa:aa:aa:00:00:01", "vlan");
        _tree.Below("bond0.7", "bond0");
        _tree.Virtual("br0", "aa:aa:aa:00:00:09", "bridge");
        _tree.Virtual("cali1234", "ee:ee:ee:ee:ee:ee", null);
        _tree.Routes(["bond0.7"], []);

        var inventory = Read(
            new() { ["eno2"] = new LinkFacts(null, "bc:97:e1:00:00:ff"), ["cali1234"] = new LinkFacts("veth", null) }
        );

        Assert.Equal(["eno1", "eno2", "bond0", "bond0.7", "br0"], inventory.Devices.Select(d => d.Name));
        Assert.Equal(["bc:97:e1:00:00:19", "bc:97:e1:00:00:ff"], inventory.Devices[..2].Select(d => d.MacAddress));
        Assert.Equal(["", "", "bond", "vlan", "bridge"], inventory.Devices.Select(d => d.Kind));
        // The route names the VLAN; what leaves by it leaves by both ports of the bond.
        Assert.Equal([true, true, true, true, false], inventory.Devices.Select(d => d.HasDefaultRoute));
        Assert.Equal([false, false, false, true, false], inventory.Devices.Select(d => d.HasIPv4DefaultRoute));
    }

    [Fact]
    public void Tells_TheFamiliesOfDefaultRoutes()
    {
        foreach (var (name, bus) in new[] { ("eno1", "01"), ("eno2", "02"), ("eno3", "03") })
        {
            _tree.Pci($"0000:{bus}:00.0", "8086", "1533", "igb");
            _tree.Interface(name, $"devices/pci0000:00/0000:{bus}:00.0", $"00:00:00:00:00:{bus}");
        }

        _tree.Routes(["eno1"], ["eno2"]);

        Assert.Equal(
            [(true, true), (true, false), (false, false)],
            Read().Devices.Select(d => (d.HasDefaultRoute, d.HasIPv4DefaultRoute))
        );
    }

    [Fact]
    public void Keeps_RepresentorsApartFromTheirPort()
    {
        _tree.Port("ens1f0np0", "0000:3b:00.0", "15b3", "101d", "mlx5_core", 8, 1, ("101e", "mlx5_core"));
        _tree.Interface(
            "ens1f0r0",
            "devices/pci0000:00/0000:3b:00.0",
            "3c:fd:fe:00:01:00",
            true,
            1500,
            ("phys_port_name", "pf0vf0")
        );
        _tree.Rdma("0000:3b:00.0", "mlx5_0");

        var devices = Read().Devices;

        Assert.Equal(
            [("ens1f0np0", "0000:3b:00.0", ""), ("ens1f0np0v0", "0000:3b:02.0", ""), ("ens1f0r0", null, "representor")],
            devices.Select(d => (d.Name, d.PciAddress, d.Kind))
        );
        Assert.Equal([true, false, false], devices.Select(d => d.IsRdma));
    }

    [Fact]
    public void Reads_HugepagesOfTheMachineAndOfEachNode()
    {
        Assert.Equal([new(2048, 1024, 1000, null), new(2048, 512, 500, 0), new(2048, 512, 500, 1)], Read().Hugepages);
        Assert.Equal("6.1.0-30-amd64", Read().Kernel);
    }

    [Fact]
    public void Survives_AnInventoryOfNothing()
    {
        using var nothing = new KernelTree();
        var reader = new InventoryReader(
            new SystemTree(Path.Join(nothing.Sys, "none")),
            new SystemTree("/nonexistent"),
            () => new Dictionary<string, LinkFacts>()
        );

        var inventory = reader.Read([]);

        Assert.Equal(
            ("", false, 0, 0),
            (inventory.Kernel, inventory.HasIommu, inventory.Devices.Length, inventory.Hugepages.Length)
        );
    }

    [Fact]
    public void Carries_EveryMemberOverTheWire()
    {
        _tree.Port("ens1f0", "0000:3b:00.0", "15b3", "101d", "mlx5_core", 8, 2, ("101e", "mlx5_core"));
        _tree.Rdma("0000:3b:00.0", "mlx5_0");
        _tree.Routes(["ens1f0"], []);
        var inventory = Read();

        var body = inventory.ToJson().ToJsonString();

        Assert.Equal(body, NodeInventory.Read(JsonDocument.Parse(body).RootElement).ToJson().ToJsonString());
        Assert.Equal(inventory.Devices, NodeInventory.Read(JsonDocument.Parse(body).RootElement).Devices);
    }

    [Fact]
    public void Is_SteadyWhilePodsTakeAndGiveBack()
    {
        _tree.Port("ens1f0", "0000:3b:00.0", "8086", "1592", "ice", 64, 2, ("1889", "iavf"));
        var before = InventoryLoop.WithoutVolatileParts(Read());

        // A pod takes a function's interface into its namespace and some pages; then a port loses its link.
        File.Delete(Path.Join(_tree.Sys, "class/net/ens1f0v1"));
        _tree.Write("kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "12");
        Assert.Equal(before, InventoryLoop.WithoutVolatileParts(Read()));
        _tree.Write("devices/pci0000:00/0000:3b:00.0/net/ens1f0/carrier", "0");
        Assert.NotEqual(before, InventoryLoop.WithoutVolatileParts(Read()));
    }

    [Fact]
    public void Reads_ThisMachine()
    {
        var reader = new InventoryReader(new SystemTree("/sys"), new SystemTree("/proc"), LinkFacts.Query);

        var inventory = reader.Read([]);

        Assert.Equal(File.ReadAllText("/proc/sys/kernel/osrelease").Trim(), inventory.Kernel);
        var hardware = Directory
            .GetDirectories("/sys/class/net")
            .Where(path => Path.Exists(Path.Join(path, "device")))
            .Select(path => Path.GetFileName(path))
            .Order(StringComparer.Ordinal)
            .ToList();
        Assert.Equal(
            hardware,
            inventory
                .Devices.Where(d => d.Kind.Length == 0 && d.Name is not null)
                .Select(d => d.Name)
                .Order(StringComparer.Ordinal)
        );
        var links = LinkFacts.Query();
        Assert.Equal(
            Directory
                .GetDirectories("/sys/class/net")
                .Select(path => Path.GetFileName(path))
                .Order(StringComparer.Ordinal),
            links.Keys.Order(StringComparer.Ordinal)
        );
    }

    [Fact]
    public async Task Reads_ANamespaceOfTheRealKernel()
    {
        Assert.SkipUnless(Environment.UserName == "root", "root makes network namespaces; this is another user");
        Assert.SkipUnless(
            File.Exists("/usr/sbin/ip") || File.Exists("/sbin/ip") || File.Exists("/usr/bin/ip"),
            "iproute2 is missing"
        );
        var name = $"inventory-{Environment.ProcessId}";
        var trees = Directory.CreateTempSubdirectory("weft-namespace-");
        Run("ip", "netns", "add", name);
        try
        {
            LayInterfaces(name);
            // The namespace's own /sys and /proc, as the kernel shows them to a process inside.
            using var inside = Process.Start("nsenter", $"--net=/run/netns/{name} sleep 60");
            MountTrees(name, trees.FullName, inside.Id);
            try
            {
                var reader = ReaderOf(trees.FullName);
                await AgentHarness.Eventually(
                    () => reader.Read([]).Devices.Any(d => d.Name == "inv0"),
                    "the process is in the namespace"
                );

                var devices = reader.Read([]).Devices.Where(d => d.PciAddress is null).ToList();

                // The bridge has a default route of IPv6, so what leaves by it leaves by its port.
                Assert.Equal(["inv0", "inv1", "invbr"], devices.Select(d => d.Name));
                Assert.Equal([true, true, true], devices.Select(d => d.HasDefaultRoute));
                Assert.Equal([true, false, false], devices.Select(d => d.HasIPv4DefaultRoute));
                Assert.Equal(
                    ("02:00:00:00:00:0a", 1400, true, "ether"),
                    (devices[0].MacAddress, devices[0].Mtu, devices[0].IsUp, devices[0].LinkType)
                );
                Assert.Equal("bridge", devices[2].Kind);
            }
            finally
            {
                Run("umount", Path.Join(trees.FullName, "sys"));
                inside.Kill();
            }
        }
        finally
        {
            Run("ip", "netns", "del", name);
            trees.Delete(true);
        }
    }

    /// <summary>
    /// A veth with a default route of IPv4, and a bridge over its other end with one of IPv6.
    /// </summary>
    private static void LayInterfaces(string name)
    {
        foreach (
            var line in new[]
            {
                "link add inv0 type veth peer name inv1",
                "link set inv0 address 02:00:00:00:00:0a",
                "link add invbr type bridge",
                "link set inv1 master invbr",
                "link set inv0 mtu 1400",
                "link set inv0 up",
                "link set inv1 up",
                "link set invbr up",
                "address add 192.0.2.2/24 dev inv0",
                "route add default via 192.0.2.1",
                "address add 2001:db8::2/64 dev invbr nodad",
                "-6 route add default via 2001:db8::1 dev invbr",
            }
        )
            Run("ip", ["-n", name, .. line.Split(' ')]);
    }

    private static void MountTrees(string name, string folder, int process)
    {
        Directory.CreateDirectory(Path.Join(folder, "sys"));
        Directory.CreateDirectory(Path.Join(folder, "proc"));
        File.CreateSymbolicLink(Path.Join(folder, "proc/self"), $"/proc/{process}");
        Run("nsenter", $"--net=/run/netns/{name}", "mount", "-t", "sysfs", "none", Path.Join(folder, "sys"));
    }

    private static InventoryReader ReaderOf(string folder) =>
        new(
            new SystemTree(Path.Join(folder, "sys")),
            new SystemTree(Path.Join(folder, "proc")),
            () => new Dictionary<string, LinkFacts>()
        );

    private static string Run(string program, params string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true }
        )!;
        var output = process.StandardOutput.ReadToEnd();
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {errors}");
        return output;
    }

    private NodeInventory Read(Dictionary<string, LinkFacts>? links = null) =>
        new InventoryReader(new SystemTree(_tree.Sys), new SystemTree(_tree.ProcRoot), () => links ?? []).Read([]);
}
