using System.Collections.Immutable;
using Weft.Attachments.DevicePools;
using Weft.Attachments.Nodes;

namespace Weft.Tests.Attachments.DevicePools;

/// <summary>
/// Which devices the SR-IOV device plugin would choose: every step of it, against inventories of many kinds.
/// </summary>
public sealed class DeviceSelectionTests
{
    private static readonly NetworkDevice Ice = Port("ens1f0", "0000:3b:00.0", "8086", "ice", 64, 4);
    private static readonly NetworkDevice Mlx = Port("ens2f0", "0000:5e:00.0", "15b3", "mlx5_core", 16, 2) with
    {
        IsRdma = true,
    };
    private static readonly NodeInventory Bare = new(
        "6.1",
        true,
        [
            Ice,
            .. Functions(Ice, 4, "iavf"),
            Mlx,
            .. Functions(Mlx, 2, "mlx5_core").Select(f => f with { IsRdma = true }),
        ],
        [],
        []
    );

    [Fact]
    public void Selects_FunctionsOfRanges_AndExplainsTheOthers()
    {
        var selection = Select(Bare, new DeviceSelector { PfNames = ["ENS1F0#0,2-3"] });

        Assert.Equal(["0000:3b:02.0", "0000:3b:02.2", "0000:3b:02.3"], Addresses(selection));
        Assert.Equal(
            ("physicalFunction", "pfNames", "pfNames"),
            (StepOf(selection, "0000:3b:00.0"), StepOf(selection, "0000:3b:02.1"), StepOf(selection, "0000:5e:02.0"))
        );
        Assert.Contains(
            selection.Eliminated,
            e => e.Device.PciAddress == "0000:3b:02.1" && e.Reason == "its function 1 isn't in 'ENS1F0#0,2-3'"
        );
    }

    [Theory]
    [InlineData("ens1f0", 4)]
    [InlineData("ens1f0#0-1", 2)]
    [InlineData("ens1f0#0,9", 1)]
    [InlineData("ens1f0#", 0)]
    [InlineData("ens1f0#a", 0)]
    [InlineData("ens1f0#1,x,3", 1)]
    [InlineData("ens1f0#3,x,1", 1)]
    [InlineData("ens1f0#0-1-2", 0)]
    [InlineData("ens1f0#0-", 0)]
    [InlineData("ens1f0#-1", 0)]
    [InlineData("ens1f0#0#1", 0)]
    [InlineData("ens1f0#3-1", 0)]
    [InlineData("ens9f0", 0)]
    public void Reads_RangesAsThePluginDoes(string entry, int expected) =>
        Assert.Equal(expected, Select(Bare, new DeviceSelector { PfNames = [entry] }).Chosen.Length);

    [Fact]
    public void Counts_OnlyTheFirstEntryOfAPort()
    {
        Assert.Equal(
            ["0000:3b:02.0"],
            Addresses(Select(Bare, new DeviceSelector { PfNames = ["ens1f0#0", "ens1f0#1-3"] }))
        );
        Assert.Equal(
            ["0000:3b:02.0"],
            Addresses(Select(Bare, new DeviceSelector { RootDevices = ["0000:3b:00.0#0", "0000:3b:00.0#1-3"] }))
        );
    }

    [Fact]
    public void Joins_SelectorsOfOnePool_AndTakesEachDeviceOnce()
    {
        var selection = Select(
            Bare,
            new DeviceSelector { PfNames = ["ens1f0#0-1"] },
            new DeviceSelector { Vendors = ["8086"] },
            new DeviceSelector { PciAddresses = ["0000:5e:02.1"] }
        );

        Assert.Equal(
            ["0000:3b:02.0", "0000:3b:02.1", "0000:3b:02.2", "0000:3b:02.3", "0000:5e:02.1"],
            Addresses(selection)
        );
        Assert.DoesNotContain(selection.Eliminated, e => e.Step == "taken");
    }

    [Fact]
    public void Gives_ADeviceToTheFirstPoolThatTakesIt()
    {
        var both = DeviceSelection.Select(
            [
                Pool("a", new DeviceSelector { PfNames = ["ens1f0#0-1"] }),
                Pool("b", new DeviceSelector { PfNames = ["ens1f0#1-2"] }),
            ],
            Bare
        );

        Assert.Equal(["0000:3b:02.0", "0000:3b:02.1"], Addresses(both[0]));
        Assert.Equal(["0000:3b:02.2"], Addresses(both[1]));
        Assert.Contains(
            both[1].Eliminated,
            e =>
                e
                    is {
                        Step: "taken",
                        Reason: "belongs to weft.dev/a, which comes first",
                        Device.PciAddress: "0000:3b:02.1"
                    }
        );
    }

    internal static TheoryData<string, string, string, DeviceSelector> KeysOfSelectors() =>
        new()
        {
            {
                "vendors",
                "0000:5e:02.0",
                "0000:3b:02.0",
                new DeviceSelector { Vendors = ["15b3"] }
            },
            {
                "devices",
                "0000:5e:02.0",
                "0000:3b:02.0",
                new DeviceSelector { Devices = ["5e01"] }
            },
            {
                "drivers",
                "0000:5e:02.0",
                "0000:3b:02.0",
                new DeviceSelector { Drivers = ["mlx5_core"] }
            },
            {
                "pciAddresses",
                "0000:5e:02.0",
                "0000:3b:02.0",
                new DeviceSelector { PciAddresses = ["0000:5e:02.0"] }
            },
            {
                "acpiIndexes",
                "0000:5e:02.0",
                "0000:3b:02.0",
                new DeviceSelector { AcpiIndexes = ["5e"] }
            },
            {
                "pfNames",
                "0000:5e:02.0",
                "0000:3b:02.0",
                new DeviceSelector { PfNames = ["ens2f0"] }
            },
            {
                "rootDevices",
                "0000:5e:02.0",
                "0000:3b:02.0",
                new DeviceSelector { RootDevices = ["0000:5e:00.0"] }
            },
            {
                "linkTypes",
                "0000:5e:02.0",
                "0000:3b:02.0",
                new DeviceSelector { LinkTypes = ["infiniband"] }
            },
            {
                "ddpProfiles",
                "0000:5e:02.0",
                "0000:3b:02.0",
                new DeviceSelector { DdpProfiles = ["gtp"] }
            },
            {
                "pKeys",
                "0000:5e:02.0",
                "0000:3b:02.0",
                new DeviceSelector { PKeys = ["0xffff"] }
            },
            {
                "isRdma",
                "0000:5e:02.0",
                "0000:3b:02.0",
                new DeviceSelector { IsRdma = true }
            },
        };

    [Theory]
    [MemberData(nameof(KeysOfSelectors))]
    internal void Matches_EveryKey(string key, string taken, string left, DeviceSelector selector)
    {
        var inventory = Bare with
        {
            Devices =
            [
                .. Bare.Devices.Select(d =>
                    d.PciAddress!.StartsWith("0000:5e:02", StringComparison.Ordinal)
                        ? d with
                        {
                            Device = "5e01",
                            AcpiIndex = "5e",
                            LinkType = "infiniband",
                            DdpProfile = "gtp",
                            PartitionKey = "0xffff",
                        }
                        : d with
                        {
                            DdpProfile = "comms",
                        }
                ),
            ],
        };

        var selection = Select(inventory, selector);

        Assert.Contains(taken, Addresses(selection));
        Assert.Equal(key, StepOf(selection, left));
    }

    [Fact]
    public void Names_TheFirstKeyThatFails_InThePluginsOrder()
    {
        var selection = Select(
            Bare,
            new DeviceSelector
            {
                IsRdma = true,
                PfNames = ["ens9"],
                Drivers = ["vfio-pci"],
                Vendors = ["8086"],
            }
        );

        Assert.Empty(selection.Chosen);
        Assert.Equal(("drivers", "vendors"), (StepOf(selection, "0000:3b:02.0"), StepOf(selection, "0000:5e:02.0")));
    }

    [Fact]
    public void Leaves_TheDefaultRouteAlone_OfIPv4Only()
    {
        var inventory = new NodeInventory(
            "6.1",
            false,
            [
                Port("eno1", "0000:01:00.0", "8086", "igb", 0, 0) with
                {
                    HasDefaultRoute = true,
                    HasIPv4DefaultRoute = true,
                },
                Port("eno2", "0000:02:00.0", "8086", "igb", 0, 0) with
                {
                    HasDefaultRoute = true,
                },
                Port("eth0", "0000:03:00.0", "1af4", "virtio-pci", 0, 0) with
                {
                    HasDefaultRoute = true,
                    HasIPv4DefaultRoute = true,
                },
                Port("eno4", "0000:04:00.0", "8086", "igb", 7, 0),
            ],
            [],
            []
        );

        var selection = Select(inventory, new DeviceSelector());

        // The plugin asks for IPv4 alone, and looks for interfaces where virtio has none. A port without functions is a
        // device like another.
        Assert.Equal(["0000:02:00.0", "0000:03:00.0", "0000:04:00.0"], Addresses(selection));
        Assert.Equal("defaultRoute", StepOf(selection, "0000:01:00.0"));
    }

    [Fact]
    public void Leaves_WhatHasNoDriver_OrIsOnNoBus()
    {
        var netvsc = new NetworkDevice("eth1", null, "", "", "hv_netvsc", "00:0d:3a:00:00:01", 1500, true, null)
        {
            LinkType = "ether",
        };
        var inventory = new NodeInventory(
            "6.1",
            false,
            [Port("x", "0000:01:00.0", "8086", "igb", 0, 0) with { Driver = null, Name = null }, netvsc],
            [],
            []
        );

        var selection = Select(inventory, new DeviceSelector());

        Assert.Empty(selection.Chosen);
        Assert.Equal(["driver", "bus"], selection.Eliminated.Select(e => e.Step).Order().Reverse());
    }

    [Fact]
    public void Finds_NoPortInsideAMachine()
    {
        var inventory = new NodeInventory("6.1", false, [Port("ens5", "0000:00:05.0", "8086", "iavf", 0, 0)], [], []);

        var byName = Select(inventory, new DeviceSelector { PfNames = ["ens5"] });

        Assert.Contains(
            "in a virtual machine devices are named by pciAddresses",
            Assert.Single(byName.Eliminated).Reason,
            StringComparison.Ordinal
        );
        Assert.Single(Select(inventory, new DeviceSelector { PciAddresses = ["0000:00:05.0"] }).Chosen);
    }

    [Fact]
    public void Uses_TheLinkTypeOfThePort_ForFunctionsThatUserSpaceHas()
    {
        var inventory = new NodeInventory(
            "6.1",
            true,
            [
                Ice with
                {
                    LinkType = "infiniband",
                },
                .. Functions(Ice, 1, "vfio-pci").Select(f => f with { Name = null, LinkType = "" }),
            ],
            [],
            []
        );

        Assert.Single(Select(inventory, new DeviceSelector { LinkTypes = ["infiniband"] }).Chosen);
        var alone = inventory with { Devices = [inventory.Devices[1]] };
        Assert.Equal("linkTypes", StepOf(Select(alone, new DeviceSelector { LinkTypes = ["ether"] }), "0000:3b:02.0"));
    }

    [Fact]
    public void Plans_FunctionsThatAreNotCreatedYet()
    {
        var inventory = new NodeInventory("6.1", true, [Ice with { Functions = 0 }], [], []);
        var desired = new PhysicalFunction(
            "ens1f0",
            null,
            null,
            9000,
            [
                DesiredPort(0, FunctionDriver.Kernel),
                DesiredPort(1, FunctionDriver.UserSpace),
                DesiredPort(3, FunctionDriver.Kernel),
            ]
        );

        var planned = PlannedInventory.Create(inventory, Configuration(desired));

        Assert.Equal(
            [
                (null, 4, "ice"),
                ("0000:3b:00.0", 0, "iavf"),
                ("0000:3b:00.0", 0, "vfio-pci"),
                ("0000:3b:00.0", 0, "iavf"),
                ("0000:3b:00.0", 0, "iavf"),
            ],
            planned.Devices.Select(d => (d.PhysicalFunction, d.Functions, d.Driver))
        );
        Assert.Equal(
            ["0000:3b:00.0#1"],
            Addresses(Select(planned, new DeviceSelector { PfNames = ["ens1f0#0-3"], Drivers = ["vfio-pci"] }))
        );
    }

    [Fact]
    public void Plans_NoMoreFunctionsThanThePortCanHave()
    {
        var inventory = new NodeInventory("6.1", true, [Ice with { TotalFunctions = 2, Functions = 0 }], [], []);

        var planned = PlannedInventory.Create(
            inventory,
            Configuration(new PhysicalFunction("ens1f0", null, null, 9000, [DesiredPort(5, FunctionDriver.Kernel)]))
        );

        Assert.Equal(3, planned.Devices.Length);
    }

    [Fact]
    public void Plans_DriversAsTheyWillBe()
    {
        var desired = new PhysicalFunction(
            "renamed",
            Ice.MacAddress,
            null,
            9000,
            [DesiredPort(0, FunctionDriver.UserSpace), DesiredPort(1, FunctionDriver.Kernel)]
        );
        var bound = Bare with
        {
            Devices =
            [
                .. Bare.Devices.Select(d =>
                    d is { FunctionIndex: 1, Vendor: "8086" }
                        ? d with
                        {
                            Driver = "vfio-pci",
                            Name = null,
                            LinkType = "",
                        }
                        : d
                ),
            ],
        };
        var mlx = new PhysicalFunction(
            "ens2f0",
            null,
            "0000:5e:00.0",
            9000,
            [DesiredPort(0, FunctionDriver.UserSpace)]
        );

        var planned = PlannedInventory.Create(bound, new NodeConfiguration("w1", [], [desired, mlx], [], []));

        Assert.Equal(
            ["vfio-pci", "iavf", "iavf", "iavf", "mlx5_core", "mlx5_core"],
            planned.Devices.Where(d => d.PhysicalFunction is not null).Select(d => d.Driver)
        );
        Assert.Equal("renamed", planned.Devices[0].Name);
    }

    private static NodeConfiguration Configuration(PhysicalFunction port) => new("w1", [], [port], [], []);

    private static VirtualFunction DesiredPort(int index, FunctionDriver driver) =>
        new(index, "n6", 606, false, true, 1500, driver);

    private static PoolSelection Select(NodeInventory inventory, params ImmutableArray<DeviceSelector> selectors) =>
        DeviceSelection.Select([Pool("n6", selectors)], inventory)[0];

    private static DevicePool Pool(string name, params ImmutableArray<DeviceSelector> selectors) =>
        new("w1", TestSite.Id("~c/l3Networks/n6"), "SRIOV", FunctionDriver.Kernel, name, selectors);

    private static IEnumerable<string> Addresses(PoolSelection selection) =>
        selection.Chosen.Select(d => d.PciAddress!);

    private static string StepOf(PoolSelection selection, string address) =>
        selection.Eliminated.Single(e => e.Device.PciAddress == address).Step;

    private static NetworkDevice Port(string name, string address, string vendor, string driver, int total, int made) =>
        new(name, address, vendor, "1592", driver, $"3c:fd:fe:00:00:{address[5..7]}", 9000, true, 0)
        {
            TotalFunctions = total,
            Functions = made,
            LinkType = "ether",
        };

    private static IEnumerable<NetworkDevice> Functions(NetworkDevice port, int count, string driver) =>
        Enumerable
            .Range(0, count)
            .Select(i => new NetworkDevice(
                $"{port.Name}v{i}",
                $"{port.PciAddress![..8]}02.{i}",
                port.Vendor,
                "1889",
                driver,
                $"02:00:00:00:{port.PciAddress[5..7]}:{i:x2}",
                1500,
                false,
                0
            )
            {
                PhysicalFunction = port.PciAddress,
                FunctionIndex = i,
                LinkType = "ether",
            });
}
