using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Weft.Agent.Linux;
using Weft.Agent.Linux.Netlink;
using Weft.Agent.Nodes.Operations;
using Weft.Agent.Nodes.Planning;
using Weft.Attachments.Nodes;

namespace Weft.Agent.Nodes;

/// <summary>Reads a node as it is. It changes nothing.</summary>
internal sealed class NodeReader(Rtnetlink kernel, Sysfs sysfs)
{
    /// <summary>Which boot this is: what is made in one is gone in the next.</summary>
    public string Boot => sysfs.Read("/proc/sys/kernel/random/boot_id") ?? "";

    /// <summary>Reads what a plan for a desired node needs.</summary>
    /// <exception cref="IOException">The kernel doesn't say.</exception>
    public ObservedNode Read(DesiredNode desired, OwnedState owned)
    {
        var links = kernel.Links();
        var (shown, text) = ReadGuards([
            .. GuardPlanner
                .Tables(desired.Guards)
                .Union(owned.Find("guards") is LoadGuards guards ? guards.Tables : []),
        ]);
        return new ObservedNode(links, kernel.Addresses(), kernel.Routes())
        {
            Sysctls = ReadSysctls(links, desired, owned),
            Devices = ReadDevices(links, desired, owned),
            Guards = shown,
            GuardsText = text,
            Elsewhere = ReadElsewhere(links, desired, owned),
        };
    }

    /// <summary>Who stands on interfaces that the agent has set up and that aren't wanted any longer.</summary>
    private ImmutableDictionary<int, ImmutableArray<string>> ReadElsewhere(
        ImmutableArray<KernelLink> links,
        DesiredNode desired,
        OwnedState owned
    )
    {
        var wanted = desired.Configuration.Links.Select(link => link.Name).ToHashSet(StringComparer.Ordinal);
        var left = owned
            .Steps.SelectMany(step => step is RenameLink rename ? [rename.To] : new[] { step.Subject })
            .Where(name => !wanted.Contains(name))
            .ToHashSet(StringComparer.Ordinal);
        var numbers = links.Where(link => left.Contains(link.Name)).Select(link => link.Index).ToHashSet();
        if (numbers.Count == 0)
            return ImmutableDictionary<int, ImmutableArray<string>>.Empty;
        var here = links.Select(link => link.MacAddress).OfType<string>().ToHashSet(StringComparer.OrdinalIgnoreCase);
        return kernel
            .FilteredAddresses()
            .Where(address => numbers.Contains(address.Link) && !here.Contains(address.MacAddress))
            .GroupBy(address => address.Link)
            .ToImmutableDictionary(
                group => group.Key,
                group => group.Select(address => address.MacAddress).Distinct().Order().ToImmutableArray()
            );
    }

    /// <summary>Tables as the kernel has them.</summary>
    /// <returns>A fingerprint of those that are there, null where none is, and their text.</returns>
    public static (string? Shown, string Text) ReadGuards(IReadOnlyList<string> tables)
    {
        var shown = new StringBuilder();
        var text = new StringBuilder();
        foreach (var table in tables.Order(StringComparer.Ordinal))
        {
            var (status, json, _) = NodePrograms.Run("nft", ["-j", "list", "table", "netdev", table]);
            if (status != 0)
                continue;
            shown.Append(Plain(JsonNode.Parse(json))?.ToJsonString());
            text.Append(NodePrograms.Run("nft", ["list", "table", "netdev", table]).Output);
        }

        return (
            shown.Length == 0
                ? null
                : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(shown.ToString()))),
            text.ToString()
        );
    }

    private static JsonNode? Plain(JsonNode? node)
    {
        // Numbers that count and numbers that nft gives anew say nothing of what is filtered.
        switch (node)
        {
            case JsonObject members:
                foreach (
                    var name in members
                        .Select(member => member.Key)
                        .Where(name => name is "metainfo" or "handle" or "packets" or "bytes")
                        .ToList()
                )
                    members.Remove(name);
                foreach (var (_, value) in members)
                    Plain(value);
                break;
            case JsonArray items:
                foreach (var item in items)
                    Plain(item);
                break;
            default:
                break;
        }

        return node;
    }

    private ImmutableDictionary<(string, string), string> ReadSysctls(
        ImmutableArray<KernelLink> links,
        DesiredNode desired,
        OwnedState owned
    )
    {
        var settings = ImmutableDictionary.CreateBuilder<(string, string), string>();
        foreach (var link in NamesOfConcern(links, desired, owned).Append(ObservedNode.DefaultInterface))
        {
            foreach (var name in LinkSettings.Names)
            {
                if (sysfs.Read(SysctlPath(link, name)) is { Length: > 0 } value)
                    settings[(link, name)] = value;
            }
        }

        return settings.ToImmutable();
    }

    /// <summary>The interfaces that a configuration may mean, by whatever it finds them, and those that were set.</summary>
    private static IEnumerable<string> NamesOfConcern(
        ImmutableArray<KernelLink> links,
        DesiredNode desired,
        OwnedState owned
    )
    {
        var names = DesiredLinks
            .FromLayout(NodeLayout.Arrange(desired.Configuration))
            .SelectMany(link => new[] { link.Name, link.Uplink.Name, NodeLayout.ParentOf(link) })
            .Concat(owned.Steps.OfType<SetSysctl>().Select(operation => operation.Link))
            .ToHashSet(StringComparer.Ordinal);
        var macs = desired
            .Configuration.Links.Select(link => link.Uplink.MacAddress)
            .Concat(desired.Configuration.PhysicalFunctions.Select(port => port.MacAddress))
            .OfType<string>()
            .ToHashSet(StringComparer.OrdinalIgnoreCase);
        return links
            .Where(link =>
                names.Contains(link.Name)
                || macs.Contains(link.MacAddress ?? "")
                || macs.Contains(link.PermanentMacAddress ?? "")
                || link.AlternativeNames.Any(names.Contains)
            )
            .Select(link => link.Name);
    }

    /// <summary>Where a setting is.</summary>
    public static string SysctlPath(string link, string name) => $"/proc/sys/net/ipv6/conf/{link}/{name}";

    private ImmutableDictionary<string, PciDevice> ReadDevices(
        ImmutableArray<KernelLink> links,
        DesiredNode desired,
        OwnedState owned
    )
    {
        var ports = desired.Configuration.PhysicalFunctions;
        var wanted = ports
            .Select(p => p.PciAddress)
            .Concat(desired.Configuration.Devices.Select(d => d.PciAddress))
            .Concat(
                owned.Steps.Select(operation =>
                    operation switch
                    {
                        SetFunctionCount c => c.Device,
                        SetAutoProbe p => p.Device,
                        BindDriver b => b.Device.Address,
                        _ => null,
                    }
                )
            );
        if (ports.Length > 0 || desired.Configuration.Devices.Length > 0)
            wanted = wanted.Concat(links.Select(link => link.Device));
        var devices = ImmutableDictionary.CreateBuilder<string, PciDevice>();
        foreach (var address in wanted.OfType<string>().Distinct(StringComparer.Ordinal))
        {
            if (ReadDevice(address) is not { } device)
                continue;
            devices[address] = device;
            foreach (var function in device.Functions)
            {
                if (ReadDevice(function) is { } found)
                    devices[function] = found;
            }
        }

        return devices.ToImmutable();
    }

    private PciDevice? ReadDevice(string address)
    {
        var path = $"/sys/bus/pci/devices/{address}";
        if (!sysfs.Exists(path))
            return null;
        var driver = sysfs.ReadLinkName($"{path}/driver");
        var interfaces = sysfs.Names($"{path}/net").ToImmutableArray();
        var count = sysfs.ReadNumber($"{path}/sriov_numvfs") ?? 0;
        return new PciDevice(
            address,
            (sysfs.Read($"{path}/vendor") ?? "").Replace("0x", "", StringComparison.Ordinal),
            driver
        )
        {
            HasIommuGroup = sysfs.Exists($"{path}/iommu_group"),
            Interfaces = interfaces,
            MaxFunctions = sysfs.ReadNumber($"{path}/sriov_totalvfs") ?? 0,
            Functions =
            [
                .. Enumerable.Range(0, count).Select(i => sysfs.ReadLinkName($"{path}/virtfn{i}")).OfType<string>(),
            ],
            AutoProbe = sysfs.ReadNumber($"{path}/sriov_drivers_autoprobe") is { } probe ? probe != 0 : null,
            InUse = WhyInUse(address, path, driver, interfaces),
        };
    }

    /// <summary>
    /// Why a device mustn't be touched: a plugin says that a pod has it, its interface is in another namespace, or a
    /// program has it open.
    /// </summary>
    private string? WhyInUse(string address, string path, string? driver, ImmutableArray<string> interfaces)
    {
        // The SR-IOV plugin's own mark: the path of the pod's network namespace. It outlives a pod that was killed, but
        // the namespace doesn't.
        if (
            sysfs.Read($"/var/lib/cni/sriov/pci/{address}") is { } holder
            && (holder.Length == 0 || sysfs.Exists(holder))
        )
            return $"the SR-IOV plugin has given it to {(holder.Length == 0 ? "a pod" : holder)}";
        if (
            driver is BindDriver.UserSpace
            && sysfs.ReadLinkName($"{path}/iommu_group") is { } group
            && new ProcessTable(sysfs).WhyInUse($"/dev/vfio/{group}") is { } why
        )
            return why;
        // A network driver makes an interface; where none is in sight, another namespace has it. Ports themselves may
        // be in another's hands.
        return driver is not null && interfaces.IsEmpty && sysfs.Exists($"{path}/net")
            ? "its interface is in another network namespace"
            : null;
    }
}
