using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using CsCheck;
using Weft.Addressing;
using Weft.Agent.Nodes.Planning;
using Weft.Attachments.Formats;
using Weft.Attachments.Nodes;
using Weft.Tests.Attachments.Formats;

namespace Weft.Tests.Agent.Nodes;

/// <summary>What the agent sets up by netlink is what the files of the same node say.</summary>
public sealed class DesiredLinksTests
{
    private static readonly Gen<int> Mtus = Gen.OneOf(1280, 1500, 9000);

    private static readonly Gen<ImmutableArray<(Address, int)>> Addresses = Gen.OneOf(
            (NodeCases.Of("10.20.6.4"), 24),
            (NodeCases.Of("10.20.6.5"), 24),
            (NodeCases.Of("fd20:0:0:606::4"), 64)
        )
        .Array[0, 3]
        .Select(addresses => addresses.Distinct().ToImmutableArray());

    /// <summary>Nodes as weftd declares them: a port is whole for one network, or carries every VLAN and functions.</summary>
    private static readonly Gen<NodeConfiguration> Configurations = Gen.Select(
        Gen.Int[0, 2].SelectMany(count => Trunks(count)),
        Gen.Int[0, 2].SelectMany(count => Wholes(count)),
        (trunks, wholes) =>
            new NodeConfiguration(
                "w1",
                [.. trunks.SelectMany(trunk => trunk.Links), .. wholes.SelectMany(links => links)],
                [.. trunks.SelectMany(trunk => trunk.Functions)],
                [],
                []
            )
    );

    [Fact]
    public void Agree_WithEveryFormatOfFiles() =>
        Configurations.Sample(configuration =>
        {
            var layout = NodeLayout.Create(configuration).Value;
            var links = DesiredLinks.FromLayout(layout);
            var ours = links.Where(link => !link.IsForeign).Select(ViewOf).ToHashSet();
            Assert.Equal(links.Length, links.DistinctBy(link => link.Name).Count());
            Assert.Equal(ours, ViewsOfNetplan(NetplanDocument.Render(layout)));
            Assert.Equal(ours, ViewsOfNmstate(NmstateDocument.Render(layout)));
            Assert.Equal(ours, ViewsOfNetworkd(NetworkdFiles.Render(layout)));
        });

    [Fact]
    public void Have_EveryParent_AtLeastAsWideAsItsChildren() =>
        Configurations.Sample(configuration =>
        {
            var links = DesiredLinks.FromLayout(NodeLayout.Create(configuration).Value);
            var ports = links.Where(link => link.Vlan is null).ToDictionary(link => link.Name);
            Assert.All(
                links.Where(link => link.Vlan is not null),
                link => Assert.InRange(link.Mtu, 0, ports[link.Parent!].Mtu)
            );
        });

    [Fact]
    public void Have_APortOfTheNodesOwn_ThatFilesLeaveToIt()
    {
        var bond = new Uplink("bond0", null, 9000, null);
        var layout = NodeLayout.Create(NodeCases.Node([NodeCases.Tagged(bond, "n6", 606)])).Value;
        Assert.Empty(layout.Ports);
        Assert.Equal(
            [("bond0", true, 9000), ("n6", false, 9000)],
            DesiredLinks.FromLayout(layout).Select(link => (link.Name, link.IsForeign, link.Mtu))
        );
    }

    [Fact]
    public void Have_ThePortOfFunctions_ByName_WhereFilesFindItByItsMacAddress()
    {
        var whole = NodeCases.Whole("n6", "ens1f0", "01", 1500);
        var functions = new PhysicalFunction("ens1f0", whole.Uplink.MacAddress, null, 9000, []);
        var layout = NodeLayout.Create(NodeCases.Node([whole]) with { PhysicalFunctions = [functions] }).Value;
        Assert.Equal([("n6", 9000)], layout.Ports.Select(link => (link.Name, link.Mtu)));
        Assert.Equal(
            [("n6", 1500), ("ens1f0", 9000)],
            DesiredLinks.FromLayout(layout).Select(link => (link.Name, link.Mtu))
        );
    }

    private static Gen<Trunk[]> Trunks(int count) =>
        Gen.Select(
                Gen.Bool,
                Gen.Bool,
                Gen.OneOf(602, 603, 606).Array[0, 4],
                Mtus.Array[4],
                Addresses.Array[4],
                Gen.Int[0, 3].Array[0, 2],
                (isKnown, isNamed, vlans, mtus, addresses, functions) =>
                    (isKnown, isNamed, vlans, mtus, addresses, functions)
            )
            .Array[count]
            .Select(all =>
                all.Select(
                        (each, i) =>
                        {
                            var mac = each.isKnown ? Mac(i) : null;
                            var port = new Uplink(Text($"ens{i}f0"), mac, 9000, null);
                            var tagged = each.vlans.Select(
                                (vlan, j) =>
                                    new NodeLink(
                                        Text($"v{i}.{vlan}"),
                                        port,
                                        vlan,
                                        each.mtus[j],
                                        each.addresses[j],
                                        [],
                                        "a VLAN"
                                    )
                            );
                            return new Trunk(
                                each.isNamed ? [NodeCases.Parent(port), .. tagged] : [.. tagged],
                                [.. each.functions.Select((index, n) => FunctionOf(port, index + (4 * n)))]
                            );
                        }
                    )
                    .ToArray()
            );

    private static Gen<NodeLink[][]> Wholes(int count) =>
        Gen.Select(
                Mtus.Array[2],
                Addresses.Array[2],
                Gen.Int[1, 2],
                (mtus, addresses, wanted) => (mtus, addresses, wanted)
            )
            .Array[count]
            .Select(all =>
                all.Select(
                        (each, i) =>
                            Enumerable
                                .Range(0, each.wanted)
                                .Select(j =>
                                    NodeCases.Whole(Text($"w{i}"), Text($"eth{i}"), Text($"2{i}"), each.mtus[j]) with
                                    {
                                        Addresses = each.addresses[j],
                                    }
                                )
                                .ToArray()
                    )
                    .ToArray()
            );

    private static PhysicalFunction FunctionOf(Uplink port, int index) =>
        new(
            port.Name,
            port.MacAddress,
            null,
            port.Mtu,
            [new VirtualFunction(index, "n6", 606, false, true, 1500, FunctionDriver.Kernel)]
        );

    private static LinkView ViewOf(NodeLink link) =>
        new(
            link.Name,
            link.Vlan,
            link.Vlan is null ? null : link.Parent,
            link.Mtu,
            Joined(link.Addresses.Select(a => $"{a.Address}/{a.Length}"))
        );

    private static HashSet<LinkView> ViewsOfNetplan(JsonObject document)
    {
        var network = document["network"]!;
        return
        [
            .. Members(network["ethernets"])
                .Concat(Members(network["vlans"]))
                .Select(member => new LinkView(
                    member.Key,
                    (int?)member.Value!["id"],
                    (string?)member.Value["link"],
                    (int)member.Value["mtu"]!,
                    Joined(Items(member.Value["addresses"]).Select(address => (string)address!))
                )),
        ];

        static IEnumerable<KeyValuePair<string, JsonNode?>> Members(JsonNode? members) => members?.AsObject() ?? [];
    }

    private static HashSet<LinkView> ViewsOfNmstate(JsonObject state) =>
        [
            // A port that is named for its functions alone says nothing of itself.
            .. Items(state["interfaces"])
                .Where(body => body!["mtu"] is not null)
                .Select(body => new LinkView(
                    (string)body!["name"]!,
                    (int?)body["vlan"]?["id"],
                    (string?)body["vlan"]?["base-iface"],
                    (int)body["mtu"]!,
                    Joined(
                        new[] { "ipv4", "ipv6" }
                            .SelectMany(family => Items(body[family]!["address"]))
                            .Select(address => $"{address!["ip"]}/{address["prefix-length"]}")
                    )
                )),
        ];

    private static HashSet<LinkView> ViewsOfNetworkd(ImmutableArray<NodeFile> files)
    {
        var lines = files.ToDictionary(file => file.Path, file => file.Content.Split('\n'));
        var parents = lines
            .SelectMany(file => Values(file.Value, "VLAN").Select(child => (Child: child, Parent: NameOf(file.Key))))
            .ToDictionary(pair => pair.Child, pair => pair.Parent);
        return
        [
            .. lines
                .Where(file =>
                    file.Key.EndsWith(".network", StringComparison.Ordinal) && !file.Value.Contains("Unmanaged=yes")
                )
                .Select(file =>
                {
                    var name = NameOf(file.Key);
                    var netdev = lines.GetValueOrDefault(
                        file.Key.Replace(".network", ".netdev", StringComparison.Ordinal)
                    );
                    return new LinkView(
                        name,
                        netdev is null ? null : int.Parse(Values(netdev, "Id").Single(), CultureInfo.InvariantCulture),
                        parents.GetValueOrDefault(name),
                        int.Parse(Values(file.Value, "MTUBytes").Single(), CultureInfo.InvariantCulture),
                        Joined(Values(file.Value, "Address"))
                    );
                }),
        ];

        static string NameOf(string path) =>
            path.Contains(".network.d/", StringComparison.Ordinal)
                ? path["/etc/systemd/network/".Length..path.IndexOf(".network.d/", StringComparison.Ordinal)]
                : path["/etc/systemd/network/60-weft-".Length..path.LastIndexOf('.')];

        static IEnumerable<string> Values(string[] text, string key) =>
            text.Where(line => line.StartsWith($"{key}=", StringComparison.Ordinal))
                .Select(line => line[(key.Length + 1)..]);
    }

    private static JsonArray Items(JsonNode? list) => list as JsonArray ?? [];

    private static string Joined(IEnumerable<string> texts) => string.Join(' ', texts.Order(StringComparer.Ordinal));

    private static string Mac(int number) => Text($"52:54:00:00:00:1{number}");

    private static string Text(FormattableString text) => FormattableString.Invariant(text);

    /// <summary>A port that carries every VLAN, and what is wanted of it.</summary>
    private sealed record Trunk(ImmutableArray<NodeLink> Links, ImmutableArray<PhysicalFunction> Functions);

    /// <summary>What every format says of an interface.</summary>
    private sealed record LinkView(string Name, int? Vlan, string? Parent, int Mtu, string Addresses);
}
