using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Attachments;
using Weft.Attachments.DevicePools;
using Weft.Attachments.Formats;
using Weft.Attachments.Nodes;
using Weft.Attachments.Plugins;
using Weft.Fleet;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Tests.Attachments.Plugins;

/// <summary>
/// What is rendered, byte for byte. WEFT_WRITE_GOLDEN=1 rewrites the files; read the difference before you keep it.
/// </summary>
public sealed class PluginGoldenTests
{
    private static readonly Limits Limits = Limits.Default;
    private static readonly string[] Networks = ["l2", "l3", "trunk"];

    public static TheoryData<string, string, bool, bool> Cases()
    {
        var data = new TheoryData<string, string, bool, bool>();
        foreach (var plugin in PluginRegistry.All)
        {
            foreach (var network in Networks.Where(network => plugin.ReasonNotServing(Net(network).Type) is null))
            {
                foreach (var isVirtual in new[] { true, false })
                {
                    data.Add(plugin.Name, network, false, isVirtual);
                    if (network == "l3" && plugin.ServesPods)
                        data.Add(plugin.Name, network, true, isVirtual);
                }
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Renders_EachPluginOnEachNetworkAndNode(string name, string network, bool ipam, bool isVirtual)
    {
        var drawn = Net(network);
        var plugin = PluginRegistry.Get(name);
        var attachment = new Attachment(drawn.Id, plugin, ipam, "properties.attachedNetworkConfiguration.x[0]");
        var attached = new AttachedNetwork(
            attachment,
            drawn,
            plugin.TagsOnPort && network == "trunk" && !isVirtual ? "bond0" : drawn.InterfaceName
        )
        {
            IsVirtual = isVirtual,
            L3Networks = network == "trunk" ? OnTrunk : ImmutableDictionary<int, Network>.Empty,
        };
        var part = plugin.RenderNode(attached, NodeOf(plugin, drawn, isVirtual));
        Assert.Empty(part.RenderErrors);
        Compare(
            $"{name}-{network}{(ipam ? "-ipam" : "")}-{(isVirtual ? "virtual" : "baremetal")}",
            Text(part, plugin.RenderManifests(attached))
        );
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Renders_DpdkOfACardWhoseDriverStaysInTheKernel(bool isVirtual)
    {
        var drawn = Net("l3");
        var renderer = PluginRegistry.Get("DPDK");
        var node = NodeOf(renderer, drawn, isVirtual);
        NetworkDevice[] cards = isVirtual
            ?
            [
                Card("0000:00:05.0", "15b3", "52:54:00:00:00:01", "mlx5_core"),
                Card("0000:00:06.0", "15b3", "52:54:00:00:00:02", "mlx5_core"),
            ]
            :
            [
                Card("0000:3b:00.0", "15b3", "52:54:00:00:00:01", "mlx5_core"),
                Card("0000:3b:00.1", "15b3", "52:54:00:00:00:02", "mlx5_core"),
            ];
        node = node with { Inventory = new NodeInventory("6.1", true, [.. cards], [], []) };
        var attached = new AttachedNetwork(new Attachment(drawn.Id, renderer, true, "x[0]"), drawn, drawn.InterfaceName)
        {
            IsVirtual = isVirtual,
            KeepsInterfaces = true,
        };
        Compare(
            $"DPDK-l3-mlx5-{(isVirtual ? "virtual" : "baremetal")}",
            Text(renderer.RenderNode(attached, node), renderer.RenderManifests(attached))
        );
    }

    [Fact]
    public void Renders_APortThatTheSystemKnowsByItsMac()
    {
        var uplink = new Uplink("ens1f0", "52:54:00:00:00:09", 9000, null);
        var attached = new AttachedNetwork(
            new Attachment(Net("trunk").Id, PluginRegistry.Get("OSDevice"), false, "x[0]"),
            Net("trunk"),
            "ens1f0"
        );
        var links = PluginRegistry
            .Get("OSDevice")
            .RenderNode(
                attached,
                new AttachedNode("w1", uplink, ImmutableDictionary<string, ImmutableArray<Lease>>.Empty)
            )
            .Links;
        Compare("OSDevice-trunk-port-with-mac", NetplanDocument.Write([.. links]));
    }

    [Theory]
    [InlineData("core-east")]
    [InlineData("core-west")]
    public void Renders_TheClustersOfTheExample(string name)
    {
        var desired = Example(name, site => (id => ClusterRenderer.Render(site.State, id, Limits)));
        Assert.Empty(desired.RenderErrors);
        Compare(name, Yaml.WriteAll(desired.Manifests.Select(m => m.Body)));
    }

    [Theory]
    [InlineData("probe1")]
    [InlineData("router1")]
    public void Renders_TheMachinesOfTheExample(string name) =>
        Compare(
            name,
            Example(name, site => (id => MachineRenderer.Render(site.State, id, Limits)))
                .Nodes.Single()
                .Files.Single()
                .Content
        );

    [Fact]
    public void Gives_NoVlanOfATrunkMoreThanItsParentCarries()
    {
        var wide = ImmutableDictionary<int, Network>.Empty.Add(602, Net("l3"));
        var trunk = Net("trunk") with { Mtu = 1500 };
        foreach (
            var uplink in new[]
            {
                new Uplink("eth1", "52:54:00:00:00:01", 9000, trunk.Id.Key),
                new Uplink("bond0", null, 4000, null),
            }
        )
        {
            var attached = new AttachedNetwork(
                new Attachment(trunk.Id, PluginRegistry.Get("OSDevice"), false, "x[0]"),
                trunk,
                "ran"
            );
            var links = PluginRegistry
                .Get("OSDevice")
                .RenderNode(
                    attached with
                    {
                        L3Networks = wide,
                    },
                    new AttachedNode("w1", uplink, ImmutableDictionary<string, ImmutableArray<Lease>>.Empty)
                )
                .Links;
            Assert.All(links, link => Assert.InRange(link.Mtu, 1, links[0].Mtu));
            Assert.InRange(links[0].Mtu, 1, uplink.Mtu);
            Assert.Equal(uplink.Mtu, links.Single(l => l.Vlan == 602).Mtu);
        }
    }

    private static DesiredState Example(string name, Func<TestSite, Func<ResourceId, DesiredState>> draw) =>
        draw(TestSite.Example())(
            ResourceId
                .Parse(
                    Examples
                        .Documents()
                        .Select(d => d["id"]!.ToString())
                        .Single(id =>
                            id.EndsWith($"/{name}", StringComparison.Ordinal)
                            && !id.Contains("Weft.Fleet", StringComparison.Ordinal)
                        )
                )
                .Value
        );

    private static ImmutableDictionary<int, Network> OnTrunk { get; } =
        ImmutableDictionary<int, Network>.Empty.Add(
            602,
            Net("l3") with
            {
                Id = TestSite.Id("~c/l3Networks/n2"),
                InterfaceName = "n2",
                Vlans = VlanSet.Create([602]),
            }
        );

    /// <summary>A node with two ports for pods' devices, and one for all the others.</summary>
    private static AttachedNode NodeOf(IPlugin plugin, Network network, bool isVirtual)
    {
        var addresses = ImmutableDictionary<string, ImmutableArray<Lease>>
            .Empty.Add("n6", Leases("10.20.6.4", "fd20:0:0:606::4"))
            .Add("ran.602", Leases("10.20.6.5", "fd20:0:0:606::5"));
        var key = network.Id.Key;
        ImmutableArray<Uplink> ports = (plugin.NeedsDevices, isVirtual) switch
        {
            (true, true) =>
            [
                new("eth1", "52:54:00:00:00:01", 9000, key) { PciAddress = "0000:00:05.0" },
                new("eth2", "52:54:00:00:00:02", 9000, key) { PciAddress = "0000:00:06.0" },
            ],
            (true, false) =>
            [
                new("ens1f0", "52:54:00:00:00:01", 9000, null)
                {
                    PciAddress = "0000:3b:00.0",
                    Functions = [new(0, 1, key), new(2, 3, "another"), new(6, 6, key)],
                },
                new("ens1f1", "52:54:00:00:00:02", 9000, null)
                {
                    PciAddress = "0000:3b:00.1",
                    Functions = [new(0, 3, key)],
                },
            ],
            (false, true) => [new("eth1", "52:54:00:00:00:01", 9000, key)],
            (false, false) => [new("bond0", null, 9000, null)],
        };
        return new AttachedNode("w1", ports[0], addresses) { Uplinks = ports };
    }

    private static NetworkDevice Card(string pci, string vendor, string mac, string driver) =>
        new("p", pci, vendor, "101d", driver, mac, 9000, true, 0) { TotalFunctions = 16 };

    /// <summary>
    /// All that a part says: the interfaces as netplan has them, what else the node must have, the objects, and the
    /// device plugin's file.
    /// </summary>
    private static string Text(NodePart part, IEnumerable<Manifest> manifests)
    {
        var text = NetplanDocument.Write(part.Links);
        var rest = NodeParts.Merge("w1", [part]).ToJson();
        rest.Remove("links");
        foreach (
            var empty in rest.Where(member => member.Value!.AsArray().Count == 0).Select(member => member.Key).ToList()
        )
            rest.Remove(empty);
        if (rest.Count > 0)
            text += "---\n" + Yaml.Write(rest);
        foreach (var manifest in manifests)
            text += "---\n" + Yaml.Write(manifest.Body);
        return part.Pools.IsEmpty
            ? text
            : text
                + "---\n"
                + Yaml.Write(System.Text.Json.Nodes.JsonNode.Parse(DevicePluginConfig.RenderFile(part.Pools)));
    }

    private static Network Net(string name) =>
        name switch
        {
            "l2" => new(TestSite.Id("~c/l2Networks/heart_beat"), NetworkType.L2, "ha", VlanSet.Create([750]), 9000, []),
            "l3" => new(
                TestSite.Id("~c/l3Networks/n6"),
                NetworkType.L3,
                "n6",
                VlanSet.Create([606]),
                9000,
                [
                    new Subnet(Prefix.Parse("10.20.6.0/24").Value, 3),
                    new Subnet(Prefix.Parse("fd20:0:0:606::/64").Value, 3),
                ]
            ),
            _ => new(
                TestSite.Id("~c/trunkedNetworks/ran"),
                NetworkType.Trunked,
                "ran",
                VlanSet.Create([602, 603, 750]),
                1500,
                []
            ),
        };

    private static ImmutableArray<Lease> Leases(params string[] addresses) =>
        [
            .. addresses.Select(a => new Lease(
                Address.Parse(a).Value,
                new Holder("node:w1", "node w1"),
                LeaseMethod.Dynamic,
                TestSite.Now
            )),
        ];

    private static void Compare(string name, string drawn)
    {
        var file = Path.Combine(Repository.Root, "tests", "Weft.Tests", "Attachments", "Golden", $"{name}.yaml");
        if (Environment.GetEnvironmentVariable("WEFT_WRITE_GOLDEN") == "1")
            File.WriteAllText(file, drawn);
        Assert.True(File.Exists(file), $"{file} isn't there; run once with WEFT_WRITE_GOLDEN=1 and review it");
        Assert.Equal(File.ReadAllText(file), drawn);
    }
}
