using Weft.Resources;

namespace Weft.Tests.Fleet;

public sealed class MachineRulesTests
{
    private const string Vm = "~c/virtualMachines/vm1";
    private const string At = "properties.networkAttachments";

    [Theory]
    [InlineData("'ipv4Address':'10.20.6.2'", RefusalCode.AddressNotUsable, "ipv4Address", "10.20.6.2", "reserved")]
    [InlineData(
        "'ipv4Address':'10.20.6.0'",
        RefusalCode.AddressNotUsable,
        "ipv4Address",
        "10.20.6.0",
        "network address"
    )]
    [InlineData("'ipv4Address':'10.20.6.255'", RefusalCode.AddressNotUsable, "ipv4Address", "10.20.6.255", "broadcast")]
    [InlineData("'ipv4Address':'10.20.7.9'", RefusalCode.AddressNotUsable, "ipv4Address", "10.20.7.9", "10.20.6.0/24")]
    [InlineData(
        "'ipv4Address':'fd20:0:0:606::9'",
        RefusalCode.AddressNotUsable,
        "ipv4Address",
        "fd20:0:0:606::9",
        "10.20.6.0/24"
    )]
    [InlineData(
        "'ipv6Address':'10.20.6.9'",
        RefusalCode.AddressNotUsable,
        "ipv6Address",
        "10.20.6.9",
        "fd20:0:0:606::/64"
    )]
    [InlineData(
        "'ipv6Address':'fd20:0:0:606::1'",
        RefusalCode.AddressNotUsable,
        "ipv6Address",
        "fd20:0:0:606::1",
        "reserved"
    )]
    [InlineData("'ipv4Address':'10.20.6.09'", RefusalCode.InvalidMember, "ipv4Address", "10.20.6.09", "leading zero")]
    [InlineData(
        "'ipv4Address':'10.20.6.9/24'",
        RefusalCode.InvalidMember,
        "ipv4Address",
        "10.20.6.9/24",
        "no IP address"
    )]
    [InlineData(
        "'ipv4Address':'10.20.6.77'",
        RefusalCode.AddressHeld,
        "ipv4Address",
        "10.20.6.77",
        "virtual machine other"
    )]
    [InlineData("", RefusalCode.MissingMember, "ipv4Address", "Static", "ipv6Address")]
    internal void Refuses_StaticAddressThatCannotBeHad(
        string member,
        RefusalCode code,
        string target,
        params string[] says
    )
    {
        var site = TestSite.Small();
        site.Put("~c/virtualMachines/other", TestSite.Machine(On("n6", "Static", "'ipv4Address':'10.20.6.77'")));
        Says(site.AssertRefused(code, $"{At}[0].{target}", Vm, TestSite.Machine(On("n6", "Static", member))), says);
    }

    [Fact]
    public void Keeps_AMachineWhoseIdsAreSpeltOtherwise()
    {
        var site = TestSite.Small();
        var body = TestSite.Machine("{'attachedNetworkId':'~c/l3Networks/n6','ipAllocationMethod':'Dynamic'}");
        site.Put("~c/virtualMachines/vm1", body);
        Assert.Null(
            site.TryPut(
                "~c/virtualMachines/vm1",
                body.Replace("l3Networks/n6", "L3NETWORKS/N6", StringComparison.Ordinal)
            ).Refusal
        );
    }

    [Fact]
    public void Refuses_AddressOfAFamilyThatTheNetworkHasNot()
    {
        var site = TestSite.Small();
        site.L3("n3", "user", 603);
        Says(
            site.AssertRefused(
                RefusalCode.AddressNotUsable,
                $"{At}[0].ipv6Address",
                Vm,
                TestSite.Machine(On("n3", "Static", "'ipv6Address':'fd20::9'"))
            ),
            "fd20::9",
            "no IPv6 subnet",
            "n3"
        );
    }

    [Fact]
    public void Refuses_OneAddressTwiceInOneBody() =>
        Says(
            TestSite
                .Small()
                .AssertRefused(
                    RefusalCode.AddressHeld,
                    $"{At}[1].ipv4Address",
                    Vm,
                    TestSite.Machine(
                        On("n6", "Static", "'ipv4Address':'10.20.6.9'")
                            + ","
                            + On("n6", "Static", "'ipv4Address':'10.20.6.9','networkAttachmentName':'two'")
                    )
                ),
            "10.20.6.9",
            $"{At}[0]"
        );

    [Fact]
    public void Refuses_TwoInterfacesWithOneName()
    {
        var site = TestSite.Small();
        Says(
            site.AssertRefused(
                RefusalCode.Overlap,
                $"{At}[1].networkAttachmentName",
                Vm,
                TestSite.Machine(On("n6", "Dynamic") + "," + On("n2", "Dynamic", "'networkAttachmentName':'n6'"))
            ),
            "'n6'",
            $"{At}[0]"
        );
        Says(
            site.AssertRefused(
                RefusalCode.Overlap,
                $"{At}[0].networkAttachmentName",
                Vm,
                TestSite.Machine(On("n6", "Dynamic", "'networkAttachmentName':'cloudservices'"))
            ),
            "'cloudservices'"
        );
    }

    [Fact]
    public void Refuses_TwoDefaultGateways()
    {
        var site = TestSite.Small();
        Says(
            site.AssertRefused(
                RefusalCode.Overlap,
                $"{At}[1].defaultGateway",
                Vm,
                TestSite.Machine(
                    On("n6", "Dynamic", "'defaultGateway':'True'")
                        + ","
                        + On("n2", "Dynamic", "'defaultGateway':'True'")
                )
            ),
            $"{At}[0]"
        );
        Says(
            site.AssertRefused(
                RefusalCode.Overlap,
                $"{At}[0].defaultGateway",
                Vm,
                TestSite.Machine(On("n6", "Dynamic", "'defaultGateway':'True'"), ",'defaultGateway':'True'")
            ),
            "cloudServicesNetworkAttachment"
        );
    }

    [Theory]
    [InlineData("~c/l2Networks/hb")]
    [InlineData("~c/trunkedNetworks/ran")]
    public void Refuses_AddressesAndGatewaysOfANetworkWithoutAny(string network)
    {
        var site = TestSite.Small();
        Says(
            site.AssertRefused(
                RefusalCode.Mismatch,
                $"{At}[0].ipAllocationMethod",
                Vm,
                TestSite.Machine($"{{'attachedNetworkId':'{network}','ipAllocationMethod':'Dynamic'}}")
            ),
            "no addresses",
            "Disabled"
        );
        Says(
            site.AssertRefused(
                RefusalCode.Mismatch,
                $"{At}[0].defaultGateway",
                Vm,
                TestSite.Machine(
                    $"{{'attachedNetworkId':'{network}','ipAllocationMethod':'Disabled','defaultGateway':'True'}}"
                )
            ),
            "no gateway"
        );
    }

    [Fact]
    public void Refuses_StaticAddressOnTheCloudServicesNetwork() =>
        TestSite
            .Small()
            .AssertRefused(
                RefusalCode.InvalidMember,
                "properties.cloudServicesNetworkAttachment.ipAllocationMethod",
                Vm,
                TestSite.Machine("").Replace("'Dynamic'", "'Static'", StringComparison.Ordinal)
            );

    [Fact]
    public void Refuses_NetworkThatIsNotThere() =>
        TestSite
            .Small()
            .AssertRefused(
                RefusalCode.ReferenceNotFound,
                $"{At}[0].attachedNetworkId",
                Vm,
                TestSite.Machine(On("none", "Dynamic"))
            );

    [Fact]
    public void Refuses_ChangeOfItsInterfaces()
    {
        var site = TestSite.Small();
        site.Put(Vm, TestSite.Machine(On("n6", "Dynamic")));
        Says(
            site.AssertRefused(
                RefusalCode.ImmutableMember,
                $"{At}[0].attachedNetworkId",
                Vm,
                TestSite.Machine(On("n2", "Dynamic"))
            ),
            "n6",
            "n2"
        );
        site.Put("~c/virtualMachines/vm2", TestSite.Machine(""));
        site.AssertRefused(
            RefusalCode.ImmutableMember,
            At,
            "~c/virtualMachines/vm2",
            TestSite.Machine(On("n2", "Dynamic"))
        );
    }

    [Theory]
    [InlineData("'podCidrs':['10.244.0.1/16']", RefusalCode.InvalidMember, "podCidrs[0]", "10.244.0.0/16")]
    [InlineData(
        "'podCidrs':['10.244.0.0/16','10.245.0.0/16']",
        RefusalCode.InvalidMember,
        "podCidrs[1]",
        "second IPv4"
    )]
    [InlineData(
        "'podCidrs':['10.0.0.0/8','fd00::/8','fd01::/16']",
        RefusalCode.InvalidMember,
        "podCidrs",
        "3 elements"
    )]
    [InlineData("'podCidrs':[]", RefusalCode.InvalidMember, "podCidrs", "0 elements")]
    [InlineData(
        "'podCidrs':['10.0.0.0/8'],'serviceCidrs':['10.96.0.0/16']",
        RefusalCode.Overlap,
        "serviceCidrs",
        "10.96.0.0/16"
    )]
    [InlineData(
        "'serviceCidrs':['10.96.0.0/16'],'dnsServiceIp':'10.97.0.10'",
        RefusalCode.Mismatch,
        "dnsServiceIp",
        "10.97.0.10"
    )]
    [InlineData("'dnsServiceIp':'10.97.0.10'", RefusalCode.Mismatch, "dnsServiceIp", "10.97.0.10")]
    [InlineData(
        "'serviceCidrs':['10.96.0.0/16'],'dnsServiceIp':'10.96.0.010'",
        RefusalCode.Mismatch,
        "dnsServiceIp",
        "10.96.0.010"
    )]
    [InlineData(
        "'bgpServiceLoadBalancerConfiguration':{},'l2ServiceLoadBalancerConfiguration':{}",
        RefusalCode.Mismatch,
        "l2ServiceLoadBalancerConfiguration",
        "not both"
    )]
    [InlineData(
        "'bgpServiceLoadBalancerConfiguration':{'ipAddressPools':[{'name':'p1','addresses':['10.0.0.1/32']}]}",
        RefusalCode.InvalidMember,
        "bgpServiceLoadBalancerConfiguration.ipAddressPools[0].addresses[0]",
        "10.0.0.1/32"
    )]
    [InlineData(
        "'bgpServiceLoadBalancerConfiguration':{'ipAddressPools':[{'name':'p1','addresses':['fd00::1/128']}]}",
        RefusalCode.InvalidMember,
        "bgpServiceLoadBalancerConfiguration.ipAddressPools[0].addresses[0]",
        "fd00::1/128"
    )]
    [InlineData(
        "'bgpServiceLoadBalancerConfiguration':{'ipAddressPools':[{'name':'p1','addresses':['10.0.0.1-10.0.0.9']}]}",
        RefusalCode.InvalidMember,
        "bgpServiceLoadBalancerConfiguration.ipAddressPools[0].addresses[0]",
        "10.0.0.1-10.0.0.9"
    )]
    [InlineData(
        "'bgpServiceLoadBalancerConfiguration':{'bgpAdvertisements':[{'ipAddressPools':['p9']}]}",
        RefusalCode.ReferenceNotFound,
        "bgpServiceLoadBalancerConfiguration.bgpAdvertisements[0].ipAddressPools",
        "'p9'"
    )]
    [InlineData(
        "'l2ServiceLoadBalancerConfiguration':{'ipAddressPools':[{'name':'p1','addresses':['10.0.0.9-10.0.0.1']}]}",
        RefusalCode.InvalidMember,
        "l2ServiceLoadBalancerConfiguration.ipAddressPools[0].addresses[0]",
        "10.0.0.9-10.0.0.1"
    )]
    [InlineData(
        "'l2ServiceLoadBalancerConfiguration':{'ipAddressPools':[{'name':'p1','addresses':['10.0.0.1-fd00::1']}]}",
        RefusalCode.InvalidMember,
        "l2ServiceLoadBalancerConfiguration.ipAddressPools[0].addresses[0]",
        "10.0.0.1-fd00::1"
    )]
    internal void Refuses_ClusterNetworkingThatCannotBe(string member, RefusalCode code, string path, string says) =>
        Says(
            TestSite
                .Small()
                .AssertRefused(
                    code,
                    $"properties.networkConfiguration.{path}",
                    "~c/kubernetesClusters/k2",
                    TestSite.Kubernetes("", "," + member)
                ),
            says
        );

    [Theory]
    [InlineData(
        "'podCidrs':['10.244.0.0/16','fd44::/48'],'serviceCidrs':['10.96.0.0/16','fd45::/108'],'dnsServiceIp':'fd45::a'"
    )]
    [InlineData(
        "'l2ServiceLoadBalancerConfiguration':{'ipAddressPools':[{'name':'p1','addresses':['10.0.0.1-10.0.0.9','10.1.0.1/32']}]}"
    )]
    [InlineData(
        "'bgpServiceLoadBalancerConfiguration':{'ipAddressPools':[{'name':'p1','addresses':['10.0.0.0/31']}],"
            + "'bgpAdvertisements':[{'ipAddressPools':['p1']}]}"
    )]
    public void Accepts_ClusterNetworkingThatCanBe(string member) =>
        Assert.True(TestSite.Small().Put("~c/kubernetesClusters/k2", TestSite.Kubernetes("", "," + member)).Created);

    [Theory]
    [InlineData("properties.networkConfiguration.cniNetworkId", "oam", "n2")]
    [InlineData("properties.networkConfiguration.cloudServicesNetworkId", "egress", "egress2")]
    public void Refuses_ChangeOfTheClustersOwnNetworks(string path, string before, string after)
    {
        var site = TestSite.Small();
        site.Put("~c/cloudServicesNetworks/egress2", TestSite.Tracked(""));
        Says(
            site.AssertRefused(
                RefusalCode.ImmutableMember,
                path,
                "~c/kubernetesClusters/k1",
                TestSite.Kubernetes("").Replace($"/{before}'", $"/{after}'", StringComparison.Ordinal)
            ),
            before,
            after
        );
    }

    [Fact]
    public void Refuses_TwoInitialPoolsWithOneName()
    {
        var body = TestSite
            .Kubernetes("")
            .Replace(
                "[{'name':'workers'",
                "[{'name':'Workers','mode':'System','count':1,'vmSkuName':'s'},{'name':'workers'",
                StringComparison.Ordinal
            );
        Says(
            TestSite
                .Small()
                .AssertRefused(
                    RefusalCode.Overlap,
                    "properties.initialAgentPoolConfigurations[1].name",
                    "~c/kubernetesClusters/k2",
                    body
                ),
            "'workers'"
        );
    }

    [Theory]
    [InlineData(TestSite.Group, "~f/networkFabrics/fab1")]
    [InlineData("~f/networkFabrics/fab1", "~f/l2IsolationDomains/hb-domain")]
    [InlineData("~f/l2IsolationDomains/hb-domain", "~c/l2Networks/hb")]
    [InlineData("~f/l3IsolationDomains/core", "~c/l3Networks/n2")]
    [InlineData("~f/l3IsolationDomains/core/internalNetworks/sig-net", "~c/l3Networks/n2")]
    [InlineData("~f/l3IsolationDomains/user/internalNetworks/gtp-net", "~c/trunkedNetworks/ran")]
    [InlineData("~c/clusters/place", "~c/l2Networks/hb")]
    [InlineData("~c/l3Networks/oam", "~c/kubernetesClusters/k1")]
    [InlineData("~c/l2Networks/hb", "~c/kubernetesClusters/k1")]
    [InlineData("~c/trunkedNetworks/ran", "~c/kubernetesClusters/k1")]
    [InlineData("~c/l3Networks/n2", "~c/kubernetesClusters/k1")]
    [InlineData("~c/cloudServicesNetworks/egress", "~c/kubernetesClusters/k1")]
    [InlineData(
        "~c/kubernetesClusters/k1/agentPools/workers",
        "~c/kubernetesClusters/k1/providers/Weft.Fleet/nodes/w1"
    )]
    public void Refuses_DeletionOfWhatIsInUse(string id, string user)
    {
        var site = TestSite.Small();
        site.Put(
            "~c/kubernetesClusters/k1",
            TestSite.Kubernetes(
                "'l2Networks':[{'networkId':'~c/l2Networks/hb','pluginType':'MACVLAN'}],"
                    + "'trunkedNetworks':[{'networkId':'~c/trunkedNetworks/ran','pluginType':'OSDevice'}]"
            )
        );
        site.Put(
            TestSite.NodeId("w1"),
            TestSite.Node(
                "{'name':'eth1','macAddress':'52:54:00:00:00:01','networkId':'~c/l2Networks/hb'},{'name':'eth2',"
                    + "'macAddress':'52:54:00:00:00:02','networkId':'~c/trunkedNetworks/ran'}"
            )
        );
        site.CompleteOperations();
        var refusal = site.TryDelete(id).Refusal;
        Assert.NotNull(refusal);
        Assert.All(refusal.Findings, f => Assert.Equal(RefusalCode.InUse, f.Code));
        Assert.Contains(TestSite.Id(user).ToString(), refusal.Findings.Select(f => f.ConflictsWith));
        Says(refusal, TestSite.Id(user).Name, "can't be deleted");
    }

    [Fact]
    public void Deletes_AWholeSiteFromTheTop()
    {
        var site = TestSite.Example();
        foreach (var kind in Weft.Storage.AllKinds.List.All.Reverse())
        {
            foreach (var row in new ReadTransaction(site.State).List(kind.Type).ToList())
            {
                site.Delete(ResourceKind.IdOf(row).ToString());
                site.CompleteOperations();
            }
        }

        Assert.All(site.State.Range(""), row => Assert.StartsWith("operation|", row.Key, StringComparison.Ordinal));
    }

    private static string On(string network, string method, string more = "") =>
        $"{{'attachedNetworkId':'~c/l3Networks/{network}','ipAllocationMethod':'{method}'{(more.Length > 0 ? "," + more : "")}}}";

    private static void Says(Refusal refusal, params string[] words) =>
        Assert.All(words, word => Assert.Contains(word, refusal.Message, StringComparison.Ordinal));
}
