using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Tests.Networks;

/// <summary>Prefixes that are tiny, special, or grow and shrink while somebody holds something of them.</summary>
public sealed class PrefixChangeTests
{
    private const string Network = "~c/l3Networks/n6";
    private const string Pool = "~c/l3Networks/n6/providers/Weft.Ipam/pools/default";
    private const string Internal = "~f/l3IsolationDomains/user/internalNetworks/dn-net";

    [Theory]
    [InlineData("10.9.0.0/30", "10.9.0.2")]
    [InlineData("10.9.0.0/31", "10.9.0.1")]
    [InlineData("10.9.0.0/29", "10.9.0.4")]
    [InlineData("fd09::/126", "fd09::3")]
    [InlineData("fd09::/127", "fd09::1")]
    [InlineData("255.255.255.0/24", "255.255.255.4")]
    public void Leases_OfATinyPrefix(string prefix, string address)
    {
        var site = WithNetwork(prefix);
        site.Put("~c/virtualMachines/vm1", Machine("tiny"));
        Assert.Equal([$"{address} virtual machine vm1 tiny"], site.Leases("~c/l3Networks/tiny"));
    }

    [Theory]
    [InlineData("10.9.0.1/32", "ipv4ConnectedPrefix")]
    [InlineData("fd09::1/128", "ipv6ConnectedPrefix")]
    public void Refuses_APrefixWithNothingLeftToLease(string prefix, string member)
    {
        var site = TestSite.Small();
        AddInternal(site, prefix);
        var finding = site.AssertRefused(
            RefusalCode.InvalidMember,
            $"properties.{member}",
            "~c/l3Networks/tiny",
            Body("user", 900)
        );
        Assert.Contains($"{prefix} has one usable address", finding.Message, StringComparison.Ordinal);
        Assert.Contains("the gateway", finding.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.0/8", "loopback")]
    [InlineData("0.0.0.0/0", "multicast")]
    [InlineData("224.1.0.0/16", "multicast")]
    [InlineData("169.254.0.0/16", "link-local")]
    [InlineData("fe80::/64", "link-local")]
    [InlineData("ff02::/64", "multicast")]
    public void Refuses_SpecialPrefixes_WhereTheyAreDeclared(string prefix, string says)
    {
        var site = TestSite.Small();
        var (member, target) = prefix.Contains(':', StringComparison.Ordinal)
            ? ("connectedIPv6Subnets", "properties.connectedIPv6Subnets[0].prefix")
            : ("connectedIPv4Subnets", "properties.connectedIPv4Subnets[0].prefix");
        var refusal = site.TryPut(
            "~f/l3IsolationDomains/user/internalNetworks/tiny-net",
            $"{{'properties':{{'vlanId':900,'{member}':[{{'prefix':'{prefix}'}}]}}}}"
        ).Refusal!;
        var finding = refusal.Findings.Single(f => f.Code == RefusalCode.InvalidMember);
        Assert.Equal(target, finding.Target);
        Assert.Contains(says, finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Grows_UnderLeases_AndShrinksToWhatIsHeld()
    {
        var site = TestSite.Small();
        site.Put("~c/virtualMachines/vm1", Machine("n6"));
        site.Put(Internal, InternalBody("10.20.6.0/23"));
        site.Put(Network, Body("user", 606));
        Assert.Equal("10.20.6.0/23", PrefixOf(site));
        Assert.Equal("10.20.6.4 virtual machine vm1 n6", site.Leases(Network)[0]);
        site.Put(
            "~c/virtualMachines/vm2",
            TestSite.Machine(
                "{'attachedNetworkId':'~c/l3Networks/n6','ipAllocationMethod':'Static','ipv4Address':'10.20.7.9'}"
            )
        );

        // Not below what is held, neither by the fabric nor by the network.
        var fabric = site.AssertRefused(RefusalCode.InUse, "properties", Internal, InternalBody("10.20.6.0/24"));
        Assert.Contains("10.20.7.9 is held by virtual machine vm2", fabric.Message, StringComparison.Ordinal);
        site.Delete("~c/virtualMachines/vm2");
        site.CompleteOperations();
        site.Put(Internal, InternalBody("10.20.6.0/24"));
        site.Put(Network, Body("user", 606));
        Assert.Equal("10.20.6.0/24", PrefixOf(site));
    }

    [Fact]
    public void Refuses_AShrinkThatCutsLeasesOff()
    {
        var site = TestSite.Small();
        site.Put(Internal, InternalBody("10.20.6.0/24", "10.20.8.0/25"));
        site.Put(
            "~c/virtualMachines/vm1",
            TestSite.Machine(
                "{'attachedNetworkId':'~c/l3Networks/n6','ipAllocationMethod':'Static','ipv4Address':'10.20.6.200'}"
            )
        );
        var finding = site.AssertRefused(
            RefusalCode.InUse,
            "properties.ipv4ConnectedPrefix",
            Network,
            Body("user", 606, ",'ipv4ConnectedPrefix':'10.20.8.0/25'")
        );
        Assert.Contains("10.20.6.200 isn't in 10.20.8.0/25", finding.Message, StringComparison.Ordinal);
        Assert.Contains("virtual machine vm1 n6", finding.Message, StringComparison.Ordinal);
        // A document that leaves the prefix out doesn't ask for another.
        site.Put(Network, Body("user", 606));
        Assert.Equal("10.20.6.0/24", PrefixOf(site));
    }

    [Fact]
    public void Refuses_MovingTheGateway_FromUnderThoseWhoWereToldIt()
    {
        var site = TestSite.Small();
        // A network without leases moves freely: by a step in which the fabric has both prefixes.
        site.Put(Internal, InternalBody("10.20.6.0/24", "10.20.7.0/24"));
        site.Put(Network, Body("user", 606, ",'ipv4ConnectedPrefix':'10.20.7.0/24'"));
        site.Put(Internal, InternalBody("10.20.7.0/24"));
        site.Put("~c/virtualMachines/vm1", Machine("n6"));
        site.Put(Internal, InternalBody("10.20.6.0/23"));
        var moved = site.AssertRefused(RefusalCode.InUse, "properties.ipv4ConnectedPrefix", Network, Body("user", 606));
        Assert.Contains("from 10.20.7.1 to 10.20.6.1", moved.Message, StringComparison.Ordinal);
        site.Put(Pool, "{'properties':{'gateways':['10.20.7.1']}}");
        var leased = site.AssertRefused(
            RefusalCode.InUse,
            "properties.ipv4ConnectedPrefix",
            Network,
            Body("user", 606)
        );
        Assert.Contains("10.20.7.2 was the fabric's", leased.Message, StringComparison.Ordinal);
        site.Put(Pool, "{'properties':{'gateways':['10.20.7.1'],'exclusions':['10.20.7.2-10.20.7.3']}}");
        site.Put(Network, Body("user", 606));
        Assert.Equal("10.20.6.0/23", PrefixOf(site));
    }

    [Fact]
    public void Refuses_AChangeOfTheNetwork_ThatItsPoolDoesNotFit()
    {
        var site = TestSite.Small();
        site.Put(Pool, "{'properties':{'exclusions':['fd20:0:0:606::9']}}");
        var finding = site.AssertRefused(
            RefusalCode.AddressNotUsable,
            "properties",
            Network,
            Body("user", 606, ",'ipAllocationType':'IPV4'")
        );
        Assert.Contains("the network's pool wouldn't fit any more", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LetsBe_WhatAnOlderVersionStored()
    {
        var site = WithNetwork("10.9.0.0/31");
        Rewrite(site, "~f/l3IsolationDomains/user/internalNetworks/tiny-net", "10.9.0.0/31", "127.0.0.1/32");
        Rewrite(site, "~c/l3Networks/tiny", "10.9.0.0/31", "127.0.0.1/32");
        site.Put("~c/l3Networks/tiny", Body("user", 900));
        site.Put(
            "~f/l3IsolationDomains/user/internalNetworks/tiny-net",
            "{'properties':{'vlanId':900,'mtu':1400,'connectedIPv4Subnets':[{'prefix':'127.0.0.1/32'}]}}"
        );
        var refusal = site.TryPut("~c/virtualMachines/vm1", Machine("tiny")).Refusal!;
        Assert.Equal(RefusalCode.AddressPoolExhausted, refusal.Code);
    }

    private static void Rewrite(TestSite site, string id, string from, string to) =>
        site.Commit(
            Mutation.Put(
                TestSite.Id(id),
                System.Text.Json.Nodes.JsonNode.Parse(
                    site.RowOf(id).ToJsonObject().ToJsonString().Replace(from, to, StringComparison.Ordinal)
                )!
            )
        );

    private static string PrefixOf(TestSite site) =>
        L3Network.PrefixesOf(site.RowOf(Network)).First(p => p.Family == AddressFamily.IPv4).ToString();

    private static TestSite WithNetwork(string prefix)
    {
        var site = TestSite.Small();
        AddInternal(site, prefix);
        site.Put("~c/l3Networks/tiny", Body("user", 900));
        return site;
    }

    private static void AddInternal(TestSite site, string prefix)
    {
        var isV6 = prefix.Contains(':', StringComparison.Ordinal);
        site.Internal("user", "tiny-net", 900, 1500, isV6 ? null : prefix, isV6 ? prefix : null);
    }

    private static string Body(string domain, int vlan, string more = "") =>
        TestSite.Tracked($"'l3IsolationDomainId':'~f/l3IsolationDomains/{domain}','vlan':{vlan}{more}");

    private static string Machine(string network) =>
        TestSite.Machine($"{{'attachedNetworkId':'~c/l3Networks/{network}','ipAllocationMethod':'Dynamic'}}");

    private static string InternalBody(params string[] prefixes) =>
        "{'properties':{'vlanId':606,'mtu':9000,'connectedIPv4Subnets':["
        + string.Join(',', prefixes.Select(prefix => $"{{'prefix':'{prefix}'}}"))
        + "],'connectedIPv6Subnets':[{'prefix':'fd20:0:0:606::/64'}]}}";
}
