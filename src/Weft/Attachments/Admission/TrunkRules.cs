using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Weft.Addressing;

namespace Weft.Attachments.Admission;

/// <summary>W6: VLANs that a pod asks for, against what the trunk lets through.</summary>
internal static class TrunkRules
{
    // What trunk plugins call it in cni-args: Weft's own, ovs-cni's, the bridge plugin's.
    private static readonly string[] Members = ["vlan", "vlans", "vlanId", "trunk", "vlanTrunk"];

    public static readonly LintRule OutsideArguments = new("W601", Severity.Error, "`cni-args` ask for a VLAN that the trunk doesn't let through");
    public static readonly LintRule OutsideName = new("W602", Severity.Error, "a definition of one VLAN of a trunk that the trunk doesn't have");
    public static readonly LintRule NoVlan = new("W603", Severity.Error, "`cni-args` ask for a VLAN that is none");

    public static ImmutableArray<LintRule> All => [OutsideArguments, OutsideName, NoVlan];

    /// <summary>Checks a pod.</summary>
    public static void Check(PodView pod, Findings findings)
    {
        foreach (var selection in pod.Selections.Where(s => s.Arguments.ValueKind == JsonValueKind.Object))
        {
            foreach (var member in Members.Where(m => CniConfig.Has(selection.Arguments, m)))
            {
                var path = $"{selection.Path}.cni-args.{member}";
                if (Vlans(CniConfig.Get(selection.Arguments, member)) is not { } asked)
                    findings.Add(NoVlan, path, $"{CniConfig.Get(selection.Arguments, member).GetRawText()} names no VLANs", "write 101, \"101,103-110\" or a list");
                else if (selection.Network is { Vlans: { } allowed } && asked.Where(v => !allowed.Contains(v)).ToList() is { Count: > 0 } outside)
                    findings.Add(OutsideArguments, path, $"VLAN {VlanSet.Of(outside.Where(v => VlanSet.IsVlan(v)))} isn't in {selection.Network.Id.Name}, which lets {allowed} through and drops the rest", $"add it to the trunk, or ask for some of {allowed}");
            }
        }
    }

    /// <summary>Whether a selection that names no definition means a VLAN that its trunk hasn't: <c>NAME-vVLAN</c>.</summary>
    public static bool IsOutsideTrunk(PodView pod, Selection selection, Findings findings)
    {
        var cut = selection.Name.LastIndexOf("-v", StringComparison.Ordinal);
        if (cut <= 0 || !int.TryParse(selection.Name.AsSpan(cut + 2), NumberStyles.None, CultureInfo.InvariantCulture, out var vlan))
            return false;
        var trunk = pod.Surroundings.Networks.Values.FirstOrDefault(n => n.Vlans is not null && DnsLabel.Of(n.Id.Name) == selection.Name[..cut]);
        if (trunk?.Vlans is not { } allowed || allowed.Contains(vlan))
            return false;
        findings.Add(OutsideName, selection.Path, $"there is no {selection.Title}: VLAN {vlan} isn't in the trunk {trunk.Id.Name}, which lets {allowed} through", $"add {vlan} to the trunk, or name one of its VLANs");
        return true;
    }

    /// <summary>Whether <c>cni-args</c> name addresses.</summary>
    public static bool NamesAddresses(JsonElement arguments) => CniConfig.Get(arguments, "ips") is { ValueKind: JsonValueKind.Array } list && list.GetArrayLength() > 0;

    /// <summary>VLANs however they are written: a number, a text, a list, <c>{id}</c> or <c>{minID, maxID}</c>.</summary>
    internal static IReadOnlyList<int>? Vlans(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Number:
                return value.TryGetInt32(out var one) && VlanSet.IsVlan(one) ? [one] : null;
            case JsonValueKind.String:
                return VlanSet.Parse(value.GetString()!).TryGet(out var set, out _) ? [.. set] : null;
            case JsonValueKind.Array:
                var all = value.EnumerateArray().Select(Vlans).ToList();
                return all.Contains(null) ? null : [.. all.SelectMany(v => v!)];
            case JsonValueKind.Object:
                if (CniConfig.Has(value, "id"))
                    return Vlans(CniConfig.Get(value, "id"));
                return Vlans(CniConfig.Get(value, "minID")) is [var first] && Vlans(CniConfig.Get(value, "maxID")) is [var last] && first <= last ? [.. Enumerable.Range(first, last - first + 1)] : null;
            default:
                return null;
        }
    }
}
