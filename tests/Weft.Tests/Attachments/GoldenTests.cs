using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Attachments;
using Weft.Attachments.Renderers;
using Weft.Fleet;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Tests.Rooms.Attachments;

/// <summary>What is drawn, byte for byte. WEFT_WRITE_GOLDEN=1 writes the files anew; read the difference before you keep it.</summary>
public sealed class GoldenTests
{
    private static readonly Limits Limits = Limits.Standard;

    public static TheoryData<string, bool, bool, bool> Cases()
    {
        var data = new TheoryData<string, bool, bool, bool>();
        foreach (var network in new[] { "l2", "l3", "trunk" })
        {
            foreach (var isVirtual in new[] { true, false })
            {
                data.Add(network, true, false, isVirtual);
                if (network == "l3")
                    data.Add(network, true, true, isVirtual);
                data.Add(network, false, false, isVirtual);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Draws_EachPluginOnEachNetworkAndNode(string network, bool pods, bool ipam, bool isVirtual)
    {
        var plugin = pods ? PluginType.MACVLAN : PluginType.OSDevice;
        var drawn = Net(network);
        var attachment = new Attachment(drawn.Id, plugin, ipam, "properties.attachedNetworkConfiguration.x[0]");
        var uplink = isVirtual ? new Uplink("eth1", "52:54:00:00:00:01", 9000, drawn.Id.Key) : new Uplink("bond0", null, 9000, null);
        var renderer = Plugins.Find(plugin)!;
        var master = network == "trunk" && !isVirtual ? "bond0" : drawn.InterfaceName;
        var layer3 = ImmutableDictionary<int, Network>.Empty.Add(602, Net("l3") with { InterfaceName = "n2", Vlans = VlanSet.Of([602]) });
        var addresses = ImmutableDictionary<string, ImmutableArray<Lease>>.Empty
            .Add("n6", Leases("10.20.6.4", "fd20:0:0:606::4")).Add("ran.602", Leases("10.20.6.5", "fd20:0:0:606::5"));
        var attached = new AttachedNetwork(attachment, drawn, master) { IsVirtual = isVirtual, LayerThree = layer3 };
        var text = NetworkConfig.Write(renderer.On(attached, new AttachedNode("w1", uplink, addresses)).Links);
        foreach (var manifest in renderer.Manifests(attached))
            text += "---\n" + Yaml.Write(manifest.Body);
        Compare($"{plugin}-{network}{(ipam ? "-ipam" : "")}-{(isVirtual ? "virtual" : "baremetal")}", text);
    }

    [Fact]
    public void Draws_APortThatTheSystemKnowsByItsMac()
    {
        var uplink = new Uplink("ens1f0", "52:54:00:00:00:09", 9000, null);
        var attached = new AttachedNetwork(new Attachment(Net("trunk").Id, PluginType.OSDevice, false, "x[0]"), Net("trunk"), "ens1f0");
        var links = new OSDeviceRenderer().On(attached, new AttachedNode("w1", uplink, ImmutableDictionary<string, ImmutableArray<Lease>>.Empty)).Links;
        Compare("OSDevice-trunk-port-with-mac", NetworkConfig.Write([.. links]));
    }

    [Theory]
    [InlineData("core-east")]
    [InlineData("core-west")]
    public void Draws_TheClustersOfTheExample(string name)
    {
        var picture = Example(name, site => (id => ClusterPicture.Draw(site.Image, id, Limits)));
        Assert.Empty(picture.Undrawn);
        Compare(name, Yaml.WriteAll(picture.Manifests.Select(m => m.Body)));
    }

    [Theory]
    [InlineData("probe1")]
    [InlineData("router1")]
    public void Draws_TheMachinesOfTheExample(string name) =>
        Compare(name, Example(name, site => (id => MachinePicture.Draw(site.Image, id, Limits))).Nodes.Single().Files.Single().Content);

    [Fact]
    public void Gives_NoVlanOfATrunkMoreThanItsParentCarries()
    {
        var wide = ImmutableDictionary<int, Network>.Empty.Add(602, Net("l3"));
        var trunk = Net("trunk") with { Mtu = 1500 };
        foreach (var uplink in new[] { new Uplink("eth1", "52:54:00:00:00:01", 9000, trunk.Id.Key), new Uplink("bond0", null, 4000, null) })
        {
            var attached = new AttachedNetwork(new Attachment(trunk.Id, PluginType.OSDevice, false, "x[0]"), trunk, "ran");
            var links = new OSDeviceRenderer().On(attached with { LayerThree = wide }, new AttachedNode("w1", uplink, ImmutableDictionary<string, ImmutableArray<Lease>>.Empty)).Links;
            Assert.All(links, link => Assert.InRange(link.Mtu, 1, links[0].Mtu));
            Assert.InRange(links[0].Mtu, 1, uplink.Mtu);
            Assert.Equal(uplink.Mtu, links.Single(l => l.Vlan == 602).Mtu);
        }
    }

    private static DesiredState Example(string name, Func<TestSite, Func<ResourceId, DesiredState>> draw) =>
        draw(TestSite.Example())(ResourceId.Parse(Examples.Documents().Select(d => d["id"]!.ToString()).Single(id => id.EndsWith($"/{name}", StringComparison.Ordinal) && !id.Contains("Weft.Fleet", StringComparison.Ordinal))).Value);

    private static Network Net(string name) => name switch
    {
        "l2" => new(TestSite.Id("~c/l2Networks/heart_beat"), NetworkType.L2, "ha", VlanSet.Of([750]), 9000, []),
        "l3" => new(TestSite.Id("~c/l3Networks/n6"), NetworkType.L3, "n6", VlanSet.Of([606]), 9000,
            [new Subnet(Prefix.Parse("10.20.6.0/24").Value, 3), new Subnet(Prefix.Parse("fd20:0:0:606::/64").Value, 3)]),
        _ => new(TestSite.Id("~c/trunkedNetworks/ran"), NetworkType.Trunked, "ran", VlanSet.Of([602, 603, 750]), 1500, []),
    };

    private static ImmutableArray<Lease> Leases(params string[] addresses) =>
        [.. addresses.Select(a => new Lease(Address.Parse(a).Value, new Holder("node:w1", "node w1"), LeaseMethod.Dynamic, TestSite.Now))];

    private static void Compare(string name, string drawn)
    {
        var file = Path.Combine(Repository.Root, "tests", "Weft.Tests", "Attachments", "Golden", $"{name}.yaml");
        if (Environment.GetEnvironmentVariable("WEFT_WRITE_GOLDEN") == "1")
            File.WriteAllText(file, drawn);
        Assert.True(File.Exists(file), $"{file} isn't there; run once with WEFT_WRITE_GOLDEN=1 and review it");
        Assert.Equal(File.ReadAllText(file), drawn);
    }
}
