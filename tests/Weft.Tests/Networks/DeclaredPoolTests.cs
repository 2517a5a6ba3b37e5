using Weft.Addressing;
using Weft.Fleet;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Tests.Networks;

/// <summary>The rules of declared pools.</summary>
public sealed class DeclaredPoolTests
{
    private const string Pool = "~c/l3Networks/n6/providers/Weft.Ipam/pools/default";
    private const string Network = "~c/l3Networks/n6";
    private const string Internal = "~f/l3IsolationDomains/user/internalNetworks/dn-net";

    [Theory]
    [InlineData("'prefixes':['10.21.6.0']", RefusalCode.InvalidMember, "prefixes[0]", "it has no length")]
    [InlineData("'prefixes':['10.21.6.0/24']", RefusalCode.Mismatch, "prefixes[0]", "no subnet of dn-net")]
    [InlineData("'prefixes':['10.20.6.0/24','10.20.6.0/24']", RefusalCode.Overlap, "prefixes[1]", "n6 itself")]
    [InlineData("'exclusions':['10.20.6.9-10.20.6.5']", RefusalCode.InvalidMember, "exclusions[0]", "ends before")]
    [InlineData("'exclusions':['10.20.7.9']", RefusalCode.AddressNotUsable, "exclusions[0]", "10.20.6.0/24 or fd20")]
    [InlineData("'ranges':['10.20.6.99','10.20.7.1-10.20.7.9']", RefusalCode.AddressNotUsable, "ranges[1]", "isn't in")]
    [InlineData("'ranges':['10.20.6.250-10.20.7.9']", RefusalCode.AddressNotUsable, "ranges[0]", "only in part")]
    [InlineData("'gateways':['fe80::1']", RefusalCode.AddressNotUsable, "gateways[0]", "fd20:0:0:606::/64")]
    [InlineData("'gateways':['none','10.20.6.255']", RefusalCode.AddressNotUsable, "gateways[1]", "broadcast")]
    [InlineData("'gateways':['10.20.6.9','10.20.6.8']", RefusalCode.Overlap, "gateways[1]", "10.20.6.9 already")]
    [InlineData("'reservedAddresses':254", RefusalCode.InvalidMember, "reservedAddresses", "254 usable addresses")]
    [InlineData("'exclusions':['10.20.6.0/24']", RefusalCode.InvalidMember, "exclusions", "nothing of 10.20.6.0/24")]
    [InlineData(
        "'ranges':['10.20.6.9'],'exclusions':['10.20.6.9']",
        RefusalCode.InvalidMember,
        "ranges",
        "nothing of 10.20.6.0/24"
    )]
    internal void Refuses_WhatDoesNotFitTheNetwork(string members, RefusalCode code, string member, string says) =>
        AssertRefused(TestSite.Small(), members, code, member, says);

    [Theory]
    [InlineData("'name':'a','addresses':['10.20.6.1']", RefusalCode.AddressNotUsable, ".addresses[0]", "the gateway")]
    [InlineData(
        "'name':'a','addresses':['10.20.6.3-10.20.6.9']",
        RefusalCode.AddressNotUsable,
        ".addresses[0]",
        "10.20.6.3 is reserved"
    )]
    [InlineData("'name':'a','addresses':['10.20.7.5']", RefusalCode.AddressNotUsable, ".addresses[0]", "isn't in")]
    [InlineData(
        "'name':'a','addresses':['10.20.6.9','10.20.6.8/31']",
        RefusalCode.Overlap,
        ".addresses[0]",
        "kept by 'a' already"
    )]
    [InlineData(
        "'name':'a','addresses':['10.20.6.9'],'pod':'core/upf'",
        RefusalCode.InvalidMember,
        ".pod",
        "Kubernetes cluster"
    )]
    [InlineData(
        "'name':'a','addresses':['10.20.6.9'],'for':'~c/kubernetesClusters/k1'",
        RefusalCode.MissingMember,
        ".pod",
        "NAMESPACE/NAME"
    )]
    [InlineData(
        "'name':'a','addresses':['10.20.6.9'],'for':'~c/kubernetesClusters/k1','pod':'upf'",
        RefusalCode.InvalidMember,
        ".pod",
        "no pod"
    )]
    [InlineData(
        "'name':'a','addresses':['fd20:0:0:606::/65'],'for':'~c/virtualMachines/v'",
        RefusalCode.InvalidMember,
        ".addresses",
        "allowed are 256"
    )]
    internal void Refuses_ReservationsThatCannotBeKept(string members, RefusalCode code, string member, string says)
    {
        // What lies before the addresses of the network is refused in the same breath; one finding each is asserted.
        AssertRefused(TestSite.Small(), $"'reservations':[{{{members}}}]", code, $"reservations[0]{member}", says);
    }

    [Fact]
    public void Refuses_TwoReservationsOfOneName_AndSaysAllFindingsAtOnce()
    {
        var site = TestSite.Small();
        var refusal = site.TryPut(
            Pool,
            "{'properties':{'exclusions':['x'],'gateways':['y'],'reservations':[{'name':'a','addresses':['10.20.6.9']},"
                + "{'name':'A','addresses':['z']}]}}"
        ).Refusal!;
        Assert.Equal(
            [
                "properties.exclusions[0]",
                "properties.gateways[0]",
                "properties.reservations[1].name",
                "properties.reservations[1].addresses[0]",
            ],
            refusal.Findings.Select(finding => finding.Target)
        );
    }

    [Theory]
    [InlineData("'exclusions':['10.20.6.99','10.20.6.4-10.20.6.9']", "exclusions[1]", "is excluded")]
    [InlineData("'ranges':['10.20.6.128/25','fd20:0:0:606::/64']", "ranges", "none of the pool's ranges")]
    [InlineData("'reservedAddresses':8,'exclusions':['fd20:0:0:606::4']", "reservedAddresses", "first 8 usable")]
    [InlineData("'gateways':['10.20.6.4']", "gateways[0]", "is the gateway")]
    [InlineData(
        "'reservations':[{'name':'db','addresses':['10.20.6.4']}]",
        "reservations[0].addresses[0]",
        "reservation 'db'"
    )]
    public void Refuses_WhatCutsLeasesOff_AndSaysWhoHoldsThem(string members, string member, string says)
    {
        var site = WithMachine();
        var refusal = site.TryPut(Pool, $"{{'properties':{{{members}}}}}").Refusal!;
        var finding = refusal.Findings.Single(f => f.Message.Contains("10.20.6.4 ", StringComparison.Ordinal));
        Assert.Equal((RefusalCode.InUse, $"properties.{member}"), (finding.Code, finding.Target));
        Assert.Contains(says, finding.Message, StringComparison.Ordinal);
        Assert.Contains("held by virtual machine vm1 n6 since", finding.Message, StringComparison.Ordinal);
        Assert.Contains(finding.Discloses, id => id.EndsWith("/vm1", StringComparison.OrdinalIgnoreCase));
        Assert.False(site.Has(Pool));
    }

    [Fact]
    public void Keeps_WhatItsOwnHolderHasAlready_AndLetsBeWhatWasCutOffBefore()
    {
        var site = WithMachine();
        site.Put(
            Pool,
            "{'properties':{'reservations':[{'name':'vm1','addresses':['10.20.6.4'],'for':'~c/virtualMachines/vm1'}]}}"
        );
        Assert.Equal("10.20.6.4 virtual machine vm1 n6", site.Leases(Network)[0]);
    }

    [Fact]
    public void Gives_AMachineWhatIsKeptForIt()
    {
        var site = TestSite.Small();
        site.Put(
            Pool,
            "{'properties':{'exclusions':['10.20.6.4-10.20.6.9'],'reservations':["
                + "{'name':'first','addresses':['10.20.6.40','fd20:0:0:606::40'],'for':'~c/virtualMachines/VM1'}]}}"
        );
        site.Put("~c/virtualMachines/vm1", Machine());
        site.Put("~c/virtualMachines/vm2", Machine());
        Assert.Equal(
            [
                "10.20.6.10 virtual machine vm2 n6",
                "10.20.6.40 virtual machine vm1 n6",
                "fd20:0:0:606::4 virtual machine vm2 n6",
                "fd20:0:0:606::40 virtual machine vm1 n6",
            ],
            site.Leases(Network)
        );
        var finding = site.AssertRefused(
            RefusalCode.AddressNotUsable,
            "properties.networkAttachments[0].ipv4Address",
            "~c/virtualMachines/vm3",
            TestSite.Machine(
                "{'attachedNetworkId':'~c/l3Networks/n6','ipAllocationMethod':'Static','ipv4Address':'10.20.6.40'}"
            )
        );
        Assert.Contains("'first'", finding.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("'gateways':['10.20.6.254']", "10.20.6.254", "fd20:0:0:606::1")]
    [InlineData("'gateways':['10.20.6.254','None']", "10.20.6.254", null)]
    [InlineData("'gateways':['none']", null, null)]
    public void Routes_AMachineByTheChosenGateway(string members, string? v4, string? v6)
    {
        var site = TestSite.Small();
        site.Put(Pool, $"{{'properties':{{{members}}}}}");
        site.Put("~c/virtualMachines/vm1", Machine(",'defaultGateway':'True'"));
        var file = MachineRenderer
            .Render(site.State, TestSite.Id("~c/virtualMachines/vm1"), site.Limits)
            .Nodes[0]
            .Files[0]
            .Content;
        Assert.Equal(
            new[] { v4, v6 }.OfType<string>(),
            file.Split('\n').Where(line => line.Contains("via:", StringComparison.Ordinal)).Select(ViaOf)
        );
    }

    [Fact]
    public void Leases_OfSeveralPrefixes_WithThePrefixAndTheGatewayOfEach()
    {
        var site = TestSite.Small();
        Connect(site, "10.20.6.0/24", "10.20.7.0/29");
        site.Put(Pool, "{'properties':{'prefixes':['10.20.7.0/29','10.20.6.0/24'],'gateways':['10.20.7.6']}}");
        foreach (var i in Enumerable.Range(1, 3))
            site.Put($"~c/virtualMachines/vm{i}", Machine(",'defaultGateway':'True'"));
        Assert.Equal(
            [
                "10.20.6.4 virtual machine vm3 n6",
                "10.20.7.4 virtual machine vm1 n6",
                "10.20.7.5 virtual machine vm2 n6",
            ],
            site.Leases(Network).Take(3)
        );
        var files = Enumerable
            .Range(1, 3)
            .Select(i =>
                MachineRenderer
                    .Render(site.State, TestSite.Id($"~c/virtualMachines/vm{i}"), site.Limits)
                    .Nodes[0]
                    .Files[0]
                    .Content
            )
            .ToList();
        Assert.Contains("10.20.7.4/29", files[0], StringComparison.Ordinal);
        Assert.Contains("via: \"10.20.7.6\"", files[0], StringComparison.Ordinal);
        Assert.Contains("10.20.6.4/24", files[2], StringComparison.Ordinal);
        Assert.Contains("via: \"10.20.6.1\"", files[2], StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_WhatAnotherNetworkOfTheVrfHas_AlsoByItsPool()
    {
        var site = TestSite.Small();
        Connect(site, "10.20.6.0/24", "10.20.7.0/24");
        site.Put(Pool, "{'properties':{'prefixes':['10.20.7.0/24']}}");
        var body = TestSite.Tracked(
            "'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':606,'ipAllocationType':'IPV4',"
                + "'ipv4ConnectedPrefix':'10.20.7.0/24'"
        );
        var finding = site.AssertRefused(
            RefusalCode.Overlap,
            "properties.ipv4ConnectedPrefix",
            "~c/l3Networks/other",
            body
        );
        Assert.Contains("10.20.7.0/24 of n6", finding.Message, StringComparison.Ordinal);

        site.Delete(Pool);
        site.CompleteOperations();
        site.Put("~c/l3Networks/other", body);
        AssertRefused(site, "'prefixes':['10.20.7.0/24']", RefusalCode.Overlap, "prefixes[0]", "of other");
    }

    [Fact]
    public void Refuses_TakingAPrefixAway_ThatSomebodyHoldsSomethingOf()
    {
        var site = TestSite.Small();
        Connect(site, "10.20.6.0/24", "10.20.7.0/24");
        site.Put(Pool, "{'properties':{'prefixes':['10.20.7.0/24','10.20.6.0/24']}}");
        site.Put("~c/virtualMachines/vm1", Machine());
        var written = site.AssertRefused(RefusalCode.InUse, "properties.prefixes", Pool, "{'properties':{}}");
        Assert.Contains(
            "10.20.7.4 isn't in 10.20.6.0/24, and is held by virtual machine vm1",
            written.Message,
            StringComparison.Ordinal
        );
        site.AssertRefused(RefusalCode.InUse, "properties.prefixes", site.TryDelete(Pool));
        site.AssertRefused(RefusalCode.InUse, "properties.prefixes", site.TryDelete(Pool, force: true));
        var fabric = site.TryPut(Internal, InternalBody("10.20.6.0/24")).Refusal!;
        Assert.Contains("10.20.7.0/24 can't be taken away", fabric.Message, StringComparison.Ordinal);

        site.Delete("~c/virtualMachines/vm1");
        site.CompleteOperations();
        site.Delete(Pool);
        Assert.False(site.CompleteOperations().Has(Pool));
    }

    [Fact]
    public void Takes_TheExample()
    {
        var site = TestSite.Example().Apply(Examples.Documents("pools")).CompleteOperations();
        var id = Examples.Documents("pools")[0]["id"]!.ToString();
        Assert.Equal(2, PoolSpec.Read(site.RowOf(id)).Rules.Reservations.Length);
    }

    [Fact]
    public void Goes_WithItsNetwork()
    {
        var site = TestSite.Small();
        site.Put(Pool, "{'properties':{'exclusions':['10.20.6.9']}}");
        site.Delete(Network);
        Assert.False(site.CompleteOperations().Has(Pool));
    }

    [Fact]
    public void Stands_AtAnL3NetworkAlone_AndIsCalledDefault()
    {
        var site = TestSite.Small();
        site.AssertRefused(
            RefusalCode.InvalidResourceName,
            "name",
            "~c/l3Networks/n6/providers/Weft.Ipam/pools/other",
            "{'properties':{}}"
        );
        Assert.Equal(
            RefusalCode.InvalidResourceType,
            site.TryPut("~c/l2Networks/hb/providers/Weft.Ipam/pools/default", "{'properties':{}}").Refusal!.Code
        );
    }

    private static string? ViaOf(string line) =>
        line[(line.IndexOf("via:", StringComparison.Ordinal) + 4)..].Trim(' ', '"');

    private static TestSite WithMachine()
    {
        var site = TestSite.Small();
        site.Put("~c/virtualMachines/vm1", Machine());
        return site;
    }

    private static string Machine(string more = "") =>
        TestSite.Machine($"{{'attachedNetworkId':'~c/l3Networks/n6','ipAllocationMethod':'Dynamic'{more}}}");

    private static string InternalBody(params string[] prefixes) =>
        "{'properties':{'vlanId':606,'mtu':9000,'connectedIPv4Subnets':["
        + string.Join(',', prefixes.Select(prefix => $"{{'prefix':'{prefix}'}}"))
        + "],'connectedIPv6Subnets':[{'prefix':'fd20:0:0:606::/64'}]}}";

    private static void Connect(TestSite site, params string[] prefixes) => site.Put(Internal, InternalBody(prefixes));

    private static void AssertRefused(TestSite site, string members, RefusalCode code, string member, string says) =>
        Assert.Contains(
            says,
            site.AssertRefused(code, $"properties.{member}", Pool, $"{{'properties':{{{members}}}}}").Message,
            StringComparison.Ordinal
        );
}
