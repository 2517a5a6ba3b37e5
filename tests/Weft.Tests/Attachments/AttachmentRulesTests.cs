using Weft.Resources;

namespace Weft.Tests.Attachments;

public sealed class AttachmentRulesTests
{
    private const string K1 = "~c/kubernetesClusters/k1";
    private const string Attached = "properties.networkConfiguration.attachedNetworkConfiguration";
    private const string Ports = "{'name':'bond0','mtu':9000}";

    [Fact]
    public void Attaches_ToALiveCluster()
    {
        var site = TestSite.Small();
        site.Put(TestSite.NodeId("w1"), TestSite.Node(Ports, "BareMetal"));
        Assert.DoesNotContain(site.DesiredStateOf(K1).Manifests, m => m.Kind == "NetworkAttachmentDefinition");
        Attach(site, L3("n6", "MACVLAN", ipam: true));
        Assert.Contains(site.DesiredStateOf(K1).Manifests, m => m.Title == "NetworkAttachmentDefinition default/n6");
    }

    [Fact]
    public void Refuses_IpvlanOnL2()
    {
        var finding = Refused(
            RefusalCode.PluginNotAllowed,
            $"{Attached}.l2Networks[0].pluginType",
            "'l2Networks':[{'networkId':'~c/l2Networks/hb','pluginType':'IPVLAN'}]"
        );
        AssertMentions(finding, "IPVLAN", "hb");
        Assert.Equal(TestSite.Id("~c/l2Networks/hb").ToString(), finding.ConflictsWith);
    }

    [Theory]
    [InlineData(
        "'l2Networks':[{'networkId':'~c/l2Networks/none'}]",
        "l2Networks[0].networkId",
        RefusalCode.ReferenceNotFound
    )]
    [InlineData(
        "'l3Networks':[{'networkId':'~c/l2Networks/hb'}]",
        "l3Networks[0].networkId",
        RefusalCode.InvalidMember
    )]
    [InlineData(
        "'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'TAP'}]",
        "l3Networks[0].pluginType",
        RefusalCode.InvalidMember
    )]
    [InlineData("'l3Networks':[{'pluginType':'SRIOV'}]", "l3Networks[0].networkId", RefusalCode.MissingMember)]
    [InlineData(
        "'l2Networks':[{'networkId':'~c/l2Networks/hb','ipamEnabled':'True'}]",
        "l2Networks[0].ipamEnabled",
        RefusalCode.UnknownMember
    )]
    [InlineData("'l2Networks':[null]", "l2Networks[0]", RefusalCode.InvalidMember)]
    internal void Refuses_AttachmentThatIsNone(string attached, string path, RefusalCode code) =>
        Refused(code, $"{Attached}.{path}", attached);

    [Theory]
    [InlineData(
        "n6",
        "n6",
        "'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'MACVLAN'},{'networkId':'~c/l3Networks/n6','pluginType':'MACVLAN'}]",
        RefusalCode.Overlap,
        "l3Networks[1]",
        "attached twice by MACVLAN"
    )]
    [InlineData(
        "n6",
        "n6",
        "'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'MACVLAN'},{'networkId':'~c/l3Networks/n6','pluginType':'SRIOV'}]",
        RefusalCode.Overlap,
        "l3Networks[1]",
        "attached by MACVLAN already"
    )]
    [InlineData(
        "oam",
        "oam",
        "'l3Networks':[{'networkId':'~c/l3Networks/oam','pluginType':'MACVLAN'}]",
        RefusalCode.Overlap,
        "l3Networks[0]",
        "CNI network"
    )]
    [InlineData(
        "ran",
        "ran",
        "'trunkedNetworks':[{'networkId':'~c/trunkedNetworks/ran','pluginType':'MACVLAN'},"
            + "{'networkId':'~c/trunkedNetworks/ran','pluginType':'OSDevice'}]",
        RefusalCode.Overlap,
        "trunkedNetworks[1]",
        "tag"
    )]
    internal void Refuses_TwoOfWhatCanBeOne(
        string network,
        string culprit,
        string attached,
        RefusalCode code,
        string path,
        string says
    )
    {
        var finding = Refused(code, $"{Attached}.{path}", attached);
        AssertMentions(finding, network, says);
        Assert.EndsWith("/" + culprit, finding.ConflictsWith, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_AnInterfaceNameThatPodsHave()
    {
        var site = TestSite.Small();
        site.Put(
            "~c/l2Networks/beat",
            TestSite.Tracked("'l2IsolationDomainId':'~f/l2IsolationDomains/hb-domain','interfaceName':'net1'")
        );
        var outcome = site.TryPut(
            K1,
            TestSite.Kubernetes("'l2Networks':[{'networkId':'~c/l2Networks/beat','pluginType':'MACVLAN'}]")
        );
        Assert.Contains("what Multus calls interfaces in pods", outcome.Refusal!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Attaches_OSDeviceBesidePods()
    {
        var site = TestSite.Small();
        Attach(
            site,
            "'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'MACVLAN'},"
                + "{'networkId':'~c/l3Networks/n6','pluginType':'OSDevice'}]"
        );
        site.Put(TestSite.NodeId("w1"), TestSite.Node(Ports, "BareMetal"));
        Assert.Equal(["10.20.6.4 node k1/w1 n6", "fd20:0:0:606::4 node k1/w1 n6"], site.Leases("~c/l3Networks/n6"));
        Assert.Contains(
            "10.20.6.4/24",
            Assert.Single(site.DesiredStateOf(K1).Nodes).Files[0].Content,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Refuses_TwoNetworksWithOneInterfaceName()
    {
        var site = TestSite.Small();
        site.Put(
            "~c/l3Networks/n3",
            TestSite.Tracked("'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':603,'interfaceName':'n6'")
        );
        var finding = site.AssertRefused(
            RefusalCode.Overlap,
            $"{Attached}.l3Networks[1]",
            K1,
            Body(site, "'l3Networks':[{'networkId':'~c/l3Networks/n6'},{'networkId':'~c/l3Networks/n3'}]")
        );
        AssertMentions(finding, "n3", "n6", "interface name 'n6'");
        Assert.Equal(TestSite.Id("~c/l3Networks/n6").ToString(), finding.ConflictsWith);
    }

    [Theory]
    [InlineData("defaultcni")]
    [InlineData("lo")]
    [InlineData("eth0")]
    public void Refuses_InterfaceNameThatEveryNodeHas(string name)
    {
        var site = TestSite.Small();
        site.Put(
            "~c/l3Networks/n3",
            TestSite.Tracked($"'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':603,'interfaceName':'{name}'")
        );
        AssertMentions(
            site.AssertRefused(
                RefusalCode.Overlap,
                $"{Attached}.l3Networks[0]",
                K1,
                Body(site, "'l3Networks':[{'networkId':'~c/l3Networks/n3'}]")
            ),
            name
        );
    }

    [Fact]
    public void Refuses_NetworksWhoseDefinitionsWouldHaveOneName()
    {
        var site = TestSite.Small();
        site.Internal("user", "more-net", 700, 1500, "10.7.0.0/24", null);
        site.Put(
            "~c/l3Networks/N_6",
            TestSite.Tracked("'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':603,'interfaceName':'one'")
        );
        site.Put(
            "~c/l3Networks/n-6",
            TestSite.Tracked("'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':700,'interfaceName':'two'")
        );
        var finding = site.AssertRefused(
            RefusalCode.Overlap,
            $"{Attached}.l3Networks[1]",
            K1,
            Body(
                site,
                "'l3Networks':[{'networkId':'~c/l3Networks/N_6','pluginType':'MACVLAN'},"
                    + "{'networkId':'~c/l3Networks/n-6','pluginType':'MACVLAN'}]"
            )
        );
        AssertMentions(finding, "'n-6'", "N_6");
        Attach(
            site,
            "'l3Networks':[{'networkId':'~c/l3Networks/N_6','pluginType':'OSDevice'},"
                + "{'networkId':'~c/l3Networks/n-6','pluginType':'MACVLAN'}]"
        );
    }

    [Fact]
    public void Refuses_SubInterfaceNameThatIsTooLongOrTaken()
    {
        var site = TestSite.Small();
        site.Internal("user", "wide-net", 4000, 1500, null, null);
        site.Put(
            "~c/trunkedNetworks/wide",
            TestSite.Tracked(
                "'isolationDomainIds':['~f/l3IsolationDomains/user'],'vlans':[4000],'interfaceName':'abcdefghijkl'"
            )
        );
        AssertMentions(
            site.AssertRefused(
                RefusalCode.InvalidMember,
                $"{Attached}.trunkedNetworks[0]",
                K1,
                Body(site, Trunk("wide", "OSDevice"))
            ),
            "abcdefghijkl.4000",
            "15"
        );
        site.Put(
            "~c/l3Networks/n3",
            TestSite.Tracked("'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':603,'interfaceName':'ran.602'")
        );
        var both = L3("n3", "OSDevice") + "," + Trunk("ran", "OSDevice");
        AssertMentions(
            site.AssertRefused(RefusalCode.Overlap, $"{Attached}.trunkedNetworks[0]", K1, Body(site, both)),
            "ran.602",
            "n3"
        );
    }

    [Fact]
    public void Refuses_PoolThatDisagreesWithItsCluster()
    {
        var site = TestSite.Small();
        Attach(site, L3("n6", "MACVLAN", ipam: true));
        const string Pool =
            "{'location':'east','properties':{'count':1,'mode':'System','vmSkuName':'s','attachedNetworkConfiguration':{PLACE}}}";
        var finding = site.AssertRefused(
            RefusalCode.Mismatch,
            "properties.attachedNetworkConfiguration.l3Networks[0].ipamEnabled",
            K1 + "/agentPools/workers",
            Pool.Replace("PLACE", L3("n6", "MACVLAN"), StringComparison.Ordinal)
        );
        AssertMentions(finding, "n6", "ipamEnabled True", "k1:");
        site.Put(
            K1 + "/agentPools/workers",
            Pool.Replace("PLACE", L3("n6", "MACVLAN", ipam: true), StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Refuses_PortThatCarriesNotWhatIsAttached()
    {
        var site = TestSite.Small();
        Attach(site, L3("n6", "MACVLAN"));
        const string Uplinks = "properties.uplinks";
        const string Oam = "{'name':'eth0','macAddress':'52:54:00:00:00:01','networkId':'~c/l3Networks/oam'}";
        var none = site.AssertRefused(RefusalCode.Mismatch, Uplinks, TestSite.NodeId("w1"), TestSite.Node(Oam));
        AssertMentions(none, "w1", "n6", "606", "workers");
        Assert.Equal(TestSite.Id("~c/l3Networks/n6").ToString(), none.ConflictsWith);
        AssertMentions(
            site.AssertRefused(
                RefusalCode.Mismatch,
                Uplinks,
                TestSite.NodeId("w1"),
                TestSite.Node(
                    "{'name':'eth1','macAddress':'52:54:00:00:00:02','mtu':1500,'networkId':'~c/l3Networks/n6'}"
                )
            ),
            "eth1",
            "1500",
            "9000"
        );
        AssertMentions(
            site.AssertRefused(
                RefusalCode.MissingMember,
                Uplinks,
                TestSite.NodeId("w1"),
                TestSite.Node("{'name':'eth1','networkId':'~c/l3Networks/n6'}")
            ),
            "eth1",
            "'n6'",
            "macAddress"
        );
        var narrow = site.TryPut(
            TestSite.NodeId("w1"),
            TestSite.Node("{'name':'bond0','mtu':1500}", "BareMetal")
        ).Refusal!;
        Assert.Equal(["oam", "n6"], narrow.Findings.Select(f => ResourceId.Parse(f.ConflictsWith!).Value.Name));
        AssertMentions(narrow, "bond0", "1500");
        AssertMentions(
            site.AssertRefused(
                RefusalCode.MissingMember,
                Uplinks,
                TestSite.NodeId("w1"),
                TestSite.Node(
                    "{'name':'eth0','networkId':'~c/l3Networks/oam'},{'name':'n6','networkId':'~c/l3Networks/n6'}"
                )
            ),
            "eth0",
            "'defaultcni'"
        );
        site.Put(TestSite.NodeId("w1"), TestSite.Node("{'name':'n6','networkId':'~c/l3Networks/n6'}"));
    }

    [Theory]
    [InlineData("BareMetal", "{'name':'bond0'},{'name':'bond1'}", RefusalCode.Overlap, "trunk port")]
    [InlineData("Virtual", "{'name':'bond0'}", RefusalCode.Mismatch, "'bond0'")]
    [InlineData(
        "Virtual",
        "{'name':'eth1','networkId':'~c/l3Networks/n6'},{'name':'eth1','networkId':'~c/l3Networks/n2'}",
        RefusalCode.Overlap,
        "name eth1"
    )]
    [InlineData(
        "Virtual",
        "{'name':'eth1','networkId':'~c/l3Networks/n6'},{'name':'eth2','networkId':'~c/l3Networks/n6'}",
        RefusalCode.Overlap,
        "networkId"
    )]
    [InlineData(
        "Virtual",
        "{'name':'eth1','macAddress':'52:54:00:00:00:02','networkId':'~c/l3Networks/n6'},"
            + "{'name':'eth2','macAddress':'52:54:00:00:00:02','networkId':'~c/l3Networks/n2'}",
        RefusalCode.Overlap,
        "macAddress 52:54:00:00:00:02"
    )]
    internal void Refuses_PortsThatContradictEachOther(string type, string uplinks, RefusalCode code, string says) =>
        AssertMentions(
            TestSite
                .Small()
                .AssertRefused(code, "properties.uplinks", TestSite.NodeId("w1"), TestSite.Node(uplinks, type)),
            says
        );

    [Theory]
    [InlineData("'macAddress':'52-54-00-00-00-02'", "properties.uplinks[0].macAddress")]
    [InlineData("'macAddress':'52:54:00:00:00:0G'", "properties.uplinks[0].macAddress")]
    [InlineData("'macAddress':'52:54:00:00:00:02\\n'", "properties.uplinks[0].macAddress")]
    [InlineData("'mtu':575", "properties.uplinks[0].mtu")]
    [InlineData("'networkId':'~c/cloudServicesNetworks/egress'", "properties.uplinks[0].networkId")]
    public void Refuses_PortOutOfForm(string member, string path) =>
        TestSite
            .Small()
            .AssertRefused(
                RefusalCode.InvalidMember,
                path,
                TestSite.NodeId("w1"),
                TestSite.Node($"{{'name':'eth1',{member}}}", "BareMetal")
            );

    [Fact]
    public void Refuses_NodeNamesThatAreOneInKubernetes()
    {
        var site = TestSite.Small();
        site.Put(TestSite.NodeId("w_1"), TestSite.Node(Ports, "BareMetal"));
        var finding = site.AssertRefused(
            RefusalCode.Overlap,
            "name",
            TestSite.NodeId("W.1"),
            TestSite.Node(Ports, "BareMetal")
        );
        AssertMentions(finding, "'W.1'", "'w_1'", "'w-1'");
        Assert.Equal(TestSite.Id(TestSite.NodeId("w_1")).ToString(), finding.ConflictsWith);
    }

    [Theory]
    [InlineData("w-")]
    [InlineData("_w")]
    [InlineData("wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww")]
    public void Refuses_NodeNameThatIsNoLabel(string name) =>
        Assert.Equal(
            RefusalCode.InvalidResourceName,
            TestSite.Small().TryPut(TestSite.NodeId(name), TestSite.Node(Ports, "BareMetal")).Refusal!.Code
        );

    [Fact]
    public void Refuses_NodeOfNoPool()
    {
        var finding = TestSite
            .Small()
            .AssertRefused(
                RefusalCode.ReferenceNotFound,
                "properties.agentPool",
                TestSite.NodeId("w1"),
                TestSite.Node(Ports, "BareMetal").Replace("workers", "lazy", StringComparison.Ordinal)
            );
        AssertMentions(finding, "'lazy'", "k1");
    }

    [Theory]
    [InlineData(
        "'l3Networks':[{'networkId':'~c/l3Networks/n2','pluginType':'MACVLAN'}],"
            + "'trunkedNetworks':[{'networkId':'~c/trunkedNetworks/ran','pluginType':'MACVLAN'}]",
        "602",
        "n2"
    )]
    [InlineData(
        "'l2Networks':[{'networkId':'~c/l2Networks/hb','pluginType':'OSDevice'}],"
            + "'trunkedNetworks':[{'networkId':'~c/trunkedNetworks/ran','pluginType':'OSDevice'}]",
        "750",
        "hb"
    )]
    public void Refuses_TrunkVlanThatIsASubInterfaceOnThePort(string attached, string vlan, string other)
    {
        var site = TestSite.Small();
        site.Put(TestSite.NodeId("w1"), TestSite.Node(Ports, "BareMetal"));
        var refusal = site.TryPut(K1, Body(site, attached)).Refusal!;
        Assert.All(refusal.Findings, f => Assert.Equal((RefusalCode.Overlap, "properties"), (f.Code, f.Target)));
        AssertMentions(refusal, $"VLAN {vlan}", "bond0", "w1", other, "ran");
    }

    [Fact]
    public void Refuses_TrunkVlanOfTheClustersOwnNetworkOnThePort()
    {
        var site = TestSite.Small();
        site.Put(
            "~c/trunkedNetworks/all",
            TestSite.Tracked("'isolationDomainIds':['~f/l3IsolationDomains/core'],'vlans':[600,602]")
        );
        Attach(site, Trunk("all", "MACVLAN"));
        AssertMentions(
            site.AssertRefused(
                RefusalCode.Overlap,
                "properties.uplinks",
                TestSite.NodeId("w1"),
                TestSite.Node(Ports, "BareMetal")
            ),
            "VLAN 600",
            "oam",
            "all"
        );
    }

    [Fact]
    public void Refuses_GrowingATrunkIntoASubInterfaceOfItsPort()
    {
        var site = TestSite.Small();
        Attach(site, L3("n6", "MACVLAN") + "," + Trunk("ran", "MACVLAN"));
        site.Put(TestSite.NodeId("w1"), TestSite.Node(Ports, "BareMetal"));
        var body = site.Render("~c/trunkedNetworks/ran");
        body["properties"]!["vlans"] = TestSite.Body("{'x':[602,606]}")["x"]!.DeepClone();
        var finding = site.AssertRefused(
            RefusalCode.Overlap,
            "properties",
            "~c/trunkedNetworks/ran",
            body.ToJsonString()
        );
        AssertMentions(finding, "VLAN 606", "n6", "w1");
    }

    [Fact]
    public void Refuses_MtuThatANodesPortDoesNotCarry()
    {
        var site = TestSite.Small();
        Attach(site, L3("n6", "MACVLAN"));
        site.Put(TestSite.NodeId("w1"), TestSite.Node(Ports, "BareMetal"));
        AssertMentions(
            site.AssertRefused(
                RefusalCode.Mismatch,
                "properties",
                site.TryPatch("~f/l3IsolationDomains/user/internalNetworks/dn-net", "{'properties':{'mtu':9100}}")
            ),
            "bond0",
            "9000",
            "9100"
        );
        site.Patch("~f/l3IsolationDomains/user/internalNetworks/dn-net", "{'properties':{'mtu':1500}}");
    }

    private static string L3(string name, string plugin, bool ipam = false) =>
        $"'l3Networks':[{{'networkId':'~c/l3Networks/{name}','pluginType':'{plugin}','ipamEnabled':'{ipam}'}}]";

    private static string Trunk(string name, string plugin) =>
        $"'trunkedNetworks':[{{'networkId':'~c/trunkedNetworks/{name}','pluginType':'{plugin}'}}]";

    private static string Body(TestSite site, string attached)
    {
        var body = site.Render(K1);
        body["properties"]!["networkConfiguration"]!["attachedNetworkConfiguration"] = TestSite.Body($"{{{attached}}}");
        return body.ToJsonString();
    }

    private static void Attach(TestSite site, string attached) => site.Put(K1, Body(site, attached));

    private static Refusal Refused(RefusalCode code, string path, string attached)
    {
        var site = TestSite.Small();
        return site.AssertRefused(code, path, K1, Body(site, attached));
    }

    private static void AssertMentions(Refusal refusal, params string[] words) =>
        Assert.All(words, word => Assert.Contains(word, refusal.Message, StringComparison.Ordinal));
}
