using System.Text.RegularExpressions;
using Weft.Agent.Linux;

namespace Weft.Agent.Inventory;

/// <summary>A network controller on the PCI bus.</summary>
internal sealed record PciFunction(string Address, string Vendor, string Device, string? Driver)
{
    public int? Numa { get; init; }

    public int TotalFunctions { get; init; }

    public int Functions { get; init; }

    public string? PhysicalFunction { get; init; }

    public int? FunctionIndex { get; init; }

    public int? IommuGroup { get; init; }

    public string? AcpiIndex { get; init; }
}

/// <summary>Reads the network controllers of the PCI bus.</summary>
/// <remarks>
/// Source: Linux, Documentation/ABI/testing/sysfs-bus-pci and sysfs-devices-power; class codes of the PCI Code and ID
/// Assignment Specification.
/// </remarks>
internal static partial class PciBus
{
    private const string Devices = "bus/pci/devices";

    /// <summary>The controllers.</summary>
    /// <param name="sys">The tree of <c>/sys</c>.</param>
    public static SortedDictionary<string, PciFunction> Read(SystemTree sys)
    {
        var addresses = sys.Names(Devices).Where(address => IsNetwork(sys, address)).ToList();
        var indexes = addresses
            .SelectMany(address => IndexesOf(sys, address))
            .ToLookup(function => function.Address, function => function.Index);
        var functions = new SortedDictionary<string, PciFunction>(StringComparer.Ordinal);
        foreach (var address in addresses)
            functions[address] = ReadFunction(sys, address) with
            {
                FunctionIndex = indexes[address].Select(index => (int?)index).FirstOrDefault(),
            };
        return functions;
    }

    private static PciFunction ReadFunction(SystemTree sys, string address)
    {
        var at = $"{Devices}/{address}";
        return new PciFunction(
            address,
            Hex(sys, $"{at}/vendor"),
            Hex(sys, $"{at}/device"),
            sys.ReadLinkName($"{at}/driver")
        )
        {
            Numa = sys.ReadNumber($"{at}/numa_node") is >= 0 and var numa ? numa : null,
            TotalFunctions = sys.ReadNumber($"{at}/sriov_totalvfs") ?? 0,
            Functions = sys.ReadNumber($"{at}/sriov_numvfs") ?? 0,
            PhysicalFunction = sys.ReadLinkName($"{at}/physfn"),
            IommuGroup = int.TryParse(sys.ReadLinkName($"{at}/iommu_group"), out var group) ? group : null,
            AcpiIndex = sys.ReadText($"{at}/acpi_index") is { Length: > 0 } index ? index : null,
        };
    }

    /// <summary>
    /// The last PCI device on the way to something: a port behind virtio is on the virtio device, which is on the bus.
    /// </summary>
    /// <param name="target">A link into <c>/sys/devices</c>.</param>
    /// <returns>Its address, or null.</returns>
    public static string? AddressIn(string? target) =>
        target?.Split('/').LastOrDefault(part => Address().IsMatch(part));

    /// <summary>Class 02: network controllers, InfiniBand among them.</summary>
    private static bool IsNetwork(SystemTree sys, string address) =>
        Address().IsMatch(address)
        && sys.ReadText($"{Devices}/{address}/class")?.StartsWith("0x02", StringComparison.Ordinal) == true;

    private static IEnumerable<(string Address, int Index)> IndexesOf(SystemTree sys, string physical)
    {
        if (!sys.Exists($"{Devices}/{physical}/sriov_totalvfs"))
            yield break;
        foreach (var name in sys.Names($"{Devices}/{physical}"))
        {
            if (
                name.StartsWith("virtfn", StringComparison.Ordinal)
                && int.TryParse(name["virtfn".Length..], out var index)
                && sys.ReadLinkName($"{Devices}/{physical}/{name}") is { } address
            )
                yield return (address, index);
        }
    }

    private static string Hex(SystemTree sys, string path) =>
        sys.ReadText(path) is { } text && text.StartsWith("0x", StringComparison.Ordinal)
            ? text[2..].ToLowerInvariant()
            : "";

    [GeneratedRegex("^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\\.[0-7]\\z")]
    private static partial Regex Address();
}
