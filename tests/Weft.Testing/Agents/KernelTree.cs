using System.Globalization;

namespace Weft.Testing.Agents;

/// <summary>
/// A node's <c>/sys</c> and <c>/proc</c>, built as the kernel lays them out: directories below <c>devices</c>, and
/// links to them from the bus and the class. Only the files that are read are there.
/// </summary>
internal sealed class KernelTree : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("weft-kernel-");

    public KernelTree()
    {
        Directory.CreateDirectory(Path.Join(Sys, "bus/pci/devices"));
        Directory.CreateDirectory(Path.Join(Sys, "class/net"));
        Write("kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "1024");
        Write("kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "1000");
        for (var node = 0; node < 2; node++)
        {
            Write($"devices/system/node/node{node}/hugepages/hugepages-2048kB/nr_hugepages", "512");
            Write(
                $"devices/system/node/node{node}/hugepages/hugepages-2048kB/free_hugepages",
                node == 0 ? "500" : "500"
            );
        }

        Proc("sys/kernel/osrelease", "6.1.0-30-amd64");
        Routes([], []);
        Virtual("lo", "00:00:00:00:00:00", null, ("type", "772"), ("mtu", "65536"));
    }

    public string Sys => Path.Join(_root.FullName, "sys");

    public string ProcRoot => Path.Join(_root.FullName, "proc");

    /// <summary>Writes a file below <c>/sys</c>.</summary>
    public void Write(string path, string text)
    {
        var at = Path.Join(Sys, path);
        Directory.CreateDirectory(Path.GetDirectoryName(at)!);
        File.WriteAllText(at, text + "\n");
    }

    public void Proc(string path, string text)
    {
        var at = Path.Join(ProcRoot, path);
        Directory.CreateDirectory(Path.GetDirectoryName(at)!);
        File.WriteAllText(at, text + "\n");
    }

    /// <summary>A PCI network controller on a bus of its own number.</summary>
    public void Pci(
        string address,
        string vendor,
        string device,
        string? driver,
        int numa = 0,
        string pciClass = "0x020000"
    )
    {
        var at = $"devices/pci0000:00/{address}";
        Write($"{at}/class", pciClass);
        Write($"{at}/vendor", $"0x{vendor}");
        Write($"{at}/device", $"0x{device}");
        Write($"{at}/numa_node", numa.ToString(CultureInfo.InvariantCulture));
        Link($"bus/pci/devices/{address}", $"../../../{at}");
        if (driver is not null)
            Link($"{at}/driver", $"../../../bus/pci/drivers/{driver}");
    }

    /// <summary>A port with functions, each with an interface <c>PORTvN</c> where it has a kernel driver.</summary>
    public void Port(
        string name,
        string address,
        string vendor,
        string device,
        string driver,
        int total,
        int made,
        (string Device, string? Driver) function,
        int numa = 0
    )
    {
        Pci(address, vendor, device, driver, numa);
        var at = $"devices/pci0000:00/{address}";
        Write($"{at}/sriov_totalvfs", total.ToString(CultureInfo.InvariantCulture));
        Write($"{at}/sriov_numvfs", made.ToString(CultureInfo.InvariantCulture));
        Interface(
            name,
            at,
            $"3c:fd:fe:00:00:{int.Parse(address[5..7], NumberStyles.HexNumber, CultureInfo.InvariantCulture):x2}"
        );
        for (var i = 0; i < made; i++)
        {
            var child = FunctionAddress(address, i);
            Pci(child, vendor, function.Device, function.Driver, numa);
            Link($"devices/pci0000:00/{child}/physfn", $"../{address}");
            Link($"{at}/virtfn{i}", $"../{child}");
            Group(child, 100 + i);
            if (function.Driver is not (null or "vfio-pci"))
                Interface($"{name}v{i}", $"devices/pci0000:00/{child}", $"02:00:00:00:{i:x2}:01", up: false);
        }
    }

    /// <summary>Where the kernel puts a function: on the bus of its port, from device 2 on.</summary>
    public static string FunctionAddress(string port, int index) => $"{port[..8]}{2 + (index / 8):x2}.{index % 8}";

    public void Group(string address, int group, string? name = null)
    {
        Directory.CreateDirectory(Path.Join(Sys, $"kernel/iommu_groups/{group}"));
        if (name is not null)
            Write($"kernel/iommu_groups/{group}/name", name);
        Link($"devices/pci0000:00/{address}/iommu_group", $"../../../kernel/iommu_groups/{group}");
    }

    public void Rdma(string address, string name)
    {
        Write($"devices/pci0000:00/{address}/infiniband/{name}/ports/1/pkeys/0", "0xffff");
        Link($"class/infiniband/{name}", $"../../devices/pci0000:00/{address}/infiniband/{name}");
    }

    /// <summary>An interface on a device of the tree.</summary>
    public void Interface(
        string name,
        string device,
        string mac,
        bool up = true,
        int mtu = 1500,
        params (string File, string Text)[] more
    )
    {
        var at = $"{device}/net/{name}";
        Write($"{at}/address", mac);
        Write($"{at}/mtu", mtu.ToString(CultureInfo.InvariantCulture));
        Write($"{at}/type", "1");
        if (up)
            Write($"{at}/carrier", "1");
        Write($"{at}/speed", up ? "25000" : "-1");
        foreach (var (file, text) in more)
            Write($"{at}/{file}", text);
        Link($"{at}/device", "../..");
        Link($"class/net/{name}", $"../../{at}");
    }

    /// <summary>An interface without hardware.</summary>
    public void Virtual(string name, string mac, string? type, params (string File, string Text)[] more)
    {
        var at = $"devices/virtual/net/{name}";
        Write($"{at}/address", mac);
        Write($"{at}/mtu", "1500");
        Write($"{at}/type", "1");
        Write($"{at}/carrier", "1");
        Write($"{at}/uevent", (type is null ? "" : $"DEVTYPE={type}\n") + $"INTERFACE={name}\nIFINDEX=9");
        foreach (var (file, text) in more)
            Write($"{at}/{file}", text);
        Link($"class/net/{name}", $"../../{at}");
    }

    /// <summary>Says that an interface stands on another.</summary>
    public void Below(string upper, string lower)
    {
        var path = new FileInfo(Path.Join(Sys, $"class/net/{upper}")).LinkTarget!;
        Link(Path.Join(path.Replace("../../", "", StringComparison.Ordinal), $"lower_{lower}"), $"../{lower}");
    }

    /// <summary>The routing tables: default routes by these interfaces, and what is always there beside them.</summary>
    public void Routes(string[] v4, string[] v6)
    {
        Proc(
            "self/net/route",
            string.Join(
                '\n',
                [
                    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
                    .. v4.Select(name => $"{name}\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0"),
                    "eno9\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
                ]
            )
        );
        var any = new string('0', 32);
        Proc(
            "self/net/ipv6_route",
            string.Join(
                '\n',
                [
                    .. v6.Select(name =>
                        $"{any} 00 {any} 00 fd000000000000000000000000000001 00000400 00000002 00000000 00000003     {name}"
                    ),
                    $"fe800000000000000000000000000000 40 {any} 00 {any} 00000100 00000002 00000000 00000001     eno9",
                    $"{any} 00 {any} 00 {any} ffffffff 00000001 00000000 00200200       lo",
                ]
            )
        );
    }

    public void Link(string path, string target)
    {
        var at = Path.Join(Sys, path);
        Directory.CreateDirectory(Path.GetDirectoryName(at)!);
        File.Delete(at);
        File.CreateSymbolicLink(at, target);
    }

    public void Dispose() => _root.Delete(true);
}
