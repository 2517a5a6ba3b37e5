using System.Collections.Immutable;
using System.Runtime.Versioning;
using Weft.Addressing;
using Weft.Attachments.Verification;

namespace Weft.Tests.Agent.Verify;

/// <summary>Each hop where it fails, and all where none does, on the kernel's own links.</summary>
[SupportedOSPlatform("linux")]
public sealed class InterfaceProbeTests
{
    [Fact]
    public async Task Passes_EveryHop_InBothFamilies()
    {
        using var wire = Wire.Make();
        var report = await wire.Probe(Wire.Plan with { Vlan = 606 });
        Assert.Null(report.FirstFailure);
        Assert.All(report.Checks, check => Assert.Equal(CheckState.Passed, check.State));
        foreach (var hop in (Hop[])[Hop.Duplicate, Hop.Gateway, Hop.PathMtu])
            Assert.Equal(["IPv4", "IPv6"], report.Checks.Where(c => c.Hop == hop).Select(c => c.Family!).Order());
        Assert.Contains("1500 bytes to 10.20.6.1 and back", report.Checks.Single(c => c is { Hop: Hop.PathMtu, Family: "IPv4" }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_TheMissingInterfaceAndTheNearOne()
    {
        using var wire = Wire.Make();
        var first = (await wire.Probe(Wire.Plan with { Interface = "n66" })).FirstFailure;
        Assert.Equal(Hop.Interface, first!.Hop);
        Assert.Contains("near it: n6", first.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("node", "link set n6 down", Hop.Up)]
    [InlineData("switch", "link set p-n6 down", Hop.Carrier)]
    [InlineData("node", "link set n6 mtu 1400", Hop.Mtu)]
    [InlineData("node", "addr del 10.20.6.17/24 dev n6", Hop.Addresses)]
    public async Task Stops_AtTheFirstHopThatFails(string where, string what, Hop hop)
    {
        using var wire = Wire.Make();
        wire.In(where, what);
        Assert.Equal(hop, (await wire.Probe(Wire.Plan)).FirstFailure!.Hop);
    }

    [Theory]
    [InlineData("10.20.6.17/24", "IPv4")]
    [InlineData("fd00:6::17/64", "IPv6")]
    public async Task Finds_TheHostThatHasOurAddress(string address, string family)
    {
        using var wire = Wire.Make();
        wire.Add("other");
        wire.Plug("other", "ot");
        wire.Addresses("other", "ot", address);
        var first = (await wire.Probe(Wire.Plan)).FirstFailure;
        Assert.Equal((Hop.Duplicate, family), (first!.Hop, first.Family));
        Assert.Matches("is [0-9a-f:]{17}'s too", first.Message);
    }

    [Fact]
    public async Task Tells_ASilentGatewayFromAVlanThatIsNotLetThrough()
    {
        using var wire = Wire.Make(withGateway: false);
        var alone = (await wire.Probe(Wire.Plan with { Vlan = 606 })).FirstFailure;
        Assert.Equal(Hop.Vlan, alone!.Hop);
        Assert.Contains("is VLAN 606 let through", alone.Message, StringComparison.Ordinal);

        // Somebody else is heard on the network now, so the switch lets it through, and only the gateway is missing.
        wire.Addresses("gw", "gw", "fd00:6::1/64");
        var silent = (await wire.Probe(Wire.Plan with { Vlan = 606 })).FirstFailure;
        Assert.Equal((Hop.Gateway, "IPv4"), (silent!.Hop, silent.Family));
        Assert.Contains("others are heard", silent.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Measures_TheLargestPacket_WhereTheFabricIsTooNarrow()
    {
        using var wire = Wire.Make();
        wire.In("gw", "link set gw mtu 1400");
        var report = await wire.Probe(Wire.Plan);
        var narrow = report.Checks.Where(c => c.Hop == Hop.PathMtu).ToList();
        Assert.Equal(["IPv4", "IPv6"], narrow.Select(c => c.Family!).Order());
        Assert.All(narrow, check => Assert.Equal(CheckState.Failed, check.State));
        Assert.All(narrow, check => Assert.StartsWith("1400 bytes to ", check.Message, StringComparison.Ordinal));
        Assert.Equal(Hop.PathMtu, report.FirstFailure!.Hop);
    }

    [Fact]
    public async Task Says_ThatAnInterfaceWithoutAddressCantBeMeasured()
    {
        using var wire = Wire.Make();
        wire.In("node", "addr flush dev n6");
        var report = await wire.Probe(Wire.Plan with { Addresses = [] });
        Assert.Null(report.FirstFailure);
        Assert.Equal(2, report.Checks.Count(c => c is { Hop: Hop.Gateway, State: CheckState.Passed }));
        Assert.Equal(2, report.Checks.Count(c => c is { Hop: Hop.PathMtu, State: CheckState.Skipped }));
    }

    [Fact]
    public async Task Proves_WhatPassesOnATrunkAndWhatIsDropped()
    {
        using var wire = Wire.Make(withGateway: false);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var gateways = new Dictionary<int, Address> { [101] = Wire.Parse("10.30.1.1"), [200] = Wire.Parse("10.30.200.1") };
        var answering = wire.Answer("gw", "gw", gateways, stop.Token);
        var plan = new InterfacePlan("", "n6", null, 1500, [], [])
        {
            Trunk = VlanSet.Parse("101-103").Value,
            Tags = [new TagProbe(101, true, gateways[101]), new TagProbe(102, true, Wire.Parse("10.30.2.1")), new TagProbe(200, false, gateways[200]), new TagProbe(300, false, Wire.Parse("10.30.44.1"))],
        };

        var open = await wire.Probe(plan);
        Assert.Equal([(Hop.TagPasses, CheckState.Passed, 101), (Hop.TagPasses, CheckState.Failed, 102), (Hop.TagDropped, CheckState.Failed, 200), (Hop.TagDropped, CheckState.Passed, 300)], Tags(open));

        wire.Nft("node", "add table netdev guard");
        wire.Nft("node", "add chain netdev guard out { type filter hook egress device \"n6\" priority 0; policy accept; vlan id != { 101, 102, 103 } drop; }");
        var guarded = await wire.Probe(plan);
        Assert.Contains((Hop.TagPasses, CheckState.Passed, 101), Tags(guarded));
        Assert.Equal("VLAN 200 is dropped by the node's own filter", guarded.Checks.Single(c => c.Hop == Hop.TagDropped && c.Message.Contains("200", StringComparison.Ordinal)).Message);

        var unknown = await wire.Probe(plan with { Tags = [] });
        Assert.Equal((Hop.TagDropped, CheckState.Passed), (unknown.Checks[^1].Hop, unknown.Checks[^1].State));
        await stop.CancelAsync();
        await answering;
    }

    [Fact]
    public async Task Leaves_Open_WhatNobodyCanProve()
    {
        using var wire = Wire.Make(withGateway: false);
        var plan = new InterfacePlan("", "n6", null, 1500, [], []) { Trunk = VlanSet.Parse("101").Value, Tags = [new TagProbe(200, false, Wire.Parse("10.30.200.1"))] };
        var check = Assert.Single((await wire.Probe(plan)).Checks, c => c.Hop == Hop.TagDropped);
        Assert.Equal(CheckState.Skipped, check.State);
    }

    private static IEnumerable<(Hop, CheckState, int)> Tags(InterfaceReport report) => report.Checks.Where(c => c.Hop is Hop.TagPasses or Hop.TagDropped)
        .Select(c => (c.Hop, c.State, int.Parse(c.Message.Split(' ', ':')[1], System.Globalization.CultureInfo.InvariantCulture)));
}
