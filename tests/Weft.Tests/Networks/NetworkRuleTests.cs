using Weft.Resources;

namespace Weft.Tests.Networks;

public sealed class NetworkRuleTests
{
    private const string New = "~c/l3Networks/new";

    [Fact]
    public void Derives_VlanPrefixesAndFamiliesFromTheInternalNetwork()
    {
        var site = TestSite.Small();
        var n6 = site.Render("~c/l3Networks/n6")["properties"]!;
        Assert.Equal(
            ("606", "10.20.6.0/24", "fd20:0:0:606::/64", "DualStack"),
            (
                n6["vlan"]!.ToString(),
                n6["ipv4ConnectedPrefix"]!.ToString(),
                n6["ipv6ConnectedPrefix"]!.ToString(),
                n6["ipAllocationType"]!.ToString()
            )
        );
        site.L3("n3", "user", 603);
        var n3 = site.Render("~c/l3Networks/n3")["properties"]!;
        Assert.Equal(
            ("IPV4", "10.20.3.0/24", null),
            (
                n3["ipAllocationType"]!.ToString(),
                n3["ipv4ConnectedPrefix"]!.ToString(),
                n3["ipv6ConnectedPrefix"]?.ToString()
            )
        );
    }

    [Theory]
    [InlineData("'vlan':604", RefusalCode.Mismatch, "properties.vlan", "604", "600 (oam-net), 602 (sig-net)")]
    [InlineData("", RefusalCode.MissingMember, "properties.vlan", "required", "600 (oam-net), 602 (sig-net)")]
    internal void Refuses_VlanOfNoInternalNetwork(string vlan, RefusalCode code, string path, params string[] says)
    {
        var finding = TestSite
            .Small()
            .AssertRefused(
                code,
                path,
                New,
                TestSite.Tracked(
                    "'l3IsolationDomainId':'~f/l3IsolationDomains/core'" + (vlan.Length > 0 ? "," + vlan : "")
                )
            );
        AssertMentions(finding, says);
        Assert.Equal(TestSite.Id("~f/l3IsolationDomains/core").ToString(), finding.ConflictsWith);
    }

    [Theory]
    [InlineData(
        "'ipv4ConnectedPrefix':'10.20.7.0/24'",
        RefusalCode.Mismatch,
        "properties.ipv4ConnectedPrefix",
        "10.20.7.0/24",
        "10.20.3.0/24"
    )]
    [InlineData(
        "'ipv4ConnectedPrefix':'10.20.3.0/25'",
        RefusalCode.Mismatch,
        "properties.ipv4ConnectedPrefix",
        "10.20.3.0/25",
        "10.20.3.0/24"
    )]
    [InlineData(
        "'ipv4ConnectedPrefix':'10.20.3.1/24'",
        RefusalCode.InvalidMember,
        "properties.ipv4ConnectedPrefix",
        "10.20.3.1/24",
        "'10.20.3.0/24'"
    )]
    [InlineData(
        "'ipv4ConnectedPrefix':'fd20::/64'",
        RefusalCode.Mismatch,
        "properties.ipv4ConnectedPrefix",
        "fd20::/64",
        "10.20.3.0/24"
    )]
    [InlineData(
        "'ipv6ConnectedPrefix':'fd20::/64'",
        RefusalCode.Mismatch,
        "properties.ipv6ConnectedPrefix",
        "fd20::/64",
        "no IPv6 subnet"
    )]
    [InlineData(
        "'ipAllocationType':'DualStack'",
        RefusalCode.MissingMember,
        "properties.ipv6ConnectedPrefix",
        "required",
        "no IPv6 subnet"
    )]
    [InlineData(
        "'ipAllocationType':'IPV6'",
        RefusalCode.MissingMember,
        "properties.ipv6ConnectedPrefix",
        "required",
        "no IPv6 subnet"
    )]
    internal void Refuses_PrefixThatIsNotTheInternalNetworks(
        string member,
        RefusalCode code,
        string path,
        params string[] says
    )
    {
        var finding = TestSite
            .Small()
            .AssertRefused(
                code,
                path,
                New,
                TestSite.Tracked("'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':603," + member)
            );
        AssertMentions(finding, says);
        if (code != RefusalCode.InvalidMember)
            Assert.Equal(
                TestSite.Id("~f/l3IsolationDomains/user/internalNetworks/gtp-net").ToString(),
                finding.ConflictsWith
            );
    }

    [Fact]
    public void Requires_ThePrefix_WhereThereAreTwo()
    {
        var site = TestSite.Small();
        site.Put(
            "~f/l3IsolationDomains/user/internalNetworks/two-net",
            "{'properties':{'vlanId':700,'connectedIPv4Subnets':[{'prefix':'10.7.0.0/24'},{'prefix':'10.7.1.0/24'}]}}"
        );
        AssertMentions(
            site.AssertRefused(
                RefusalCode.MissingMember,
                "properties.ipv4ConnectedPrefix",
                New,
                TestSite.Tracked("'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':700")
            ),
            "10.7.0.0/24 or 10.7.1.0/24"
        );
        site.Put(
            New,
            TestSite.Tracked(
                "'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':700,'ipv4ConnectedPrefix':'10.7.1.0/24'"
            )
        );
        site.Put(
            "~c/l3Networks/new2",
            TestSite.Tracked(
                "'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':700,'ipv4ConnectedPrefix':'10.7.0.0/24'"
            )
        );
    }

    [Fact]
    public void Refuses_TwoNetworksOnOneSubnet()
    {
        var refusal = TestSite
            .Small()
            .TryPut(New, TestSite.Tracked("'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':606"))
            .Refusal!;
        Assert.Equal(
            [
                (RefusalCode.Overlap, "properties.ipv4ConnectedPrefix"),
                (RefusalCode.Overlap, "properties.ipv6ConnectedPrefix"),
            ],
            refusal.Findings.Select(f => (f.Code, f.Target!))
        );
        Assert.All(refusal.Findings, f => Assert.Equal(TestSite.Id("~c/l3Networks/n6").ToString(), f.ConflictsWith));
        AssertMentions(refusal, "10.20.6.0/24", "share that network");
    }

    [Theory]
    [InlineData(
        "~c/l3Networks/new",
        "'l3IsolationDomainId':'~f/l3IsolationDomains/off','vlan':700",
        "properties.l3IsolationDomainId",
        "off"
    )]
    [InlineData(
        "~c/l2Networks/new",
        "'l2IsolationDomainId':'~f/l2IsolationDomains/off2'",
        "properties.l2IsolationDomainId",
        "off2"
    )]
    [InlineData(
        "~c/trunkedNetworks/new",
        "'isolationDomainIds':['~f/l2IsolationDomains/hb-domain','~f/l2IsolationDomains/off2'],'vlans':[750]",
        "properties.isolationDomainIds[1]",
        "off2"
    )]
    public void Refuses_DisabledDomain(string id, string properties, string path, string domain)
    {
        var site = TestSite.Small();
        site.Put(
            "~f/l3IsolationDomains/off",
            "{'location':'east','properties':{'networkFabricId':'~f/networkFabrics/fab1'}}"
        );
        site.Internal("off", "off-net", 700, 1500, "10.7.0.0/24", null);
        site.Put(
            "~f/l2IsolationDomains/off2",
            "{'location':'east','properties':{'networkFabricId':'~f/networkFabrics/fab1','vlanId':701}}"
        );
        var finding = site.AssertRefused(RefusalCode.Conflict, path, id, TestSite.Tracked(properties));
        AssertMentions(finding, $"{domain} is not enabled", "updateAdministrativeState");
        Assert.EndsWith($"/{domain}", finding.ConflictsWith, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(
        "~c/l2Networks/new",
        "'l2IsolationDomainId':'~f/l2IsolationDomains/far'",
        "properties.l2IsolationDomainId"
    )]
    [InlineData(
        "~c/trunkedNetworks/new",
        "'isolationDomainIds':['~f/l2IsolationDomains/far'],'vlans':[702]",
        "properties.isolationDomainIds[0]"
    )]
    public void Refuses_DomainOfAnotherFabric(string id, string properties, string path)
    {
        var site = TestSite.Small();
        site.Put(
            "~f/l2IsolationDomains/far",
            "{'location':'east','properties':{'networkFabricId':'~f/networkFabrics/fab2','vlanId':702}}"
        );
        site.Enable("~f/l2IsolationDomains/far");
        var finding = site.AssertRefused(RefusalCode.Mismatch, path, id, TestSite.Tracked(properties));
        AssertMentions(finding, "fab2", "fab1", "far", "place");
        Assert.Equal(TestSite.Id("~f/networkFabrics/fab2").ToString(), finding.ConflictsWith);
    }

    [Fact]
    public void Refuses_TrunkVlanOfNoListedDomain()
    {
        var finding = TestSite
            .Small()
            .AssertRefused(
                RefusalCode.Mismatch,
                "properties.vlans[1]",
                "~c/trunkedNetworks/new",
                TestSite.Tracked(
                    "'isolationDomainIds':['~f/l3IsolationDomains/core','~f/l2IsolationDomains/hb-domain'],'vlans':[602,606,750]"
                )
            );
        AssertMentions(finding, "606", "core has 600,602", "hb-domain has 750");
    }

    [Fact]
    public void Accepts_DomainsOfTwoTypesWithOneName()
    {
        var site = TestSite.Small();
        site.Put(
            "~f/l2IsolationDomains/core",
            "{'location':'east','properties':{'networkFabricId':'~f/networkFabrics/fab1','vlanId':703}}"
        );
        site.Enable("~f/l2IsolationDomains/core");
        site.Put(
            "~c/trunkedNetworks/new",
            TestSite.Tracked(
                "'isolationDomainIds':['~f/l3IsolationDomains/core','~f/l2IsolationDomains/core'],'vlans':[602,703]"
            )
        );
        site.Put(
            "~c/trunkedNetworks/new2",
            TestSite.Tracked(
                "'isolationDomainIds':['~f/l2IsolationDomains/core','~f/l3IsolationDomains/core'],'vlans':[602,703]"
            )
        );
        Assert.True(site.Has("~c/trunkedNetworks/new2"));
    }

    [Theory]
    [InlineData(
        "~c/l3Networks/new",
        "'l3IsolationDomainId':'~f/l3IsolationDomains/none','vlan':1",
        "properties.l3IsolationDomainId"
    )]
    [InlineData(
        "~c/l2Networks/new",
        "'l2IsolationDomainId':'~f/l2IsolationDomains/none'",
        "properties.l2IsolationDomainId"
    )]
    [InlineData(
        "~c/trunkedNetworks/new",
        "'isolationDomainIds':['~f/l2IsolationDomains/none'],'vlans':[602]",
        "properties.isolationDomainIds[0]"
    )]
    public void Refuses_ReferenceToWhatIsNotThere(string id, string properties, string path)
    {
        var finding = TestSite
            .Small()
            .AssertRefused(RefusalCode.ReferenceNotFound, path, id, TestSite.Tracked(properties));
        AssertMentions(finding, "/none doesn't exist");
        Assert.EndsWith("/none", finding.ConflictsWith, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_CustomLocationOfNoCluster()
    {
        var body = TestSite
            .Tracked("")
            .Replace(
                "~place",
                TestSite.Group + "/providers/Microsoft.ExtendedLocation/customLocations/nowhere",
                StringComparison.Ordinal
            );
        AssertMentions(
            TestSite
                .Small()
                .AssertRefused(
                    RefusalCode.ReferenceNotFound,
                    "extendedLocation.name",
                    "~c/cloudServicesNetworks/new",
                    body
                ),
            "nowhere"
        );
    }

    [Theory]
    [InlineData("exa mple")]
    [InlineData("a..b")]
    [InlineData("10.0.0.1")]
    [InlineData("..example")]
    public void Refuses_EgressEndpointThatIsNoDomainName(string name) =>
        AssertMentions(
            TestSite
                .Small()
                .AssertRefused(
                    RefusalCode.InvalidMember,
                    "properties.additionalEgressEndpoints[0].endpoints[0].domainName",
                    "~c/cloudServicesNetworks/new",
                    TestSite.Tracked(
                        $"'additionalEgressEndpoints':[{{'category':'c','endpoints':[{{'domainName':'{name}'}}]}}]"
                    )
                ),
            $"'{name}'"
        );

    [Theory]
    [InlineData("'interfaceName':'abcdefghijklm'", "properties.interfaceName", "13 characters")]
    [InlineData("'interfaceName':'a b'", "properties.interfaceName", "'a b'")]
    [InlineData("'interfaceName':'a/b'", "properties.interfaceName", "'a/b'")]
    [InlineData("'interfaceName':'ab\\n'", "properties.interfaceName", "doesn't match")]
    [InlineData("'interfaceName':'..'", "properties.interfaceName", "'..'")]
    [InlineData("'interfaceName':'.'", "properties.interfaceName", "'.'")]
    [InlineData("'vlan':4095", "properties.vlan", "4095")]
    public void Refuses_MemberOutsideOfItsSchema(string member, string path, string says)
    {
        var properties =
            "'l3IsolationDomainId':'~f/l3IsolationDomains/user',"
            + member
            + (member.StartsWith("'vlan'", StringComparison.Ordinal) ? "" : ",'vlan':603");
        AssertMentions(
            TestSite.Small().AssertRefused(RefusalCode.InvalidMember, path, New, TestSite.Tracked(properties)),
            says
        );
    }

    [Theory]
    [InlineData("vlan", "603", "606", "603")]
    [InlineData("l3IsolationDomainId", "'~f/l3IsolationDomains/core'", "/user", "/core")]
    [InlineData("interfaceName", "'other'", "absent", "other")]
    public void Refuses_ChangeOfCreateOnlyMember(string member, string value, string before, string after)
    {
        var site = TestSite.Small();
        var body = site.Render("~c/l3Networks/n6");
        body["properties"]![member] = TestSite.Body($"{{'x':{value}}}")["x"]!.DeepClone();
        var refusal = site.TryPut("~c/l3Networks/n6", body.ToJsonString()).Refusal!;
        var finding = Assert.Single(refusal.Findings, f => f.Code == RefusalCode.ImmutableMember);
        Assert.Equal($"properties.{member}", finding.Target);
        AssertMentions(finding, before, after);
    }

    [Fact]
    public void Grows_ATrunkInPlace()
    {
        var site = TestSite.Small();
        var body = site.Render("~c/trunkedNetworks/ran");
        body["properties"]!["vlans"] = TestSite.Body("{'x':[602,603,606,750]}")["x"]!.DeepClone();
        Assert.False(site.Put("~c/trunkedNetworks/ran", body.ToJsonString()).Unchanged);
        Assert.Equal(
            "602-603,606,750",
            Weft.Networks.Network.Find(site.State, TestSite.Id("~c/trunkedNetworks/ran"), site.Limits)!.Vlans.ToString()
        );
    }

    [Fact]
    public void Widens_ANetworkToASecondFamily_AndEveryoneOnItGetsAnAddress()
    {
        var site = TestSite.Small();
        site.Put("~c/l3Networks/n3", TestSite.Tracked("'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':603"));
        site.Put(
            "~c/virtualMachines/vm1",
            TestSite.Machine("{'attachedNetworkId':'~c/l3Networks/n3','ipAllocationMethod':'Dynamic'}")
        );
        site.Put(
            "~f/l3IsolationDomains/user/internalNetworks/gtp-net",
            "{'properties':{'vlanId':603,'mtu':1500,'connectedIPv4Subnets':[{'prefix':'10.20.3.0/24'}],"
                + "'connectedIPv6Subnets':[{'prefix':'fd20:0:0:603::/64'}]}}"
        );
        site.Put(
            "~c/l3Networks/n3",
            TestSite.Tracked(
                "'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':603,'ipAllocationType':'DualStack'"
            )
        );
        Assert.Equal(
            ["10.20.3.4 virtual machine vm1 n3", "fd20:0:0:603::4 virtual machine vm1 n3"],
            site.Leases("~c/l3Networks/n3")
        );
    }

    [Fact]
    public void Refuses_DroppingAFamilyThatIsHeld()
    {
        var site = TestSite.Small();
        site.Put(
            "~c/virtualMachines/vm1",
            TestSite.Machine("{'attachedNetworkId':'~c/l3Networks/n6','ipAllocationMethod':'Dynamic'}")
        );
        var finding = site.AssertRefused(
            RefusalCode.InUse,
            "properties.ipAllocationType",
            "~c/l3Networks/n6",
            TestSite.Tracked("'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':606,'ipAllocationType':'IPV4'")
        );
        AssertMentions(finding, "IPv6", "fd20:0:0:606::4", "vm1");
        site.Put(
            "~c/l3Networks/n2",
            TestSite.Tracked("'l3IsolationDomainId':'~f/l3IsolationDomains/core','vlan':602,'ipAllocationType':'IPV4'")
        );
    }

    [Fact]
    public void Conflicts_WhereAPodLeasesWhileItsNetworkIsBeingDeleted()
    {
        var site = TestSite.Small();
        var transaction = new ReadTransaction(site.State);
        Assert.Null(site.Verbs.Delete(site.Request("~c/l3Networks/n6", []), transaction).Refusal);
        var n6 = TestSite.Id("~c/l3Networks/n6");
        var pod = Weft.Fleet.AddressClaims.PodHolderOf(
            TestSite.Id("~c/kubernetesClusters/k1"),
            "c1",
            "net1",
            "core/upf-0",
            null
        );
        site.Commit(
            TestLeases.Put(
                site.State,
                n6,
                Weft.Networks.NetworkPool.PoolOf(site.State, site.RowOf("~c/l3Networks/n6"), site.Limits)
                    .Acquire(pod, [], TestSite.Now)
                    .Value.Leases
            )
        );
        Assert.False(transaction.ReadSet.IsUnchangedIn(site.State), "the deletion must be weighed again");
        var finding = site.AssertRefused(RefusalCode.InUse, "~c/l3Networks/n6", site.TryDelete("~c/l3Networks/n6"));
        Assert.Equal(TestSite.Id("~c/kubernetesClusters/k1").ToString(), finding.ConflictsWith);
    }

    private static void AssertMentions(Refusal refusal, params string[] words) =>
        Assert.All(words, word => Assert.Contains(word, refusal.Message, StringComparison.Ordinal));
}
