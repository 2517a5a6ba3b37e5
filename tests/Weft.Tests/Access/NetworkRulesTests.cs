using CsCheck;
using Weft.Access;
using Weft.Addressing;
using Weft.Tests.Addressing;

namespace Weft.Tests.Access;

public sealed class NetworkRulesTests
{
    private const string Cluster = "~c/kubernetesClusters/k1";
    private const string Site = "~c/clusters/place";

    [Theory]
    // What a set says by itself: the first rule that is about a caller, then the default.
    [InlineData("'ipRules':[{'ipMask':'10.0.0.0/8'}]", "10.1.2.3", true)]
    [InlineData("'ipRules':[{'ipMask':'10.0.0.0/8'}]", "11.1.2.3", false)]
    [InlineData("'ipRules':[{'ipMask':'10.0.0.0/8'}]", "::ffff", false)]
    [InlineData("'ipRules':[{'ipMask':'0.0.0.0/0'}]", "2001:db8::1", false)]
    [InlineData("'ipRules':[{'ipMask':'::/0'}]", "192.0.2.1", false)]
    [InlineData("'ipRules':[{'ipMask':'2001:db8::/32'}]", "2001:db8:ffff::1", true)]
    [InlineData("'ipRules':[{'ipMask':'10.9.0.0/16','action':'Deny'},{'ipMask':'10.0.0.0/8'}]", "10.9.0.1", false)]
    [InlineData("'ipRules':[{'ipMask':'10.0.0.0/8'},{'ipMask':'10.9.0.0/16','action':'Deny'}]", "10.9.0.1", true)]
    [InlineData("'defaultAction':'Allow','ipRules':[{'ipMask':'10.9.0.0/16','action':'Deny'}]", "10.8.0.1", true)]
    [InlineData("'defaultAction':'Allow','ipRules':[{'ipMask':'10.9.0.0/16','action':'Deny'}]", "10.9.0.1", false)]
    [InlineData("'defaultAction':'Deny'", "10.0.0.1", false)]
    [InlineData("'ipRules':[]", "127.0.0.1", false)]
    [InlineData("", "10.0.0.1", false)]
    public void Evaluates_ByTheFirstRuleThatMatchesTheCaller(string rules, string from, bool allowed)
    {
        var site = TestSite.Small();
        Rules(site, Cluster, rules);
        var decision = Evaluate(site, Cluster, from);
        Assert.Equal(allowed, decision.IsAllowed);
        Assert.Equal(allowed, decision.Refusal is null);
        Assert.Single(decision.Evaluations);
    }

    [Theory]
    [InlineData("senders", AppliesTo.Senders, "kubernetes", true)]
    [InlineData("senders", AppliesTo.Listeners, "", false)]
    [InlineData("listeners", AppliesTo.Senders, "kubernetes", false)]
    [InlineData("listeners", AppliesTo.Listeners, "", true)]
    [InlineData("both", AppliesTo.Senders, "kubernetes", true)]
    [InlineData("both", AppliesTo.Listeners, "", true)]
    internal void Evaluates_OnlyThoseTheRuleAppliesTo(string appliesTo, AppliesTo caller, string service, bool allowed)
    {
        var site = TestSite.Small();
        Rules(site, Cluster, $"'ipRules':[{{'ipMask':'10.0.0.0/8','appliesTo':'{appliesTo}'}}]");
        Assert.Equal(allowed, Evaluate(site, Cluster, "10.0.0.1", caller, service).IsAllowed);
    }

    [Theory]
    [InlineData("Allow", "ssh", true)]
    [InlineData("Allow", "SSH", true)]
    [InlineData("Allow", "ssh/x", true)]
    [InlineData("Allow", "sshd", false)]
    [InlineData("Allow", "kubernetes", false)]
    [InlineData("Allow", "", false)]
    [InlineData("Deny", "ssh", false)]
    [InlineData("Deny", "Ssh/..", false)]
    [InlineData("Deny", "kubernetes", true)]
    public void Evaluates_ServicesInAnyCase(string action, string service, bool allowed)
    {
        var site = TestSite.Small();
        Rules(
            site,
            Cluster,
            $"'defaultAction':'{(action == "Allow" ? "Deny" : "Allow")}','ipRules':[{{'ipMask':'10.0.0.0/8',"
                + $"'action':'{action}','services':['ssh']}}]"
        );
        Assert.Equal(allowed, Evaluate(site, Cluster, "10.0.0.1", AppliesTo.Senders, service).IsAllowed);
        Assert.Equal(action == "Deny", Evaluate(site, Cluster, "10.0.0.1", AppliesTo.Listeners).IsAllowed);
    }

    [Fact]
    public void Allows_Everybody_WhereThereIsNoRuleSet()
    {
        var decision = Evaluate(TestSite.Small(), Cluster, "203.0.113.7");
        Assert.True(decision.IsAllowed);
        Assert.Empty(decision.Evaluations);
        Assert.Equal("no network rules", decision.Summary);
    }

    [Theory]
    // The Nexus Cluster, the cluster, the node: all must let a caller pass; '-' is no set.
    [InlineData("10.0.0.0/8", "-", "-", "10.1.1.1", true, "Nexus Cluster place: allow 10.0.0.0/8")]
    [InlineData("10.0.0.0/8", "-", "-", "192.0.2.1", false, "Nexus Cluster place: deny by default")]
    [InlineData("10.0.0.0/8", "10.1.0.0/16", "-", "10.1.1.1", true, "cluster k1: allow 10.1.0.0/16")]
    [InlineData("10.0.0.0/8", "10.1.0.0/16", "-", "10.2.1.1", false, "cluster k1: deny by default")]
    [InlineData("10.0.0.0/8", "0.0.0.0/0", "-", "192.0.2.1", false, "Nexus Cluster place: deny by default")]
    [InlineData("10.0.0.0/8", "0.0.0.0/0", "0.0.0.0/0", "192.0.2.1", false, "Nexus Cluster place: deny by default")]
    [InlineData("-", "10.0.0.0/8", "0.0.0.0/0", "192.0.2.1", false, "cluster k1: deny by default")]
    [InlineData("-", "-", "10.0.0.0/8", "10.0.0.1", true, "node w1 of k1: allow 10.0.0.0/8")]
    [InlineData("10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24", "10.1.1.1", true, "node w1 of k1: allow 10.1.1.0/24")]
    [InlineData("10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24", "10.1.2.1", false, "node w1 of k1: deny by default")]
    public void Narrows_AndNeverWidens(
        string place,
        string cluster,
        string node,
        string from,
        bool allowed,
        string decided
    )
    {
        var site = TestSite.Small();
        site.Put(TestSite.NodeId("w1"), TestSite.Node("{'name':'bond0'}", "BareMetal"));
        foreach (
            var (at, mask) in new[] { (Site, place), (Cluster, cluster), (TestSite.NodeId("w1"), node) }.Where(p =>
                p.Item2 != "-"
            )
        )
            Rules(site, at, $"'ipRules':[{{'ipMask':'{mask}'}}]");
        var decision = Evaluate(site, TestSite.NodeId("w1"), from, AppliesTo.Senders, "ssh");
        Assert.Equal((allowed, decided), (decision.IsAllowed, decision.Summary));
    }

    [Fact]
    public void Describes_WhoWasRefusedAndWhy()
    {
        var site = TestSite.Small();
        Rules(site, Cluster, "'ipRules':[{'ipMask':'10.0.0.0/8'},{'ipMask':'203.0.113.64/26','action':'Deny'}]");
        Assert.Equal(
            "your address 203.0.113.7 is not in the networks that k1 lets in to kubernetes (cluster k1: deny by default)",
            Evaluate(site, Cluster, "203.0.113.7").Refusal
        );
        Assert.Equal(
            "your address 203.0.113.70 is in 203.0.113.64/26, which cluster k1 doesn't let in to kubernetes (cluster "
                + "k1: deny 203.0.113.64/26)",
            Evaluate(site, Cluster, "203.0.113.70").Refusal
        );
    }

    [Fact]
    public void Allows_AgainWhenTheRuleSetIsDeleted()
    {
        var site = TestSite.Small();
        Rules(site, Cluster, "");
        Assert.False(Evaluate(site, Cluster, "10.0.0.1").IsAllowed);
        Assert.False(site.Delete($"{Cluster}/providers/Weft.Relay/networkRuleSets/default").Unchanged);
        Assert.True(Evaluate(site, Cluster, "10.0.0.1").IsAllowed);
    }

    [Fact]
    public void Removes_WithItsScope()
    {
        var site = TestSite.Small();
        Rules(site, Cluster, "");
        site.Delete(Cluster);
        site.CompleteOperations();
        Assert.Empty(site.State.Range("weft.relay/"));
    }

    [Fact]
    public void Agrees_WithTheFirstMatchByBits() =>
        Gen.Select(
                Rule.List[0, 12],
                Gen.Bool,
                Generators.Address.SelectMany(a => Gen.Select(Gen.Const(a), Gen.Int[0, 11])),
                Gen.Bool,
                Gen.Int[0, 2]
            )
            .Sample(
                (rules, open, source, sends, service) =>
                {
                    // A source that is near one of the rules, so that matches happen.
                    var from =
                        rules.Count == 0 ? source.Item1 : Near(rules[source.Item2 % rules.Count].Prefix, source.Item1);
                    var caller = sends ? AppliesTo.Senders : AppliesTo.Listeners;
                    var wanted = sends ? new[] { "", "kubernetes", "ssh" }[service] : "";
                    var set = new RuleSet(
                        TestSite.Id($"{Cluster}/providers/Weft.Relay/networkRuleSets/default"),
                        "cluster k1",
                        open,
                        [.. rules]
                    );
                    var expected = open;
                    foreach (var rule in rules)
                    {
                        if (
                            rule.AppliesTo == (sends ? AppliesTo.Listeners : AppliesTo.Senders)
                            || (rule.Services.Length > 0 && !(sends && rule.Services.Contains(wanted)))
                            || !Matches(rule.Prefix, from)
                        )
                            continue;
                        expected = rule.Allows;
                        break;
                    }

                    Assert.Equal(expected, NetworkRules.Evaluate([set], "k1", caller, wanted, from).IsAllowed);
                }
            );

    private static Gen<NetworkRule> Rule =>
        Gen.Select(Generators.Prefix, Gen.Bool, Gen.Enum<AppliesTo>(), Gen.Int[0, 2])
            .Select(
                (networks, allows, audience, services) =>
                    new NetworkRule(
                        networks,
                        allows,
                        audience,
                        services switch
                        {
                            1 => ["ssh"],
                            2 => ["kubernetes", "ssh"],
                            _ => [],
                        },
                        ""
                    )
            );

    /// <summary>
    /// An address with the network's leading bits, the rest of another; of the other family it stays as it is.
    /// </summary>
    private static Address Near(Prefix networks, Address other) =>
        other.Family != networks.Family ? other
        : networks.Length == 0 ? other
        : new Address(
            networks.Family,
            networks.Network.Value
                | (
                    networks.Length == other.Bits
                        ? UInt128.Zero
                        : other.Value & ((UInt128.One << (other.Bits - networks.Length)) - 1)
                )
        );

    /// <summary>The oracle: families and leading bits as strings.</summary>
    private static bool Matches(Prefix networks, Address address) =>
        networks.Family == address.Family
        && Bits(address)[..networks.Length] == Bits(networks.Network)[..networks.Length];

    private static string Bits(Address address) =>
        string.Concat(
            Enumerable
                .Range(0, address.Bits)
                .Select(i => (address.Value >> (address.Bits - 1 - i)) % 2 == 1 ? '1' : '0')
        );

    internal static void Rules(TestSite site, string at, string properties) =>
        site.Put($"{at}/providers/Weft.Relay/networkRuleSets/default", $"{{'properties':{{{properties}}}}}");

    private static AccessDecision Evaluate(
        TestSite site,
        string target,
        string from,
        AppliesTo caller = AppliesTo.Senders,
        string service = "kubernetes"
    ) =>
        NetworkRules.Evaluate(
            site.State,
            TestSite.Id(target),
            caller,
            caller == AppliesTo.Listeners ? "" : service,
            Address.Parse(from).Value
        );
}
