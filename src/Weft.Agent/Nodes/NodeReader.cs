using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Weft.Agent.Netlink;

namespace Weft.Agent.Nodes;

/// <summary>Reads a node as it is. It changes nothing.</summary>
internal sealed class NodeReader(Rtnetlink kernel, Sysfs sysfs)
{
    /// <summary>Which boot this is: what is made in one is gone in the next.</summary>
    public string Boot => sysfs.Read("/proc/sys/kernel/random/boot_id") ?? "";

    /// <summary>Reads what a plan for a wish needs.</summary>
    /// <exception cref="IOException">The kernel doesn't say.</exception>
    public NodeState Read(NodeWish wish, Made made)
    {
        var links = kernel.Links();
        var (shown, text) = Guards([.. GuardPlan.Tables(wish.Guards).Union(made.Of("guards") is LoadGuards guards ? guards.Tables : [])]);
        return new NodeState(links, kernel.Addresses(), kernel.Routes())
        {
            Settings = Settings(links, wish, made), Devices = Devices(links, wish, made), Guards = shown, GuardsText = text,
        };
    }

    /// <summary>Tables as the kernel has them.</summary>
    /// <returns>A fingerprint of those that are there, null where none is, and their text.</returns>
    public static (string? Shown, string Text) Guards(IReadOnlyList<string> tables)
    {
        var shown = new StringBuilder();
        var text = new StringBuilder();
        foreach (var table in tables.Order(StringComparer.Ordinal))
        {
            var (status, json, _) = Tools.Run("nft", ["-j", "list", "table", "netdev", table]);
            if (status != 0)
                continue;
            shown.Append(Plain(JsonNode.Parse(json))?.ToJsonString());
            text.Append(Tools.Run("nft", ["list", "table", "netdev", table]).Output);
        }

        return (shown.Length == 0 ? null : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(shown.ToString()))), text.ToString());
    }

    private static JsonNode? Plain(JsonNode? node)
    {
        // Numbers that count and numbers that nft gives anew say nothing of what is filtered.
        switch (node)
        {
            case JsonObject members:
                foreach (var name in members.Select(member => member.Key).Where(name => name is "metainfo" or "handle" or "packets" or "bytes").ToList())
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

    private ImmutableDictionary<(string, string), string> Settings(ImmutableArray<KernelLink> links, NodeWish wish, Made made)
    {
        var names = LinkWish.Of(wish.Configuration).SelectMany(link => new[] { link.Name, link.Uplink.Name, link.Parent })
            .Concat(made.Steps.OfType<SetSetting>().Select(step => step.Link)).ToHashSet(StringComparer.Ordinal);
        var macs = wish.Configuration.Links.Select(link => link.Uplink.MacAddress).Concat(wish.Configuration.PhysicalFunctions.Select(port => port.MacAddress))
            .OfType<string>().ToHashSet(StringComparer.OrdinalIgnoreCase);
        var settings = ImmutableDictionary.CreateBuilder<(string, string), string>();
        foreach (var link in links.Where(l => names.Contains(l.Name) || macs.Contains(l.MacAddress ?? "") || macs.Contains(l.PermanentMacAddress ?? "") || l.OtherNames.Any(names.Contains))
            .Select(l => l.Name).Append(NodeState.OfNew))
        {
            foreach (var name in LinkSettings.Names)
            {
                if (sysfs.Read(SettingPath(link, name)) is { Length: > 0 } value)
                    settings[(link, name)] = value;
            }
        }

        return settings.ToImmutable();
    }

    /// <summary>Where a setting is.</summary>
    public static string SettingPath(string link, string name) => $"/proc/sys/net/ipv6/conf/{link}/{name}";

    private ImmutableDictionary<string, PciDevice> Devices(ImmutableArray<KernelLink> links, NodeWish wish, Made made)
    {
        var ports = wish.Configuration.PhysicalFunctions;
        var wanted = ports.Select(p => p.PciAddress).Concat(wish.Configuration.Devices.Select(d => d.PciAddress))
            .Concat(made.Steps.Select(step => step switch { SetFunctionCount c => c.Device, SetAutoProbe p => p.Device, BindDriver b => b.Device.Address, _ => null }));
        if (ports.Length > 0 || wish.Configuration.Devices.Length > 0)
            wanted = wanted.Concat(links.Select(link => link.Device));
        var devices = ImmutableDictionary.CreateBuilder<string, PciDevice>();
        foreach (var address in wanted.OfType<string>().Distinct(StringComparer.Ordinal))
        {
            if (Device(address) is not { } device)
                continue;
            devices[address] = device;
            foreach (var function in device.Functions)
            {
                if (Device(function) is { } found)
                    devices[function] = found;
            }
        }

        return devices.ToImmutable();
    }

    private PciDevice? Device(string address)
    {
        var path = $"/sys/bus/pci/devices/{address}";
        if (!sysfs.Has(path))
            return null;
        var driver = sysfs.Target($"{path}/driver");
        var interfaces = sysfs.Names($"{path}/net").ToImmutableArray();
        var count = sysfs.Number($"{path}/sriov_numvfs") ?? 0;
        return new PciDevice(address, (sysfs.Read($"{path}/vendor") ?? "").Replace("0x", "", StringComparison.Ordinal), driver)
        {
            HasIommuGroup = sysfs.Has($"{path}/iommu_group"),
            Interfaces = interfaces,
            GreatestCount = sysfs.Number($"{path}/sriov_totalvfs") ?? 0,
            Functions = [.. Enumerable.Range(0, count).Select(i => sysfs.Target($"{path}/virtfn{i}")).OfType<string>()],
            AutoProbe = sysfs.Number($"{path}/sriov_drivers_autoprobe") is { } probe ? probe != 0 : null,
            InUse = InUse(address, path, driver, interfaces),
        };
    }

    /// <summary>Why a device mustn't be touched: a plugin says that a pod has it, its interface is in another namespace, or a program has it open.</summary>
    private string? InUse(string address, string path, string? driver, ImmutableArray<string> interfaces)
    {
        // The SR-IOV plugin's own mark: the path of the pod's network namespace. It outlives a pod that was killed, but the namespace doesn't.
        if (sysfs.Read($"/var/lib/cni/sriov/pci/{address}") is { } holder && (holder.Length == 0 || sysfs.Has(holder)))
            return $"the SR-IOV plugin has given it to {(holder.Length == 0 ? "a pod" : holder)}";
        if (driver is BindDriver.UserSpace && sysfs.Target($"{path}/iommu_group") is { } group && Opener($"/dev/vfio/{group}") is { } process)
            return $"process {process} has /dev/vfio/{group} open";
        // A network driver makes an interface; where none is in sight, another namespace has it. Ports themselves may be in another's hands.
        return driver is not null && interfaces.IsEmpty && sysfs.Has($"{path}/net") ? "its interface is in another network namespace" : null;
    }

    private string? Opener(string file) => sysfs.Names("/proc").Where(name => name.All(char.IsAsciiDigit))
        .FirstOrDefault(process => sysfs.Names($"/proc/{process}/fd").Any(fd => sysfs.IsLinkTo($"/proc/{process}/fd/{fd}", file)));
}
