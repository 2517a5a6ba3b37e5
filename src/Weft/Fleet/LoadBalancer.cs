using System.Text.Json;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>
/// The load balancers of a Kubernetes cluster: kept for the cluster's own controllers, and checked here.
/// </summary>
internal static class LoadBalancer
{
    private const string PoolNamePattern = "^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9]){0,1}$";

    public static SchemaMember BgpMember =>
        SchemaMember.Object(
            "bgpServiceLoadBalancerConfiguration",
            SchemaMember.BooleanString("fabricPeeringEnabled", true),
            SchemaMember.List("ipAddressPools", PoolMember),
            SchemaMember.List(
                "bgpPeers",
                SchemaMember.Object(
                    "",
                    SchemaMember.Text("name").Required().Pattern(PoolNamePattern),
                    SchemaMember.Text("peerAddress").Required(),
                    SchemaMember.Integer("peerAsn").Required().Range(0, 4294967295),
                    SchemaMember.Integer("myAsn").Range(0, 4294967295),
                    SchemaMember.Integer("peerPort").Range(1, 65535).Default("179"),
                    SchemaMember.BooleanString("bfdEnabled", false),
                    SchemaMember.BooleanString("bgpMultiHop", false),
                    SchemaMember.Any("holdTime"),
                    SchemaMember.Any("keepAliveTime"),
                    SchemaMember.Text("password").Pattern("^[a-zA-Z0-9]{0,80}$") with
                    {
                        Mutability = Mutability.Secret,
                    }
                )
            ),
            SchemaMember.List(
                "bgpAdvertisements",
                SchemaMember.Object(
                    "",
                    SchemaMember.BooleanString("advertiseToFabric", true),
                    SchemaMember.List("communities", SchemaMember.Text("")),
                    SchemaMember.List("ipAddressPools", SchemaMember.Text("")).Required().Range(1, null),
                    SchemaMember.List("peers", SchemaMember.Text(""))
                )
            )
        );

    public static SchemaMember Layer2Member =>
        SchemaMember.Object("l2ServiceLoadBalancerConfiguration", SchemaMember.List("ipAddressPools", PoolMember));

    private static SchemaMember PoolMember =>
        SchemaMember.Object(
            "",
            SchemaMember.Text("name").Required().Pattern(PoolNamePattern),
            SchemaMember.List("addresses", SchemaMember.Text("")).Required().Range(1, null),
            SchemaMember.BooleanString("autoAssign", true),
            SchemaMember.BooleanString("onlyUseHostIps", true)
        );

    public static void Check(ValidationContext context, JsonElement configuration, string path)
    {
        var bgp = configuration.Member("bgpServiceLoadBalancerConfiguration");
        var layer2 = configuration.Member("l2ServiceLoadBalancerConfiguration");
        if (bgp.ValueKind == JsonValueKind.Object && layer2.ValueKind == JsonValueKind.Object)
            context.AddError(
                RefusalCode.Mismatch,
                $"{path}.l2ServiceLoadBalancerConfiguration",
                $"'{path}': a cluster has a BGP or an L2 service load balancer, not both"
            );
        CheckPools(context, bgp, $"{path}.bgpServiceLoadBalancerConfiguration", false);
        CheckPools(context, layer2, $"{path}.l2ServiceLoadBalancerConfiguration", true);
        var pools = bgp.Elements("ipAddressPools").Select(p => p.Text("name")).ToHashSet();
        foreach (var (advertisement, i) in bgp.Elements("bgpAdvertisements").Select((a, i) => (a, i)))
        {
            foreach (var name in advertisement.Texts("ipAddressPools").Where(name => !pools.Contains(name)))
            {
                var at = $"{path}.bgpServiceLoadBalancerConfiguration.bgpAdvertisements[{i}].ipAddressPools";
                context.AddError(
                    RefusalCode.ReferenceNotFound,
                    at,
                    $"'{at}': there is no pool '{name}'; there are {string.Join(", ", pools)}"
                );
            }
        }
    }

    private static void CheckPools(ValidationContext context, JsonElement balancer, string path, bool rangesAllowed)
    {
        foreach (var (pool, i) in balancer.Elements("ipAddressPools").Select((p, i) => (p, i)))
        {
            foreach (var (text, j) in pool.Texts("addresses").Select((t, j) => (t, j)))
            {
                if (AddressError(text, rangesAllowed) is { } objection)
                    context.AddError(
                        RefusalCode.InvalidMember,
                        $"{path}.ipAddressPools[{i}].addresses[{j}]",
                        $"'{path}.ipAddressPools[{i}].addresses[{j}]': {objection}"
                    );
            }
        }
    }

    private static string? AddressError(string text, bool rangesAllowed)
    {
        if (Prefix.Parse(text).TryGet(out var prefix, out var refusal))
            return !rangesAllowed && prefix.Length == prefix.Network.Bits
                ? $"'{text}' is a single address; BGP announces subnets"
                : null;
        if (!rangesAllowed)
            return refusal.Message;
        var ends = text.Split('-');
        return
            ends.Length == 2
            && Address.TryParse(ends[0], out var first)
            && Address.TryParse(ends[1], out var last)
            && first.Family == last.Family
            && first <= last
            ? null
            : $"'{text}' is neither a prefix nor a range such as 10.1.2.200-10.1.2.220";
    }
}
