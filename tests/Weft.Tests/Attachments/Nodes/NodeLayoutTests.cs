using Weft.Addressing;
using Weft.Attachments.Formats;
using Weft.Attachments.Nodes;
using Weft.Fleet;
using Weft.Resources;
using Weft.Tests.Attachments.Formats;

namespace Weft.Tests.Attachments.Nodes;

/// <summary>What is refused before anything is written, because some reader would accept it silently.</summary>
public sealed class NodeLayoutTests
{
    private static readonly Uplink Card = new("ens1f0", "52:54:00:00:00:10", 9000, null);

    [Fact]
    public void Refuses_ANameLongerThanTheKernels() =>
        Refused(
            NodeCases.Node([NodeCases.Tagged(Card, "a-long-name.4094", 4094)]),
            "'a-long-name.4094' has 16 characters",
            "shorter interfaceName"
        );

    [Theory]
    [InlineData("net1")]
    [InlineData("net42")]
    public void Refuses_ANameThatMultusGivesInPods(string name) =>
        Refused(NodeCases.Node([NodeCases.Tagged(Card, name, 606)]), $"'{name}' is what Multus calls");

    [Fact]
    public void Accepts_APortThatTheSystemCallsSo() =>
        Assert.NotNull(NodeLayout.Create(NodeCases.Node([NodeCases.Parent(Card with { Name = "net0" })])).Value);

    [Theory]
    [InlineData("eth*")]
    [InlineData("eth%d")]
    [InlineData("a\"b")]
    [InlineData("a#b")]
    [InlineData("a:1")]
    [InlineData("a b")]
    public void Refuses_ANameThatAFileReadsAsSomethingElse(string name) =>
        Refused(NodeCases.Node([NodeCases.Parent(Card with { Name = name })]), $"'{name}' has characters");

    [Theory]
    [InlineData(0)]
    [InlineData(4095)]
    public void Refuses_AVlanThatIsNone(int vlan) =>
        Refused(NodeCases.Node([NodeCases.Tagged(Card, "n6", vlan)]), $"links 'n6' vlan: {vlan} is no VLAN");

    [Fact]
    public void Refuses_AChildWiderThanItsParent()
    {
        var child = NodeCases.Tagged(Card with { Mtu = 1500 }, "n6", 606);
        Refused(NodeCases.Node([child]), "9000 bytes are more than the 1500 of its parent ens1f0");
        Refused(
            NodeCases.Node([NodeCases.Tagged(new Uplink("bond0", null, 1500, null), "n6", 606)]),
            "9000 bytes are more than the 1500 of its parent bond0"
        );
    }

    [Fact]
    public void Refuses_IPv6_WhereTheMtuIsTooSmall() =>
        Refused(
            NodeCases.Node([
                NodeCases.Tagged(Card, "n6", 606) with
                {
                    Mtu = 1279,
                    Addresses = [(NodeCases.Of("fd00::1"), 64)],
                },
            ]),
            "IPv6 address, which needs 1280"
        );

    [Theory]
    [InlineData("0.0.0.0/0", "10.20.6.1", "no default route")]
    [InlineData("::/0", "fd20:0:0:606::1", "no default route")]
    [InlineData("10.30.0.0/16", "fd20:0:0:606::1", "two families")]
    [InlineData("10.30.0.0/16", "10.20.7.1", "on no subnet of the interface")]
    public void Refuses_ARouteThatANodeMustNotHave(string to, string via, string says)
    {
        var link = NodeCases.All["card-l3"].Links[0] with
        {
            Routes = [new NodeRoute(Prefix.Parse(to).Value, NodeCases.Of(via))],
        };
        Refused(NodeCases.Node([link]), says);
    }

    [Fact]
    public void Refuses_OneVlanTwiceOnAParent() =>
        Refused(
            NodeCases.Node([NodeCases.Tagged(Card, "n6", 606), NodeCases.Tagged(Card, "x6", 606)]),
            "VLAN 606 would be on ens1f0 twice, as n6 and x6"
        );

    [Fact]
    public void Refuses_OneNameForTwoThings() =>
        Refused(
            NodeCases.Node([NodeCases.Tagged(Card, "n6", 606), NodeCases.Tagged(Card, "n6", 607)]),
            "wanted twice and differently"
        );

    [Fact]
    public void Refuses_TwoNamesForOnePort() =>
        Refused(
            NodeCases.Node([NodeCases.Whole("a", "eth1", "01", 9000), NodeCases.Whole("b", "eth1", "01", 9000)]),
            "would have the names a and b"
        );

    [Fact]
    public void Refuses_ARename_WithoutAMacAddress() =>
        Refused(
            NodeCases.Node([NodeCases.Parent(Card with { MacAddress = null }) with { Name = "n6" }]),
            "needs a MAC address to be found by"
        );

    [Fact]
    public void Refuses_OneFunctionForTwoNetworks()
    {
        var functions = NodeCases.All["card-functions"].PhysicalFunctions;
        Refused(
            NodeCases.Node([]) with
            {
                PhysicalFunctions =
                [
                    functions[0],
                    functions[1] with
                    {
                        Functions = [functions[1].Functions[0] with { Index = 0 }],
                    },
                ],
            },
            "function 0 is for"
        );
    }

    [Fact]
    public void Reports_AllFaultsAtOnce()
    {
        var wrong = NodeCases.Node([NodeCases.Tagged(Card, "net1", 0) with { Mtu = 9100 }]);
        Assert.False(NodeLayout.Create(wrong).TryGet(out _, out var refusal));
        Assert.Equal(3, refusal.Findings.Length);
        foreach (var format in Enum.GetValues<NodeFormat>())
            Assert.Equal(refusal.Message, NodeFormats.Render(format, wrong).Refusal!.Message);
    }

    [Fact]
    public void Finds_NothingWrong_InWhatTheServerRenders()
    {
        var site = TestSite.Example();
        var nodes = Examples
            .Documents()
            .Select(d => d["id"]!.ToString())
            .Where(id =>
                id.Contains("/kubernetesClusters/", StringComparison.Ordinal)
                && !id.Contains("/providers/Weft", StringComparison.Ordinal)
                && !id.Contains("agentPools", StringComparison.Ordinal)
            )
            .SelectMany(id => ClusterRenderer.Render(site.State, ResourceId.Parse(id).Value, site.Limits).Nodes)
            .Select(node => node.Configuration!)
            .ToList();
        Assert.NotEmpty(nodes);
        Assert.All(nodes, node => Assert.Null(NodeLayout.Create(node).Refusal));
    }

    private static void Refused(NodeConfiguration configuration, params string[] says)
    {
        Assert.False(NodeLayout.Create(configuration).TryGet(out _, out var refusal), "it was taken");
        Assert.Contains(
            refusal.Findings,
            finding => says.All(part => finding.Message.Contains(part, StringComparison.Ordinal))
        );
    }
}
