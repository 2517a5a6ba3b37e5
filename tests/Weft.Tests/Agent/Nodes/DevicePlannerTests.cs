using System.Collections.Immutable;
using Weft.Agent.Linux.Netlink;
using Weft.Agent.Nodes.Operations;
using Weft.Agent.Nodes.Planning;

namespace Weft.Tests.Agent.Nodes;

/// <summary>Virtual functions and devices, on recorded devices: no machine that tests run on has such a card.</summary>
public sealed class DevicePlannerTests
{
    private const string Pf = "0000:3b:00.0";
    private static readonly KernelLink Ens = new(2, "ens1")
    {
        MacAddress = "02:00:00:00:00:01",
        LinkType = "ether",
        Mtu = 9000,
        Flags = 0x10001,
        Device = Pf,
    };
    private static readonly PciDevice Device = new(Pf, "8086", "igb")
    {
        MaxFunctions = 7,
        AutoProbe = true,
        HasIommuGroup = true,
        Interfaces = ["ens1"],
    };

    private static string Function(
        int index,
        string vlan = "100",
        string driver = "Kernel",
        string trust = "true",
        string spoof = "false"
    ) =>
        $$"""
            {
              "index": {{index}},
              "network": "n",
              {{(vlan.Length > 0 ? $"\"vlan\":{vlan}," : "")}}
              "trust": {{trust}},
              "spoofCheck": {{spoof}},
              "mtu": 9000,
              "driver": "{{driver}}"
            }
            """;

    private static DesiredNode Desired(string functions, string devices = "") =>
        TestNode.Desired(
            $$"""
            {"links":[],"physicalFunctions":[{{(
                functions.Length == 0
                    ? ""
                    : $$"""{"name":"ens1","macAddress":"02:00:00:00:00:01","pciAddress":"{{Pf}}","mtu":9000,"functions":[{{functions}}]}"""
            )}}],"devices":[{{devices}}],"guards":[]}
            """
        );

    private static PciDevice Vf(int index, string? driver = "igbvf") =>
        new($"0000:3b:10.{index}", "8086", driver)
        {
            HasIommuGroup = true,
            Interfaces = driver is "igbvf" ? [$"ens1v{index}"] : [],
        };

    private static ObservedNode State(KernelLink link, PciDevice device, params PciDevice[] functions) =>
        new(
            [
                link,
                .. functions
                    .SelectMany(f => f.Interfaces)
                    .Select((name, i) => new KernelLink(10 + i, name) { Mtu = 9000, Flags = 1 }),
            ],
            [],
            []
        )
        {
            Devices = new[] { device with { Functions = [.. functions.Select(f => f.Address)] } }
                .Concat(functions)
                .ToImmutableDictionary(d => d.Address),
        };

    private static string[] Operations(NodePlan plan) => [.. plan.Operations.Select(operation => operation.ToString())];

    private static readonly KernelFunction Set = new(0, "02:11:22:33:44:55", 100, false, true);

    [Fact]
    public void Sets_AFunctionUpBeforeItsDriverTakesIt()
    {
        var mac = FunctionPlanner.MacOf("w1", "02:00:00:00:00:01", 0);
        Assert.Equal(
            [
                "ens1: drivers take its functions by themselves: no",
                "ens1: 1 virtual functions (has 0)",
                $"function 0 of ens1: MAC address {mac}",
                "function 0 of ens1: the card tags with 100",
                "function 0 of ens1: spoof check off",
                "function 0 of ens1: trust on",
                "function 0 of ens1: give it to the kernel's driver",
                "function 0 of ens1: its interface up, MTU 9000",
            ],
            Operations(NodePlan.Create(State(Ens, Device), Desired(Function(0)), OwnedState.Empty))
        );
    }

    [Fact]
    public void Does_NothingToFunctionsThatAreRight()
    {
        var plan = NodePlan.Create(
            State(Ens with { Functions = [Set] }, Device with { AutoProbe = false }, Vf(0)),
            Desired(Function(0)),
            OwnedState.Empty
        );
        Assert.Empty(plan.Operations);
        Assert.Empty(plan.Findings);
    }

    [Fact]
    public void Takes_TheDriverOff_WhereTheVlanChanges()
    {
        var observed = State(
            Ens with
            {
                Functions = [Set with { Vlan = 7 }],
            },
            Device with
            {
                AutoProbe = false,
            },
            Vf(0)
        );
        Assert.Equal(
            [
                "function 0 of ens1: take it from igbvf",
                "function 0 of ens1: the card tags with 100",
                "function 0 of ens1: give it to the kernel's driver",
                "function 0 of ens1: its interface up, MTU 9000",
            ],
            Operations(NodePlan.Create(observed, Desired(Function(0)), OwnedState.Empty))
        );
        Assert.Contains(
            "function 0 of ens1: the card adds no tag",
            Operations(NodePlan.Create(observed, Desired(Function(0, vlan: "")), OwnedState.Empty))
        );
    }

    [Fact]
    public void Changes_TrustWithoutTakingTheDriverOff() =>
        Assert.Equal(
            ["function 0 of ens1: spoof check on", "function 0 of ens1: trust off"],
            Operations(
                NodePlan.Create(
                    State(Ens with { Functions = [Set] }, Device with { AutoProbe = false }, Vf(0)),
                    Desired(Function(0, trust: "false", spoof: "true")),
                    OwnedState.Empty
                )
            )
        );

    [Fact]
    public void Keeps_TheMacAddressThatAFunctionHas() =>
        Assert.DoesNotContain(
            NodePlan
                .Create(
                    State(Ens with { Functions = [Set with { Vlan = 7 }] }, Device, Vf(0)),
                    Desired(Function(0)),
                    OwnedState.Empty
                )
                .Operations,
            operation => operation is SetFunctionSetting { Side: FunctionSetting.Mac }
        );

    [Fact]
    public void Derives_MacAddressesThatAreStableAndLocal()
    {
        var all = Enumerable.Range(0, 500).Select(i => FunctionPlanner.MacOf("w1", "p", i)).ToList();
        Assert.Equal(500, all.Distinct().Count());
        Assert.Equal(FunctionPlanner.MacOf("w1", "p", 3), all[3]);
        Assert.NotEqual(FunctionPlanner.MacOf("w2", "p", 3), all[3]);
        Assert.All(all, mac => Assert.StartsWith("02:", mac, StringComparison.Ordinal));
    }

    [Fact]
    public void Leaves_MoreFunctionsThanAreDesiredAlone() =>
        Assert.DoesNotContain(
            NodePlan
                .Create(
                    State(Ens with { Functions = [Set, Set with { Index = 1 }] }, Device, Vf(0), Vf(1)),
                    Desired(Function(0)),
                    OwnedState.Empty
                )
                .Operations,
            operation => operation is SetFunctionCount
        );

    [Theory]
    [InlineData("more are wanted")]
    [InlineData("another VLAN is wanted")]
    [InlineData("another driver is wanted")]
    [InlineData("none are wanted")]
    public void Disturbs_NoPod(string what)
    {
        var used = Vf(0) with { InUse = "its interface is in another network namespace", Interfaces = [] };
        var (desired, owned) = what switch
        {
            "more are wanted" => (Desired($"{Function(0)},{Function(1)}"), OwnedState.Empty),
            "another VLAN is wanted" => (Desired(Function(0, vlan: "55")), OwnedState.Empty),
            "another driver is wanted" => (Desired(Function(0, driver: "UserSpace")), OwnedState.Empty),
            _ => (Desired(""), new OwnedState("", [new SetFunctionCount("ens1", Pf, 1, 0)])),
        };
        var plan = NodePlan.Create(
            State(Ens with { Functions = [Set] }, Device with { AutoProbe = false }, used),
            desired,
            owned
        );
        Assert.Empty(plan.Operations);
        Assert.Contains(
            "its interface is in another network namespace",
            Assert.Single(plan.Findings),
            StringComparison.Ordinal
        );
        // The same without a pod is done.
        Assert.NotEmpty(
            NodePlan
                .Create(State(Ens with { Functions = [Set] }, Device with { AutoProbe = false }, Vf(0)), desired, owned)
                .Operations
        );
    }

    [Fact]
    public void Leaves_AloneWhatAPodsPluginHasSet()
    {
        var used = Vf(0) with { InUse = "the SR-IOV plugin has given it to /run/netns/x", Interfaces = [] };
        var plan = NodePlan.Create(
            State(
                Ens with
                {
                    Functions = [Set with { Trust = false, SpoofCheck = true, MacAddress = "02:aa:00:00:00:01" }],
                },
                Device with
                {
                    AutoProbe = false,
                },
                used
            ),
            Desired(Function(0)),
            OwnedState.Empty
        );
        Assert.Empty(plan.Operations);
        Assert.Empty(plan.Findings);
    }

    [Theory]
    [InlineData("8086", "igbvf", true, "function 0 of ens1: give it to vfio-pci")]
    [InlineData("8086", null, true, "function 0 of ens1: give it to vfio-pci")]
    [InlineData("8086", "vfio-pci", true, null)]
    [InlineData("15b3", "mlx5_core", true, null)]
    [InlineData("15b3", "vfio-pci", true, "function 0 of ens1: give it to the kernel's driver")]
    public void Gives_AFunctionTheDriverThatDpdkNeedsOfItsCard(string vendor, string? driver, bool iommu, string? step)
    {
        var observed = State(
            Ens with
            {
                Functions = [Set],
            },
            Device with
            {
                AutoProbe = false,
                Vendor = vendor,
            },
            Vf(0) with
            {
                Vendor = vendor,
                Driver = driver,
                HasIommuGroup = iommu,
                Interfaces = [],
            }
        );
        Assert.Equal(
            step,
            Operations(NodePlan.Create(observed, Desired(Function(0, driver: "UserSpace")), OwnedState.Empty))
                .FirstOrDefault()
        );
    }

    [Fact]
    public void Reports_WhatAMachineWithoutAnIommuLacks()
    {
        var plan = NodePlan.Create(
            State(
                Ens with
                {
                    Functions = [Set],
                },
                Device with
                {
                    AutoProbe = false,
                },
                Vf(0) with
                {
                    HasIommuGroup = false,
                }
            ),
            Desired(Function(0, driver: "UserSpace")),
            OwnedState.Empty
        );
        Assert.Empty(plan.Operations);
        Assert.Contains("intel_iommu=on", Assert.Single(plan.Findings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "it can have 0; turn SR-IOV on in the machine's firmware")]
    [InlineData(1, "it can have 1; use fewer in Weft")]
    public void Refuses_MoreFunctionsThanACardCanHave(int greatest, string finding)
    {
        var plan = NodePlan.Create(
            State(Ens, Device with { MaxFunctions = greatest }),
            Desired($"{Function(0)},{Function(1)}"),
            OwnedState.Empty
        );
        Assert.Empty(plan.Operations);
        Assert.Contains(finding, Assert.Single(plan.Findings), StringComparison.Ordinal);
    }

    [Fact]
    public void Takes_FunctionsAway_OnceNobodyWantsThem()
    {
        var owned = new OwnedState(
            "",
            [
                new SetAutoProbe("ens1", Pf, false),
                new SetFunctionCount("ens1", Pf, 1, 0),
                new SetFunctionSetting("ens1", 0, FunctionSetting.Vlan, "100", null),
            ]
        );
        var plan = NodePlan.Create(
            State(Ens with { Functions = [Set] }, Device with { AutoProbe = false }, Vf(0)),
            Desired(""),
            owned
        );
        Assert.Equal(
            ["ens1: 0 virtual functions (has 1)", "ens1: drivers take its functions by themselves: yes"],
            Operations(plan)
        );
        Assert.Equal(["function ens1 0 Vlan"], plan.Forgotten);
    }

    [Theory]
    [InlineData("UserSpace", "igb", "eth5: give it to vfio-pci")]
    [InlineData("UserSpace", "vfio-pci", null)]
    [InlineData("Kernel", "vfio-pci", "eth5: give it to the kernel's driver")]
    public void Gives_APassedDeviceItsDriver(string driver, string has, string? step)
    {
        var observed = State(Ens, new PciDevice("0000:06:00.0", "8086", has) { HasIommuGroup = true });
        var plan = NodePlan.Create(
            observed,
            Desired(
                "",
                $$"""{"name":"eth5","pciAddress":"0000:06:00.0","network":"n","mtu":1500,"driver":"{{driver}}"}"""
            ),
            OwnedState.Empty
        );
        Assert.Empty(plan.Findings);
        Assert.Equal(step, Operations(plan).FirstOrDefault());
    }

    [Fact]
    public void Reports_WhatItMustKnowOfAPassedDevice() =>
        Assert.Contains(
            "say the uplink's pciAddress",
            Assert.Single(
                NodePlan
                    .Create(
                        new ObservedNode([], [], []),
                        Desired("", """{"name":"eth5","network":"n","mtu":1500,"driver":"UserSpace"}"""),
                        OwnedState.Empty
                    )
                    .Findings
            ),
            StringComparison.Ordinal
        );
}
