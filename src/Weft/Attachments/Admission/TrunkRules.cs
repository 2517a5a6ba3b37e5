using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Weft.Addressing;

namespace Weft.Attachments.Admission;

/// <summary>W6: VLANs that a pod asks for, against what the trunk lets through.</summary>
internal static class TrunkRules
{
    // What trunk plugins call it in cni-args: Weft's own, ovs-cni's, the bridge plugin's.
    private static readonly string[] VlanMembers = ["vlan", "vlans", "vlanId", "trunk", "vlanTrunk"];

    public static readonly LintRule ArgumentOutsideTrunk = new(
        "W601",
        Severity.Error,
        "`cni-args` ask for a VLAN that the trunk doesn't let through"
    );
    public static readonly LintRule NameOutsideTrunk = new(
        "W602",
        Severity.Error,
        "a definition of one VLAN of a trunk that the trunk doesn't have"
    );
    public static readonly LintRule InvalidVlan = new("W603", Severity.Error, "`cni-args` ask for a VLAN that is none");

    public static ImmutableArray<LintRule> All => [ArgumentOutsideTrunk, NameOutsideTrunk, InvalidVlan];

    /// <summary>Checks a pod.</summary>
    public static void Check(PodView pod, Findings findings)
    {
        foreach (var selection in pod.Selections.Where(s => s.CniArgs.ValueKind == JsonValueKind.Object))
        {
            if (selection.Config?.Binary.HasInterfacePerVlan == true)
                CheckPerVlan(selection, findings);
            foreach (var member in VlanMembers.Where(m => CniConfig.Has(selection.CniArgs, m)))
            {
                var path = $"{selection.Path}.cni-args.{member}";
                if (ReadVlans(CniConfig.Get(selection.CniArgs, member)) is not { } asked)
                    findings.Add(
                        InvalidVlan,
                        path,
                        $"{CniConfig.Get(selection.CniArgs, member).GetRawText()} names no VLANs",
                        "write 101, \"101,103-110\" or a list"
                    );
                else if (
                    selection.Vlans is { } allowed
                    && asked.Where(v => !allowed.Contains(v)).ToList() is { Count: > 0 } outside
                )
                    findings.Add(
                        ArgumentOutsideTrunk,
                        path,
                        $"VLAN {VlanSet.Create(outside.Where(v => VlanSet.IsVlan(v)))} isn't in {selection.Title}, "
                            + $"which lets {allowed} through and drops the rest",
                        $"add it to the trunk, or ask for some of {allowed}"
                    );
            }
        }
    }

    /// <summary>
    /// Whether a selection that names no definition means a VLAN that its trunk hasn't: <c>NAME-vVLAN</c>.
    /// </summary>
    public static bool CheckOutsideTrunk(PodView pod, NetworkSelection selection, Findings findings)
    {
        var cut = selection.Name.LastIndexOf("-v", StringComparison.Ordinal);
        if (
            cut <= 0
            || !int.TryParse(
                selection.Name.AsSpan(cut + 2),
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out var vlan
            )
        )
            return false;
        var name = selection.Name[..cut];
        var allowed =
            pod.Context.Definitions.FirstOrDefault(d => d.Name == name && d.Namespace == selection.Namespace)?.Vlans
            ?? pod.Context.Networks.Values.FirstOrDefault(n =>
                n.Vlans is not null && DnsLabel.From(n.Id.Name) == name
            )?.Vlans;
        if (allowed is null || allowed.Contains(vlan))
            return false;
        findings.Add(
            NameOutsideTrunk,
            selection.Path,
            $"there is no {selection.Title}: VLAN {vlan} isn't in the trunk {name}, which lets {allowed} through",
            $"add {vlan} to the trunk, or name one of its VLANs"
        );
        return true;
    }

    /// <summary>The addresses that a pod names for each VLAN, where it has an interface for each.</summary>
    private static void CheckPerVlan(NetworkSelection selection, Findings findings)
    {
        if (CniConfig.Get(selection.CniArgs, "vlans") is not { ValueKind: JsonValueKind.Object } map)
            return;
        foreach (var member in map.EnumerateObject())
        {
            // One that isn't the trunk's is a finding already.
            if (
                !int.TryParse(member.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var vlan)
                || selection.Vlans?.Contains(vlan) == false
            )
                continue;
            var path = $"{selection.Path}.cni-args.vlans.{member.Name}";
            if (ReadTexts(member.Value) is not { } texts)
                findings.Add(
                    AddressRules.IpsNotAList,
                    path,
                    $"the addresses on VLAN {member.Name} are {CniConfig.DescribeKind(member.Value)}",
                    "write a list of texts"
                );
            else
                texts.ForEach(text => CheckOnVlan(selection, text, (vlan, $"VLAN {member.Name}"), path, findings));
        }
    }

    private static List<string>? ReadTexts(JsonElement list) =>
        list.ValueKind == JsonValueKind.Array && list.EnumerateArray().All(t => t.ValueKind == JsonValueKind.String)
            ? [.. list.EnumerateArray().Select(t => t.GetString()!)]
            : null;

    private static void CheckOnVlan(
        NetworkSelection selection,
        string text,
        (int Id, string Title) vlan,
        string path,
        Findings findings
    )
    {
        var subnets = selection.Network?.VlanSubnets.GetValueOrDefault(vlan.Id, []) ?? [];
        if (AddressRules.ParseAddress(text) is not { } read)
            findings.Add(
                AddressRules.Malformed,
                path,
                $"'{text}' is no IP address, with or without a prefix length",
                "write 10.20.6.40/24 or fd00:6::40/64"
            );
        else if (!subnets.IsEmpty)
            AddressRules.CheckSubnet(read.Address, null, subnets, vlan.Title, path, findings);
        else if (read.Length is null && selection.Network is not null)
            findings.Add(
                AddressRules.NoPrefixLength,
                path,
                $"{text} has no prefix length, and no network on {vlan.Title} says one",
                $"write {text}/LENGTH"
            );
    }

    /// <summary>Whether <c>cni-args</c> name addresses.</summary>
    public static bool HasAddresses(JsonElement arguments) =>
        CniConfig.Get(arguments, "ips") is { ValueKind: JsonValueKind.Array } list && list.GetArrayLength() > 0;

    /// <summary>
    /// VLANs however they are written: a number, a text, a list, <c>{id}</c> or <c>{minID, maxID}</c>.
    /// </summary>
    internal static IReadOnlyList<int>? ReadVlans(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Number:
                return value.TryGetInt32(out var one) && VlanSet.IsVlan(one) ? [one] : null;
            case JsonValueKind.String:
                return VlanSet.Parse(value.GetString()!).TryGet(out var set, out _) ? [.. set] : null;
            case JsonValueKind.Array:
                var all = value.EnumerateArray().Select(ReadVlans).ToList();
                return all.Contains(null) ? null : [.. all.SelectMany(v => v!)];
            case JsonValueKind.Object:
                return ReadVlanKeys(value) ?? ReadVlanRange(value);
            default:
                return null;
        }
    }

    /// <summary>Weft's own form: <c>{"602": ["10.20.2.40"], "750": []}</c>.</summary>
    private static List<int>? ReadVlanKeys(JsonElement value)
    {
        var keys = new List<int>();
        foreach (var member in value.EnumerateObject())
        {
            if (
                !int.TryParse(member.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var vlan)
                || !VlanSet.IsVlan(vlan)
            )
                return null;
            keys.Add(vlan);
        }

        return keys;
    }

    private static IReadOnlyList<int>? ReadVlanRange(JsonElement value)
    {
        if (CniConfig.Has(value, "id"))
            return ReadVlans(CniConfig.Get(value, "id"));
        return
            ReadVlans(CniConfig.Get(value, "minID")) is [var first]
            && ReadVlans(CniConfig.Get(value, "maxID")) is [var last]
            && first <= last
            ? [.. Enumerable.Range(first, last - first + 1)]
            : null;
    }
}
