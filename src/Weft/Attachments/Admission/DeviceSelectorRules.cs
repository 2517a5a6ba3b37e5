using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Weft.Attachments.DevicePools;
using Weft.Resources;

namespace Weft.Attachments.Admission;

/// <summary>W9, the part that judges one selector of a pool.</summary>
internal static partial class DeviceSelectorRules
{
    /// <summary>Checks a selector.</summary>
    /// <param name="known">The keys that a selector of the type can have.</param>
    /// <param name="type">The pool's <c>deviceType</c>.</param>
    public static void Check(JsonElement selector, string[] known, string type, string at, Findings findings)
    {
        if (selector.ValueKind != JsonValueKind.Object)
        {
            findings.Add(
                DevicePluginRules.BadValue,
                at,
                $"a selector is {CniConfig.DescribeKind(selector)} and no object",
                """write {"vendors": […]}"""
            );
            return;
        }

        CheckKeys(selector, known, type, at, findings);
        CheckIds(selector, at, findings);
        foreach (var address in selector.Texts("pciAddresses").Where(a => !PciAddressPattern().IsMatch(a)))
            findings.Add(
                DevicePluginRules.BadValue,
                $"{at}.pciAddresses",
                $"'{address}' matches nothing: it is no PCI address with its domain",
                "write 0000:3b:02.1"
            );
        CheckFunctionEntries(selector, "pfNames", at, findings);
        CheckFunctionEntries(selector, "rootDevices", at, findings);
        CheckDrivers(selector, at, findings);
        CheckRdma(selector, at, findings);
    }

    private static void CheckKeys(JsonElement selector, string[] known, string type, string at, Findings findings)
    {
        var keys = selector.EnumerateObject().Select(member => member.Name);
        foreach (var key in keys.Where(key => !known.Contains(key, StringComparer.OrdinalIgnoreCase)))
            findings.Add(
                DevicePluginRules.UnknownKey,
                $"{at}.{key}",
                $"a {type} has no selector '{key}'; the plugin drops it and takes more devices than meant",
                DevicePluginRules.SuggestKey(key, known)
            );
    }

    private static void CheckIds(JsonElement selector, string at, Findings findings)
    {
        foreach (var key in (string[])["vendors", "devices"])
        {
            foreach (var id in selector.Texts(key).Where(id => !HexIdPattern().IsMatch(id)))
                findings.Add(
                    DevicePluginRules.BadValue,
                    $"{at}.{key}",
                    $"'{id}' matches nothing: an id is four lower-case hexadecimal digits",
                    $"write '{id.ToLowerInvariant().Replace("0x", "", StringComparison.Ordinal)}'"
                );
        }
    }

    private static void CheckDrivers(JsonElement selector, string at, Findings findings)
    {
        var drivers = selector.Texts("drivers").ToList();
        if (drivers.Find(DeviceDrivers.IsUserSpace) is not { } userSpace)
            return;
        if (selector.Elements("linkTypes").Any())
            findings.Add(
                DevicePluginRules.Contradiction,
                $"{at}.linkTypes",
                $"a device of {userSpace} is no interface and has no link type: nothing matches",
                "take 'linkTypes' away"
            );
        if (!drivers.TrueForAll(DeviceDrivers.IsUserSpace))
            findings.Add(
                DevicePluginRules.Contradiction,
                $"{at}.drivers",
                $"{string.Join(" and ", drivers)} in one pool: a pod gets a device in user space one time and an interface the next",
                "make a pool of each"
            );
    }

    private static void CheckRdma(JsonElement selector, string at, Findings findings)
    {
        if (selector.Member("isRdma").ValueKind != JsonValueKind.True)
            return;
        if (selector.Text("vdpaType") is not null)
            findings.Add(
                DevicePluginRules.Contradiction,
                $"{at}.vdpaType",
                "isRdma and vdpaType in one selector: the plugin exits",
                "leave one of them"
            );
        if (selector.Texts("drivers").FirstOrDefault(DeviceDrivers.IsUserSpace) is { } userSpace)
            findings.Add(
                DevicePluginRules.Contradiction,
                $"{at}.isRdma",
                $"a device of {userSpace} has no RDMA: nothing matches",
                $"name the kernel's driver ({DeviceDrivers.Mlx5})"
            );
    }

    private static void CheckFunctionEntries(JsonElement selector, string key, string at, Findings findings)
    {
        var seen = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var entry in selector.Texts(key))
        {
            var (port, ranges) = entry.IndexOf('#', StringComparison.Ordinal) is var cut and >= 0
                ? (entry[..cut], entry[(cut + 1)..])
                : (entry, null);
            if (ranges is not null && !ranges.Split(',').All(IsRange))
                findings.Add(
                    DevicePluginRules.BadValue,
                    $"{at}.{key}",
                    $"'{entry}' matches nothing: '{ranges}' is no list of functions",
                    "write PORT#0,2-7"
                );
            if (!seen.TryAdd(port, entry))
                findings.Add(
                    DevicePluginRules.DuplicatePort,
                    $"{at}.{key}",
                    $"'{entry}' is dropped: '{seen[port]}' is for {port} already, and only the first counts",
                    $"write one entry, {port}#0-3,8-11"
                );
        }
    }

    private static bool IsRange(string text)
    {
        var ends = text.Split('-');
        return ends.Length <= 2
            && int.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out var first)
            && int.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var last)
            && first <= last;
    }

    [GeneratedRegex("^[0-9a-f]{4}\\z")]
    private static partial Regex HexIdPattern();

    [GeneratedRegex("^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\\.[0-7]\\z")]
    private static partial Regex PciAddressPattern();
}
