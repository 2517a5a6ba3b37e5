using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
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
    public static readonly LintRule DroppedKey = new(
        "W707",
        Severity.Warning,
        "a key that the plugin drops without a word"
    );
    public static readonly LintRule TrunkReset = new(
        "W708",
        Severity.Error,
        "`vlan` on a trunk: it takes the trunk away"
    );
    public static readonly LintRule NoMaster = new(
        "W709",
        Severity.Error,
        "no `master`: the interface with the default route is taken"
    );
    public static readonly LintRule OldBridgePlugin = new(
        "W710",
        Severity.Warning,
        "`vlanTrunk`, which older bridge plugins drop"
    );
    public static readonly LintRule UnfitIpam = new("W711", Severity.Error, "IPVLAN with DHCP, or without IPAM");
    public static readonly LintRule BadMode = new("W712", Severity.Error, "a mode that the plugin doesn't know");
    public static readonly LintRule BadVlan = new("W713", Severity.Error, "a VLAN, priority or protocol out of range");
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
    public static readonly LintRule MixedChildren = new("W718", Severity.Error, "MACVLAN and IPVLAN on one master");

    // What the reference plugins and Multus take today. 1.1.0 is refused by the plugins that Debian 12 installs.
    private static readonly string[] SupportedVersions = ["0.3.1", "0.4.0", "1.0.0"];
    private static readonly string[] OldVersions = ["0.1.0", "0.2.0", "0.3.0"];
    private static readonly Version FirstTrunkRelease = new(1, 3, 0);

    private static readonly (string Type, string[] Keys, string Instead)[] DroppedKeys =
    [
        (
            "sriov",
            ["trunk", "vlanTrunk", "vlans"],
            "tags are let through by the fabric, the host or the card's own trunk setting"
        ),
        ("sriov", ["mtu"], "set the MTU on the node, or chain the tuning plugin"),
        ("sriov", ["master", "logicalUplink", "bridge", "vf"], "the device comes from the resource"),
        (
            "host-device",
            ["vlan", "trust", "spoofchk", "mac", "mtu"],
            "chain the tuning plugin for mtu and mac; the host sets the rest"
        ),
        (
            "macvlan",
            ["vlan", "vlanId", "vlanTrunk", "trunk"],
            "name a VLAN interface as master, or let the guard of the node drop other tags"
        ),
        ("ipvlan", ["vlan", "vlanId", "vlanTrunk", "trunk", "mac"], "name a VLAN interface as master"),
    ];

    public static ImmutableArray<LintRule> All =>
        [
            NoConfig,
            InvalidJson,
            NoType,
            UnsupportedVersion,
            InnerNameDiffers,
            BadName,
            DroppedKey,
            TrunkReset,
            NoMaster,
            OldBridgePlugin,
            UnfitIpam,
            BadMode,
            BadVlan,
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
        if (definition.Config is not { Length: > 0 } text)
        {
            findings.Add(
                NoConfig,
                path,
                "it is empty: Multus looks for a file of that name on each node, and fails the pod without one",
                "write the configuration here"
            );
            return;
        }

        if (CniConfig.Parse(text, out var why) is not { } config)
        {
            findings.Add(InvalidJson, path, $"it is no CNI configuration: {why}", "write one JSON object");
            return;
        }

        if (config.Plugins.IsEmpty || config.Plugins.Any(p => CniConfig.Text(p, "type") is not { Length: > 0 }))
        {
            findings.Add(
                NoType,
                path,
                "it has neither 'type' nor a 'plugins' list whose members have one",
                "add 'type'"
            );
            return;
        }

        CheckEnvelope(definition, config, path, findings);
        foreach (var plugin in config.Plugins)
            CheckPlugin(plugin, path, lintContext, findings);
        CheckTrunk(definition, config, path, lintContext, findings);
        IpamRules.Check(config, path, findings);
        CheckOtherDefinitions(definition, config, path, lintContext, findings);
    }

    private static void CheckEnvelope(
        NetworkAttachmentDefinition definition,
        CniConfig config,
        string path,
        Findings findings
    )
    {
        var version = CniConfig.Text(config.Root, "cniVersion");
        if (version is null || !SupportedVersions.Contains(version))
        {
            findings.Add(
                UnsupportedVersion,
                $"{path}.cniVersion",
                version is null ? "it has no 'cniVersion', which means 0.1.0"
                    : OldVersions.Contains(version) ? $"{version} is older than what chained plugins take"
                    : $"'{version}' is refused by the CNI plugins that Debian 12 installs",
                "write 1.0.0"
            );
        }

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

    private static void CheckPlugin(JsonElement plugin, string path, LintContext lintContext, Findings findings)
    {
        var type = CniConfig.Text(plugin, "type")!;
        foreach (var (_, keys, instead) in DroppedKeys.Where(n => n.Type == type))
        {
            foreach (var key in keys.Where(k => CniConfig.Has(plugin, k)))
                findings.Add(
                    DroppedKey,
                    $"{path}.{key}",
                    $"{type} has no '{key}' and drops it without a word",
                    instead
                );
        }

        if (
            type is "macvlan" or "ipvlan" or TrunkRules.TrunkPlugin
            && CniConfig.Text(plugin, "master") is not { Length: > 0 }
        )
            findings.Add(
                NoMaster,
                path,
                $"{type} without 'master' stands on the interface that has the node's default route",
                "name the interface"
            );
        if (type == "ipvlan")
            CheckIpvlan(plugin, path, findings);
        CheckMode(plugin, type, path, findings);
        CheckTags(plugin, type, path, findings);
        if (
            type == "bridge"
            && CniConfig.Has(plugin, "vlanTrunk")
            && !(
                lintContext.PluginReleases.TryGetValue("bridge", out var release)
                && System.Version.TryParse(release, out var has)
                && has >= FirstTrunkRelease
            )
        )
        {
            findings.Add(
                OldBridgePlugin,
                $"{path}.vlanTrunk",
                lintContext.PluginReleases.TryGetValue("bridge", out release)
                    ? $"a node has the bridge plugin {release}, which drops it and filters nothing"
                    : "the bridge plugin reads it since 1.3.0; an older one, such as Debian 12's 1.1.1, drops it and filters nothing",
                "see that every node has 1.3.0 or later"
            );
        }
    }

    private static void CheckIpvlan(JsonElement plugin, string path, Findings findings)
    {
        var ipam = CniConfig.Text(CniConfig.Get(plugin, "ipam"), "type");
        if (ipam == "dhcp")
            findings.Add(
                UnfitIpam,
                $"{path}.ipam",
                "all IPVLAN pods of a node share one MAC address, so DHCP gives them one lease",
                "use another IPAM, or MACVLAN"
            );
        else if (ipam is not { Length: > 0 })
            findings.Add(UnfitIpam, path, "ipvlan fails without an IPAM that gives an address", "add 'ipam'");
    }

    private static void CheckMode(JsonElement plugin, string type, string path, Findings findings)
    {
        string[] modes = type switch
        {
            "macvlan" => ["bridge", "private", "vepa", "passthru"],
            "ipvlan" or TrunkRules.TrunkPlugin => ["l2", "l3", "l3s"],
            _ => [],
        };
        if (modes.Length > 0 && CniConfig.Text(plugin, "mode") is { Length: > 0 } mode && !modes.Contains(mode))
            findings.Add(BadMode, $"{path}.mode", $"{type} has no mode '{mode}'", $"one of {string.Join(", ", modes)}");
    }

    private static void CheckTags(JsonElement plugin, string type, string path, Findings findings)
    {
        foreach (var (key, most) in ((string, int)[])[("vlan", 4094), ("vlanId", 4094), ("vlanQoS", 7)])
        {
            if (
                CniConfig.Get(plugin, key) is { ValueKind: not JsonValueKind.Undefined } value
                && !(
                    value.ValueKind == JsonValueKind.Number
                    && value.TryGetInt32(out var number)
                    && number >= 0
                    && number <= most
                )
            )
                findings.Add(
                    BadVlan,
                    $"{path}.{key}",
                    $"'{key}' is {value.GetRawText()}",
                    string.Create(CultureInfo.InvariantCulture, $"write a number from 0 to {most}")
                );
        }

        if (type != "sriov")
            return;
        var tag = CniConfig.Get(plugin, "vlan");
        var priority =
            CniConfig.Get(plugin, "vlanQoS") is { ValueKind: JsonValueKind.Number } qos
            && qos.TryGetInt32(out var level)
                ? level
                : 0;
        var protocol = CniConfig.Text(plugin, "vlanProto");
        if (protocol is not null && protocol.ToLowerInvariant() is not ("802.1q" or "802.1ad"))
            findings.Add(BadVlan, $"{path}.vlanProto", $"'{protocol}' is no VLAN protocol", "write 802.1q or 802.1ad");
        var isTagged = tag is { ValueKind: JsonValueKind.Number } && tag.TryGetInt32(out var vlan) && vlan != 0;
        var hasNone = tag.ValueKind == JsonValueKind.Undefined;
        if (
            hasNone
                ? CniConfig.Has(plugin, "vlanQoS") || protocol is not null
                : !isTagged && (priority != 0 || string.Equals(protocol, "802.1ad", StringComparison.OrdinalIgnoreCase))
        )
            findings.Add(
                BadVlan,
                $"{path}.vlan",
                "sriov refuses 'vlanQoS' and 'vlanProto' without a VLAN to put them on",
                "add 'vlan', or take them away"
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
        if (
            definition.Name == label
            && config.Plugins.FirstOrDefault(p => CniConfig.Text(p, "type") == "sriov" && CniConfig.Has(p, "vlan"))
                is { ValueKind: JsonValueKind.Object } plugin
        )
            findings.Add(
                TrunkReset,
                $"{path}.vlan",
                $"{trunk.Name} is a trunk, and 'vlan': {CniConfig.Get(plugin, "vlan").GetRawText()} sets the function's VLAN, which takes the trunk away",
                "leave 'vlan' out"
            );
        var allowed =
            lintContext.NetworkOf(definition)?.Vlans
            ?? lintContext.Definitions.FirstOrDefault(d => d.Name == label && d.Network == definition.Network)?.Vlans;
        if (
            allowed is not null
            && definition.Name.StartsWith(label + "-v", StringComparison.Ordinal)
            && int.TryParse(
                definition.Name.AsSpan(label.Length + 2),
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out var vlan
            )
            && !allowed.Contains(vlan)
        )
            findings.Add(
                UnknownVlan,
                "metadata.name",
                $"VLAN {vlan} isn't in the trunk {trunk.Name}, which lets {allowed} through",
                "add it to the trunk, or delete the definition"
            );
    }

    private static void CheckResource(
        NetworkAttachmentDefinition definition,
        LintContext lintContext,
        Findings findings
    )
    {
        const string path = $"metadata.annotations.{NetworkAttachmentDefinition.ResourceAnnotation}";
        var type = definition.Config is { } text
            ? CniConfig.Parse(text, out _)?.Plugins.FirstOrDefault() ?? default
            : default;
        var name = CniConfig.Text(type, "type");
        var namesDevice = ((string[])["device", "hwaddr", "kernelpath", "pciBusID", "deviceID"]).Any(k =>
            CniConfig.Has(type, k)
        );
        if (definition.Resource is null && (name == "sriov" || name == "host-device") && !namesDevice)
            findings.Add(
                NoResource,
                path,
                $"{name} needs a device, and nothing hands it one",
                $"add the annotation {NetworkAttachmentDefinition.ResourceAnnotation}: PREFIX/NAME"
            );
        else if (
            definition.Resource is { } resource
            && !lintContext.Pools.IsEmpty
            && !lintContext.Pools.ContainsKey(resource)
        )
        {
            var near = Suggestions.Find(resource, lintContext.Pools.Keys);
            findings.Add(
                NoPool,
                path,
                $"no device pool here makes {resource}",
                near.Count > 0
                    ? $"did you mean {string.Join(" or ", near)}?"
                    : $"pools: {string.Join(", ", lintContext.Pools.Keys.Order(StringComparer.Ordinal))}"
            );
        }
    }

    private static void CheckOtherDefinitions(
        NetworkAttachmentDefinition definition,
        CniConfig config,
        string path,
        LintContext lintContext,
        Findings findings
    )
    {
        var master = config.Type is "macvlan" or "ipvlan" ? CniConfig.Text(config.MainPlugin, "master") : null;
        var name = CniConfig.Text(config.Root, "name") ?? definition.Name;
        foreach (var other in lintContext.Definitions.Where(d => d.Title != definition.Title && d.Config is not null))
        {
            if (CniConfig.Parse(other.Config!, out _) is not { } theirs)
                continue;
            if (
                config.IpamType == "host-local"
                && theirs.IpamType == "host-local"
                && (CniConfig.Text(theirs.Root, "name") ?? other.Name) == name
            )
                findings.Add(
                    SharedStore,
                    $"{path}.name",
                    $"{other.Title} has the inner name '{name}' too, and host-local counts both in one pool",
                    "give each a name of its own"
                );
            if (
                master is not null
                && theirs.Type is "macvlan" or "ipvlan"
                && theirs.Type != config.Type
                && CniConfig.Text(theirs.MainPlugin, "master") == master
            )
                findings.Add(
                    MixedChildren,
                    $"{path}.master",
                    $"'{master}' is {theirs.Type}'s master in {other.Title}; a link has children of one kind, and the second pod fails with 'device or resource busy'",
                    "use another interface, or one plugin for both"
                );
        }
    }

    [GeneratedRegex("^[a-zA-Z0-9][a-zA-Z0-9_.-]*$")]
    private static partial Regex CniNamePattern();
}
