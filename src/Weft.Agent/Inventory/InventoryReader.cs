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
        var rdma = sys.Names("class/infiniband")
            .Select(name => PciBus.AddressIn(sys.ReadLink($"class/infiniband/{name}")))
            .OfType<string>()
            .ToHashSet(StringComparer.Ordinal);

        var named = new Dictionary<string, Interface>(StringComparer.Ordinal);
        var others = new List<NetworkDevice>();
        foreach (var @interface in interfaces)
        {
            // A port of two on one PCI function (ConnectX-3) is known by its name alone: the function is the first
            // one's.
            if (
                @interface.Kind.Length == 0
                && PciBus.AddressIn(@interface.Path) is { } address
                && pci.ContainsKey(address)
                && named.TryAdd(address, @interface)
            )
                continue;
            if (
                @interface.Kind.Length == 0
                || @interface.Kind == "representor"
                || ReportedKinds.Contains(@interface.Kind)
                || leaving.Contains(@interface.Name)
            )
                others.Add(ReadDevice(@interface, null, routes, leaving, false));
        }

        var devices = pci.Values.Select(function =>
            ReadDevice(
                named.GetValueOrDefault(function.Address),
                function,
                routes,
                leaving,
                rdma.Contains(function.Address)
            )
        );
        return new NodeInventory(
            proc.ReadText("sys/kernel/osrelease") ?? "",
            HasIommu(),
            [.. devices, .. others.OrderBy(d => d.Name, StringComparer.Ordinal)],
            [.. HugepageReader.Read(sys)],
            plugins
        );
    }

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
