namespace Weft.Tests.Resources;

/// <summary>What of a refusal is told to whom.</summary>
public sealed class RefusalTests
{
    private const string Vm =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.NetworkCloud/virtualMachines/secret";
    private const string Mine = "/subscriptions/s/resourceGroups/mine";

    [Fact]
    public void Keeps_AFindingThatNamesNobody()
    {
        var finding = new Refusal(RefusalCode.InvalidMember, "'a': 7 is too much", "a");
        Assert.Same(finding, finding.VisibleTo(_ => false));
    }

    [Fact]
    public void Keeps_AFindingForWhoMayReadAllThatItTellsOf()
    {
        var finding = new Refusal(RefusalCode.Overlap, "it overlaps with secret", "a", Vm) { Discloses = [Mine] };
        Assert.Same(finding, finding.VisibleTo(_ => true));
        Assert.NotSame(finding, finding.VisibleTo(id => id == Vm));
        Assert.NotSame(finding, finding.VisibleTo(id => id == Mine));
    }

    [Fact]
    public void Tells_KindAndMember_OfWhatOneMayNotRead()
    {
        var finding = new Refusal(RefusalCode.Overlap, "it overlaps with secret", "properties.a", Vm);
        var told = finding.VisibleTo(_ => false);
        Assert.Equal(
            (
                RefusalCode.Overlap,
                "'properties.a': it overlaps with something that you may not see",
                "properties.a",
                null
            ),
            (told.Code, told.Message, told.Target, told.ConflictsWith)
        );
        Assert.DoesNotContain("secret", told.ToErrorBody().ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Tells_EachFindingByItself_AndTheSummaryOfWhatIsLeft()
    {
        var all = Refusal.Combine(
            [
                new Refusal(RefusalCode.InvalidMember, "'a': 7 is too much", "a"),
                new Refusal(RefusalCode.Overlap, "it overlaps with secret", "b", Vm),
            ],
            Mine
        );
        var told = all.VisibleTo(id => id == Mine);
        Assert.Equal("'a': 7 is too much", told.Findings[0].Message);
        Assert.Equal(
            "2 findings: 'a': 7 is too much | 'b': it overlaps with something that you may not see",
            told.Message
        );
        Assert.Equal((all.Code, Mine), (told.Code, told.Target));
    }

    [Theory]
    [InlineData("InUse", Vm, null)]
    [InlineData("AddressPoolExhausted", "fd00::/64", null)]
    [InlineData("Overlap", "secret:properties.a", null)]
    [InlineData("AddressHeld", "10.0.0.7", "10.0.0.7")]
    public void Leaves_OutATargetThatTells(string code, string target, string? told) =>
        Assert.Equal(
            told,
            new Refusal(Enum.Parse<RefusalCode>(code), "secret", target, Vm).VisibleTo(_ => false).Target
        );

    /// <summary>What stands above what the caller wrote is in its path: that a parent isn't there is told.</summary>
    [Fact]
    public void Tells_OfWhatStandsAboveTheTarget()
    {
        var finding = new Refusal(
            RefusalCode.ResourceGroupNotFound,
            "there is no group 'mine'",
            $"{Mine}/providers/a/b/c",
            Mine
        );
        Assert.Same(finding, finding.VisibleTo(_ => false));
    }

    [Fact]
    public void Has_WordsForEveryCode() =>
        Assert.All(Enum.GetValues<RefusalCode>(), code => Assert.NotEmpty(code.ConcealedText()));

    /// <summary>Rules of upper folders on writes of lower ones: who writes a network is told of no cluster on it.</summary>
    [Fact]
    public void Tells_TheAuthorOfANetwork_OfNoNodeOnIt()
    {
        var site = TestSite.Small();
        site.Put(
            "~c/kubernetesClusters/k1",
            TestSite.Kubernetes("'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'MACVLAN'}]")
        );
        site.Put(TestSite.NodeId("w1"), TestSite.Node("{'name':'bond0','mtu':9000}", "BareMetal"));
        var refusal = site.TryPatch(
            "~f/l3IsolationDomains/user/internalNetworks/dn-net",
            "{'properties':{'mtu':9200}}"
        ).Refusal!;
        Assert.Contains("w1", refusal.Message, StringComparison.Ordinal);
        var network = TestSite.Id("~c/l3Networks/n6").ToString();
        Assert.DoesNotContain("w1", refusal.VisibleTo(id => id == network).Message, StringComparison.Ordinal);
    }
}
