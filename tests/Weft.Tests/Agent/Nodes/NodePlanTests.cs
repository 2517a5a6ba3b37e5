using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Agent.Linux.Netlink;
using Weft.Agent.Nodes.Operations;
using Weft.Agent.Nodes.Planning;

namespace Weft.Tests.Agent.Nodes;

/// <summary>
/// What has to be done, from what is there and what is wanted: nothing else is looked at, so every kernel and card can
/// be stood in for.
/// </summary>
public sealed class NodePlanTests
{
    private const string Mac = "02:00:00:00:00:01";
    private const string Port = """{"name":"eno1","macAddress":"02:00:00:00:00:01","mtu":9000,"trunk":true}""";
    private static readonly KernelLink Eno = new(2, "eno1")
    {
        MacAddress = Mac,
        PermanentMacAddress = Mac,
        LinkType = "ether",
        Mtu = 1500,
        Flags = 0x10001,
    };

    private static string Vlan(string name, int tag, int mtu, string rest = """[],"routes":[]""") =>
        $$"""{"name":"{{name}}","port":{{Port}},"vlan":{{tag}},"mtu":{{mtu}},"addresses":{{rest}}}""";

    private static DesiredNode Links(params string[] links) =>
        TestNode.Desired(
            $$"""{"links":[{{string.Join(',', links)}}],"physicalFunctions":[],"devices":[],"guards":[]}"""
        );

    private static ObservedNode State(params KernelLink[] links) => new([.. links], [], []);

    private static string[] Operations(NodePlan plan) => [.. plan.Operations.Select(operation => operation.ToString())];

    private static KernelLink Tagged(int index, string name, int tag, int mtu) =>
        new(index, name)
        {
            Kind = "vlan",
            Vlan = tag,
            Parent = 2,
            Mtu = mtu,
            Flags = 1,
            LinkType = "ether",
            MacAddress = Mac,
        };

    private static OwnedState Owned(params NodeOperation[] steps) => new("", [.. steps]);

    [Fact]
    public void Widens_ThePortBeforeWhatStandsOnIt() =>
        Assert.Equal(
            [
                "eno1: MTU 9000 (is 1500)",
                "n6: make it on eno1 with the tag 101 and MTU 9000",
                "n6: set it up",
                "n6: address 10.1.0.5/24",
            ],
            Operations(
                NodePlan.Create(
                    State(Eno),
                    Links(Vlan("n6", 101, 9000, """["10.1.0.5/24"],"routes":[]""")),
                    OwnedState.Empty
                )
            )
        );

    [Fact]
    public void Narrows_WhatStandsOnThePortBeforeIt()
    {
        var port = Port.Replace("9000", "1500", StringComparison.Ordinal);
        var observed = State(Eno with { Mtu = 9000 }, Tagged(3, "n6", 101, 9000));
        var plan = NodePlan.Create(
            observed,
            Links(Vlan("n6", 101, 1400).Replace(Port, port, StringComparison.Ordinal)),
            Owned(new AddVlan("n6", "eno1", 101, 9000) { Index = 3 })
        );
        Assert.Equal(["n6: MTU 1400 (is 9000)", "eno1: MTU 1500 (is 9000)"], Operations(plan));
    }

    [Fact]
    public void Leaves_APortWideThatOthersStandOn()
    {
        var port = Port.Replace("9000", "1500", StringComparison.Ordinal);
        var observed = State(Eno with { Mtu = 9000 }, Tagged(3, "n6", 101, 1400), Tagged(4, "theirs", 102, 9000));
        Assert.Empty(
            NodePlan
                .Create(
                    observed,
                    Links(Vlan("n6", 101, 1400).Replace(Port, port, StringComparison.Ordinal)),
                    Owned(new AddVlan("n6", "eno1", 101, 1400) { Index = 3 })
                )
                .Operations
        );
    }

    [Fact]
    public void Does_NothingToWhatIsRight()
    {
        var observed = State(Eno with { Mtu = 9000 }, Tagged(3, "n6", 101, 9000));
        var plan = NodePlan.Create(
            observed,
            Links(Vlan("n6", 101, 9000)),
            Owned(new AddVlan("n6", "eno1", 101, 9000) { Index = 3 })
        );
        Assert.Empty(plan.Operations);
        Assert.Empty(plan.Findings);
        Assert.Empty(plan.Forgotten);
    }

    [Theory]
    [InlineData("n6", 101, 3, "there is an interface of this name that the agent didn't make (the tag 101 on eno1)")]
    [InlineData("n6", 101, 9, "there is an interface of this name that the agent didn't make (the tag 101 on eno1)")]
    [InlineData("other", 101, 0, "other has the tag 101 on eno1 already, and the agent didn't make it")]
    public void Adopts_Nothing(string name, int tag, int madeAs, string finding)
    {
        // Another hand has made it, or deleted ours and made one of the same name: the number tells.
        var owned = madeAs == 9 ? Owned(new AddVlan("n6", "eno1", 101, 9000) { Index = 8 }) : OwnedState.Empty;
        var plan = NodePlan.Create(
            State(Eno with { Mtu = 9000 }, Tagged(3, name, tag, 9000)),
            Links(Vlan("n6", 101, 9000)),
            owned
        );
        Assert.Empty(plan.Operations);
        Assert.Contains(finding, Assert.Single(plan.Findings), StringComparison.Ordinal);
    }

    [Fact]
    public void Recreates_ATaggedInterface_WhenItsTagChanges()
    {
        var observed = State(Eno with { Mtu = 9000 }, Tagged(3, "n6", 101, 9000));
        var plan = NodePlan.Create(
            observed,
            Links(Vlan("n6", 102, 9000)),
            Owned(new AddVlan("n6", "eno1", 101, 9000) { Index = 3 })
        );
        Assert.Equal(
            [
                "n6: set it down",
                "n6: take it away",
                "n6: make it on eno1 with the tag 102 and MTU 9000",
                "n6: set it up",
            ],
            Operations(plan)
        );
    }

    [Fact]
    public void Removes_OnlyWhatItOwns()
    {
        var address = new KernelAddress(3, Address.Parse("10.1.0.5").Value, 24, 0x80, 0);
        var theirs = new KernelAddress(3, Address.Parse("10.9.0.5").Value, 24, 0x80, 0);
        var observed = State(Eno, Tagged(3, "n6", 101, 1500), Tagged(4, "theirs", 102, 1500)) with
        {
            Addresses = [address, theirs],
        };
        var plan = NodePlan.Create(
            observed,
            Links(),
            Owned(
                new AddVlan("n6", "eno1", 101, 1500) { Index = 3 },
                new SetLinkUp("n6", true),
                new AddAddress("n6", "10.1.0.5", 24),
                new AddAddress("gone", "10.1.0.6", 24)
            )
        );
        Assert.Equal(
            [
                "n6: take away the address 10.1.0.5/24",
                "n6: take away the address 10.9.0.5/24",
                "n6: set it down",
                "n6: take it away",
            ],
            Operations(plan)
        );
        // What goes with the interface comes back with it, whoever it belonged to.
        Assert.Contains(new AddAddress("n6", "10.9.0.5", 24), plan.Operations.Select(operation => operation.Undo()));
        Assert.Equal(["address gone 10.1.0.6/24", "up n6"], plan.Forgotten);
    }

    [Fact]
    public void Keeps_AnInterfaceThatAnotherHasBuiltOn()
    {
        var observed = State(
            Eno,
            Tagged(3, "n6", 101, 1500),
            new KernelLink(5, "mv0") { Kind = "macvlan", Parent = 3 }
        );
        var plan = NodePlan.Create(observed, Links(), Owned(new AddVlan("n6", "eno1", 101, 1500) { Index = 3 }));
        Assert.Empty(plan.Operations);
        Assert.Contains(
            "mv0 stands on it and the agent didn't make that",
            Assert.Single(plan.Findings),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Holds_WhatPodsInOtherNamespacesStandOn_WithAllBelowIt()
    {
        var observed = State(Eno with { Flags = 1 }, Tagged(3, "n6", 101, 1500));
        var owned = Owned(new SetLinkUp("eno1", true), new AddVlan("n6", "eno1", 101, 1500) { Index = 3 });

        var plan = NodePlan.Create(
            observed with
            {
                Elsewhere = ImmutableDictionary<int, ImmutableArray<string>>.Empty.Add(3, ["02:aa:00:00:00:01"]),
            },
            Links(),
            owned
        );

        Assert.Empty(plan.Operations);
        Assert.Empty(plan.Findings);
        var (link, why) = Assert.Single(plan.Held);
        Assert.Equal("n6", link);
        Assert.Contains("02:aa:00:00:00:01", why, StringComparison.Ordinal);
        Assert.NotEmpty(NodePlan.Create(observed, Links(), owned).Operations);
    }

    [Fact]
    public void Finds_APortByTheAddressOfItsHardware()
    {
        // A bond's member has the bond's address, and its own in its hardware only.
        var bond = new KernelLink(4, "bond0")
        {
            Kind = "bond",
            MacAddress = Mac,
            LinkType = "ether",
            Mtu = 9000,
            Flags = 1,
        };
        var member = Eno with { Name = "eno9", Flags = 0x801 };
        Assert.Equal(
            ["n6: make it on eno1 with the tag 101 and MTU 1500", "n6: set it up"],
            Operations(
                    NodePlan.Create(
                        State(
                            bond with
                            {
                                Name = "eno1",
                            },
                            member,
                            Eno with
                            {
                                Index = 7,
                                Name = "eno2",
                                MacAddress = Mac,
                                PermanentMacAddress = "02:00:00:00:00:02",
                                Flags = 0x801,
                            }
                        ),
                        Links(Vlan("n6", 101, 1500)),
                        OwnedState.Empty
                    )
                )
                .Where(s => s.StartsWith("n6", StringComparison.Ordinal))
        );
        var two = NodePlan.Create(
            State(Eno with { Name = "a" }, Eno with { Index = 5, Name = "b" }),
            Links(Vlan("n6", 101, 1500)),
            OwnedState.Empty
        );
        Assert.Contains("a and b both have the MAC address", two.Findings[0], StringComparison.Ordinal);
        Assert.Empty(two.Operations);
    }

    [Fact]
    public void Stands_OnATrunkPortThatTheNodesOwnFilesSetUp()
    {
        var desired = Links(
            Vlan("n6", 101, 1500).Replace("\"macAddress\":\"02:00:00:00:00:01\",", "", StringComparison.Ordinal)
        );
        var observed = State(Eno with { Mtu = 9000 }) with
        {
            Sysctls = ImmutableDictionary<(string, string), string>.Empty.Add(("eno1", "accept_ra"), "1"),
        };
        Assert.Equal(
            ["n6: make it on eno1 with the tag 101 and MTU 1500", "n6: set it up"],
            Operations(NodePlan.Create(observed, desired, OwnedState.Empty))
        );
        Assert.Contains(
            "eno1: no port has the name eno1",
            NodePlan.Create(State(), desired, OwnedState.Empty).Findings[0],
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Disables_AutoconfigurationOfANewInterfaceBeforeItIsUp()
    {
        var settings = ImmutableDictionary<(string, string), string>
            .Empty.Add(("default", "accept_ra"), "1")
            .Add(("default", "autoconf"), "1")
            .Add(("default", "addr_gen_mode"), "0");
        var plan = NodePlan.Create(
            State(Eno with { Mtu = 9000 }) with
            {
                Sysctls = settings,
            },
            Links(Vlan("n6", 101, 1500)),
            OwnedState.Empty
        );
        Assert.Equal(
            [
                "n6: make it on eno1 with the tag 101 and MTU 1500",
                "n6: accept_ra=0 (is 1)",
                "n6: autoconf=0 (is 1)",
                "n6: addr_gen_mode=1 (is 0)",
                "n6: set it up",
            ],
            Operations(plan)
        );
        var six = NodePlan.Create(
            State(Eno with { Mtu = 9000 }) with
            {
                Sysctls = settings,
            },
            Links(Vlan("n6", 101, 1500, """["2001:db8::5/64"],"routes":[]""")),
            OwnedState.Empty
        );
        Assert.DoesNotContain(six.Operations, operation => operation is SetSysctl { Name: "addr_gen_mode" });
    }

    [Fact]
    public void Merges_WhatSeveralAttachmentsWantOfOneInterface() =>
        Assert.Equal(
            [
                "eno1: MTU 9000 (is 1500)",
                "n6: make it on eno1 with the tag 101 and MTU 4000",
                "n6: set it up",
                "n6: address 10.1.0.5/24",
            ],
            Operations(
                NodePlan.Create(
                    State(Eno),
                    Links(Vlan("n6", 101, 1500), Vlan("n6", 101, 4000, """["10.1.0.5/24"],"routes":[]""")),
                    OwnedState.Empty
                )
            )
        );

    [Fact]
    public void Undoes_EveryOperationByItsOpposite()
    {
        NodeOperation[] steps =
        [
            new RenameLink("a", "b", true),
            new SetLinkUp("a", true),
            new SetMtu("a", 9000, 1500),
            new AddVlan("a", "b", 5, 1500),
            new AddAddress("a", "10.0.0.1", 24),
            new AddRoute("a", new RouteSpec("10.0.0.0/8", "10.0.0.2", 5)),
            new SetSysctl("a", "accept_ra", "0", "1"),
            new SetAutoProbe("a", "0000:01:00.0", false),
            new SetFunctionCount("a", "0000:01:00.0", 4, 0),
            new SetFunctionSetting("a", 1, FunctionSetting.Vlan, "5", "0"),
            new BindDriver(new DeviceReference("f", "0000:01:00.0", 1), "vfio-pci", null),
            new LoadGuards(["t"], "x", "y"),
            new WriteServiceFiles("netplan", [new ServiceFile("/a", "x", null)]),
        ];
        foreach (var operation in steps)
        {
            var undo = operation.Undo()!;
            Assert.Equal(operation.ToString(), undo.Undo()!.ToString());
            // What is made and taken back again isn't made.
            var owned = OwnedState.Empty.With(operation).With(undo);
            Assert.True(owned.Steps.IsEmpty, operation.ToString());
        }
    }
}
