using System.Collections.Immutable;
using Weft.Attachments.Nodes;

namespace Weft.Attachments.DevicePools;

/// <summary>Why a device is not in a pool.</summary>
/// <param name="Step">The step that eliminated it: <c>bus</c>, <c>defaultRoute</c>, <c>physicalFunction</c>,
/// <c>driver</c>, a selector's key, or <c>taken</c>.</param>
/// <param name="Reason">The reason, in words that follow the device's name.</param>
internal sealed record Elimination(NetworkDevice Device, string Step, string Reason);

/// <summary>What a pool gets on a node.</summary>
/// <param name="Chosen">Its devices. With none the device plugin makes no resource at all, rather than one of
/// zero.</param>
/// <param name="Eliminated">Every other device, and the step that eliminated it: where several selectors did, the
/// furthest.</param>
internal sealed record PoolSelection(
    DevicePool Pool,
    ImmutableArray<NetworkDevice> Chosen,
    ImmutableArray<Elimination> Eliminated
);

/// <summary>
/// Selects the devices of an inventory for pools as the SR-IOV device plugin would if it started there now. Keys of a
/// selector are checked in the plugin's order and all must hold; selectors are alternatives; a device belongs to the
/// first pool, in the order given, that takes it.
/// </summary>
/// <remarks>
/// Source: sriov-network-device-plugin 40b6f50: pkg/netdevice/netDeviceProvider.go (discovery, order of keys),
/// pkg/netdevice/pciNetDevice.go and pkg/devices/gen_net.go (what it knows of a device),
/// pkg/resources/deviceSelectors.go, cmd/sriovdp/manager.go (first pool wins).
/// </remarks>
internal static class DeviceSelection
{
    /// <summary>The selectors' keys, in the order in which they are checked.</summary>
    private static readonly ImmutableArray<SelectorKey> SelectorKeys =
    [
        new(
            "vendors",
            s => s.Vendors,
            (_, d, values) =>
                values.Contains(d.Vendor) ? null : $"is of vendor {OrNone(d.Vendor)}, not {JoinValues(values)}"
        ),
        new(
            "devices",
            s => s.Devices,
            (_, d, values) =>
                values.Contains(d.Device) ? null : $"has device id {OrNone(d.Device)}, not {JoinValues(values)}"
        ),
        new(
            "drivers",
            s => s.Drivers,
            (_, d, values) =>
                values.Contains(d.Driver ?? "") ? null : $"has driver {d.Driver}, not {JoinValues(values)}"
        ),
        new(
            "pciAddresses",
            s => s.PciAddresses,
            (_, d, values) => values.Contains(d.PciAddress!) ? null : $"isn't at {JoinValues(values)}"
        ),
        new(
            "acpiIndexes",
            s => s.AcpiIndexes,
            (_, d, values) =>
                values.Contains(d.AcpiIndex ?? "")
                    ? null
                    : $"has acpi index {OrNone(d.AcpiIndex)}, not {JoinValues(values)}"
        ),
        new("pfNames", s => s.PfNames, (n, d, values) => MatchPort(n, d, values, PortNameOf(n, d))),
        new("rootDevices", s => s.RootDevices, (n, d, values) => MatchPort(n, d, values, d.PhysicalFunction)),
        new(
            "linkTypes",
            s => s.LinkTypes,
            (n, d, values) =>
                values.Contains(LinkTypeOf(n, d))
                    ? null
                    : $"has link type {OrNone(LinkTypeOf(n, d))}, not {JoinValues(values)}"
        ),
        new(
            "ddpProfiles",
            s => s.DdpProfiles,
            (_, d, values) =>
                d.DdpProfile is { } profile && values.Contains(profile)
                    ? null
                    : $"has DDP profile {OrNone(d.DdpProfile)}, not {JoinValues(values)}"
        ),
        new(
            "pKeys",
            s => s.PKeys,
            (n, d, values) =>
                LinkTypeOf(n, d) == "infiniband" && d.PartitionKey is { } key && values.Contains(key)
                    ? null
                    : $"has partition key {OrNone(d.PartitionKey)}, not {JoinValues(values)}"
        ),
        new("isRdma", s => s.IsRdma ? ["true"] : [], (_, d, _) => d.IsRdma ? null : "has no RDMA"),
    ];

    /// <summary>Selects devices for pools.</summary>
    /// <param name="pools">The pools of a node, in the order of the plugin's file.</param>
    /// <returns>What each gets, in the same order.</returns>
    public static ImmutableArray<PoolSelection> Select(IEnumerable<DevicePool> pools, NodeInventory inventory)
    {
        // The plugin meets devices in the order of their addresses, which is the inventory's too.
        var unseen = inventory.Devices.Select(FindUndiscovered).OfType<Elimination>().ToList();
        var candidates = inventory
            .Devices.Where(d => FindUndiscovered(d) is null)
            .OrderBy(d => d.PciAddress, StringComparer.Ordinal)
            .ToList();
        var ports = new PortIndex(
            inventory
                .Devices.Where(d => d.PciAddress is not null)
                .DistinctBy(d => d.PciAddress)
                .ToDictionary(d => d.PciAddress!, StringComparer.Ordinal)
        );
        var taken = new Dictionary<string, DevicePool>(StringComparer.Ordinal);
        return [.. pools.Select(pool => SelectForPool(pool, ports, candidates, unseen, taken))];
    }

    private static PoolSelection SelectForPool(
        DevicePool pool,
        PortIndex ports,
        List<NetworkDevice> candidates,
        List<Elimination> unseen,
        Dictionary<string, DevicePool> taken
    )
    {
        // By identity: records compare all they have, and there may be hundreds of devices and dozens of pools.
        var mine = new HashSet<NetworkDevice>(ReferenceEqualityComparer.Instance);
        var chosen = new List<NetworkDevice>();
        var stopped = new Dictionary<NetworkDevice, (int Rank, Elimination Why)>(ReferenceEqualityComparer.Instance);
        foreach (var selector in pool.Selectors)
        {
            foreach (var device in candidates)
            {
                if (FindElimination(pool, ports, selector, device, taken) is { } elimination)
                    KeepFurthest(stopped, device, elimination);
                else if (mine.Add(device))
                    chosen.Add(device);
            }
        }

        var eliminated = candidates
            .Where(device => !mine.Contains(device) && stopped.ContainsKey(device))
            .Select(device => stopped[device].Why);
        return new PoolSelection(pool, [.. chosen], [.. unseen, .. eliminated]);
    }

    /// <summary>What keeps a device from a pool; where nothing does, it is taken by it.</summary>
    private static (int Rank, Elimination Why)? FindElimination(
        DevicePool pool,
        PortIndex ports,
        DeviceSelector selector,
        NetworkDevice device,
        Dictionary<string, DevicePool> taken
    )
    {
        if (FindMismatch(ports, selector, device) is { } stop)
            return (stop.Rank, new Elimination(device, SelectorKeys[stop.Rank].Name, stop.Why));
        if (taken.TryAdd(device.PciAddress!, pool))
            return null;
        var why = $"belongs to {taken[device.PciAddress!].FullName}, which comes first";
        return (SelectorKeys.Length, new Elimination(device, "taken", why));
    }

    /// <summary>What the plugin leaves out before it reads a selector.</summary>
    private static Elimination? FindUndiscovered(NetworkDevice device)
    {
        if (device.PciAddress is null)
            return new Elimination(
                device,
                "bus",
                device.Driver is { } driver
                    ? $"isn't on the PCI bus ({driver}), and the device plugin looks nowhere else"
                    : "isn't on the PCI bus, and the device plugin looks nowhere else"
            );
        if (device.HasIPv4DefaultRoute && device.Driver != DeviceDrivers.Virtio)
            return new Elimination(device, "defaultRoute", "has the node's IPv4 default route");
        if (device.TotalFunctions > 0 && device.Functions > 0)
            return new Elimination(
                device,
                "physicalFunction",
                "is a port with virtual functions: its functions are given away and not itself"
            );
        return device.Driver is null ? new Elimination(device, "driver", "has no driver") : null;
    }

    private static (int Rank, string Why)? FindMismatch(PortIndex ports, DeviceSelector selector, NetworkDevice device)
    {
        for (var rank = 0; rank < SelectorKeys.Length; rank++)
        {
            var values = SelectorKeys[rank].Values(selector);
            if (!values.IsEmpty && SelectorKeys[rank].FindMismatch(ports, device, values) is { } why)
                return (rank, why);
        }

        return null;
    }

    private static void KeepFurthest(
        Dictionary<NetworkDevice, (int Rank, Elimination Why)> known,
        NetworkDevice device,
        (int Rank, Elimination Why) elimination
    )
    {
        if (!known.TryGetValue(device, out var before) || elimination.Rank > before.Rank)
            known[device] = elimination;
    }

    private static string? MatchPort(
        PortIndex ports,
        NetworkDevice device,
        ImmutableArray<string> entries,
        string? port
    )
    {
        if (device.PhysicalFunction is null)
            return ports.ByAddress.Values.Any(d => d.TotalFunctions > 0)
                ? "is no virtual function"
                : "has no physical function in sight: in a virtual machine devices are named by pciAddresses";
        if (port is null)
            return $"is a function of {device.PhysicalFunction}, which has no interface";
        if (FunctionEntries.FindEntry(entries, port) is not { } entry)
            return $"is a function of {port}, not of {JoinValues(entries)}";
        return FunctionEntries.Includes(entry, device.FunctionIndex ?? -1, out var why) ? null : why;
    }

    private static string? PortNameOf(PortIndex ports, NetworkDevice device) => ports.PortOf(device)?.Name;

    /// <summary>That of its interface; of a function that a user-space driver has, that of its port.</summary>
    private static string LinkTypeOf(PortIndex ports, NetworkDevice device) =>
        device.Name is not null && device.Driver != DeviceDrivers.Virtio
            ? device.LinkType
            : ports.PortOf(device)?.LinkType ?? "";

    private static string OrNone(string? text) => string.IsNullOrEmpty(text) ? "none" : text;

    private static string JoinValues(ImmutableArray<string> values) => string.Join(" or ", values);

    private sealed record SelectorKey(
        string Name,
        Func<DeviceSelector, ImmutableArray<string>> Values,
        Func<PortIndex, NetworkDevice, ImmutableArray<string>, string?> FindMismatch
    );

    private sealed record PortIndex(Dictionary<string, NetworkDevice> ByAddress)
    {
        /// <summary>The port that a function is of, where that is visible.</summary>
        public NetworkDevice? PortOf(NetworkDevice function) =>
            function.PhysicalFunction is { } physical ? ByAddress.GetValueOrDefault(physical) : null;
    }
}
