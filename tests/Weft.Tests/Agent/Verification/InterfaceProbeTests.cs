using System.Runtime.Versioning;
using Weft.Addressing;
using Weft.Attachments.Verification;

namespace Weft.Tests.Agent.Verification;

/// <summary>Each hop where it fails, and all where none does, on the kernel's own links.</summary>
[SupportedOSPlatform("linux")]
public sealed class InterfaceProbeTests
{
    [Fact]
    public async Task Passes_EveryHop_InBothFamilies()
    {
        using var segment = TestSegment.Create();
        var report = await segment.Probe(TestSegment.Plan with { Vlan = 606 });
        Assert.Null(report.FirstFailure);
        Assert.All(report.Checks, check => Assert.Equal(CheckState.Passed, check.State));
        foreach (var hop in (CheckHop[])[CheckHop.Duplicate, CheckHop.Gateway, CheckHop.PathMtu])
            Assert.Equal(["IPv4", "IPv6"], report.Checks.Where(c => c.Hop == hop).Select(c => c.Family!).Order());
        Assert.Contains(
            "1500 bytes to 10.20.6.1 and back",
            report.Checks.Single(c => c is { Hop: CheckHop.PathMtu, Family: "IPv4" }).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Reports_TheMissingInterfaceAndTheNearOne()
    {
        using var segment = TestSegment.Create();
        var first = (await segment.Probe(TestSegment.Plan with { Interface = "n66" })).FirstFailure;
        Assert.Equal(CheckHop.Interface, first!.Hop);
        Assert.Contains("near it: n6", first.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("node", "link set n6 down", CheckHop.Up)]
    [InlineData("switch", "link set p-n6 down", CheckHop.Carrier)]
    [InlineData("node", "link set n6 mtu 1400", CheckHop.Mtu)]
    [InlineData("node", "addr del 10.20.6.17/24 dev n6", CheckHop.Addresses)]
    internal async Task Stops_AtTheFirstHopThatFails(string where, string what, CheckHop hop)
    {
        using var segment = TestSegment.Create();
        segment.In(where, what);
        Assert.Equal(hop, (await segment.Probe(TestSegment.Plan)).FirstFailure!.Hop);
    }

    [Theory]
    [InlineData("10.20.6.17/24", "IPv4")]
    [InlineData("fd00:6::17/64", "IPv6")]
    public async Task Finds_TheHostThatHasOurAddress(string address, string family)
    {
        using var segment = TestSegment.Create();
        segment.Add("other");
        segment.Plug("other", "ot");
        segment.Addresses("other", "ot", address);
        var first = (await segment.Probe(TestSegment.Plan)).FirstFailure;
        Assert.Equal((CheckHop.Duplicate, family), (first!.Hop, first.Family));
        Assert.Matches("is [0-9a-f:]{17}'s too", first.Message);
    }

    [Fact]
    public async Task Tells_ASilentGatewayFromAVlanThatIsNotLetThrough()
    {
        using var segment = TestSegment.Create(withGateway: false);
        var alone = (await segment.Probe(TestSegment.Plan with { Vlan = 606 })).FirstFailure;
        Assert.Equal(CheckHop.Vlan, alone!.Hop);
        Assert.Contains("is VLAN 606 let through", alone.Message, StringComparison.Ordinal);

        // Somebody else is heard on the network now, so the switch lets it through, and only the gateway is missing.
        segment.Addresses("gw", "gw", "fd00:6::1/64");
        var silent = (await segment.Probe(TestSegment.Plan with { Vlan = 606 })).FirstFailure;
        Assert.Equal((CheckHop.Gateway, "IPv4"), (silent!.Hop, silent.Family));
        Assert.Contains("others are heard", silent.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Measures_TheLargestPacket_WhereTheFabricIsTooNarrow()
    {
        using var segment = TestSegment.Create();
        segment.In("gw", "link set gw mtu 1400");
        var report = await segment.Probe(TestSegment.Plan);
        var narrow = report.Checks.Where(c => c.Hop == CheckHop.PathMtu).ToList();
        Assert.Equal(["IPv4", "IPv6"], narrow.Select(c => c.Family!).Order());
        Assert.All(narrow, check => Assert.Equal(CheckState.Failed, check.State));
        Assert.All(narrow, check => Assert.StartsWith("1400 bytes to ", check.Message, StringComparison.Ordinal));
        Assert.Equal(CheckHop.PathMtu, report.FirstFailure!.Hop);
    }

    [Fact]
    public async Task Reports_ThatAnInterfaceWithoutAddressCantBeMeasured()
    {
        using var segment = TestSegment.Create();
        segment.In("node", "addr flush dev n6");
        var report = await segment.Probe(TestSegment.Plan with { Addresses = [] });
        Assert.Null(report.FirstFailure);
        Assert.Equal(2, report.Checks.Count(c => c is { Hop: CheckHop.Gateway, State: CheckState.Passed }));
        Assert.Equal(2, report.Checks.Count(c => c is { Hop: CheckHop.PathMtu, State: CheckState.Skipped }));
    }

    [Fact]
    public async Task Proves_WhatPassesOnATrunkAndWhatIsDropped()
    {
        using var segment = TestSegment.Create(withGateway: false);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var gateways = new Dictionary<int, Address>
        {
            [101] = TestSegment.Parse("10.30.1.1"),
            [200] = TestSegment.Parse("10.30.200.1"),
        };
        var answering = segment.AnswerArp("gw", "gw", gateways, stop.Token);
        var expectation = Trunk(gateways);

        var open = await segment.Probe(expectation);
        Assert.Equal(
            [
                (CheckHop.TagPasses, CheckState.Passed, 101),
                (CheckHop.TagPasses, CheckState.Failed, 102),
                (CheckHop.TagDropped, CheckState.Failed, 200),
                (CheckHop.TagDropped, CheckState.Passed, 300),
            ],
            Tags(open)
        );

        segment.Nft("node", "add table netdev guard");
        segment.Nft(
            "node",
            "add chain netdev guard out { type filter hook egress device \"n6\" priority 0; policy accept; "
                + "vlan id != { 101, 102, 103 } drop; }"
        );
        var guarded = await segment.Probe(expectation);
        Assert.Contains((CheckHop.TagPasses, CheckState.Passed, 101), Tags(guarded));
        Assert.Equal(
            "VLAN 200 is dropped by the node's own filter",
            guarded
                .Checks.Single(c => c.Hop == CheckHop.TagDropped && c.Message.Contains("200", StringComparison.Ordinal))
                .Message
        );

        var unknown = await segment.Probe(expectation with { Tags = [] });
        Assert.Equal((CheckHop.TagDropped, CheckState.Passed), (unknown.Checks[^1].Hop, unknown.Checks[^1].State));
        await stop.CancelAsync();
        await answering;
    }

    [Fact]
    public async Task Leaves_Open_WhatNobodyCanProve()
    {
        using var segment = TestSegment.Create(withGateway: false);
        var expectation = new InterfaceExpectation("", "n6", null, 1500, [], [])
        {
            Trunk = VlanSet.Parse("101").Value,
            Tags = [new TagProbe(200, false, TestSegment.Parse("10.30.200.1"))],
        };
        var check = Assert.Single((await segment.Probe(expectation)).Checks, c => c.Hop == CheckHop.TagDropped);
        Assert.Equal(CheckState.Skipped, check.State);
    }

    /// <summary>
    /// A trunk of three VLANs that is asked for two of them, one with a gateway, and for two others, likewise.
    /// </summary>
    private static InterfaceExpectation Trunk(Dictionary<int, Address> gateways) =>
        new("", "n6", null, 1500, [], [])
        {
            Trunk = VlanSet.Parse("101-103").Value,
            Tags =
            [
                new TagProbe(101, true, gateways[101]),
                new TagProbe(102, true, TestSegment.Parse("10.30.2.1")),
                new TagProbe(200, false, gateways[200]),
                new TagProbe(300, false, TestSegment.Parse("10.30.44.1")),
            ],
        };

    private static IEnumerable<(CheckHop, CheckState, int)> Tags(InterfaceReport report) =>
        report
            .Checks.Where(c => c.Hop is CheckHop.TagPasses or CheckHop.TagDropped)
            .Select(c =>
                (
                    c.Hop,
                    c.State,
                    int.Parse(c.Message.Split(' ', ':')[1], System.Globalization.CultureInfo.InvariantCulture)
                )
            );
}
