using Weft.Cli.Kinds;
using Weft.Storage;

namespace Weft.Tests.Cli;

public sealed class ExplainCommandTests : IDisposable
{
    private readonly CommandLine _weft = new();

    public void Dispose() => _weft.Dispose();

    [Fact]
    public async Task Explains_Members_FromTheRowsOfTheKind()
    {
        var run = await _weft.RunBare("explain", "L3N");
        Assert.Equal(0, run.Exit);
        Assert.StartsWith("l3networks  Microsoft.NetworkCloud/l3Networks\n", run.Out, StringComparison.Ordinal);
        foreach (var member in AllKinds.List.Find(KindTable.L3Networks.Type)!.Schema.Find("properties")!.Members)
            Assert.Contains($"\n  {member.Name} ", run.Out, StringComparison.Ordinal);
        Assert.Empty(_weft.Weftd.Requests);
    }

    [Theory]
    [InlineData("l3networks.properties.vlan", "from 1 to 4094")]
    [InlineData("Microsoft.NetworkCloud/l3Networks.properties.ipAllocationType", "one of: IPV4, IPV6, DualStack")]
    [InlineData("l3n.properties.l3IsolationDomainId", "refers to: l3isolationdomains")]
    [InlineData("k8s.properties.networkConfiguration.attachedNetworkConfiguration.l3Networks", "pluginType")]
    public async Task Explains_Member_WithItsLimits(string path, string fact) =>
        Assert.Contains(fact, (await _weft.RunBare("explain", path)).Out, StringComparison.Ordinal);

    [Theory]
    [InlineData("l3n.properties.vlam", 64)]
    [InlineData("nonsense", 64)]
    [InlineData("leases", 1)]
    public async Task Refuses_ToExplain_WhatIsNotThere(string what, int exit) =>
        Assert.Equal(exit, (await _weft.RunBare("explain", what)).Exit);

    [Fact]
    public void Knows_EveryKind_TheServerHas() =>
        Assert.All(AllKinds.List.All, kind => Assert.Equal(kind.Type, KindTable.Require(kind.Plural).Type));

    [Fact]
    public void Speaks_ApiVersion_TheServerKnows()
    {
        foreach (var kind in KindTable.All)
        {
            if (AllKinds.List.Find(kind.Type) is { } rows)
                Assert.True(
                    rows.ApiVersions.Contains(kind.ApiVersion),
                    $"{kind.Plural}: {kind.ApiVersion} is none of {string.Join(", ", rows.ApiVersions)}"
                );
        }
    }

    [Fact]
    public void Orders_Kinds_AfterWhatTheyReferTo()
    {
        foreach (var kind in KindTable.All)
        {
            foreach (
                var referrer in AllKinds
                    .List.ReferrersOf(kind.Type)
                    .Where(referrer => KindTable.FindByType(referrer.Type) is not null && referrer.Type != kind.Type)
            )
                Assert.True(
                    KindTable.Rank(kind.Type) < KindTable.Rank(referrer.Type),
                    $"{referrer.Type} refers to {kind.Type}, and stands before it"
                );
        }
    }
}
