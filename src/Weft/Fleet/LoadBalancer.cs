using System.Text.Json;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Fleet;

/// <summary>The load balancers of a Kubernetes cluster: kept for the cluster's own controllers, and checked here.</summary>
internal static class LoadBalancer
{
    private const string PoolName = "^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9]){0,1}$";

    public static Member Bgp => Member.Group("bgpServiceLoadBalancerConfiguration",
        Member.Flag("fabricPeeringEnabled", true),
        Member.List("ipAddressPools", Pool),
        Member.List("bgpPeers", Member.Group("",
            Member.Text("name").Demanded().Like(PoolName),
            Member.Text("peerAddress").Demanded(),
            Member.Whole("peerAsn").Demanded().Within(0, 4294967295),
            Member.Whole("myAsn").Within(0, 4294967295),
            Member.Whole("peerPort").Within(1, 65535).Or("179"),
            Member.Flag("bfdEnabled", false),
            Member.Flag("bgpMultiHop", false),
            Member.Any("holdTime"),
            Member.Any("keepAliveTime"),
            Member.Text("password").Like("^[a-zA-Z0-9]{0,80}$") with { Mutability = Mutability.Secret })),
        Member.List("bgpAdvertisements", Member.Group("",
            Member.Flag("advertiseToFabric", true),
            Member.List("communities", Member.Text("")),
            Member.List("ipAddressPools", Member.Text("")).Demanded().Within(1, null),
            Member.List("peers", Member.Text("")))));

    public static Member Layer2 => Member.Group("l2ServiceLoadBalancerConfiguration", Member.List("ipAddressPools", Pool));

    private static Member Pool => Member.Group("",
        Member.Text("name").Demanded().Like(PoolName),
        Member.List("addresses", Member.Text("")).Demanded().Within(1, null),
        Member.Flag("autoAssign", true),
        Member.Flag("onlyUseHostIps", true));

    public static void Check(Proposal proposal, JsonElement configuration, string path)
    {
        var bgp = configuration.Member("bgpServiceLoadBalancerConfiguration");
        var layer2 = configuration.Member("l2ServiceLoadBalancerConfiguration");
        if (bgp.ValueKind == JsonValueKind.Object && layer2.ValueKind == JsonValueKind.Object)
            proposal.Find(RefusalCode.Mismatch, $"{path}.l2ServiceLoadBalancerConfiguration", $"'{path}': a cluster has a BGP or an L2 service load balancer, not both");
        CheckPools(proposal, bgp, $"{path}.bgpServiceLoadBalancerConfiguration", false);
        CheckPools(proposal, layer2, $"{path}.l2ServiceLoadBalancerConfiguration", true);
        var pools = bgp.Each("ipAddressPools").Select(p => p.Text("name")).ToHashSet();
        foreach (var (advertisement, i) in bgp.Each("bgpAdvertisements").Select((a, i) => (a, i)))
        {
            foreach (var name in advertisement.Texts("ipAddressPools").Where(name => !pools.Contains(name)))
            {
                var at = $"{path}.bgpServiceLoadBalancerConfiguration.bgpAdvertisements[{i}].ipAddressPools";
                proposal.Find(RefusalCode.ReferenceNotFound, at, $"'{at}': there is no pool '{name}'; there are {string.Join(", ", pools)}");
            }
        }
    }

    private static void CheckPools(Proposal proposal, JsonElement balancer, string path, bool rangesAllowed)
    {
        foreach (var (pool, i) in balancer.Each("ipAddressPools").Select((p, i) => (p, i)))
        {
            foreach (var (text, j) in pool.Texts("addresses").Select((t, j) => (t, j)))
            {
                if (Objection(text, rangesAllowed) is { } objection)
                    proposal.Find(RefusalCode.InvalidMember, $"{path}.ipAddressPools[{i}].addresses[{j}]", $"'{path}.ipAddressPools[{i}].addresses[{j}]': {objection}");
            }
        }
    }

    private static string? Objection(string text, bool rangesAllowed)
    {
        if (Prefix.Parse(text).TryGet(out var prefix, out var refusal))
            return !rangesAllowed && prefix.Length == prefix.Network.Bits ? $"'{text}' is a single address; BGP announces subnets" : null;
        if (!rangesAllowed)
            return refusal.Message;
        var ends = text.Split('-');
        return ends.Length == 2 && Address.TryParse(ends[0], out var first) && Address.TryParse(ends[1], out var last) && first.Family == last.Family && first <= last
            ? null : $"'{text}' is neither a prefix nor a range such as 10.1.2.200-10.1.2.220";
    }
}
