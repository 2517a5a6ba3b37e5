using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Weft.Addressing;
using Weft.Attachments.Plugins;

namespace Weft.Attachments.Admission;

/// <summary>W4: the addresses that a pod asks for, against what the definition's IPAM does with them.</summary>
internal static class AddressRules
{
    private const MacAddressNotations MacNotations =
        MacAddressNotations.Dashes
        | MacAddressNotations.MixedSeparators
        | MacAddressNotations.Words
        | MacAddressNotations.LineFeed;

    public static readonly LintRule IpsNotAList = new("W401", Severity.Error, "`ips` is no list of texts");
    public static readonly LintRule NoPrefixLength = new(
        "W402",
        Severity.Error,
        "an address has no prefix length, and the static IPAM needs one"
    );
    public static readonly LintRule HostLocalTwoIps = new(
        "W403",
        Severity.Error,
        "two `ips` for host-local, which Multus hands over in a form that it can't read"
    );
    public static readonly LintRule IpsIgnored = new("W404", Severity.Error, "`ips` where no IPAM honours them");
    public static readonly LintRule OutsideSubnet = new(
        "W405",
        Severity.Error,
        "an address outside of the network's prefixes"
    );
    public static readonly LintRule Reserved = new("W406", Severity.Error, "an address that is reserved");
    public static readonly LintRule Malformed = new(
        "W407",
        Severity.Error,
        "a text that is no address or no MAC address"
    );
    public static readonly LintRule MacIgnored = new("W408", Severity.Error, "`mac` where the plugin ignores it");
    public static readonly LintRule NoAddress = new(
        "W409",
        Severity.Error,
        "static IPAM without addresses, and the pod names none"
    );
    public static readonly LintRule SameFamily = new(
        "W410",
        Severity.Error,
        "two addresses of one family for an IPAM that gives one of each"
    );

    public static readonly LintRule InvalidClaim = new("W411", Severity.Error, "a claim that is no name");

    public static ImmutableArray<LintRule> All =>
        [
            IpsNotAList,
            NoPrefixLength,
            HostLocalTwoIps,
            IpsIgnored,
            OutsideSubnet,
            Reserved,
            Malformed,
            MacIgnored,
            NoAddress,
            SameFamily,
            InvalidClaim,
        ];

    /// <summary>Checks a pod.</summary>
    public static void Check(PodView pod, Findings findings)
    {
        foreach (var selection in pod.Selections)
        {
            CheckMac(selection, findings);
            var path = $"{selection.Path}.ips";
            var addresses = ReadAddresses(selection.Ips, path, findings);
            if (selection.Config is { Plugins.IsEmpty: false } config)
                CheckIpam(selection, config, path, addresses, findings);
            CheckSubnets(selection, path, addresses, findings);
        }
    }

    private static List<(Address Address, int? Length)> ReadAddresses(
        ImmutableArray<string> texts,
        string path,
        Findings findings
    )
    {
        var addresses = new List<(Address Address, int? Length)>();
        foreach (var text in texts)
        {
            if (ParseAddress(text) is { } read)
                addresses.Add(read);
            else
                findings.Add(
                    Malformed,
                    path,
                    $"'{text}' is no IP address, with or without a prefix length",
                    "write 10.20.6.40/24 or fd00:6::40/64"
                );
        }

        return addresses;
    }

    private static void CheckIpam(
        NetworkSelection selection,
        CniConfig config,
        string path,
        List<(Address Address, int? Length)> addresses,
        Findings findings
    )
    {
        if (config.IpamType == IpamPlugins.Static)
            CheckStatic(selection, config, path, addresses, findings);
        if (config.IpamType == IpamPlugins.WeftIpam)
            CheckClaim(selection, findings);
        if (addresses.Count == 0)
            return;
        if (config.IpamType == IpamPlugins.HostLocal && addresses.Count > 1)
            findings.Add(
                HostLocalTwoIps,
                path,
                "host-local gets both in one CNI_ARGS value that it can't read, and fails",
                """name one address, or write "cni-args": {"ips": […]} instead"""
            );
        CheckIgnored(selection, config, path, findings);
        if (config.IpamType == IpamPlugins.WeftIpam)
            CheckFamilies(path, addresses, findings);
    }

    private static void CheckClaim(NetworkSelection selection, Findings findings)
    {
        const string Member = "claim";
        if (selection.CniArgs.ValueKind != JsonValueKind.Object || !CniConfig.Has(selection.CniArgs, Member))
            return;
        var claim = CniConfig.Get(selection.CniArgs, Member);
        if (claim.ValueKind != JsonValueKind.String || !PodPattern.IsClaimName(claim.GetString()!))
            findings.Add(
                InvalidClaim,
                $"{selection.Path}.cni-args.{Member}",
                $"{claim.GetRawText()} is no name, and the pod would not start",
                $"write 1 to {PodPattern.MaxClaimLength} small letters, digits, '-' and '.'"
            );
    }

    private static void CheckStatic(
        NetworkSelection selection,
        CniConfig config,
        string path,
        List<(Address Address, int? Length)> addresses,
        Findings findings
    )
    {
        var namesAny = addresses.Count > 0 || TrunkRules.HasAddresses(selection.CniArgs);
        if (!namesAny && CniConfig.Get(config.Ipam, "addresses").ValueKind != JsonValueKind.Array)
            findings.Add(
                NoAddress,
                selection.Path,
                $"{selection.Title} has static IPAM without addresses, so each pod names its own, and this one names none",
                """add "ips": ["…/…"] in the JSON form"""
            );
        foreach (var (address, _) in addresses.Where(a => a.Length is null))
            findings.Add(
                NoPrefixLength,
                path,
                $"{address} has no prefix length, and static IPAM fails without",
                SuggestPrefixLength(selection, address)
            );
    }

    /// <summary>Whether anybody honours the addresses of <c>ips</c>.</summary>
    private static void CheckIgnored(NetworkSelection selection, CniConfig config, string path, Findings findings)
    {
        if (config.Binary.HasInterfacePerVlan)
        {
            findings.Add(
                IpsIgnored,
                path,
                $"{selection.Title} has an interface for each VLAN, so 'ips' can't be meant for one of them, and the plugin refuses it",
                """write "cni-args": {"vlans": {"602": ["…"]}}"""
            );
            return;
        }

        var why = config.IpamType switch
        {
            IpamPlugins.Whereabouts =>
                "has whereabouts IPAM, which gives an address as usual and puts this one beside it without reserving it",
            IpamPlugins.Dhcp => "has DHCP, which asks the DHCP server and nobody else",
            "" => "has no IPAM, so nobody puts an address on the interface",
            _ => null,
        };
        if (why is not null)
            findings.Add(
                IpsIgnored,
                path,
                $"{selection.Title} {why}",
                config.IpamType.Length == 0
                    ? "let the workload set its address, or attach the network with IPAM"
                    : "take 'ips' away, or make a definition with static IPAM for pods with fixed addresses"
            );
    }

    private static void CheckFamilies(string path, List<(Address Address, int? Length)> addresses, Findings findings)
    {
        if (addresses.GroupBy(a => a.Address.Family).FirstOrDefault(g => g.Count() > 1) is { } family)
            findings.Add(
                SameFamily,
                path,
                $"{string.Join(" and ", family.Select(a => a.Address))} are both {family.Key}; "
                    + "an interface gets one address of each family",
                "name one of each family"
            );
    }

    private static void CheckSubnets(
        NetworkSelection selection,
        string path,
        List<(Address Address, int? Length)> addresses,
        Findings findings
    )
    {
        if (selection.Subnets is not { IsEmpty: false } subnets)
        {
            var own = IpamRules.PrefixesOf(selection.Config);
            foreach (
                var (address, _) in addresses.Where(a =>
                    own.Any(p => p.Family == a.Address.Family) && !own.Any(p => p.Contains(a.Address))
                )
            )
                findings.Add(
                    OutsideSubnet,
                    path,
                    $"{address} is in none of {selection.Title}'s ranges, {string.Join(", ", own)}",
                    "name an address within"
                );
            return;
        }

        foreach (var (address, length) in addresses)
            CheckSubnet(
                address,
                selection.Config?.IpamType == IpamPlugins.Static ? length : null,
                subnets,
                selection.Title,
                path,
                findings
            );
    }

    /// <summary>Whether an address may be had of subnets.</summary>
    internal static void CheckSubnet(
        Address address,
        int? length,
        ImmutableArray<Subnet> subnets,
        string title,
        string path,
        Findings findings
    )
    {
        var subnet = subnets.FirstOrDefault(s => s.Prefix.Contains(address));
        if (subnet is null)
            findings.Add(
                OutsideSubnet,
                path,
                $"{address} is in none of {title}'s prefixes, {string.Join(", ", subnets.Select(s => s.Prefix))}",
                "name an address within"
            );
        else if (subnet.ReasonNotLeasable(address) is { } objection)
            findings.Add(
                Reserved,
                path,
                objection,
                $"name an address from {subnet.LeasableRanges.Select(r => r.First.ToString()).FirstOrDefault() ?? "another network"} on"
            );
        else if (length is { } asked && asked != subnet.Prefix.Length)
            findings.Add(
                OutsideSubnet,
                path,
                $"{address}/{asked} has not the length of its subnet, {subnet.Prefix}",
                $"write {address}/{subnet.Prefix.Length}"
            );
    }

    private static void CheckMac(NetworkSelection selection, Findings findings)
    {
        if (selection.Mac is not { } mac)
            return;
        var path = $"{selection.Path}.mac";
        if (!MacAddress.TryParse(mac, MacNotations, out var address, out var why))
            findings.Add(Malformed, path, $"'{mac}' is no MAC address of six bytes", why);
        else if (address.IsMulticast)
            findings.Add(
                Malformed,
                path,
                $"'{mac}' is a multicast address: its first byte is odd, and no interface can have it",
                "write it as 02:00:5e:00:53:01"
            );
        else if (
            selection.Config is { } config
            && config.Binary.IgnoresMac
            && !config.Plugins.Skip(1).Any(plugin => CniConfig.BinaryOf(plugin).SetsMac)
        )
            findings.Add(
                MacIgnored,
                path,
                $"{selection.Title} is {config.Type}, which takes no MAC address and says nothing",
                "take 'mac' away"
            );
    }

    private static string SuggestPrefixLength(NetworkSelection selection, Address address)
    {
        var length = selection.Subnets.FirstOrDefault(s => s.Prefix.Contains(address))?.Prefix.Length;
        return length is null ? $"write {address}/LENGTH" : $"write {address}/{length}";
    }

    /// <summary>An address, and its prefix length where it has one.</summary>
    internal static (Address Address, int? Length)? ParseAddress(string text)
    {
        var parts = text.Split('/');
        if (parts.Length > 2 || !Address.TryParse(parts[0], out var address))
            return null;
        if (parts.Length == 1)
            return (address, null);
        return
            int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var length)
            && length <= address.Bits
            ? (address, length)
            : null;
    }
}
