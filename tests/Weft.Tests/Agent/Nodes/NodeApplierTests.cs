using System.Diagnostics;
using Weft.Addressing;
using Weft.Agent.Linux;
using Weft.Agent.Nodes.Operations;
using Weft.Agent.Nodes.Planning;
using static Weft.Tests.Agent.Nodes.TestNamespace;

namespace Weft.Tests.Agent.Nodes;

/// <summary>A node's configuration on a real kernel, each test in a namespace of its own.</summary>
public sealed class NodeApplierTests
{
    private const string Empty = """{"links":[],"physicalFunctions":[],"devices":[],"guards":[]}""";

    /// <summary>A port found by its MAC address, as an L3 network's OSDevice renders it.</summary>
    private const string Device = """
        {"links":[{"name":"n6","port":{"name":"eth1","macAddress":"02:00:00:00:00:01","mtu":9000,"trunk":false},"mtu":4000,
          "addresses":["10.20.6.11/24","2001:db8:6::11/64"],
          "routes":[{"to":"10.30.0.0/16","via":"10.20.6.1","metric":300},{"to":"2001:db8:30::/48","via":"2001:db8:6::1"}]}],
         "physicalFunctions":[],"devices":[],"guards":[]}
        """;

    /// <summary>A parent of pods' MACVLAN interfaces on a port that the name finds.</summary>
    private const string Parent = """
        {"links":[{"name":"tn0","port":{"name":"eth1","mtu":9000,"trunk":false},"mtu":1500,"addresses":[],"routes":[]}],
         "physicalFunctions":[],"devices":[],"guards":[]}
        """;

    [Fact]
    public void Gives_APortItsNameAddressesAndRoutes() =>
        Run(() =>
        {
            using var node = WithPort();
            var result = node.Apply(Device);
            Assert.Empty(result.Findings);
            var shown = Ip("-d address show n6");
            Assert.Contains("mtu 4000", shown, StringComparison.Ordinal);
            Assert.Contains("altname eth1", shown, StringComparison.Ordinal);
            Assert.Contains("inet 10.20.6.11/24", shown, StringComparison.Ordinal);
            Assert.Contains("inet6 2001:db8:6::11/64", shown, StringComparison.Ordinal);
            Assert.Contains("inet6 fe80::", shown, StringComparison.Ordinal);
            Assert.Contains(
                "10.30.0.0/16 via 10.20.6.1 proto static metric 300",
                Ip("route show dev n6"),
                StringComparison.Ordinal
            );
            Assert.Contains("2001:db8:30::/48 via 2001:db8:6::1", Ip("-6 route show dev n6"), StringComparison.Ordinal);
            Assert.Equal("0", File.ReadAllText("/proc/sys/net/ipv6/conf/n6/accept_ra").Trim());
            Assert.Equal("0", File.ReadAllText("/proc/sys/net/ipv6/conf/n6/autoconf").Trim());
        });

    [Fact]
    public void Loads_NoModuleThatThePolicyRefuses() =>
        Run(() =>
        {
            var root = Directory.CreateTempSubdirectory("weft-sys-");
            var (device, driver) = (
                Path.Join(root.FullName, "sys/bus/pci/devices/0000:06:00.0"),
                Path.Join(root.FullName, "sys/bus/pci/drivers/igb")
            );
            Directory.CreateDirectory(Path.Join(device, "iommu_group"));
            Directory.CreateDirectory(driver);
            File.WriteAllText(Path.Join(driver, "unbind"), "");
            File.WriteAllText(Path.Join(device, "vendor"), "0x8086\n");
            Directory.CreateSymbolicLink(Path.Join(device, "driver"), driver);
            using var node = new TestNode(sysfs: new Sysfs(root.FullName))
            {
                ModuleRule = module => $"modules.deny '{module}'",
            };
            var result = node.Apply(
                """
                {"links":[],"physicalFunctions":[],"guards":[],
                 "devices":[{"name":"eth5","pciAddress":"0000:06:00.0","network":"n","mtu":1500,"driver":"UserSpace"}]}
                """
            );
            Assert.Empty(result.Findings);
            var refused = Assert.Single(result.Drift);
            Assert.Equal("eth5: give it to vfio-pci", refused.What);
            Assert.Equal(
                "refused by the node's policy, modules.deny 'vfio-pci': the module vfio-pci is not loaded for weftd",
                refused.Was
            );
            // The driver that it has is left to it.
            Assert.Equal("", File.ReadAllText(Path.Join(driver, "unbind")));
            root.Delete(recursive: true);
        });

    [Fact]
    public void Writes_NothingTheSecondTime() =>
        Run(() =>
        {
            using var node = WithPort();
            node.Apply(Device);
            var (writes, before) = (node.Kernel.Writes, Snapshot());
            var files = Directory.GetFiles(node.State).ToDictionary(f => f, File.GetLastWriteTimeUtc);
            for (var i = 0; i < 3; i++)
            {
                var result = node.Apply(Device);
                Assert.Equal((0, 0), (result.Written, result.Removed));
                Assert.Empty(result.Findings);
            }

            Assert.Equal(writes, node.Kernel.Writes);
            Assert.Equal(before, Snapshot());
            Assert.Equal(files, Directory.GetFiles(node.State).ToDictionary(f => f, File.GetLastWriteTimeUtc));
        });

    [Fact]
    public void Keeps_AParent_UntilNoPodStandsOnIt() =>
        Run(() =>
        {
            using var node = WithPort();
            Ip("link set eth1-peer up");
            Assert.Empty(node.Apply(Parent).Findings);
            using var pod = Process.Start(
                new ProcessStartInfo("unshare", "--net sleep 1000") { RedirectStandardOutput = true }
            )!;
            try
            {
                WaitForOwnNamespace(pod);
                Ip($"link add link tn0 name pod0 netns {pod.Id} type macvlan mode bridge");
                TestNamespace.Run("nsenter", $"--net --target {pod.Id} ip link set pod0 up");

                var held = node.Apply(Empty);
                Assert.Empty(held.Findings);
                var drift = Assert.Single(held.Drift);
                Assert.StartsWith("tn0 of ", drift.What, StringComparison.Ordinal);
                Assert.Contains("stand on it", drift.Was, StringComparison.Ordinal);
                Assert.Contains("UP", Ip("link show tn0"), StringComparison.Ordinal);

                // What the pod's plugin does, which finds its parent.
                TestNamespace.Run("nsenter", $"--net --target {pod.Id} ip link delete pod0");
                Assert.Empty(node.Apply(Empty).Drift);
                Assert.DoesNotContain("tn0", Ip("-o link show"), StringComparison.Ordinal);
            }
            finally
            {
                pod.Kill();
                pod.WaitForExit();
            }
        });

    private static void WaitForOwnNamespace(Process process)
    {
        var mine = new FileInfo("/proc/thread-self/ns/net").LinkTarget;
        var limit = Stopwatch.StartNew();
        while (new FileInfo($"/proc/{process.Id}/ns/net").LinkTarget is var its && (its is null || its == mine))
        {
            Assert.True(limit.Elapsed < TimeSpan.FromSeconds(20), "unshare made no network namespace");
            Thread.Sleep(5);
        }
    }

    [Fact]
    public void Leaves_NoIPv6OnAParentWithoutAddresses() =>
        Run(() =>
        {
            using var node = WithPort();
            Ip("link set eth1 up");
            Ip("link set eth1-peer up");
            Assert.Contains("inet6 fe80::", Ip("address show eth1"), StringComparison.Ordinal);
            Assert.Empty(node.Apply(Parent).Findings);
            Assert.Contains("UP", Ip("link show tn0"), StringComparison.Ordinal);
            Assert.DoesNotContain("inet", Ip("address show tn0"), StringComparison.Ordinal);
            Ip("link set tn0 down");
            Ip("link set tn0 up");
            Assert.DoesNotContain("inet", Ip("address show tn0"), StringComparison.Ordinal);
        });

    [Fact]
    public void Puts_EverythingBack_OnceNobodyWantsIt() =>
        Run(() =>
        {
            using var node = WithPort();
            var before = Snapshot();
            node.Apply(Device);
            Assert.NotEqual(before, Snapshot());
            var result = node.Apply(Empty);
            Assert.Empty(result.Findings);
            Assert.Equal(before, Snapshot());
            Assert.Empty(node.Store.ReadOwned().Steps);
        });

    [Theory]
    [InlineData("address delete 10.20.6.11/24 dev n6")]
    [InlineData("address flush dev n6")]
    [InlineData("link set n6 down")]
    [InlineData("link set n6 mtu 1400")]
    [InlineData("route delete 10.30.0.0/16")]
    [InlineData("link set n6 name other")]
    public void Repairs_WhatAnotherHasChanged(string hand) =>
        Run(() =>
        {
            using var node = WithPort();
            node.Apply(Device);
            var before = StableSnapshot();
            Ip(hand);
            Assert.NotEqual(before, StableSnapshot());
            var result = node.Apply(Device);
            Assert.Empty(result.Findings);
            Assert.NotEmpty(result.Drift);
            Assert.All(result.Drift, drift => Assert.True(drift.IsRepaired));
            Assert.Equal(before, StableSnapshot());
            var writes = node.Kernel.Writes;
            node.Apply(Device);
            Assert.Equal(writes, node.Kernel.Writes);
        });

    [Fact]
    public void Reports_DriftAndLeavesIt_WhereThePolicyIsToReport() =>
        Run(() =>
        {
            using var node = WithPort();
            node.Policy = node.Policy with { RepairsDrift = false };
            node.Apply(Device);
            Ip("link set n6 mtu 1400");
            var result = node.Apply(Device);
            var drift = Assert.Single(result.Drift);
            Assert.Equal(("n6 of w1", "wanted: MTU 4000 (is 1400)", false), (drift.What, drift.Was, drift.IsRepaired));
            Assert.Contains("mtu 1400", Ip("link show n6"), StringComparison.Ordinal);
            // Another desired state is no drift: it is applied.
            Assert.Empty(node.Apply(Device.Replace("\"mtu\":4000", "\"mtu\":5000", StringComparison.Ordinal)).Findings);
            Assert.Contains("mtu 5000", Ip("link show n6"), StringComparison.Ordinal);
        });

    [Fact]
    public void Leaves_AddressesRoutesAndLinksOfOthersAlone() =>
        Run(() =>
        {
            using var node = WithPort();
            Ip("link add foreign type bridge");
            Ip("address add 192.168.7.1/24 dev foreign");
            node.Apply(Device);
            Ip("address add 10.20.6.99/24 dev n6");
            Ip("address add 10.77.0.1/16 dev n6");
            Ip("route add 10.78.0.0/16 via 10.20.6.2");
            node.Apply(Device);
            Assert.Contains("10.20.6.99/24", Ip("address show n6"), StringComparison.Ordinal);
            // The kernel takes the secondaries of a subnet away with its first address; those aren't ours to lose.
            var result = node.Apply(
                Device
                    .Replace("\"10.20.6.11/24\",", "", StringComparison.Ordinal)
                    .Replace(
                        "{\"to\":\"10.30.0.0/16\",\"via\":\"10.20.6.1\",\"metric\":300},",
                        "",
                        StringComparison.Ordinal
                    )
            );
            Assert.Empty(result.Findings);
            var shown = Ip("address show n6");
            Assert.DoesNotContain("10.20.6.11/24", shown, StringComparison.Ordinal);
            Assert.Contains("10.20.6.99/24", shown, StringComparison.Ordinal);
            Assert.Contains("10.77.0.1/16", shown, StringComparison.Ordinal);
            Assert.Contains("10.78.0.0/16 via 10.20.6.2", Ip("route show"), StringComparison.Ordinal);
            node.Apply(Empty);
            Assert.Contains("10.77.0.1/16", Ip("address show eth1"), StringComparison.Ordinal);
            Assert.Contains("192.168.7.1/24", Ip("address show foreign"), StringComparison.Ordinal);
        });

    [Fact]
    public void Reports_ALinkOfThatNameThatItDidNotMake() =>
        Run(() =>
        {
            using var node = WithPort();
            Ip("link add n6 type bridge");
            var before = Snapshot();
            var result = node.Apply(Device);
            Assert.Contains(
                "eth1 can't be named n6: another interface that the agent didn't make has this name",
                Assert.Single(result.Findings),
                StringComparison.Ordinal
            );
            Assert.Equal(before, Snapshot());
            Ip("link delete n6");
            Assert.Empty(node.Apply(Device).Findings);
        });

    [Fact]
    public void Reports_AnAddressThatAnotherInterfaceHas() =>
        Run(() =>
        {
            using var node = WithPort();
            Ip("link add foreign type bridge");
            Ip("address add 10.20.6.11/32 dev foreign");
            var result = node.Apply(Device);
            Assert.Contains(
                "because foreign has 10.20.6.11",
                string.Join('|', result.Findings),
                StringComparison.Ordinal
            );
            Assert.DoesNotContain("10.20.6.11", Ip("address show n6"), StringComparison.Ordinal);
            Assert.Contains("2001:db8:6::11/64", Ip("address show n6"), StringComparison.Ordinal);
        });

    [Fact]
    public void Adds_NoSecondDefaultRoute() =>
        Run(() =>
        {
            using var node = WithPort();
            Ip("link add up0 type bridge");
            Ip("link set up0 up");
            Ip("address add 192.168.7.2/24 dev up0");
            Ip("route add default via 192.168.7.1");
            var wanted = Device.Replace("10.30.0.0/16", "0.0.0.0/0", StringComparison.Ordinal);
            Assert.Contains(
                "a default route via 10.20.6.1 is not added, because the node has one via 192.168.7.1",
                string.Join('|', node.Apply(wanted).Findings),
                StringComparison.Ordinal
            );
            Assert.Single(Ip("route show default").Split('\n', StringSplitOptions.RemoveEmptyEntries));
        });

    [Fact]
    public void Reports_WhatThisKernelHasNot() =>
        Run(() =>
        {
            using var node = WithPort();
            var result = node.Apply(
                """
                {
                  "links": [
                    {
                      "name": "n6",
                      "port": { "name": "eth1", "macAddress": "02:00:00:00:00:01", "mtu": 9000, "trunk": true },
                      "vlan": 101,
                      "mtu": 1500,
                      "addresses": ["10.20.6.11/24"],
                      "routes": []
                    }
                  ],
                  "physicalFunctions": [],
                  "devices": [],
                  "guards": []
                }
                """
            );
            Assert.SkipWhen(result.Findings.Count == 0, "this kernel has 802.1Q");
            Assert.Contains(
                "this node's kernel has no 802.1Q",
                Assert.Single(result.Findings),
                StringComparison.Ordinal
            );
            Assert.Contains("mtu 9000", Ip("link show eth1"), StringComparison.Ordinal);
        });

    [Fact]
    public void Reports_AMissingPortAndKeepsTheRest() =>
        Run(() =>
        {
            using var node = WithPort();
            var both = Device.Replace(
                "\"links\":[",
                """
                "links": [
                  {
                    "name": "n7",
                    "port": { "name": "eth7", "macAddress": "02:00:00:00:00:07", "mtu": 1500, "trunk": false },
                    "mtu": 1500,
                    "addresses": [],
                    "routes": []
                  },
                """,
                StringComparison.Ordinal
            );
            Assert.Contains(
                "n7: no port has the MAC address 02:00:00:00:00:07",
                Assert.Single(node.Apply(both).Findings),
                StringComparison.Ordinal
            );
            Assert.Contains("10.20.6.11/24", Ip("address show n6"), StringComparison.Ordinal);
            // A port that is lost for a while takes nothing else with it.
            Ip("link set n6 address 02:00:00:00:00:66");
            Assert.Equal(2, node.Apply(both).Findings.Count);
            Assert.Contains("10.20.6.11/24", Ip("address show n6"), StringComparison.Ordinal);
        });

    [Fact]
    public void Touches_NothingInAPlan() =>
        Run(() =>
        {
            using var node = WithPort();
            var before = Snapshot();
            var plan = node.Plan(Device);
            Assert.Contains("eth1: name it n6", plan.Operations.Select(operation => operation.ToString()));
            Assert.Contains("n6: address 10.20.6.11/24", plan.Operations.Select(operation => operation.ToString()));
            Assert.Equal(before, Snapshot());
            Assert.Equal(0, node.Kernel.Writes);
            Assert.Empty(Directory.GetFiles(node.State));
            node.Apply(Device);
            Assert.Empty(node.Plan(Device).Operations);
        });

    [Fact]
    public void RollsBack_WhatCutsTheNodeOff() =>
        Run(() =>
        {
            using var node = WithPort();
            Ip("link set eth1 up");
            Ip("address add 192.168.9.5/24 dev eth1");
            Ip("route add 10.99.0.0/16 via 192.168.9.1 metric 7");
            var before = Snapshot();
            var asked = 0;
            // Within reach before the change, and not after it.
            node.Reach = () => asked++ == 0 ? null : "no route to host";
            var result = node.Apply(Device);
            Assert.Contains(
                "was taken back, because the control plane was not within reach for 30 s after it was applied: no route to host",
                Assert.Single(result.Findings),
                StringComparison.Ordinal
            );
            Assert.Equal(before, Snapshot());
            Assert.Null(node.Store.ReadPending());
            Assert.Empty(node.Store.ReadOwned().Steps);

            // Not tried again for the same configuration, but at once for another.
            node.Reach = () => null;
            var writes = node.Kernel.Writes;
            Assert.Contains(
                "it is tried again at",
                Assert.Single(node.Apply(Device).Findings),
                StringComparison.Ordinal
            );
            Assert.Equal(writes, node.Kernel.Writes);
            Assert.Empty(node.Apply(Device.Replace("\"mtu\":4000", "\"mtu\":5000", StringComparison.Ordinal)).Findings);
            Assert.Contains("mtu 5000", Ip("link show n6"), StringComparison.Ordinal);
            Assert.Contains("192.168.9.5/24", Ip("address show n6"), StringComparison.Ordinal);
            Assert.Contains("10.99.0.0/16 via 192.168.9.1 dev n6", Ip("route show"), StringComparison.Ordinal);
        });

    [Fact]
    public void Retries_AfterADelay() =>
        Run(() =>
        {
            var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
            using var node = WithPort(clock);
            var asked = 0;
            node.Reach = () => asked++ % 2 == 0 ? null : "no route to host";
            node.Apply(Device);
            clock.Advance(TimeSpan.FromSeconds(59));
            node.Apply(Device);
            Assert.Equal(2, asked);
            clock.Advance(TimeSpan.FromSeconds(2));
            Assert.Contains(
                "it is tried again in 2 min",
                Assert.Single(node.Apply(Device).Findings),
                StringComparison.Ordinal
            );
            clock.Advance(TimeSpan.FromMinutes(3));
            node.Reach = () => null;
            Assert.Empty(node.Apply(Device).Findings);
            Assert.Null(node.Store.ReadRolledBack());
        });

    [Fact]
    public void Keeps_AProvenConfiguration_WhileTheControlPlaneIsAway() =>
        Run(() =>
        {
            using var node = WithPort();
            node.Apply(Device);
            node.Reach = () => "connection refused";
            Ip("address flush dev n6");
            Assert.Empty(node.Apply(Device).Findings);
            Assert.Contains("10.20.6.11/24", Ip("address show n6"), StringComparison.Ordinal);
            // One that was never proven is not kept: nobody could repair it from afar.
            Assert.Contains(
                "was taken back",
                Assert.Single(
                    node.Apply(Device.Replace("\"mtu\":4000", "\"mtu\":5000", StringComparison.Ordinal)).Findings
                ),
                StringComparison.Ordinal
            );
            Assert.Contains("mtu 4000", Ip("link show n6"), StringComparison.Ordinal);
        });

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(6)]
    [InlineData(99)]
    public void RollsBack_WhatAKilledAgentLeft(int steps) =>
        Run(() =>
        {
            using var node = WithPort();
            var before = Snapshot();
            // As far as an agent comes that is killed after so many operations.
            var plan = node.Plan(Device);
            node.Store.Save(
                new PendingChange(
                    node.Reader.Boot,
                    "x",
                    IsDone: false,
                    OwnedState.Empty,
                    [.. plan.Operations.Reverse().Select(operation => operation.Undo()).OfType<NodeOperation>()]
                )
            );
            foreach (var operation in plan.Operations.Take(steps))
                node.Executor.Execute(operation);
            node.Apply(Empty);
            Assert.Equal(before, Snapshot());
            Assert.Null(node.Store.ReadPending());
        });

    [Fact]
    public void Loads_TheGuardAgain_WhenSomebodyFlushesOrEditsIt() =>
        Run(() =>
        {
            Assert.SkipUnless(NodePrograms.Find("nft") is not null, "nft is not installed");
            using var node = WithPort();
            var desired = TestNode.Desired(Parent) with
            {
                Guards = Weft.Attachments.Formats.TrunkGuardRuleset.Write([
                    new("tn0", "n", VlanSet.Parse("101,103-110").Value, Untagged: false),
                ]),
            };
            Run("nft", "add table inet theirs");
            Assert.Empty(node.Apply(desired).Findings);
            var shown = Run("nft", "list ruleset");
            Assert.Contains("elements = { 101, 103-110 }", shown, StringComparison.Ordinal);
            Assert.Equal(0, node.Apply(desired).Written);
            foreach (
                var hand in (string[])
                    [
                        "flush ruleset",
                        "delete table netdev weft-trunk-tn0",
                        "add element netdev weft-trunk-tn0 allowed { 666 }",
                    ]
            )
            {
                Run("nft", hand);
                Assert.NotEqual(shown, Run("nft", "list ruleset"));
                Assert.True(Assert.Single(node.Apply(desired).Drift).IsRepaired);
                Assert.Equal(0, node.Apply(desired).Written);
                Assert.Contains("elements = { 101, 103-110 }", Run("nft", "list ruleset"), StringComparison.Ordinal);
            }

            Run("nft", "add table inet theirs");
            node.Apply(TestNode.Desired(Parent));
            Assert.Equal("table inet theirs {\n}\n", Run("nft", "list ruleset"));
        });

    [Fact]
    public void Puts_BackTheGuardThatWasThere_WhenTheNodeIsCutOff() =>
        Run(() =>
        {
            Assert.SkipUnless(NodePrograms.Find("nft") is not null, "nft is not installed");
            using var node = WithPort();
            DesiredNode Of(string vlans) =>
                TestNode.Desired(Parent) with
                {
                    Guards = Weft.Attachments.Formats.TrunkGuardRuleset.Write([
                        new("tn0", "n", VlanSet.Parse(vlans).Value, Untagged: false),
                    ]),
                };
            node.Apply(Of("101"));
            var asked = 0;
            node.Reach = () => asked++ == 0 ? null : "no route to host";
            Assert.Contains("was taken back", Assert.Single(node.Apply(Of("102")).Findings), StringComparison.Ordinal);
            Assert.Contains("elements = { 101 }", Run("nft", "list ruleset"), StringComparison.Ordinal);
            node.Reach = () => null;
            Assert.Equal(0, node.Apply(Of("101")).Written);
        });

    [Fact]
    public void Forgets_WhatWasMadeBeforeTheMachineStarted() =>
        Run(() =>
        {
            using var node = WithPort();
            node.Store.Save(
                new OwnedState(
                    "another boot",
                    [new AddAddress("eth1", "10.5.5.5", 24), new RenameLink("eth9", "eth1", true)]
                )
            );
            Ip("address add 10.5.5.5/24 dev eth1");
            node.Apply(Empty);
            Assert.Contains("10.5.5.5/24", Ip("address show eth1"), StringComparison.Ordinal);
        });

    private static TestNode WithPort(TimeProvider? clock = null)
    {
        Ip("link set lo up");
        Ip("link add eth1 address 02:00:00:00:00:01 type veth peer name eth1-peer");
        Ip("link set eth1-peer mtu 9000 addrgenmode none");
        Ip("link set eth1-peer up");
        return new TestNode(clock: clock);
    }

    /// <summary>
    /// What a person would call the node's network: the queue that the kernel gives an interface at its first start
    /// isn't part of it.
    /// </summary>
    private static string Snapshot() =>
        // The carrier of the other end follows by itself, a moment later.
        System.Text.RegularExpressions.Regex.Replace(
            TestNode.Snapshot(),
            "qdisc \\w+|NO-CARRIER,|,LOWER_UP|state \\w+",
            ""
        );

    /// <summary>The same without what time alone changes: duplicate address detection and the carrier.</summary>
    private static string StableSnapshot() =>
        string.Join(
            '\n',
            Ip("-o address show")
                .Split('\n')
                .Concat(Ip("route show").Split('\n'))
                .Concat(Ip("-6 route show").Split('\n'))
                .Append(Ip("-o link show").Replace("LOWERLAYERDOWN", "DOWN", StringComparison.Ordinal))
                .Select(line => line.Replace(" tentative", "", StringComparison.Ordinal).Trim())
        );
}
