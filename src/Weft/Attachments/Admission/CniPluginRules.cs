using System.Globalization;
using System.Text.Json;
using Weft.Attachments.Plugins;

namespace Weft.Attachments.Admission;

/// <summary>W7, the part that judges one CNI plugin's configuration by what its program makes of it.</summary>
internal static class CniPluginRules
{
    public static readonly LintRule DroppedKey = new(
        "W707",
        Severity.Warning,
        "a key that the plugin drops without a word"
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
    public static readonly LintRule UnfitIpam = new(
        "W711",
        Severity.Error,
        $"{PluginRegistry.ListNamesByBinary(binary => binary.RequiresIpam, "and")} with DHCP, or without IPAM"
    );
    public static readonly LintRule BadMode = new("W712", Severity.Error, "a mode that the plugin doesn't know");
    public static readonly LintRule BadVlan = new("W713", Severity.Error, "a VLAN, priority or protocol out of range");

    /// <summary>Checks the configuration of one plugin.</summary>
    public static void Check(JsonElement plugin, string path, LintContext lintContext, Findings findings)
    {
        var binary = CniConfig.BinaryOf(plugin);
        CheckDroppedMembers(plugin, binary, path, findings);
        if (binary.NeedsMaster && CniConfig.Text(plugin, "master") is not { Length: > 0 })
            findings.Add(
                NoMaster,
                path,
                $"{binary.Name} without 'master' stands on the interface that has the node's default route",
                "name the interface"
            );
        if (binary.RequiresIpam)
            CheckIpam(plugin, binary, path, findings);
        CheckMode(plugin, binary, path, findings);
        CheckNumbers(plugin, path, findings);
        if (binary.TagsInCard)
            CheckTag(plugin, binary, path, findings);
        if (binary.ReadsVlanTrunkSince is { } since && CniConfig.Has(plugin, "vlanTrunk"))
            CheckVlanTrunk(binary, since, path, lintContext, findings);
    }

    private static void CheckDroppedMembers(JsonElement plugin, CniBinary binary, string path, Findings findings)
    {
        foreach (var (names, instead) in binary.DroppedMembers)
        {
            foreach (var name in names.Where(name => CniConfig.Has(plugin, name)))
                findings.Add(
                    DroppedKey,
                    $"{path}.{name}",
                    $"{binary.Name} has no '{name}' and drops it without a word",
                    instead
                );
        }
    }

    private static void CheckIpam(JsonElement plugin, CniBinary binary, string path, Findings findings)
    {
        var ipam = CniConfig.Text(CniConfig.Get(plugin, "ipam"), "type");
        if (ipam == IpamPlugins.Dhcp)
            findings.Add(
                UnfitIpam,
                $"{path}.ipam",
                $"all {PluginRegistry.ListNamesByBinary(b => b.RequiresIpam, "and")} pods of a node share one MAC address, "
                    + "so DHCP gives them one lease",
                $"use another IPAM, or {PluginRegistry.ListNamesByBinary(b => b is { HoldsMaster: true, RequiresIpam: false }, "or")}"
            );
        else if (ipam is not { Length: > 0 })
            findings.Add(UnfitIpam, path, $"{binary.Name} fails without an IPAM that gives an address", "add 'ipam'");
    }

    private static void CheckMode(JsonElement plugin, CniBinary binary, string path, Findings findings)
    {
        if (
            !binary.Modes.IsEmpty
            && CniConfig.Text(plugin, "mode") is { Length: > 0 } mode
            && !binary.Modes.Contains(mode)
        )
            findings.Add(
                BadMode,
                $"{path}.mode",
                $"{binary.Name} has no mode '{mode}'",
                $"one of {string.Join(", ", binary.Modes)}"
            );
    }

    private static void CheckNumbers(JsonElement plugin, string path, Findings findings)
    {
        foreach (var (name, most) in ((string, int)[])[("vlan", 4094), ("vlanId", 4094), ("vlanQoS", 7)])
        {
            var value = CniConfig.Get(plugin, name);
            var isInRange = ReadNumber(value) is { } number && number >= 0 && number <= most;
            if (value.ValueKind == JsonValueKind.Undefined || isInRange)
                continue;
            findings.Add(
                BadVlan,
                $"{path}.{name}",
                $"'{name}' is {value.GetRawText()}",
                string.Create(CultureInfo.InvariantCulture, $"write a number from 0 to {most}")
            );
        }
    }

    private static void CheckTag(JsonElement plugin, CniBinary binary, string path, Findings findings)
    {
        var protocol = CniConfig.Text(plugin, "vlanProto");
        if (protocol is not null && protocol.ToLowerInvariant() is not ("802.1q" or "802.1ad"))
            findings.Add(BadVlan, $"{path}.vlanProto", $"'{protocol}' is no VLAN protocol", "write 802.1q or 802.1ad");
        var tag = CniConfig.Get(plugin, "vlan");
        var isTagged = ReadNumber(tag) is not (null or 0);
        var hasPriority = ReadNumber(CniConfig.Get(plugin, "vlanQoS")) is not (null or 0);
        var isStacked = string.Equals(protocol, "802.1ad", StringComparison.OrdinalIgnoreCase);
        // Without the member even what would change nothing is refused; with a 0 only what would.
        var isRefused =
            tag.ValueKind == JsonValueKind.Undefined
                ? CniConfig.Has(plugin, "vlanQoS") || protocol is not null
                : !isTagged && (hasPriority || isStacked);
        if (isRefused)
            findings.Add(
                BadVlan,
                $"{path}.vlan",
                $"{binary.Name} refuses 'vlanQoS' and 'vlanProto' without a VLAN to put them on",
                "add 'vlan', or take them away"
            );
    }

    private static void CheckVlanTrunk(
        CniBinary binary,
        Version since,
        string path,
        LintContext lintContext,
        Findings findings
    )
    {
        var release = lintContext.PluginReleases.GetValueOrDefault(binary.Name);
        if (Version.TryParse(release, out var has) && has >= since)
            return;
        findings.Add(
            OldBridgePlugin,
            $"{path}.vlanTrunk",
            release is not null
                ? $"a node has the {binary.Name} plugin {release}, which drops it and filters nothing"
                : $"the {binary.Name} plugin reads it since {since}; an older one, such as Debian 12's 1.1.1, drops it and filters nothing",
            $"see that every node has {since} or later"
        );
    }

    private static int? ReadNumber(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number : null;
}
