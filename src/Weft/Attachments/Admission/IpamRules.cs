using System.Collections.Immutable;
using System.Text.Json;
using Weft.Addressing;
using Weft.Attachments.Plugins;
using Weft.Resources;

namespace Weft.Attachments.Admission;

/// <summary>W8: the <c>ipam</c> section of a definition.</summary>
internal static class IpamRules
{
    public static readonly LintRule ForeignKeys = new(
        "W801",
        Severity.Error,
        "the keys of one IPAM plugin given to another, which drops them"
    );
    public static readonly LintRule NoGateway = new("W802", Severity.Error, "a route without `gw`");
    public static readonly LintRule TakesDefaultRoute = new(
        "W803",
        Severity.Warning,
        "a route to everywhere: it takes the pod's default route"
    );
    public static readonly LintRule SharedGateway = new(
        "W804",
        Severity.Error,
        "whereabouts' one `gateway` for two families"
    );
    public static readonly LintRule NodeLocalPool = new(
        "W805",
        Severity.Warning,
        "host-local gives the same addresses on every node"
    );
    public static readonly LintRule InvalidPrefix = new("W806", Severity.Error, "a prefix or address that is none");
    public static readonly LintRule MixedRangeSet = new(
        "W807",
        Severity.Error,
        "both families in one range set of host-local, which gives one address of each set"
    );
    public static readonly LintRule IpsCapability = new(
        "W808",
        Severity.Error,
        "the capability `ips` for an IPAM that doesn't read it"
    );

    private static readonly string[] HostLocalKeys = ["subnet", "rangeStart", "rangeEnd", "ranges"];
    private static readonly string[] WhereaboutsKeys =
    [
        "range",
        "ipRanges",
        "range_start",
        "range_end",
        "exclude",
        "enable_overlapping_ranges",
        "network_name",
    ];

    public static ImmutableArray<LintRule> All =>
        [
            ForeignKeys,
            NoGateway,
            TakesDefaultRoute,
            SharedGateway,
            NodeLocalPool,
            InvalidPrefix,
            MixedRangeSet,
            IpsCapability,
        ];

    /// <summary>Checks a definition.</summary>
    public static void Check(CniConfig config, string path, Findings findings)
    {
        foreach (var (plugin, i) in config.Plugins.Select((p, i) => (p, i)))
        {
            if (CniConfig.Get(plugin, "ipam") is not { ValueKind: JsonValueKind.Object } ipam)
                continue;
            var at = (CniConfig.Has(config.Root, "plugins") ? $"{path}.plugins[{i}]" : path) + ".ipam";
            var type = CniConfig.Text(ipam, "type") ?? "";
            CheckKeys(ipam, type, at, findings);
            CheckRoutes(ipam, at, findings);
            CheckRanges(ipam, type, at, findings);
            if (
                CniConfig.Get(CniConfig.Get(plugin, "capabilities"), "ips").ValueKind == JsonValueKind.True
                && type is IpamPlugins.Whereabouts or IpamPlugins.Dhcp
            )
                findings.Add(
                    IpsCapability,
                    at,
                    $"{type} doesn't read the addresses that the capability 'ips' hands over",
                    "take the capability away, or use static IPAM"
                );
        }
    }

    /// <summary>The prefixes that a configuration's IPAM gives addresses of, where it says them.</summary>
    internal static IReadOnlyList<Prefix> PrefixesOf(CniConfig? config)
    {
        if (config is null || config.IpamType != IpamPlugins.HostLocal)
            return [];
        return
        [
            .. ReadSubnets(config.Ipam)
                .Select(s => Prefix.TryParse(s.Text, out var prefix) ? prefix : (Prefix?)null)
                .OfType<Prefix>(),
        ];
    }

    private static void CheckKeys(JsonElement ipam, string type, string at, Findings findings)
    {
        var foreign = type switch
        {
            IpamPlugins.Whereabouts => HostLocalKeys,
            IpamPlugins.HostLocal => WhereaboutsKeys,
            _ => [],
        };
        foreach (var key in foreign.Where(k => CniConfig.Has(ipam, k)))
        {
            findings.Add(
                ForeignKeys,
                $"{at}.{key}",
                type == IpamPlugins.Whereabouts
                    ? $"'{key}' is host-local's; whereabouts drops it"
                    : $"'{key}' is whereabouts'; host-local drops it",
                type == IpamPlugins.Whereabouts
                    ? "write 'range', or 'ipRanges' with 'range', 'range_start' and 'range_end'"
                    : "write 'ranges': [[{'subnet': …}]] with 'rangeStart' and 'rangeEnd'"
            );
        }
    }

    private static void CheckRoutes(JsonElement ipam, string at, Findings findings)
    {
        if (CniConfig.Get(ipam, "routes") is not { ValueKind: JsonValueKind.Array } routes)
            return;
        foreach (var (route, i) in routes.EnumerateArray().Select((r, i) => (r, i)))
        {
            var (to, path) = (CniConfig.Text(route, "dst") ?? "", $"{at}.routes[{i}]");
            if (!Prefix.TryParse(to, out var prefix))
            {
                findings.Add(InvalidPrefix, path, $"'{to}' is no prefix", "write 10.20.0.0/16");
                continue;
            }

            if (prefix.Length == 0)
                findings.Add(
                    TakesDefaultRoute,
                    path,
                    $"the route to {to} takes the default route of every pod that attaches this network",
                    "take it away; a pod that wants it says so with 'default-route'"
                );
            CheckGateway(route, to, prefix.Family, path, findings);
        }
    }

    private static void CheckGateway(JsonElement route, string to, AddressFamily family, string path, Findings findings)
    {
        if (CniConfig.Text(route, "gw") is not { Length: > 0 } gateway)
            findings.Add(
                NoGateway,
                path,
                $"the route to {to} has no 'gw': with addresses of the pod's own it becomes a route without a next hop",
                "add 'gw'"
            );
        else if (!Address.TryParse(gateway, out var next))
            findings.Add(InvalidPrefix, path, $"'{gateway}' is no IP address", "write the gateway's address");
        else if (next.Family != family)
            findings.Add(
                InvalidPrefix,
                path,
                $"the route to {to} goes by {gateway}, which is of the other family",
                "write a gateway of the same family"
            );
    }

    private static void CheckRanges(JsonElement ipam, string type, string at, Findings findings)
    {
        if (type == IpamPlugins.HostLocal)
            CheckHostLocalRanges(ipam, at, findings);
        else if (type == IpamPlugins.Whereabouts)
            CheckWhereaboutsRanges(ipam, at, findings);
    }

    private static void CheckHostLocalRanges(JsonElement ipam, string at, Findings findings)
    {
        var subnets = ReadSubnets(ipam).ToList();
        foreach (var (text, path, _) in subnets.Where(s => !Prefix.TryParse(s.Text, out _)))
            AddInvalidPrefix(text, $"{at}.{path}", findings);
        findings.Add(
            NodeLocalPool,
            at,
            "host-local counts on each node for itself: two nodes give out the same address",
            "use an IPAM of the whole cluster, or a range of its own on each node"
        );
        foreach (var set in subnets.GroupBy(s => s.Set).Where(set => set.Key >= 0))
        {
            if (HasBothFamilies(set.Select(s => s.Text)))
                findings.Add(
                    MixedRangeSet,
                    $"{at}.ranges[{set.Key}]",
                    "one range set has both families, and host-local refuses it",
                    "write a range set for each: [[{…}], [{…}]]"
                );
        }
    }

    private static void CheckWhereaboutsRanges(JsonElement ipam, string at, Findings findings)
    {
        var ranges = ReadWhereaboutsRanges(ipam).ToList();
        foreach (var (text, path) in ranges.Where(r => AddressRules.ParseAddress(r.Text) is not { Length: not null }))
            AddInvalidPrefix(text, $"{at}.{path}", findings);
        if (CniConfig.Text(ipam, "gateway") is { } gateway && HasBothFamilies(ranges.Select(r => r.Text)))
            findings.Add(
                SharedGateway,
                $"{at}.gateway",
                $"whereabouts stamps {gateway} on the addresses of both families",
                "take 'gateway' away and write 'gw' in each route"
            );
    }

    private static void AddInvalidPrefix(string text, string path, Findings findings)
    {
        var meant = AddressRules.ParseAddress(text) is { Length: { } length } read
            ? $": its network address is {Prefix.FromAddress(read.Address, length)}"
            : "";
        findings.Add(InvalidPrefix, path, $"'{text}' is no prefix{meant}", "write 10.20.6.0/24");
    }

    private static bool HasBothFamilies(IEnumerable<string> texts) =>
        texts.Select(text => AddressRules.ParseAddress(text)?.Address.Family).OfType<AddressFamily>().Distinct().Count()
        > 1;

    private static IEnumerable<(string Text, string Path, int Set)> ReadSubnets(JsonElement ipam)
    {
        if (CniConfig.Text(ipam, "subnet") is { } one)
            yield return (one, "subnet", -1);
        foreach (
            var (set, i) in ipam.Elements("ranges")
                .Select((s, i) => (s, i))
                .Where(s => s.s.ValueKind == JsonValueKind.Array)
        )
        {
            foreach (var (range, j) in set.EnumerateArray().Select((r, j) => (r, j)))
            {
                if (CniConfig.Text(range, "subnet") is { } subnet)
                    yield return (subnet, $"ranges[{i}][{j}].subnet", i);
            }
        }
    }

    private static IEnumerable<(string Text, string Path)> ReadWhereaboutsRanges(JsonElement ipam)
    {
        if (CniConfig.Text(ipam, "range") is { } one)
            yield return (one, "range");
        foreach (var (range, i) in ipam.Elements("ipRanges").Select((r, i) => (r, i)))
        {
            if (CniConfig.Text(range, "range") is { } text)
                yield return (text, $"ipRanges[{i}].range");
        }
    }
}
