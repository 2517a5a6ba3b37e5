using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Weft.Attachments.Plugins;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Attachments.Admission;

/// <summary>W7: a NetworkAttachmentDefinition: its names, its JSON, and what its plugins make of it.</summary>
internal static partial class DefinitionRules
{
    public static readonly LintRule NoConfig = new(
        "W701",
        Severity.Warning,
        "a definition without a configuration: Multus looks for a file on the node"
    );
    public static readonly LintRule InvalidJson = new("W702", Severity.Error, "a configuration that is no JSON");
    public static readonly LintRule NoType = new(
        "W703",
        Severity.Error,
        "a configuration with neither `type` nor `plugins`"
    );
    public static readonly LintRule UnsupportedVersion = new(
        "W704",
        Severity.Error,
        "a `cniVersion` that installed plugins refuse"
    );
    public static readonly LintRule InnerNameDiffers = new(
        "W705",
        Severity.Warning,
        "an inner name that isn't the definition's"
    );
    public static readonly LintRule BadName = new(
        "W706",
        Severity.Error,
        "a name that CNI refuses, or that the comma form can't select"
    );
    public static readonly LintRule TrunkReset = new(
        "W708",
        Severity.Error,
        "`vlan` on a trunk: it takes the trunk away"
    );
    public static readonly LintRule NoResource = new(
        "W714",
        Severity.Error,
        "a plugin that needs a device, and no resource that hands it one"
    );
    public static readonly LintRule NoPool = new(
        "W715",
        Severity.Warning,
        "a resource that no device pool known here makes"
    );
    public static readonly LintRule UnknownVlan = new(
        "W716",
        Severity.Error,
        "a definition of a VLAN that its trunk doesn't have"
    );
    public static readonly LintRule SharedStore = new(
        "W717",
        Severity.Error,
        "two definitions with one inner name and host-local: they share a pool"
    );
    public static readonly LintRule MixedChildren = new(
        "W718",
        Severity.Error,
        $"{PluginRegistry.ListNamesByBinary(binary => binary.HoldsMaster, "and")} on one master"
    );

    // What the reference plugins and Multus take today. 1.1.0 is refused by the plugins that Debian 12 installs.
    private static readonly string[] SupportedVersions = ["0.3.1", "0.4.0", "1.0.0"];
    private static readonly string[] OldVersions = ["0.1.0", "0.2.0", "0.3.0"];
    public static ImmutableArray<LintRule> All =>
        [
            NoConfig,
            InvalidJson,
            NoType,
            UnsupportedVersion,
            InnerNameDiffers,
            BadName,
            CniPluginRules.DroppedKey,
            TrunkReset,
            CniPluginRules.NoMaster,
            CniPluginRules.OldBridgePlugin,
            CniPluginRules.UnfitIpam,
            CniPluginRules.BadMode,
            CniPluginRules.BadVlan,
            NoResource,
            NoPool,
            UnknownVlan,
            SharedStore,
            MixedChildren,
        ];

    /// <summary>Checks a definition.</summary>
    public static void Check(NetworkAttachmentDefinition definition, LintContext lintContext, Findings findings)
    {
        const string path = "spec.config";
        if (!DnsLabel.IsValid(definition.Name))
            findings.Add(
                BadName,
                "metadata.name",
                $"'{definition.Name}' is no DNS label, so the comma form of the annotation can't select it",
                "use a-z, 0-9 and '-', at most 63"
            );
        CheckResource(definition, lintContext, findings);
        if (ReadConfig(definition, path, findings) is not { } config)
            return;
        CheckVersion(config, path, findings);
        CheckInnerName(definition, config, path, findings);
        foreach (var plugin in config.Plugins)
            CniPluginRules.Check(plugin, path, lintContext, findings);
        CheckTrunk(definition, config, path, lintContext, findings);
        IpamRules.Check(config, path, findings);
        CheckOtherDefinitions(definition, config, path, lintContext, findings);
    }

    private static CniConfig? ReadConfig(NetworkAttachmentDefinition definition, string path, Findings findings)
    {
        if (definition.Config is not { Length: > 0 } text)
        {
            findings.Add(
                NoConfig,
                path,
                "it is empty: Multus looks for a file of that name on each node, and fails the pod without one",
                "write the configuration here"
            );
            return null;
        }

        if (CniConfig.Parse(text, out var why) is not { } config)
        {
            findings.Add(InvalidJson, path, $"it is no CNI configuration: {why}", "write one JSON object");
            return null;
        }

        if (!config.Plugins.IsEmpty && config.Plugins.All(p => CniConfig.Text(p, "type") is { Length: > 0 }))
            return config;
        findings.Add(NoType, path, "it has neither 'type' nor a 'plugins' list whose members have one", "add 'type'");
        return null;
    }

    private static void CheckVersion(CniConfig config, string path, Findings findings)
    {
        var version = CniConfig.Text(config.Root, "cniVersion");
        if (version is not null && SupportedVersions.Contains(version))
            return;
        findings.Add(
            UnsupportedVersion,
            $"{path}.cniVersion",
            version is null ? "it has no 'cniVersion', which means 0.1.0"
                : OldVersions.Contains(version) ? $"{version} is older than what chained plugins take"
                : $"'{version}' is refused by the CNI plugins that Debian 12 installs",
            "write 1.0.0"
        );
    }

    private static void CheckInnerName(
        NetworkAttachmentDefinition definition,
        CniConfig config,
        string path,
        Findings findings
    )
    {
        if (CniConfig.Text(config.Root, "name") is not { } name)
            return;
        if (!CniNamePattern().IsMatch(name))
            findings.Add(
                BadName,
                $"{path}.name",
                $"'{name}' can be no network's name in CNI",
                "use letters, digits, '_', '.' and '-', a letter or digit first"
            );
        else if (name != definition.Name)
            findings.Add(
                InnerNameDiffers,
                $"{path}.name",
                $"the inner name is '{name}' and the definition's is '{definition.Name}'; plugins keep what they know by the inner one",
                $"write '{definition.Name}'"
            );
    }

    private static void CheckTrunk(
        NetworkAttachmentDefinition definition,
        CniConfig config,
        string path,
        LintContext lintContext,
        Findings findings
    )
    {
        if (!ResourceId.TryParse(definition.Network, out var trunk) || trunk.Type != TrunkedNetwork.ResourceType)
            return;
        var label = DnsLabel.From(trunk.Name);
        var tagging = config.Plugins.FirstOrDefault(plugin =>
            CniConfig.BinaryOf(plugin).TagsInCard && CniConfig.Has(plugin, "vlan")
        );
        if (definition.Name == label && tagging.ValueKind == JsonValueKind.Object)
            findings.Add(
                TrunkReset,
                $"{path}.vlan",
                $"{trunk.Name} is a trunk, and 'vlan': {CniConfig.Get(tagging, "vlan").GetRawText()} "
                    + "sets the function's VLAN, which takes the trunk away",
                "leave 'vlan' out"
            );
        var allowed =
            lintContext.NetworkOf(definition)?.Vlans
            ?? lintContext.Definitions.FirstOrDefault(d => d.Name == label && d.Network == definition.Network)?.Vlans;
        if (allowed is not null && VlanOf(definition, label) is { } vlan && !allowed.Contains(vlan))
            findings.Add(
                UnknownVlan,
                "metadata.name",
                $"VLAN {vlan} isn't in the trunk {trunk.Name}, which lets {allowed} through",
                "add it to the trunk, or delete the definition"
            );
    }

    /// <summary>The VLAN that a definition is named after: <c>ran-v602</c> of the trunk <c>ran</c>.</summary>
    private static int? VlanOf(NetworkAttachmentDefinition definition, string trunk) =>
        definition.Name.StartsWith(trunk + "-v", StringComparison.Ordinal)
        && int.TryParse(
            definition.Name.AsSpan(trunk.Length + 2),
            NumberStyles.None,
            CultureInfo.InvariantCulture,
            out var vlan
        )
            ? vlan
            : null;

    private static void CheckResource(
        NetworkAttachmentDefinition definition,
        LintContext lintContext,
        Findings findings
    )
    {
        const string path = $"metadata.annotations.{NetworkAttachmentDefinition.ResourceAnnotation}";
        if (definition.Resource is { } resource)
        {
            if (!lintContext.Pools.IsEmpty && !lintContext.Pools.ContainsKey(resource))
                findings.Add(
                    NoPool,
                    path,
                    $"no device pool here makes {resource}",
                    SuggestPool(resource, lintContext.Pools.Keys)
                );
            return;
        }

        var plugin = definition.Config is { } text ? CniConfig.Parse(text, out _)?.MainPlugin ?? default : default;
        if (CniConfig.BinaryOf(plugin) is { NeedsDevice: true } binary && !NamesDevice(plugin))
            findings.Add(
                NoResource,
                path,
                $"{binary.Name} needs a device, and nothing hands it one",
                $"add the annotation {NetworkAttachmentDefinition.ResourceAnnotation}: PREFIX/NAME"
            );
    }

    private static bool NamesDevice(JsonElement plugin) =>
        ((string[])["device", "hwaddr", "kernelpath", "pciBusID", "deviceID"]).Any(member =>
            CniConfig.Has(plugin, member)
        );

    private static string SuggestPool(string resource, IEnumerable<string> pools)
    {
        var near = Suggestions.Find(resource, pools);
        return near.Count > 0
            ? $"did you mean {string.Join(" or ", near)}?"
            : $"pools: {string.Join(", ", pools.Order(StringComparer.Ordinal))}";
    }

    private static void CheckOtherDefinitions(
        NetworkAttachmentDefinition definition,
        CniConfig config,
        string path,
        LintContext lintContext,
        Findings findings
    )
    {
        var name = CniConfig.Text(config.Root, "name") ?? definition.Name;
        foreach (var other in lintContext.Definitions.Where(d => d.Title != definition.Title && d.Config is not null))
        {
            if (CniConfig.Parse(other.Config!, out _) is not { } theirs)
                continue;
            if (
                config.IpamType == IpamPlugins.HostLocal
                && theirs.IpamType == IpamPlugins.HostLocal
                && (CniConfig.Text(theirs.Root, "name") ?? other.Name) == name
            )
                findings.Add(
                    SharedStore,
                    $"{path}.name",
                    $"{other.Title} has the inner name '{name}' too, and host-local counts both in one pool",
                    "give each a name of its own"
                );
            if (config.HeldMaster is { } master && theirs.HeldMaster == master && theirs.Type != config.Type)
                findings.Add(
                    MixedChildren,
                    $"{path}.master",
                    $"'{master}' is {theirs.Type}'s master in {other.Title}; a link has children of one kind, "
                        + "and the second pod fails with 'device or resource busy'",
                    "use another interface, or one plugin for both"
                );
        }
    }

    [GeneratedRegex("^[a-zA-Z0-9][a-zA-Z0-9_.-]*\\z")]
    private static partial Regex CniNamePattern();
}
