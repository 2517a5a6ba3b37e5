using System.Collections.Immutable;
using Weft.Agent.Netlink;
using Weft.Agent.Nodes;

namespace Weft.Tests.Agent.Nodes;

/// <summary>What has to be done, from what is there and what is wanted: nothing else is looked at, so every kernel and card can be stood in for.</summary>
public sealed class NodePlanTests
{
    private const string Mac = "02:00:00:00:00:01";
    private const string Port = """{"name":"eno1","macAddress":"02:00:00:00:00:01","mtu":9000,"trunk":true}""";
    private static readonly KernelLink Eno = new(2, "eno1") { MacAddress = Mac, PermanentMacAddress = Mac, LinkType = "ether", Mtu = 1500, Flags = 0x10001 };

    private static string Vlan(string name, int tag, int mtu, string rest = """[],"routes":[]""") =>
        $$"""{"name":"{{name}}","port":{{Port}},"vlan":{{tag}},"mtu":{{mtu}},"addresses":{{rest}}}""";

    private static NodeWish Links(params string[] links) => TestNode.Wish($$"""{"links":[{{string.Join(',', links)}}],"physicalFunctions":[],"devices":[],"guards":[]}""");

    private static NodeState State(params KernelLink[] links) => new([.. links], [], []);

    private static string[] Steps(NodePlan plan) => [.. plan.Steps.Select(step => step.ToString())];

    private static KernelLink Tagged(int index, string name, int tag, int mtu) => new(index, name) { Kind = "vlan", Vlan = tag, Parent = 2, Mtu = mtu, Flags = 1, LinkType = "ether", MacAddress = Mac };

    private static Made Have(params NodeStep[] steps) => new("", [.. steps]);

    [Fact]
    public void Widens_ThePortBeforeWhatStandsOnIt() => Assert.Equal(
        ["eno1: MTU 9000 (is 1500)", "n6: make it on eno1 with the tag 101 and MTU 9000", "n6: set it up", "n6: address 10.1.0.5/24"],
        Steps(NodePlan.Of(State(Eno), Links(Vlan("n6", 101, 9000, """["10.1.0.5/24"],"routes":[]""")), Made.Nothing)));

    [Fact]
    public void Narrows_WhatStandsOnThePortBeforeIt()
    {
        var port = Port.Replace("9000", "1500", StringComparison.Ordinal);
        var state = State(Eno with { Mtu = 9000 }, Tagged(3, "n6", 101, 9000));
        var plan = NodePlan.Of(state, Links(Vlan("n6", 101, 1400).Replace(Port, port, StringComparison.Ordinal)), Have(new AddVlan("n6", "eno1", 101, 9000) { Index = 3 }));
        Assert.Equal(["n6: MTU 1400 (is 9000)", "eno1: MTU 1500 (is 9000)"], Steps(plan));
    }

    [Fact]
    public void Leaves_APortWideThatOthersStandOn()
    {
        var port = Port.Replace("9000", "1500", StringComparison.Ordinal);
        var state = State(Eno with { Mtu = 9000 }, Tagged(3, "n6", 101, 1400), Tagged(4, "theirs", 102, 9000));
        Assert.Empty(NodePlan.Of(state, Links(Vlan("n6", 101, 1400).Replace(Port, port, StringComparison.Ordinal)), Have(new AddVlan("n6", "eno1", 101, 1400) { Index = 3 })).Steps);
    }

    [Fact]
    public void Does_NothingToWhatIsRight()
    {
        var state = State(Eno with { Mtu = 9000 }, Tagged(3, "n6", 101, 9000));
        var plan = NodePlan.Of(state, Links(Vlan("n6", 101, 9000)), Have(new AddVlan("n6", "eno1", 101, 9000) { Index = 3 }));
        Assert.Empty(plan.Steps);
        Assert.Empty(plan.Findings);
        Assert.Empty(plan.Forgotten);
    }

    [Theory]
    [InlineData("n6", 101, 3, "there is an interface of this name that the agent didn't make (the tag 101 on eno1)")]
    [InlineData("n6", 101, 9, "there is an interface of this name that the agent didn't make (the tag 101 on eno1)")]
    [InlineData("other", 101, 0, "other has the tag 101 on eno1 already, and the agent didn't make it")]
    public void Takes_NothingOver(string name, int tag, int madeAs, string finding)
    {
        // Another hand has made it, or deleted ours and made one of the same name: the number tells.
        var made = madeAs == 9 ? Have(new AddVlan("n6", "eno1", 101, 9000) { Index = 8 }) : Made.Nothing;
        var plan = NodePlan.Of(State(Eno with { Mtu = 9000 }, Tagged(3, name, tag, 9000)), Links(Vlan("n6", 101, 9000)), made);
        Assert.Empty(plan.Steps);
        Assert.Contains(finding, Assert.Single(plan.Findings), StringComparison.Ordinal);
    }

    [Fact]
    public void Makes_ATaggedInterfaceAnew_WhenItsTagChanges()
    {
        var state = State(Eno with { Mtu = 9000 }, Tagged(3, "n6", 101, 9000));
        var plan = NodePlan.Of(state, Links(Vlan("n6", 102, 9000)), Have(new AddVlan("n6", "eno1", 101, 9000) { Index = 3 }));
        Assert.Equal(["n6: set it down", "n6: take it away", "n6: make it on eno1 with the tag 102 and MTU 9000", "n6: set it up"], Steps(plan));
    }

    [Fact]
    public void Takes_AwayOnlyWhatItMade()
    {
        var address = new KernelAddress(3, Addressing.Address.Parse("10.1.0.5").Value, 24, 0x80, 0);
        var theirs = new KernelAddress(3, Addressing.Address.Parse("10.9.0.5").Value, 24, 0x80, 0);
        var state = State(Eno, Tagged(3, "n6", 101, 1500), Tagged(4, "theirs", 102, 1500)) with { Addresses = [address, theirs] };
        var plan = NodePlan.Of(state, Links(), Have(new AddVlan("n6", "eno1", 101, 1500) { Index = 3 }, new SetUp("n6", true), new AddAddress("n6", "10.1.0.5", 24), new AddAddress("gone", "10.1.0.6", 24)));
        Assert.Equal(["n6: take away the address 10.1.0.5/24", "n6: take away the address 10.9.0.5/24", "n6: set it down", "n6: take it away"], Steps(plan));
        // What goes with the interface comes back with it, whoever it belonged to.
        Assert.Contains(new AddAddress("n6", "10.9.0.5", 24), plan.Steps.Select(step => step.Undo()));
        Assert.Equal(["address gone 10.1.0.6/24", "up n6"], plan.Forgotten);
    }

    [Fact]
    public void Keeps_AnInterfaceThatAnotherHasBuiltOn()
    {
        var state = State(Eno, Tagged(3, "n6", 101, 1500), new KernelLink(5, "mv0") { Kind = "macvlan", Parent = 3 });
        var plan = NodePlan.Of(state, Links(), Have(new AddVlan("n6", "eno1", 101, 1500) { Index = 3 }));
        Assert.Empty(plan.Steps);
        Assert.Contains("mv0 stands on it and the agent didn't make that", Assert.Single(plan.Findings), StringComparison.Ordinal);
    }

    [Fact]
    public void Finds_APortByTheAddressOfItsHardware()
    {
        // A bond's member has the bond's address, and its own in its hardware only.
        var bond = new KernelLink(4, "bond0") { Kind = "bond", MacAddress = Mac, LinkType = "ether", Mtu = 9000, Flags = 1 };
        var member = Eno with { Name = "eno9", Flags = 0x801 };
        Assert.Equal(["n6: make it on eno1 with the tag 101 and MTU 1500", "n6: set it up"],
            Steps(NodePlan.Of(State(bond with { Name = "eno1" }, member, Eno with { Index = 7, Name = "eno2", MacAddress = Mac, PermanentMacAddress = "02:00:00:00:00:02", Flags = 0x801 }), Links(Vlan("n6", 101, 1500)), Made.Nothing)).Where(s => s.StartsWith("n6", StringComparison.Ordinal)));
        var two = NodePlan.Of(State(Eno with { Name = "a" }, Eno with { Index = 5, Name = "b" }), Links(Vlan("n6", 101, 1500)), Made.Nothing);
        Assert.Contains("a and b both have the MAC address", two.Findings[0], StringComparison.Ordinal);
        Assert.Empty(two.Steps);
    }

    [Fact]
    public void Stands_OnATrunkPortThatTheNodesOwnFilesSetUp()
    {
        var wish = Links(Vlan("n6", 101, 1500).Replace("\"macAddress\":\"02:00:00:00:00:01\",", "", StringComparison.Ordinal));
        var state = State(Eno with { Mtu = 9000 }) with { Settings = ImmutableDictionary<(string, string), string>.Empty.Add(("eno1", "accept_ra"), "1") };
        Assert.Equal(["n6: make it on eno1 with the tag 101 and MTU 1500", "n6: set it up"], Steps(NodePlan.Of(state, wish, Made.Nothing)));
        Assert.Contains("eno1: no port has the name eno1", NodePlan.Of(State(), wish, Made.Nothing).Findings[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Quiets_ANewInterfaceBeforeItIsUp()
    {
        var settings = ImmutableDictionary<(string, string), string>.Empty.Add(("default", "accept_ra"), "1").Add(("default", "autoconf"), "1").Add(("default", "addr_gen_mode"), "0");
        var plan = NodePlan.Of(State(Eno with { Mtu = 9000 }) with { Settings = settings }, Links(Vlan("n6", 101, 1500)), Made.Nothing);
        Assert.Equal(["n6: make it on eno1 with the tag 101 and MTU 1500", "n6: accept_ra=0 (is 1)", "n6: autoconf=0 (is 1)", "n6: addr_gen_mode=1 (is 0)", "n6: set it up"], Steps(plan));
        var six = NodePlan.Of(State(Eno with { Mtu = 9000 }) with { Settings = settings }, Links(Vlan("n6", 101, 1500, """["2001:db8::5/64"],"routes":[]""")), Made.Nothing);
        Assert.DoesNotContain(six.Steps, step => step is SetSetting { Name: "addr_gen_mode" });
    }

    [Fact]
    public void Merges_WhatSeveralAttachmentsWantOfOneInterface() => Assert.Equal(
        ["eno1: MTU 9000 (is 1500)", "n6: make it on eno1 with the tag 101 and MTU 4000", "n6: set it up", "n6: address 10.1.0.5/24"],
        Steps(NodePlan.Of(State(Eno), Links(Vlan("n6", 101, 1500), Vlan("n6", 101, 4000, """["10.1.0.5/24"],"routes":[]""")), Made.Nothing)));

    [Fact]
    public void Undoes_EveryStepByItsOpposite()
    {
        NodeStep[] steps =
        [
            new RenameLink("a", "b", true), new SetUp("a", true), new SetMtu("a", 9000, 1500), new AddVlan("a", "b", 5, 1500), new AddAddress("a", "10.0.0.1", 24),
            new AddRoute("a", new StepRoute("10.0.0.0/8", "10.0.0.2", 5)), new SetSetting("a", "accept_ra", "0", "1"), new SetAutoProbe("a", "0000:01:00.0", false),
            new SetFunctionCount("a", "0000:01:00.0", 4, 0), new SetFunction("a", 1, FunctionSide.Vlan, "5", "0"), new BindDriver(new StepDevice("f", "0000:01:00.0", 1), "vfio-pci", null),
            new LoadGuards(["t"], "x", "y"), new WriteFiles("netplan", [new StepFile("/a", "x", null)]),
        ];
        foreach (var step in steps)
        {
            var undo = step.Undo()!;
            Assert.Equal(step.ToString(), undo.Undo()!.ToString());
            // What is made and taken back again isn't made.
            var made = Made.Nothing.After(step).After(undo);
            Assert.True(made.Steps.IsEmpty, step.ToString());
        }
    }
}
