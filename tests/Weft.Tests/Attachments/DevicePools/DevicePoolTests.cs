using System.Collections.Immutable;
using System.Text.Json.Nodes;
using CsCheck;
using Weft.Addressing;
using Weft.Attachments;
using Weft.Attachments.DevicePools;
using Weft.Attachments.Nodes;
using Weft.Attachments.Plugins;
using Weft.Networks;

namespace Weft.Tests.Attachments.DevicePools;

/// <summary>The device plugin's files, read as the device plugin reads them.</summary>
public sealed class DevicePoolTests
{
    private static readonly Network N6 = Net("n6", 606);
    private static readonly Network N2 = Net("n2", 602);

    [Fact]
    public void Gives_EachNetworkTheFunctionsOfItsRanges() =>
        Gen.Int[0, 7]
            .Array[24]
            .Sample(owners =>
            {
                // Every function of three ports is n6's, n2's or nobody's, at random.
                var ports = Enumerable
                    .Range(0, 3)
                    .Select(port => new Uplink($"p{port}", null, 9000, null)
                    {
                        Functions =
                        [
                            .. Enumerable
                                .Range(0, 8)
                                .Where(i => owners[(port * 8) + i] < 4)
                                .Select(i => new FunctionRange(i, i, (owners[(port * 8) + i] < 2 ? N6 : N2).Id.Key)),
                        ],
                    })
                    .ToImmutableArray();
                var devices = ports
                    .SelectMany(
                        (port, p) =>
                            Enumerable
                                .Range(0, 8)
                                .Select(i => new FakePluginDevice($"{p}.{i}", "8086", "iavf")
                                {
                                    PfName = port.Name,
                                    Index = i,
                                })
                    )
                    .Append(new FakePluginDevice("0.pf", "8086", "ice") { IsExcluded = true })
                    .ToArray();
                var pools = new[] { N6, N2 }.SelectMany(network => Pools(network, "SRIOV", false, ports)).ToList();
                var served = FakeDevicePlugin.Allocate(DevicePluginConfig.RenderFile(pools), devices);
                foreach (var (network, from, to) in new[] { (N6, 0, 1), (N2, 2, 3) })
                {
                    var mine = owners
                        .Select((owner, i) => (owner, i))
                        .Where(o => o.owner >= from && o.owner <= to)
                        .Select(o => $"{o.i / 8}.{o.i % 8}")
                        .ToList();
                    Assert.Equal(mine, served.GetValueOrDefault($"weft.dev/{network.Id.Name}") ?? []);
                }
            });

    [Fact]
    public void Gives_DpdkWhatItsDriverIs_WhereNobodyKnowsTheCard()
    {
        var port = new Uplink("p0", null, 9000, null) { Functions = [new(0, 3, N6.Id.Key)] };
        var file = DevicePluginConfig.RenderFile(Pools(N6, "DPDK", false, [port]));
        FakePluginDevice Function(int index, string vendor, string driver, bool rdma = false) =>
            new($"f{index}", vendor, driver)
            {
                PfName = "p0",
                Index = index,
                IsRdma = rdma,
            };
        Assert.Equal(
            ["f0", "f3"],
            FakeDevicePlugin.Allocate(
                file,
                Function(0, "8086", "vfio-pci"),
                Function(1, "8086", "iavf"),
                Function(2, "15b3", "mlx5_core"),
                Function(3, "15b3", "mlx5_core", true)
            )["weft.dev/n6"]
        );
    }

    [Theory]
    [InlineData("15b3", "15b3:mlx5_core:rdma")]
    [InlineData("8086", ":vfio-pci:")]
    public void Gives_DpdkOneSelector_WhereTheInventoryKnowsTheCard(string vendor, string expected)
    {
        var port = new Uplink("p0", null, 9000, null)
        {
            PciAddress = "0000:3b:00.0",
            Functions = [new(0, 3, N6.Id.Key)],
        };
        var selector = Assert.Single(
            Assert
                .Single(
                    Pools(
                        N6,
                        "DPDK",
                        false,
                        [port],
                        new NetworkDevice("p0", "0000:3b:00.0", vendor, "", "x", null, 9000, true, null)
                    )
                )
                .Selectors
        );
        Assert.Equal(
            expected,
            $"{string.Join(',', selector.Vendors)}:{string.Join(',', selector.Drivers)}:{(selector.IsRdma ? "rdma" : "")}"
        );
    }

    [Fact]
    public void Excludes_AFunctionOfAnotherDriver_ForPodsThatNeedAnInterface()
    {
        var port = new Uplink("p0", null, 9000, null)
        {
            PciAddress = "0000:3b:00.0",
            Functions = [new(0, 1, N6.Id.Key)],
        };
        NetworkDevice Function(int index, string driver) =>
            new(null, $"0000:3b:02.{index}", "8086", "1889", driver, null, 0, true, null)
            {
                PhysicalFunction = "0000:3b:00.0",
                FunctionIndex = index,
            };
        var pools = Pools(
            N6,
            "SRIOV",
            false,
            [port],
            new NetworkDevice("p0", "0000:3b:00.0", "8086", "1592", "ice", null, 9000, true, null),
            Function(0, "iavf"),
            Function(1, "vfio-pci")
        );
        Assert.Equal(["iavf"], Assert.Single(Assert.Single(pools).Selectors).Drivers);
    }

    [Fact]
    public void Renders_AFileForEachNode_AndOneForAllWhereItIsTheSame()
    {
        var port = new Uplink("p0", null, 9000, null) { Functions = [new(0, 3, N6.Id.Key)] };
        var drawn = DevicePluginConfig.Render([
            Node("w1", port),
            Node("w2", port),
            new PooledNode("w3", [new Uplink("bond0", null, 9000, null)], null, []),
        ]);
        var data = drawn.Body["data"]!.AsObject();
        Assert.Equal(["config.json", "w1", "w2", "w3"], data.Select(d => d.Key).Order(StringComparer.Ordinal));
        Assert.Equal(data["w1"]!.ToString(), data["config.json"]!.ToString());
        Assert.Empty(JsonNode.Parse(data["w3"]!.ToString())!["resourceList"]!.AsArray());
        Assert.Equal(
            ("ConfigMap kube-system/sriovdp-config", "daemonset kube-system/kube-sriov-device-plugin"),
            (drawn.Title, Annotation(drawn, "weft.dev/restart"))
        );
    }

    [Fact]
    public void Renders_TheUnion_WhereNodesHaveOtherPorts()
    {
        var drawn = DevicePluginConfig.Render([
            Node("w1", new Uplink("p0", null, 9000, null) { Functions = [new(0, 3, N6.Id.Key)] }),
            Node("w2", new Uplink("q0", null, 9000, null) { Functions = [new(0, 1, N6.Id.Key)] }),
        ]);
        var served = FakeDevicePlugin.Allocate(
            drawn.Body["data"]!["config.json"]!.ToString(),
            new FakePluginDevice("a", "8086", "iavf") { PfName = "p0", Index = 3 },
            new FakePluginDevice("b", "8086", "iavf") { PfName = "q0", Index = 3 }
        );
        Assert.Equal(["a"], served["weft.dev/n6"]);
    }

    [Theory]
    [InlineData(0, 3, 0, 1, "function 2 of p0 is n6's on another node, but not on w2")]
    [InlineData(0, 1, 2, 3, "function 2 of p0 is n6's on another node, but not on w1")]
    public void Renders_NoFileForAll_WhereANodeMeansAnotherDeviceByIt(
        int first,
        int last,
        int otherFirst,
        int otherLast,
        string why
    )
    {
        var drawn = DevicePluginConfig.Render([
            Node("w1", new Uplink("p0", null, 9000, null) { Functions = [new(first, last, N6.Id.Key)] }),
            Node("w2", new Uplink("p0", null, 9000, null) { Functions = [new(otherFirst, otherLast, N6.Id.Key)] }),
        ]);
        Assert.Equal(["w1", "w2"], drawn.Body["data"]!.AsObject().Select(d => d.Key));
        Assert.StartsWith(why, Annotation(drawn, "weft.dev/config-json-left-out"), StringComparison.Ordinal);
    }

    [Fact]
    public void Changes_TheDigestOfTheNodeThatChanged()
    {
        PooledNode Other(int last) =>
            Node("w2", new Uplink("q0", null, 9000, null) { Functions = [new(0, last, N6.Id.Key)] });
        var one = Node("w1", new Uplink("p0", null, 9000, null) { Functions = [new(0, 3, N6.Id.Key)] });
        var (before, after) = (
            Digests(DevicePluginConfig.Render([one, Other(1)])),
            Digests(DevicePluginConfig.Render([one, Other(2)]))
        );
        Assert.Equal(before["w1"]!.ToString(), after["w1"]!.ToString());
        Assert.NotEqual(before["w2"]!.ToString(), after["w2"]!.ToString());
    }

    [Fact]
    public void Renders_TheFilesInTheClustersDesiredState()
    {
        var site = TestSite.Small();
        const string K1 = "~c/kubernetesClusters/k1";
        Assert.DoesNotContain(site.DesiredStateOf(K1).Manifests, m => m.Name == "sriovdp-config");
        site.Put(
            TestSite.NodeId("w1"),
            TestSite.Node(
                "{'name':'p0','virtualFunctions':[{'functions':'0-1','networkId':'~c/l3Networks/n6'},"
                    + "{'functions':'2-5','networkId':'~c/trunkedNetworks/ran'}]}",
                "BareMetal"
            )
        );
        site.Put(
            K1,
            TestSite.Kubernetes(
                "'l3Networks':[{'networkId':'~c/l3Networks/n6'}],"
                    + "'trunkedNetworks':[{'networkId':'~c/trunkedNetworks/ran','pluginType':'DPDK'}]"
            )
        );
        var desired = site.DesiredStateOf(K1);
        var file = desired.Manifests.Single(m => m.Name == "sriovdp-config").Body["data"]!["w1"]!.ToString();
        var served = FakeDevicePlugin.Allocate(
            file,
            [
                .. Enumerable
                    .Range(0, 8)
                    .Select(i => new FakePluginDevice($"f{i}", "8086", i < 2 ? "iavf" : "vfio-pci")
                    {
                        PfName = "p0",
                        Index = i,
                    }),
            ]
        );
        Assert.Equal(["f0", "f1"], served["weft.dev/n6"]);
        Assert.Equal(["f2", "f3", "f4", "f5"], served["weft.dev/ran"]);
        var port = Assert.Single(Assert.Single(desired.Nodes).Configuration!.PhysicalFunctions);
        Assert.Equal(
            [
                (0, 606, FunctionDriver.Kernel),
                (1, 606, FunctionDriver.Kernel),
                (2, null, FunctionDriver.UserSpace),
                (3, null, FunctionDriver.UserSpace),
                (4, null, FunctionDriver.UserSpace),
                (5, (int?)null, FunctionDriver.UserSpace),
            ],
            port.Functions.Select(f => (f.Index, f.Vlan, f.Driver))
        );
        Assert.Equal(6, port.Count);
    }

    [Fact]
    public void Allows_TheNodesOwnTagsOnASharedTrunkPort()
    {
        var site = TestSite.Small();
        site.Put(TestSite.NodeId("w1"), TestSite.Node("{'name':'bond0'}", "BareMetal"));
        site.Put(
            "~c/kubernetesClusters/k1",
            TestSite.Kubernetes(
                "'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'MACVLAN'}],"
                    + "'trunkedNetworks':[{'networkId':'~c/trunkedNetworks/ran','pluginType':'MACVLAN'}]"
            )
        );
        var guard = Assert.Single(
            Assert.Single(site.DesiredStateOf("~c/kubernetesClusters/k1").Nodes).Configuration!.Guards
        );
        Assert.Equal(("bond0", "600,602-603,606,750", true), (guard.Interface, guard.Vlans.ToString(), guard.Untagged));
    }

    private static ImmutableArray<DevicePool> Pools(
        Network network,
        string plugin,
        bool isVirtual,
        ImmutableArray<Uplink> uplinks,
        params NetworkDevice[] devices
    )
    {
        ImmutableArray<Uplink> mine = [.. uplinks.Where(u => u.Functions.Any(f => f.Network == network.Id.Key))];
        var attached = new AttachedNetwork(
            new Attachment(network.Id, PluginRegistry.Get(plugin), false, "x[0]"),
            network,
            network.InterfaceName
        )
        {
            IsVirtual = isVirtual,
        };
        return mine.IsEmpty
            ? []
            : PluginRegistry
                .Get(plugin)
                .RenderNode(
                    attached,
                    new AttachedNode("w1", mine[0], ImmutableDictionary<string, ImmutableArray<Lease>>.Empty)
                    {
                        Uplinks = mine,
                        Inventory = devices.Length == 0 ? null : new NodeInventory("6.1", true, [.. devices], [], []),
                    }
                )
                .Pools;
    }

    private static PooledNode Node(string name, Uplink port) =>
        new(name, [port], null, Pools(N6, "SRIOV", false, [port]));

    private static string Annotation(Manifest manifest, string name) =>
        manifest.Body["metadata"]!["annotations"]![name]!.ToString();

    private static JsonObject Digests(Manifest manifest) =>
        JsonNode.Parse(Annotation(manifest, "weft.dev/restart-nodes"))!.AsObject();

    private static Network Net(string name, int vlan) =>
        new(TestSite.Id($"~c/l3Networks/{name}"), NetworkType.L3, name, VlanSet.Create([vlan]), 9000, []);
}
