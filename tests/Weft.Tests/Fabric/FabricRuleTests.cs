using Weft.Resources;

namespace Weft.Tests.Fabric;

public sealed class FabricRuleTests
{
    private const string Net = "~f/l3IsolationDomains/core/internalNetworks/new-net";
    private const string Oam = "~f/l3IsolationDomains/core/internalNetworks/oam-net";

    [Theory]
    [InlineData(0)]
    [InlineData(99)]
    [InlineData(4095)]
    [InlineData(-1)]
    public void Refuses_VlanOutOfRange(int vlan)
    {
        var site = TestSite.Small();
        AssertMentions(
            site.AssertRefused(RefusalCode.InvalidMember, "properties.vlanId", "~f/l2IsolationDomains/dom9", L2(vlan)),
            $"{vlan}",
            "100 to 4094"
        );
        AssertMentions(
            site.AssertRefused(
                RefusalCode.InvalidMember,
                "properties.vlanId",
                Net,
                $"{{'properties':{{'vlanId':{vlan}}}}}"
            ),
            $"{vlan}",
            "100 to 4094"
        );
    }

    [Fact]
    public void Accepts_TheVlansOfOtherLimits()
    {
        var site = new TestSite(new Limits { VlanLowest = 10, VlanHighest = 20 });
        site.Put(TestSite.Group, "{'location':'east'}");
        site.Put("~f/networkFabrics/fab1", "{'location':'east'}");
        site.Put("~f/l2IsolationDomains/dom9", L2(20));
        AssertMentions(
            site.AssertRefused(RefusalCode.InvalidMember, "properties.vlanId", "~f/l2IsolationDomains/dom8", L2(21)),
            "21",
            "10 to 20"
        );
    }

    [Fact]
    public void Refuses_VlanThatAnotherDomainOfTheFabricCarries()
    {
        var site = TestSite.Small();
        var l2 = site.AssertRefused(RefusalCode.Overlap, "properties.vlanId", "~f/l2IsolationDomains/dom9", L2(606));
        AssertMentions(l2, "606", "dn-net");
        Assert.Equal(TestSite.Id("~f/l3IsolationDomains/user/internalNetworks/dn-net").ToString(), l2.ConflictsWith);
        var l3 = site.AssertRefused(RefusalCode.Overlap, "properties.vlanId", Net, "{'properties':{'vlanId':750}}");
        Assert.Equal(TestSite.Id("~f/l2IsolationDomains/hb-domain").ToString(), l3.ConflictsWith);
    }

    [Fact]
    public void Accepts_TheSameVlanOnAnotherFabric()
    {
        var site = TestSite.Small();
        site.Put("~f/l2IsolationDomains/dom9", L2(606).Replace("fab1", "fab2", StringComparison.Ordinal));
        Assert.True(site.Has("~f/l2IsolationDomains/dom9"));
    }

    [Theory]
    [InlineData(63)]
    [InlineData(9201)]
    public void Refuses_MtuOutOfRange(int mtu)
    {
        AssertMentions(
            TestSite
                .Small()
                .AssertRefused(RefusalCode.InvalidMember, "properties.mtu", "~f/l2IsolationDomains/dom9", L2(700, mtu)),
            $"{mtu}",
            "64 to 9200"
        );
        AssertMentions(
            TestSite
                .Small()
                .AssertRefused(
                    RefusalCode.InvalidMember,
                    "properties.mtu",
                    Net,
                    $"{{'properties':{{'vlanId':700,'mtu':{mtu}}}}}"
                ),
            $"{mtu}"
        );
    }

    [Theory]
    [InlineData("IPv4", "10.20.9.1/24", RefusalCode.InvalidMember, "'10.20.9.0/24'")]
    [InlineData("IPv4", "10.20.9.0", RefusalCode.InvalidMember, "no length")]
    [InlineData("IPv4", "fd20:9::/64", RefusalCode.InvalidMember, "other list")]
    [InlineData("IPv6", "10.20.9.0/24", RefusalCode.InvalidMember, "other list")]
    [InlineData("IPv6", "fd20:9::1/64", RefusalCode.InvalidMember, "'fd20:9::/64'")]
    [InlineData("IPv4", "10.20.0.128/25", RefusalCode.Overlap, "10.20.0.0/24 of oam-net")]
    [InlineData("IPv4", "10.20.0.0/16", RefusalCode.Overlap, null)]
    internal void Refuses_SubnetThatCannotBe(string family, string prefix, RefusalCode code, string? says)
    {
        var refusal = TestSite
            .Small()
            .TryPut(Net, $"{{'properties':{{'vlanId':700,'connected{family}Subnets':[{{'prefix':'{prefix}'}}]}}}}")
            .Refusal!;
        Assert.All(
            refusal.Findings,
            f => Assert.Equal((code, $"properties.connected{family}Subnets[0].prefix"), (f.Code, f.Target))
        );
        Assert.All(refusal.Findings, f => Assert.Contains(prefix, f.Message, StringComparison.Ordinal));
        if (says is not null)
            AssertMentions(Assert.Single(refusal.Findings), says);
        if (code == RefusalCode.Overlap)
            Assert.Equal(TestSite.Id(Oam).ToString(), refusal.Findings[0].ConflictsWith);
    }

    [Fact]
    public void Refuses_SubnetsOfOneNetworkThatOverlap() =>
        AssertMentions(
            TestSite
                .Small()
                .AssertRefused(
                    RefusalCode.Overlap,
                    "properties.connectedIPv4Subnets[1].prefix",
                    Net,
                    "{'properties':{'vlanId':700,'connectedIPv4Subnets':[{'prefix':'10.9.0.0/16'},{'prefix':'10.9.1.0/24'}]}}"
                ),
            "10.9.1.0/24",
            "10.9.0.0/16"
        );

    [Fact]
    public void Accepts_TheSamePrefixInAnotherVrf()
    {
        var site = TestSite.Small();
        site.Internal("user", "other-net", 700, 1500, "10.20.0.0/24", null);
        Assert.True(site.Has("~f/l3IsolationDomains/user/internalNetworks/other-net"));
    }

    [Fact]
    public void Refuses_RemovingASubnetThatANetworkUses()
    {
        var finding = TestSite
            .Small()
            .AssertRefused(
                RefusalCode.InUse,
                "properties",
                Oam,
                "{'properties':{'vlanId':600,'mtu':9000,'connectedIPv4Subnets':[{'prefix':'10.20.0.0/24'}]}}"
            );
        AssertMentions(finding, "fd20:0:0:600::/64");
        Assert.Equal(TestSite.Id("~c/l3Networks/oam").ToString(), finding.ConflictsWith);
    }

    [Theory]
    [InlineData("~f/l2IsolationDomains/hb-domain", "properties.vlanId", "750", "751")]
    [InlineData("~f/l2IsolationDomains/hb-domain", "properties.networkFabricId", "fab1", "fab2")]
    [InlineData("~f/l3IsolationDomains/core", "properties.networkFabricId", "fab1", "fab2")]
    [InlineData("~f/l3IsolationDomains/core/internalNetworks/oam-net", "properties.vlanId", "600", "601")]
    [InlineData("~f/l3IsolationDomains/core", "location", "east", "west")]
    public void Refuses_ChangeOfCreateOnlyMember(string id, string path, string before, string after)
    {
        var site = TestSite.Small();
        var body = site.Render(id);
        if (path == "location")
            body["location"] = after;
        else
            body["properties"]![path.Split('.')[1]] = System.Text.Json.Nodes.JsonNode.Parse(
                body["properties"]![path.Split('.')[1]]!.ToJsonString().Replace(before, after, StringComparison.Ordinal)
            );
        AssertMentions(site.AssertRefused(RefusalCode.ImmutableMember, path, id, body.ToJsonString()), before, after);
    }

    [Fact]
    public void Refuses_ReferenceToAFabricThatIsNotThere()
    {
        var finding = TestSite
            .Small()
            .AssertRefused(
                RefusalCode.ReferenceNotFound,
                "properties.networkFabricId",
                "~f/l2IsolationDomains/dom9",
                L2(700).Replace("fab1", "fab9", StringComparison.Ordinal)
            );
        Assert.Equal(TestSite.Id("~f/networkFabrics/fab9").ToString(), finding.ConflictsWith);
        AssertMentions(finding, "fab9");
    }

    [Fact]
    public void Begins_DisabledAndIsEnabledByAction()
    {
        var site = TestSite.Small();
        site.Put("~f/l2IsolationDomains/dom9", L2(700));
        Assert.Equal(
            "Disabled",
            site.Render("~f/l2IsolationDomains/dom9")["properties"]!["administrativeState"]!.ToString()
        );
        site.Enable("~f/l2IsolationDomains/dom9");
        Assert.Equal(
            "Enabled",
            site.Render("~f/l2IsolationDomains/dom9")["properties"]!["administrativeState"]!.ToString()
        );
        Assert.True(site.Enable("~f/l2IsolationDomains/dom9").Unchanged);
        site.Patch("~f/l2IsolationDomains/dom9", "{'properties':{'mtu':9000}}");
        Assert.Equal(
            "Enabled",
            site.Render("~f/l2IsolationDomains/dom9")["properties"]!["administrativeState"]!.ToString()
        );
        site.Disable("~f/l2IsolationDomains/dom9");
        Assert.Equal(
            "Disabled",
            site.Render("~f/l2IsolationDomains/dom9")["properties"]!["administrativeState"]!.ToString()
        );
    }

    [Theory]
    [InlineData("{'state':'On'}", "On")]
    [InlineData("{'state':7}", "nothing")]
    [InlineData("{}", "nothing")]
    public void Refuses_StateThatIsNone(string body, string says)
    {
        var site = TestSite.Small();
        AssertMentions(
            site.AssertRefused(
                RefusalCode.InvalidMember,
                "state",
                site.TryInvokeAction("~f/l3IsolationDomains/core", "updateAdministrativeState", body)
            ),
            says,
            "Enable, Disable"
        );
    }

    [Fact]
    public void Refuses_EnablingAnL3DomainWithoutInternalNetworks()
    {
        var site = TestSite.Small();
        site.Put(
            "~f/l3IsolationDomains/empty",
            "{'location':'east','properties':{'networkFabricId':'~f/networkFabrics/fab1'}}"
        );
        AssertMentions(
            site.AssertRefused(
                RefusalCode.Conflict,
                "~f/l3IsolationDomains/empty",
                site.TryInvokeAction("~f/l3IsolationDomains/empty", "updateAdministrativeState", "{'state':'Enable'}")
            ),
            "empty",
            "internal network"
        );
    }

    [Theory]
    [InlineData("~f/l2IsolationDomains/hb-domain", "~c/l2Networks/hb")]
    [InlineData("~f/l3IsolationDomains/core", "~c/l3Networks/n2")]
    public void Refuses_DisablingADomainThatIsInUse(string domain, string user)
    {
        var site = TestSite.Small();
        var finding = site.AssertRefused(
            RefusalCode.InUse,
            domain,
            site.TryInvokeAction(domain, "updateAdministrativeState", "{'state':'Disable'}")
        );
        Assert.Equal(TestSite.Id(user).ToString(), finding.ConflictsWith);
        AssertMentions(finding, user[3..]);
    }

    private static string L2(int vlan, int mtu = 1500) =>
        $"{{'location':'east','properties':{{'networkFabricId':'~f/networkFabrics/fab1','vlanId':{vlan},'mtu':{mtu}}}}}";

    private static void AssertMentions(Refusal refusal, params string[] words) =>
        Assert.All(words, word => Assert.Contains(word, refusal.Message, StringComparison.Ordinal));
}
