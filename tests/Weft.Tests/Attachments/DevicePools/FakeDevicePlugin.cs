using System.Text.Json;
using System.Text.RegularExpressions;

namespace Weft.Tests.Attachments.DevicePools;

/// <summary>A device as the SR-IOV device plugin sees it.</summary>
internal sealed record FakePluginDevice(string Pci, string Vendor, string Driver)
{
    public string PfName { get; init; } = "";

    public string PfPci { get; init; } = "";

    public int Index { get; init; }

    public bool IsRdma { get; init; }

    /// <summary>A port that has functions, or the IPv4 default route: it is never given away.</summary>
    public bool IsExcluded { get; init; }
}

/// <summary>
/// What the SR-IOV device plugin makes of its file: which device goes to which resource. Written by the behaviour of
/// its reader, its checks and its selectors, with one difference: a member that it would pass over silently is a fault
/// here.
/// </summary>
internal static partial class FakeDevicePlugin
{
    private static readonly string[] ResourceMembers =
    [
        "resourcePrefix",
        "resourceName",
        "deviceType",
        "excludeTopology",
        "selectors",
        "additionalInfo",
    ];
    private static readonly string[] SelectorMembers =
    [
        "vendors",
        "devices",
        "drivers",
        "pciAddresses",
        "acpiIndexes",
        "pfNames",
        "rootDevices",
        "linkTypes",
        "ddpProfiles",
        "pKeys",
        "isRdma",
        "vdpaType",
        "needVhostNet",
    ];

    public static Dictionary<string, List<string>> Allocate(string file, params FakePluginDevice[] devices)
    {
        using var document = JsonDocument.Parse(file);
        Assert.Equal("resourceList", Assert.Single(document.RootElement.EnumerateObject()).Name);
        var pools = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (var resource in document.RootElement.GetProperty("resourceList").EnumerateArray())
        {
            AssertKnownMembers(resource, ResourceMembers);
            var name = resource.GetProperty("resourceName").GetString()!;
            Assert.Matches(ResourceName(), name);
            Assert.InRange(name.Length, 1, 63);
            Assert.Equal("netDevice", resource.GetProperty("deviceType").GetString());
            var selectors = resource.GetProperty("selectors").EnumerateArray().ToList();
            Assert.NotEmpty(selectors);
            var pool = new List<string>();
            // A resource twice ends the plugin.
            Assert.True(pools.TryAdd($"{resource.GetProperty("resourcePrefix").GetString()}/{name}", pool));
            foreach (var selector in selectors)
            {
                AssertKnownMembers(selector, SelectorMembers);
                pool.AddRange(
                    devices
                        .Where(device => !device.IsExcluded && Matches(selector, device))
                        .Select(device => device.Pci)
                        .Where(taken.Add)
                );
            }
        }

        return pools;
    }

    private static bool Matches(JsonElement selector, FakePluginDevice device) =>
        IsListed(selector, "vendors", device.Vendor)
        && IsListed(selector, "drivers", device.Driver)
        && IsListed(selector, "pciAddresses", device.Pci)
        && MatchesPort(selector, "pfNames", device.PfName, device.Index)
        && MatchesPort(selector, "rootDevices", device.PfPci, device.Index)
        && (!selector.TryGetProperty("isRdma", out var rdma) || !rdma.GetBoolean() || device.IsRdma);

    private static List<string> Texts(JsonElement selector, string member) =>
        selector.TryGetProperty(member, out var list)
            ? [.. list.EnumerateArray().Select(text => text.GetString()!)]
            : [];

    private static bool IsListed(JsonElement selector, string member, string value) =>
        Texts(selector, member) is not { Count: > 0 } list || list.Contains(value);

    private static bool MatchesPort(JsonElement selector, string member, string port, int index)
    {
        if (Texts(selector, member) is not { Count: > 0 } list)
            return true;
        // The first entry that names the port is the only one that counts.
        if (
            port.Length == 0
            || list.Find(entry => entry.Split('#')[0].Equals(port, StringComparison.OrdinalIgnoreCase)) is not { } found
        )
            return false;
        var fields = found.Split('#');
        if (fields.Length == 1)
            return true;
        if (fields.Length > 2)
            return false;
        foreach (var part in fields[1].Split(','))
        {
            var ends = part.Split('-');
            // A part that is no number ends the whole entry.
            if (ends.Length > 2 || !ends.All(end => int.TryParse(end, out _)))
                return false;
            if (index >= int.Parse(ends[0], null) && index <= int.Parse(ends[^1], null))
                return true;
        }

        return false;
    }

    private static void AssertKnownMembers(JsonElement element, string[] members) =>
        Assert.All(element.EnumerateObject(), member => Assert.Contains(member.Name, members));

    [GeneratedRegex("^[a-zA-Z0-9_-]+$")]
    private static partial Regex ResourceName();
}
