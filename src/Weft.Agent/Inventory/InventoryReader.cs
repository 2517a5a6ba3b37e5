using System.Collections.Immutable;
using Weft.Agent.Linux;
using Weft.Attachments.Nodes;

namespace Weft.Agent.Inventory;

/// <summary>
/// Reads what the node has. Everything comes from the kernel's own files and one netlink question; nothing is run, so
/// that it may be done often. Which CNI plugins there are is asked elsewhere (<see cref="PluginBinaries"/>), because
/// that takes running them.
/// </summary>
/// <param name="sys">The tree of <c>/sys</c>.</param>
/// <param name="proc">The tree of <c>/proc</c>.</param>
/// <param name="links">Asks netlink for the interfaces; answers none where it can't be asked.</param>
internal sealed class InventoryReader(
    SystemTree sys,
    SystemTree proc,
    Func<IReadOnlyDictionary<string, LinkFacts>> links
)
{
    /// <summary>
    /// Kinds of virtual interfaces that belong to the node. Those of pods (<c>veth</c>…) come and go by the minute, and
    /// no pool or port is made of them.
    /// </summary>
    private static readonly ImmutableHashSet<string> ReportedKinds = ["bond", "team", "vlan", "bridge", "vrf"];

    /// <summary>Reads it.</summary>
    /// <returns>The inventory; its devices in the order of PCI addresses, then of names.</returns>
    public NodeInventory Read(ImmutableArray<CniBinary> plugins)
    {
        var pci = PciBus.Read(sys);
        var interfaces = InterfaceReader.Read(sys, links());
        var routes = DefaultRoutes.Read(proc);
        var leaving = Below(interfaces, routes.V4.Concat(routes.V6));
        var rdma = ReadRdmaAddresses();
        var (named, others) = SortByFunction(interfaces, pci);

        var devices = pci.Values.Select(function =>
            ReadDevice(
                named.GetValueOrDefault(function.Address),
                function,
                routes,
                leaving,
                rdma.Contains(function.Address)
            )
        );
        var virtualDevices = others
            .Where(link => IsReported(link) || leaving.Contains(link.Name))
            .Select(link => ReadDevice(link, null, routes, leaving, false))
            .OrderBy(d => d.Name, StringComparer.Ordinal);
        return new NodeInventory(
            proc.ReadText("sys/kernel/osrelease") ?? "",
            HasIommu(),
            [.. devices, .. virtualDevices],
            [.. HugepageReader.Read(sys)],
            plugins
        );
    }

    /// <summary>The PCI addresses of the functions that speak RDMA.</summary>
    private HashSet<string> ReadRdmaAddresses() =>
        sys.Names("class/infiniband")
            .Select(name => PciBus.AddressIn(sys.ReadLink($"class/infiniband/{name}")))
            .OfType<string>()
            .ToHashSet(StringComparer.Ordinal);

    /// <summary>
    /// The interfaces that are a PCI function's, by its address, and all others. Of two ports on one function
    /// (ConnectX-3) the first is the function's, and the second is known by its name alone.
    /// </summary>
    private static (Dictionary<string, Interface> Named, List<Interface> Others) SortByFunction(
        IEnumerable<Interface> interfaces,
        SortedDictionary<string, PciFunction> pci
    )
    {
        var named = new Dictionary<string, Interface>(StringComparer.Ordinal);
        var others = new List<Interface>();
        foreach (var link in interfaces)
        {
            var address = link.Kind.Length == 0 ? PciBus.AddressIn(link.Path) : null;
            if (address is null || !pci.ContainsKey(address) || !named.TryAdd(address, link))
                others.Add(link);
        }

        return (named, others);
    }

    private static bool IsReported(Interface link) =>
        link.Kind.Length == 0 || link.Kind == "representor" || ReportedKinds.Contains(link.Kind);

    private NetworkDevice ReadDevice(
        Interface? link,
        PciFunction? pci,
        DefaultRoutes routes,
        HashSet<string> leaving,
        bool isRdma
    ) =>
        new(
            link?.Name,
            pci?.Address,
            pci?.Vendor ?? "",
            pci?.Device ?? "",
            pci is null ? link?.Driver : pci.Driver,
            link?.MacAddress,
            link?.Mtu ?? 0,
            link?.IsUp ?? false,
            pci?.Numa
        )
        {
            TotalFunctions = pci?.TotalFunctions ?? 0,
            Functions = pci?.Functions ?? 0,
            PhysicalFunction = pci?.PhysicalFunction,
            FunctionIndex = pci?.FunctionIndex,
            IommuGroup = pci?.IommuGroup,
            AcpiIndex = pci?.AcpiIndex,
            PartitionKey = link is { LinkType: "infiniband" } && isRdma ? PartitionKey(pci!.Address) : null,
            IsRdma = isRdma,
            HasDefaultRoute = link is not null && leaving.Contains(link.Name),
            HasIPv4DefaultRoute = link is not null && routes.V4.Contains(link.Name),
            LinkType = link?.LinkType ?? "",
            Speed = link?.Speed,
            Kind = link?.Kind ?? "",
        };

    private string? PartitionKey(string address) =>
        sys.Names($"bus/pci/devices/{address}/infiniband")
            .Select(name => sys.ReadText($"bus/pci/devices/{address}/infiniband/{name}/ports/1/pkeys/0"))
            .FirstOrDefault(key => key is { Length: > 0 });

    /// <summary>A group that vfio made up because there is no IOMMU protects nothing.</summary>
    private bool HasIommu() =>
        sys.Names("kernel/iommu_groups")
            .Any(group => sys.ReadText($"kernel/iommu_groups/{group}/name") != "vfio-noiommu");

    /// <summary>The interfaces and all they stand on: what leaves by a bond leaves by its ports.</summary>
    private static HashSet<string> Below(List<Interface> interfaces, IEnumerable<string> names)
    {
        var lower = interfaces.ToDictionary(i => i.Name, i => i.LowerLinks, StringComparer.Ordinal);
        var found = new HashSet<string>(StringComparer.Ordinal);
        var next = new Queue<string>(names);
        while (next.TryDequeue(out var name))
        {
            if (!found.Add(name) || !lower.TryGetValue(name, out var below))
                continue;
            foreach (var under in below)
                next.Enqueue(under);
        }

        return found;
    }
}
