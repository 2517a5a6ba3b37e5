using Weft.Attachments.Nodes;
using Weft.Fleet;
using Weft.Resources;

namespace Weft.Tests.Attachments;

/// <summary>
/// What the API says of virtual functions, of devices that are handed over, and of trunks with a definition for each
/// VLAN.
/// </summary>
public sealed class FunctionRuleTests
{
    private const string K1 = "~c/kubernetesClusters/k1";
    private const string Attached = "properties.networkConfiguration.attachedNetworkConfiguration";
    private const string Uplinks = "properties.uplinks";
    private const string Mac = "52:54:00:00:00:02";
    private const string N6 = "'networkId':'~c/l3Networks/n6'";

    [Theory]
    [InlineData(
        "'functions':'0-3'",
        "'functions':'2-5'",
        RefusalCode.Overlap,
        "functions",
        "function 2 of 'p0' is in properties.uplinks[0].virtualFunctions[0] already"
    )]
    [InlineData("'functions':'7'", "'functions':'0-7'", RefusalCode.Overlap, "functions", "function 7")]
    [InlineData("'functions':'0'", "'functions':'5-2'", RefusalCode.InvalidMember, "functions", "5-2")]
    internal void Refuses_FunctionsThatContradictEachOther(
        string one,
        string two,
        RefusalCode code,
        string member,
        string says
    )
    {
        var finding = TestSite
            .Small()
            .AssertRefused(
                code,
                $"{Uplinks}[0].virtualFunctions[1].{member}",
                TestSite.NodeId("w1"),
                TestSite.Node(
                    $"{{'name':'p0','virtualFunctions':[{{{one},{N6}}},{{{two},'networkId':'~c/l3Networks/n2'}}]}}",
                    "BareMetal"
                )
            );
        AssertMentions(finding, says);
    }

    [Theory]
    [InlineData("'name':'eth1','networkId':'~c/l3Networks/n6'", "Virtual", "Virtual", "networkId")]
    [InlineData("'name':'p0','networkId':'~c/l3Networks/n6'", "BareMetal", "'p0'", "leave its networkId out")]
    public void Refuses_FunctionsWhereTheCardCannotTag(string uplink, string type, params string[] says) =>
        AssertMentions(
            TestSite
                .Small()
                .AssertRefused(
                    RefusalCode.Mismatch,
                    $"{Uplinks}[0].virtualFunctions",
                    TestSite.NodeId("w1"),
                    TestSite.Node($"{{{uplink},'virtualFunctions':[{{'functions':'0-3',{N6}}}]}}", type)
                ),
            says
        );

    [Theory]
    [InlineData("'functions':'all'", "functions")]
    [InlineData("'functions':'0-'", "functions")]
    [InlineData("'functions':'0,2'", "functions")]
    public void Refuses_FunctionsOutOfForm(string member, string path) =>
        TestSite
            .Small()
            .AssertRefused(
                RefusalCode.InvalidMember,
                $"{Uplinks}[0].virtualFunctions[0].{path}",
                TestSite.NodeId("w1"),
                TestSite.Node($"{{'name':'p0','virtualFunctions':[{{{member},{N6}}}]}}", "BareMetal")
            );

    [Fact]
    public void Refuses_PortNameThatTheDevicePluginWouldTakeForARange() =>
        AssertMentions(
            TestSite
                .Small()
                .AssertRefused(
                    RefusalCode.InvalidMember,
                    $"{Uplinks}[0].name",
                    TestSite.NodeId("w1"),
                    TestSite.Node($"{{'name':'p#0','virtualFunctions':[{{'functions':'0',{N6}}}]}}", "BareMetal")
                ),
            "'p#0'"
        );

    [Fact]
    public void Refuses_NodeWithoutFunctionsForWhatItsPoolAttaches()
    {
        var site = TestSite.Small();
        Attach(site, L3("n6", "SRIOV"));
        var finding = site.AssertRefused(
            RefusalCode.Mismatch,
            Uplinks,
            TestSite.NodeId("w1"),
            TestSite.Node("{'name':'bond0'}", "BareMetal")
        );
        AssertMentions(
            finding,
            "w1",
            "n6",
            "workers",
            "SRIOV",
            "virtualFunctions",
            "\"functions\":\"0-7\"",
            TestSite.Id("~c/l3Networks/n6").ToString()
        );
        Assert.Equal(TestSite.Id("~c/l3Networks/n6").ToString(), finding.ConflictsWith);
        site.Put(
            TestSite.NodeId("w1"),
            TestSite.Node(
                $"{{'name':'bond0'}},{{'name':'p0','virtualFunctions':[{{'functions':'0-3',{N6}}}]}}",
                "BareMetal"
            )
        );
        AssertMentions(
            site.AssertRefused(
                RefusalCode.Mismatch,
                "properties",
                K1,
                Body(site, L3("n6", "SRIOV") + ",'l2Networks':[{'networkId':'~c/l2Networks/hb'}]")
            ),
            "w1",
            "hb",
            "virtualFunctions"
        );
    }

    [Fact]
    public void Accepts_FunctionsForANetworkThatIsToBeAttachedNext()
    {
        var site = TestSite.Small();
        site.Put(
            TestSite.NodeId("w1"),
            TestSite.Node(
                $"{{'name':'bond0'}},{{'name':'p0','virtualFunctions':[{{'functions':'0-3',{N6}}}]}}",
                "BareMetal"
            )
        );
        AssertMentions(
            site.AssertRefused(RefusalCode.Mismatch, "properties", K1, Body(site, L3("n6", "MACVLAN"))),
            "p0",
            "w1",
            "n6",
            "MACVLAN",
            "only SRIOV and DPDK"
        );
        Attach(site, L3("n6", "SRIOV"));
        Assert.Equal(
            "p0",
            Assert.Single(Assert.Single(site.DesiredStateOf(K1).Nodes).Configuration!.PhysicalFunctions).Name
        );
    }

    [Fact]
    public void Accepts_FunctionsOfABondsPortsAndTheTrunkOnTheBond()
    {
        var site = TestSite.Small();
        site.Put(
            TestSite.NodeId("w1"),
            TestSite.Node(
                $"{{'name':'p0','virtualFunctions':[{{'functions':'0-3',{N6}}}]}},"
                    + $"{{'name':'p1','virtualFunctions':[{{'functions':'1',{N6}}}]}},"
                    + "{'name':'bond0'}",
                "BareMetal"
            )
        );
        Attach(site, L3("n6", "SRIOV") + ",'l2Networks':[{'networkId':'~c/l2Networks/hb','pluginType':'MACVLAN'}]");
        var node = Assert.Single(site.DesiredStateOf(K1).Nodes);
        Assert.Equal(["p0#0-3", "p1#1"], Assert.Single(Assert.Single(node.Pools).Selectors).PfNames);
        Assert.All(node.Configuration!.Links, link => Assert.Equal("bond0", link.Uplink.Name));
    }

    [Theory]
    [InlineData(8, "'functions':'0-7'", true)]
    [InlineData(8, "'functions':'8'", false, "function 8", "0 to 7")]
    [InlineData(0, "'functions':'0'", false, "0000:3b:00.0", "can have none")]
    public void Refuses_MoreFunctionsThanTheCardHas(int total, string functions, bool taken, params string[] says)
    {
        var site = TestSite.Small();
        Attach(site, L3("n6", "SRIOV"));
        ReportInventory(
            site,
            "w1",
            new NetworkDevice("p0", "0000:3b:00.0", "8086", "1592", "ice", "52:54:00:00:00:09", 9000, true, 0)
            {
                TotalFunctions = total,
            }
        );
        var outcome = site.TryPut(
            TestSite.NodeId("w1"),
            TestSite.Node($"{{'name':'p0','virtualFunctions':[{{{functions},{N6}}}]}}", "BareMetal")
        );
        if (taken)
            site.Accept(outcome);
        else
            AssertMentions(site.AssertRefused(RefusalCode.Mismatch, Uplinks, outcome), [.. says, "w1", "p0", "n6"]);
    }

    [Fact]
    public void Refuses_OneNetworkOnNodesOfBothKinds()
    {
        var site = TestSite.Small();
        Attach(site, L3("n6", "SRIOV"));
        site.Put(
            TestSite.NodeId("bare"),
            TestSite.Node($"{{'name':'p0','virtualFunctions':[{{'functions':'0-3',{N6}}}]}}", "BareMetal")
        );
        var virtualNode = TestSite.Node($"{{'name':'eth1','pciAddress':'0000:00:05.0',{N6}}}");
        AssertMentions(
            site.AssertRefused(RefusalCode.Mismatch, "properties.machineType", TestSite.NodeId("vm"), virtualNode),
            "n6",
            "SRIOV",
            "bare",
            "vm",
            "MACVLAN"
        );
        site.Put(
            K1 + "/agentPools/other",
            "{'location':'east','properties':{'count':1,'mode':'User','vmSkuName':'s',"
                + "'attachedNetworkConfiguration':{'l2Networks':[{'networkId':'~c/l2Networks/hb','pluginType':'OSDevice'}]}}}"
        );
        site.Put(
            TestSite.NodeId("vm"),
            TestSite
                .Node(
                    $"{{'name':'eth1','pciAddress':'0000:00:05.0',{N6}}},"
                        + $"{{'name':'eth2','macAddress':'{Mac}','networkId':'~c/l2Networks/hb'}}"
                )
                .Replace("'workers'", "'other'", StringComparison.Ordinal)
        );
        Assert.Empty(site.DesiredStateOf(K1).RenderErrors);
        AssertMentions(
            site.AssertRefused(
                RefusalCode.Mismatch,
                "properties",
                K1 + "/agentPools/other",
                "{'location':'east','properties':{'count':1,'mode':'User','vmSkuName':'s','attachedNetworkConfiguration':{"
                    + L3("n6", "SRIOV")
                    + "}}}"
            ),
            "bare",
            "vm"
        );
    }

    [Theory]
    [InlineData("SRIOV", "", null, "eth1", "no inventory yet", "pciAddress")]
    [InlineData("SRIOV", "", "52:54:00:00:00:99", "eth1", "no PCI device with " + Mac)]
    [InlineData("DPDK", "", Mac, "eth1", "the node's inventory has it at 0000:00:05.0")]
    [InlineData("SRIOV", "hv_netvsc", Mac, "hv_netvsc", "MACVLAN or OSDevice")]
    public void Refuses_DeviceThatThePluginCannotFind(string plugin, string driver, string? found, params string[] says)
    {
        var site = TestSite.Small();
        Attach(site, L3("n6", plugin));
        if (found is not null)
            ReportInventory(
                site,
                "w1",
                new NetworkDevice(
                    "eth2",
                    "0000:00:06.0",
                    "8086",
                    "1889",
                    plugin == "DPDK" ? "vfio-pci" : "iavf",
                    "52:54:00:00:00:98",
                    9000,
                    true,
                    null
                ),
                new NetworkDevice(
                    "eth1",
                    driver.Length > 0 ? null : "0000:00:05.0",
                    driver.Length > 0 ? "" : "8086",
                    "",
                    driver.Length > 0 ? driver : "iavf",
                    found,
                    9000,
                    true,
                    null
                )
            );
        AssertMentions(
            site.AssertRefused(
                RefusalCode.Mismatch,
                Uplinks,
                TestSite.NodeId("w1"),
                TestSite.Node($"{{'name':'eth1','macAddress':'{Mac}',{N6}}}")
            ),
            [.. says, "w1", "n6"]
        );
        if (found is not null)
            ReportInventory(
                site,
                "w1",
                new NetworkDevice("eth1", "0000:00:06.0", "8086", "1889", "iavf", Mac, 9000, true, null)
            );
        site.Put(
            TestSite.NodeId("w1"),
            TestSite.Node($"{{'name':'eth1','macAddress':'{Mac}','pciAddress':'0000:00:06.0',{N6}}}")
        );
        Assert.Equal(
            ["0000:00:06.0"],
            Assert.Single(Assert.Single(site.DesiredStateOf(K1).Nodes).Pools).Selectors[0].PciAddresses
        );
    }

    [Fact]
    public void Finds_ADeviceByItsMacAddressInTheInventory()
    {
        var site = TestSite.Small();
        Attach(site, L3("n6", "SRIOV"));
        ReportInventory(
            site,
            "w1",
            new NetworkDevice("eth1", "0000:00:05.0", "8086", "1889", "iavf", Mac, 9000, true, null)
        );
        site.Put(TestSite.NodeId("w1"), TestSite.Node($"{{'name':'eth1','macAddress':'{Mac}',{N6}}}"));
        var node = Assert.Single(site.DesiredStateOf(K1).Nodes);
        var selector = Assert.Single(Assert.Single(node.Pools).Selectors);
        Assert.Equal(("0000:00:05.0", "iavf"), (Assert.Single(selector.PciAddresses), Assert.Single(selector.Drivers)));
        Assert.Equal("0000:00:05.0", Assert.Single(node.Configuration!.Devices).PciAddress);
    }

    [Fact]
    public void Pools_SeveralPortsOfOneNetworkOnAVirtualNode()
    {
        const string Both =
            "{'name':'eth1','pciAddress':'0000:00:05.0',PLACE},{'name':'eth2','pciAddress':'0000:00:06.0',PLACE}";
        var site = TestSite.Small();
        var node = TestSite.Node(Both.Replace("PLACE", N6, StringComparison.Ordinal));
        AssertMentions(
            site.AssertRefused(RefusalCode.Overlap, Uplinks, TestSite.NodeId("w1"), node),
            "eth1 and eth2",
            "SRIOV or DPDK"
        );
        Attach(site, L3("n6", "SRIOV"));
        site.Put(TestSite.NodeId("w1"), node);
        Assert.Equal(
            ["0000:00:05.0", "0000:00:06.0"],
            Assert.Single(Assert.Single(Assert.Single(site.DesiredStateOf(K1).Nodes).Pools).Selectors).PciAddresses
        );
        Assert.Contains(
            "eth1 and eth2",
            site.TryPut(K1, Body(site, L3("n6", "MACVLAN"))).Refusal!.Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Refuses_TheNodesOwnInterfaceOnADeviceOfThePods()
    {
        var site = TestSite.Small();
        Attach(site, L3("n6", "SRIOV"));
        site.Put(
            TestSite.NodeId("w1"),
            TestSite.Node($"{{'name':'eth1','macAddress':'{Mac}','pciAddress':'0000:00:05.0',{N6}}}")
        );
        const string Two =
            "'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'SRIOV'},{'networkId':'~c/l3Networks/n6','pluginType':'OSDevice'}]";
        AssertMentions(
            site.AssertRefused(RefusalCode.Overlap, "properties", K1, Body(site, Two)),
            "n6",
            "SRIOV",
            "OSDevice",
            "w1"
        );
    }

    [Fact]
    public void Refuses_PortThatIsNarrowerThanItsFunctionsNetwork()
    {
        var site = TestSite.Small();
        Attach(site, L3("n6", "DPDK"));
        AssertMentions(
            site.AssertRefused(
                RefusalCode.Mismatch,
                Uplinks,
                TestSite.NodeId("w1"),
                TestSite.Node(
                    $"{{'name':'bond0'}},{{'name':'p0','mtu':1500,'virtualFunctions':[{{'functions':'0',{N6}}}]}}",
                    "BareMetal"
                )
            ),
            "p0",
            "1500",
            "9000"
        );
    }

    [Fact]
    public void Allows_FunctionsBesideThePort()
    {
        // The card sorts frames out by MAC address: the same VLAN may be the node's on the port and a pod's in a
        // function.
        var site = TestSite.Small();
        site.Put(
            TestSite.NodeId("w1"),
            TestSite.Node(
                "{'name':'p0','virtualFunctions':[{'functions':'0-3','networkId':'~c/trunkedNetworks/ran'}]}",
                "BareMetal"
            )
        );
        Attach(
            site,
            "'l3Networks':[{'networkId':'~c/l3Networks/n2','pluginType':'OSDevice'}],"
                + "'trunkedNetworks':[{'networkId':'~c/trunkedNetworks/ran'}]"
        );
        Assert.Contains(Assert.Single(site.DesiredStateOf(K1).Nodes).Configuration!.Links, link => link.Vlan == 602);
    }

    [Theory]
    [InlineData("SRIOV")]
    [InlineData("IPVLAN")]
    public void Refuses_NetworkNamedAsAVlanOfATrunk(string plugin)
    {
        var site = TestSite.Small();
        site.Put(
            "~c/l3Networks/ran_v602",
            TestSite.Tracked("'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':603,'interfaceName':'one'")
        );
        var both =
            "'l3Networks':[{'networkId':'~c/l3Networks/ran_v602','pluginType':'MACVLAN'}],"
            + "'trunkedNetworks':[{'networkId':'~c/trunkedNetworks/ran','pluginType':'PLACE'}]";
        AssertMentions(
            site.AssertRefused(
                RefusalCode.Overlap,
                $"{Attached}.trunkedNetworks[0]",
                K1,
                Body(site, both.Replace("PLACE", plugin, StringComparison.Ordinal))
            ),
            "'ran-v602'",
            "ran_v602"
        );
        Attach(
            site,
            both.Replace("PLACE", "MACVLAN", StringComparison.Ordinal)
                .Replace("ran_v602", "n6", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Refuses_GrowingATrunkIntoTheNameOfAnother()
    {
        var site = TestSite.Small();
        site.Internal("user", "more-net", 700, 1500, "10.7.0.0/24", null);
        site.Put(
            "~c/l3Networks/ran-v606",
            TestSite.Tracked("'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':700,'interfaceName':'one'")
        );
        Attach(
            site,
            "'l3Networks':[{'networkId':'~c/l3Networks/ran-v606','pluginType':'MACVLAN'}],"
                + "'trunkedNetworks':[{'networkId':'~c/trunkedNetworks/ran'}]"
        );
        var body = site.Render("~c/trunkedNetworks/ran");
        body["properties"]!["vlans"] = TestSite.Body("{'x':[602,606]}")["x"]!.DeepClone();
        var refusal = site.TryPut("~c/trunkedNetworks/ran", body.ToJsonString()).Refusal!;
        Assert.Equal(RefusalCode.Overlap, refusal.Code);
        AssertMentions(refusal, "'ran-v606'", "k1:");
    }

    [Fact]
    public void Refuses_IpvlanTrunkWhoseSubInterfacesHaveNoName()
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
                Body(site, "'trunkedNetworks':[{'networkId':'~c/trunkedNetworks/wide','pluginType':'IPVLAN'}]")
            ),
            "abcdefghijkl.4000",
            "15"
        );
    }

    [Fact]
    public void Refuses_TwoKindsOfChildrenOnOneVlanOfAPort()
    {
        // A VLAN is one interface of the node, and an interface has children of one kind.
        var site = TestSite.Small();
        site.Put(TestSite.NodeId("w1"), TestSite.Node("{'name':'bond0'}", "BareMetal"));
        const string Both =
            "'l3Networks':[{'networkId':'~c/l3Networks/n2','pluginType':'MACVLAN'}],"
            + "'trunkedNetworks':[{'networkId':'~c/trunkedNetworks/ran','pluginType':'IPVLAN'}]";
        AssertMentions(
            site.AssertRefused(RefusalCode.Overlap, "properties", K1, Body(site, Both)),
            "VLAN 602",
            "n2",
            "ran",
            "bond0"
        );
    }

    [Theory]
    [InlineData("IPVLAN", true)]
    [InlineData("SRIOV", true)]
    [InlineData("DPDK", true)]
    [InlineData("MACVLAN", false)]
    [InlineData("OSDevice", false)]
    public void Allows_PodsToLeaseOnTheVlansOfTheirTrunk(string plugin, bool may)
    {
        var site = TestSite.Small();
        Assert.False(Leases(site, "n2"));
        Attach(site, $"'trunkedNetworks':[{{'networkId':'~c/trunkedNetworks/ran','pluginType':'{plugin}'}}]");
        Assert.Equal(may, Leases(site, "n2"));
        // VLAN 606 isn't the trunk's, and 600 is the cluster's own.
        Assert.False(Leases(site, "n6"));
        Assert.False(Leases(site, "oam"));
    }

    [Fact]
    public void Allows_PodsToLease_OnlyInTheTrunksOwnDomains()
    {
        var site = TestSite.Small();
        site.Put(
            "~c/trunkedNetworks/user",
            TestSite.Tracked("'isolationDomainIds':['~f/l3IsolationDomains/user'],'vlans':[603,606]")
        );
        Attach(site, "'trunkedNetworks':[{'networkId':'~c/trunkedNetworks/user','pluginType':'IPVLAN'}]");
        Assert.True(Leases(site, "n6"));
        Assert.False(Leases(site, "n2"));
        Attach(site, "'l3Networks':[{'networkId':'~c/l3Networks/n2','pluginType':'IPVLAN','ipamEnabled':'True'}]");
        Assert.True(Leases(site, "n2"));
        Assert.False(Leases(site, "n6"));
    }

    [Fact]
    public void Shows_AnInterfaceOfTheNodeForEachDeviceHandedOver()
    {
        var site = TestSite.Small();
        Attach(site, L3("n6", "SRIOV"));
        site.Put(
            TestSite.NodeId("w1"),
            TestSite.Node(
                $"{{'name':'eth1','macAddress':'{Mac}','pciAddress':'0000:00:05.0',{N6}}},"
                    + $"{{'name':'eth2','macAddress':'52:54:00:00:00:03','pciAddress':'0000:00:06.0',{N6}}}"
            )
        );
        var shown = site.Render(TestSite.NodeId("w1"))["properties"]!["networkAttachments"]!
            .AsArray()
            .Where(a => a!["attachedNetworkId"]!.ToString().EndsWith("/n6", StringComparison.Ordinal));
        Assert.Equal(
            [$"eth1 Disabled {Mac}", "eth2 Disabled 52:54:00:00:00:03"],
            shown.Select(a => $"{a!["networkAttachmentName"]} {a["ipAllocationMethod"]} {a["macAddress"]}")
        );
    }

    private static bool Leases(TestSite site, string network) =>
        ClusterAttachments.PodsMayLease(
            new ReadTransaction(site.State),
            TestSite.Id(K1),
            TestSite.Id($"~c/l3Networks/{network}")
        );

    private static void ReportInventory(TestSite site, string name, params NetworkDevice[] devices)
    {
        var node = TestSite.Id(TestSite.NodeId(name));
        site.Commit(
            InventoryRows.CreateMutation(
                node,
                node.Parent!.Extend(Weft.Fleet.Agent.ResourceType, name),
                new NodeInventory("6.1", true, [.. devices], [], []).ToJson(),
                TestSite.Now
            )
        );
    }

    private static string L3(string name, string plugin) =>
        $"'l3Networks':[{{'networkId':'~c/l3Networks/{name}','pluginType':'{plugin}'}}]";

    private static string Body(TestSite site, string attached)
    {
        var body = site.Render(K1);
        body["properties"]!["networkConfiguration"]!["attachedNetworkConfiguration"] = TestSite.Body($"{{{attached}}}");
        return body.ToJsonString();
    }

    private static void Attach(TestSite site, string attached) => site.Put(K1, Body(site, attached));

    private static void AssertMentions(Refusal refusal, params string[] words) =>
        Assert.All(words, word => Assert.Contains(word, refusal.Message, StringComparison.Ordinal));
}
