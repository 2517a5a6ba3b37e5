using System.Collections.Immutable;
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
            CheckPool(pool, at, findings);
        }
    }

    private static void CheckPool(JsonElement pool, string at, Findings findings)
    {
        var type = pool.Text("deviceType") ?? "netDevice";
        if (SelectorKeysOf(type) is not { } known)
        {
            findings.Add(
                BadType,
                $"{at}.deviceType",
                $"'{type}' is no device type",
                "one of netDevice, accelerator, auxNetDevice"
            );
            return;
        }

        CheckPoolKeys(pool, known, at, findings);
        var kind = pool.Member("selectors").ValueKind;
        if (kind is not (JsonValueKind.Array or JsonValueKind.Object))
        {
            findings.Add(
                NoSelectors,
                at,
                $"'{pool.Text("resourceName")}' has no selectors, and the plugin panics",
                """add "selectors": [{…}]"""
            );
            return;
        }

        foreach (var (selector, i) in DevicePluginResource.SelectorsOf(pool).Select((s, i) => (s, i)))
        {
            var path = kind == JsonValueKind.Object ? $"{at}.selectors" : $"{at}.selectors[{i}]";
            DeviceSelectorRules.Check(selector, known, type, path, findings);
        }
    }

    private static string[]? SelectorKeysOf(string deviceType) =>
        deviceType switch
        {
            "netDevice" => NetDeviceKeys,
            "accelerator" => AcceleratorKeys,
            "auxNetDevice" => AuxNetDeviceKeys,
            _ => null,
        };

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
        var fullName = $"{pool.Text("resourcePrefix") ?? DevicePluginResource.DefaultPrefix}/{name}";
        if (!names.Add(fullName))
            findings.Add(
                BadName,
                $"{at}.resourceName",
                $"{fullName} is there twice, and the plugin exits",
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

    internal static string SuggestKey(string key, string[] known) =>
        Suggestions.Find(key, known) is [var near, ..]
            ? $"did you mean '{near}'?"
            : $"one of {string.Join(", ", known)}";

    [GeneratedRegex("^[a-zA-Z0-9_-]+\\z")]
    private static partial Regex ResourceNamePattern();
}
