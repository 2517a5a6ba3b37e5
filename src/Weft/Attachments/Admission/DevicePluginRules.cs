using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Weft.Resources;

namespace Weft.Attachments.Admission;

/// <summary>W9: the configuration of the SR-IOV device plugin.</summary>
internal static partial class DevicePluginRules
{
    public static readonly LintRule InvalidJson = new(
        "W901",
        Severity.Error,
        "a configuration that is no JSON: the plugin exits"
    );
    public static readonly LintRule BadName = new(
        "W902",
        Severity.Error,
        "a resource's name or prefix that the plugin refuses, or one given twice"
    );
    public static readonly LintRule NoSelectors = new(
        "W903",
        Severity.Error,
        "a pool without `selectors`: the plugin panics"
    );
    public static readonly LintRule MisplacedSelector = new(
        "W904",
        Severity.Error,
        "a selector beside `selectors` instead of inside: it is dropped, and the pool is wider"
    );
    public static readonly LintRule UnknownKey = new(
        "W905",
        Severity.Error,
        "an unknown key: it is dropped, and the pool is wider than meant"
    );
    public static readonly LintRule DuplicatePort = new(
        "W906",
        Severity.Error,
        "a second entry for one port: only the first counts"
    );
    public static readonly LintRule BadValue = new(
        "W907",
        Severity.Error,
        "a range, id or address that matches nothing"
    );
    public static readonly LintRule Contradiction = new("W908", Severity.Error, "selectors that exclude each other");
    public static readonly LintRule BadType = new(
        "W909",
        Severity.Error,
        "a `deviceType` that the plugin doesn't know"
    );
    public static readonly LintRule EmptyList = new("W910", Severity.Warning, "an empty list: the plugin does nothing");
    public static readonly LintRule HyphenInName = new(
        "W911",
        Severity.Warning,
        "a '-' in a resource's name, which pods then have in the name of a variable"
    );

    // Source: sriov-network-device-plugin, pkg/types and the device types' README.
    private static readonly string[] NetDeviceKeys =
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
        "needVhostNet",
        "vdpaType",
    ];
    private static readonly string[] AcceleratorKeys = ["vendors", "devices", "drivers", "pciAddresses", "acpiIndexes"];
    private static readonly string[] AuxNetDeviceKeys =
    [
        "vendors",
        "devices",
        "drivers",
        "pfNames",
        "rootDevices",
        "linkTypes",
        "acpiIndexes",
        "isRdma",
        "needVhostNet",
        "auxTypes",
    ];
    private static readonly string[] PoolKeys =
    [
        "resourceName",
        "resourcePrefix",
        "deviceType",
        "excludeTopology",
        "selectors",
        "additionalInfo",
    ];

    public static ImmutableArray<LintRule> All =>
        [
            InvalidJson,
            BadName,
            NoSelectors,
            MisplacedSelector,
            UnknownKey,
            DuplicatePort,
            BadValue,
            Contradiction,
            BadType,
            EmptyList,
            HyphenInName,
        ];

    /// <summary>Checks the configurations that a ConfigMap holds.</summary>
    public static void Check(JsonElement manifest, Findings findings)
    {
        foreach (var (key, text) in DevicePluginResource.ReadConfigurations(manifest))
        {
            var path = $"data.{key}";
            try
            {
                using var document = JsonDocument.Parse(text);
                CheckPools(document.RootElement, path, findings);
            }
            catch (JsonException e)
            {
                findings.Add(
                    InvalidJson,
                    path,
                    $"it is no JSON: {CniConfig.DescribeError(e)}; the plugin exits at its next start",
                    "mend the JSON"
                );
            }
        }
    }

    private static void CheckPools(JsonElement root, string path, Findings findings)
    {
        var pools = root.Elements("resourceList").ToList();
        if (pools.Count == 0)
            findings.Add(
                EmptyList,
                $"{path}.resourceList",
                "it has no pools, so the plugin offers nothing",
                "add a pool, or delete the ConfigMap"
            );
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (pool, i) in pools.Select((p, i) => (p, i)))
        {
            var at = $"{path}.resourceList[{i}]";
            CheckName(pool, at, names, findings);
            var type = pool.Text("deviceType") ?? "netDevice";
            string[]? known = type switch
            {
                "netDevice" => NetDeviceKeys,
                "accelerator" => AcceleratorKeys,
                "auxNetDevice" => AuxNetDeviceKeys,
                _ => null,
            };
            if (known is null)
            {
                findings.Add(
                    BadType,
                    $"{at}.deviceType",
                    $"'{type}' is no device type",
                    "one of netDevice, accelerator, auxNetDevice"
                );
                continue;
            }

            CheckPoolKeys(pool, known, at, findings);
            if (pool.Member("selectors").ValueKind is not (JsonValueKind.Array or JsonValueKind.Object))
            {
                findings.Add(
                    NoSelectors,
                    at,
                    $"'{pool.Text("resourceName")}' has no selectors, and the plugin panics",
                    """add "selectors": [{…}]"""
                );
                continue;
            }

            foreach (var (selector, j) in DevicePluginResource.SelectorsOf(pool).Select((s, j) => (s, j)))
                CheckSelector(
                    selector,
                    known,
                    type,
                    pool.Member("selectors").ValueKind == JsonValueKind.Object
                        ? $"{at}.selectors"
                        : $"{at}.selectors[{j}]",
                    findings
                );
        }
    }

    private static void CheckName(JsonElement pool, string at, HashSet<string> names, Findings findings)
    {
        var name = pool.Text("resourceName") ?? "";
        if (!ResourceNamePattern().IsMatch(name) || name.Length > 63)
            findings.Add(
                BadName,
                $"{at}.resourceName",
                $"'{name}' can be no resource: it must be of letters, digits, '_' and '-', at most 63",
                "write the network's name with '_' for '-' and '.'"
            );
        else if (name.Contains('-', StringComparison.Ordinal))
            findings.Add(
                HyphenInName,
                $"{at}.resourceName",
                $"'{name}' makes the variable PCIDEVICE_…_{name.ToUpperInvariant()} in pods, which no shell can read",
                $"write '{name.Replace('-', '_')}'"
            );
        if (!names.Add($"{pool.Text("resourcePrefix") ?? DevicePluginResource.DefaultPrefix}/{name}"))
            findings.Add(
                BadName,
                $"{at}.resourceName",
                $"{pool.Text("resourcePrefix") ?? DevicePluginResource.DefaultPrefix}/{name} is there twice, and the plugin exits",
                "put the selectors of both into one pool"
            );
    }

    private static void CheckPoolKeys(JsonElement pool, string[] known, string at, Findings findings)
    {
        foreach (
            var key in pool.EnumerateObject()
                .Select(m => m.Name)
                .Where(k => !PoolKeys.Contains(k, StringComparer.OrdinalIgnoreCase))
        )
        {
            if (known.Contains(key, StringComparer.OrdinalIgnoreCase))
                findings.Add(
                    MisplacedSelector,
                    $"{at}.{key}",
                    $"'{key}' is beside 'selectors' and dropped, so the pool takes devices that it was to leave out",
                    "move it into each selector"
                );
            else
                findings.Add(
                    UnknownKey,
                    $"{at}.{key}",
                    $"a pool has no '{key}', and the plugin drops it",
                    SuggestKey(key, [.. PoolKeys, .. known])
                );
        }
    }

    private static void CheckSelector(JsonElement selector, string[] known, string type, string at, Findings findings)
    {
        if (selector.ValueKind != JsonValueKind.Object)
        {
            findings.Add(
                BadValue,
                at,
                $"a selector is {CniConfig.DescribeKind(selector)} and no object",
                """write {"vendors": […]}"""
            );
            return;
        }

        foreach (
            var key in selector
                .EnumerateObject()
                .Select(m => m.Name)
                .Where(k => !known.Contains(k, StringComparer.OrdinalIgnoreCase))
        )
            findings.Add(
                UnknownKey,
                $"{at}.{key}",
                $"a {type} has no selector '{key}'; the plugin drops it and takes more devices than meant",
                SuggestKey(key, known)
            );
        foreach (
            var id in ((string[])["vendors", "devices"])
                .SelectMany(k => selector.Texts(k).Select(v => (Key: k, Value: v)))
                .Where(i => !HexIdPattern().IsMatch(i.Value))
        )
            findings.Add(
                BadValue,
                $"{at}.{id.Key}",
                $"'{id.Value}' matches nothing: an id is four lower-case hexadecimal digits",
                $"write '{id.Value.ToLowerInvariant().Replace("0x", "", StringComparison.Ordinal)}'"
            );
        foreach (var address in selector.Texts("pciAddresses").Where(a => !PciAddressPattern().IsMatch(a)))
            findings.Add(
                BadValue,
                $"{at}.pciAddresses",
                $"'{address}' matches nothing: it is no PCI address with its domain",
                "write 0000:3b:02.1"
            );
        CheckFunctionEntries(selector, "pfNames", at, findings);
        CheckFunctionEntries(selector, "rootDevices", at, findings);
        var drivers = selector.Texts("drivers").ToList();
        var userSpace = drivers.Where(d => DevicePluginResource.UserSpaceDrivers.Contains(d)).ToList();
        if (userSpace.Count > 0 && selector.Elements("linkTypes").Any())
            findings.Add(
                Contradiction,
                $"{at}.linkTypes",
                $"a device of {userSpace[0]} is no interface and has no link type: nothing matches",
                "take 'linkTypes' away"
            );
        if (userSpace.Count > 0 && userSpace.Count < drivers.Count)
            findings.Add(
                Contradiction,
                $"{at}.drivers",
                $"{string.Join(" and ", drivers)} in one pool: a pod gets a device in user space one time and an interface the next",
                "make a pool of each"
            );
        if (selector.Member("isRdma").ValueKind == JsonValueKind.True && selector.Text("vdpaType") is not null)
            findings.Add(
                Contradiction,
                $"{at}.vdpaType",
                "isRdma and vdpaType in one selector: the plugin exits",
                "leave one of them"
            );
        if (selector.Member("isRdma").ValueKind == JsonValueKind.True && userSpace.Count > 0)
            findings.Add(
                Contradiction,
                $"{at}.isRdma",
                $"a device of {userSpace[0]} has no RDMA: nothing matches",
                "name the kernel's driver (mlx5_core)"
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
                    BadValue,
                    $"{at}.{key}",
                    $"'{entry}' matches nothing: '{ranges}' is no list of functions",
                    "write PORT#0,2-7"
                );
            if (!seen.TryAdd(port, entry))
                findings.Add(
                    DuplicatePort,
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

    private static string SuggestKey(string key, string[] known) =>
        Suggestions.Find(key, known) is [var near, ..]
            ? $"did you mean '{near}'?"
            : $"one of {string.Join(", ", known)}";

    [GeneratedRegex("^[a-zA-Z0-9_-]+$")]
    private static partial Regex ResourceNamePattern();

    [GeneratedRegex("^[0-9a-f]{4}$")]
    private static partial Regex HexIdPattern();

    [GeneratedRegex("^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\\.[0-7]$")]
    private static partial Regex PciAddressPattern();
}
