using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Attachments.Nodes;

namespace Weft.Tests.Attachments.Formats;

/// <summary>
/// Nodes of every kind with links of every kind. A virtual node has a port for each network; bare metal has one for
/// all: a bond of its own, or a card known by its MAC address.
/// </summary>
internal static class NodeCases
{
    private const string Nets = "/subscriptions/s/resourceGroups/g/providers/Microsoft.NetworkCloud";

    private static readonly Uplink Bond = new("bond0", null, 9000, null);
    private static readonly Uplink Card = new("ens1f0", "52:54:00:00:00:10", 9000, null)
    {
        PciAddress = "0000:3b:00.0",
    };

    private static readonly ImmutableArray<(Address, int)> Both = [(Of("10.20.6.4"), 24), (Of("fd20:0:0:606::4"), 64)];
    private static readonly ImmutableArray<NodeRoute> Routes =
    [
        new(Prefix.Parse("10.30.0.0/16").Value, Of("10.20.6.1"), 300),
        new(Prefix.Parse("fd30::/48").Value, Of("fd20:0:0:606::1")),
    ];

    public static ImmutableSortedDictionary<string, NodeConfiguration> All { get; } =
        new Dictionary<string, NodeConfiguration>
        {
            ["virtual-l2"] = Node([Whole("ha", "eth1", "01", 9000)]),
            ["virtual-l3"] = Node([
                Whole("n6", "eth1", "01", 9000) with
                {
                    Addresses = Both,
                    Routes = Routes,
                    Comment = "n6",
                },
            ]),
            ["virtual-l3-shared"] = Node([
                Whole("n6", "eth1", "01", 9000),
                Whole("n6", "eth1", "01", 9000) with
                {
                    Addresses = Both,
                    Comment = "n6",
                },
            ]),
            ["virtual-named"] = Node([
                new NodeLink("n6", new Uplink("n6", null, 1500, Nets + "/l3Networks/n6"), null, 1500, Both, [], "n6"),
            ]),
            ["virtual-trunk-node"] = Node([
                Whole("ran", "eth2", "02", 9000),
                .. Subs(new Uplink("eth2", Mac("02"), 9000, Nets + "/trunkedNetworks/ran"), "ran"),
            ]),
            ["virtual-trunk-pods"] = Node([Whole("ran", "eth2", "02", 1500)]) with
            {
                Guards =
                [
                    new TrunkGuard("ran", Nets + "/trunkedNetworks/ran", VlanSet.Parse("602-603,750").Value, false),
                ],
            },
            ["virtual-devices"] = Node([Whole("ha", "eth1", "01", 9000)]) with
            {
                Devices =
                [
                    new PassthroughDevice(
                        "eth4",
                        Mac("04"),
                        "0000:00:06.0",
                        Nets + "/l3Networks/n6",
                        9000,
                        FunctionDriver.Kernel
                    ),
                    new PassthroughDevice(
                        "eth5",
                        null,
                        "0000:00:07.0",
                        Nets + "/l2Networks/hb",
                        9000,
                        FunctionDriver.UserSpace
                    ),
                ],
            },
            ["bond-l2"] = Node([Tagged(Bond, "ha", 750)]),
            ["bond-l3"] = Node([Tagged(Bond, "n6", 606) with { Addresses = Both, Routes = Routes, Comment = "n6" }]),
            ["bond-trunk-node"] = Node([Parent(Bond), .. Subs(Bond, "bond0")]),
            ["bond-trunk-pods"] = Node([
                Tagged(Bond, "defaultcni", 600) with
                {
                    Addresses = [(Of("10.20.0.4"), 24)],
                    Comment = "oam: the cluster's own network",
                },
                Parent(Bond),
            ]) with
            {
                Guards =
                [
                    new TrunkGuard("bond0", Nets + "/trunkedNetworks/ran", VlanSet.Parse("602-603,750").Value, true),
                ],
            },
            ["bond-functions"] = Node([Tagged(Bond, "n6", 606)]) with
            {
                PhysicalFunctions = [new PhysicalFunction("ens2f1", null, null, 9000, [Function(0, 606)])],
            },
            ["card-l2"] = Node([Tagged(Card, "ha", 750)]),
            ["card-l3"] = Node([Tagged(Card, "n6", 606) with { Addresses = Both, Routes = Routes, Comment = "n6" }]),
            ["card-trunk-node"] = Node([Parent(Card), .. Subs(Card, "ens1f0")]),
            ["card-trunk-pods"] = Node([Parent(Card)]) with
            {
                Guards =
                [
                    new TrunkGuard("ens1f0", Nets + "/trunkedNetworks/ran", VlanSet.Parse("602-603,750").Value, false),
                ],
            },
            ["card-functions"] = Node([Tagged(Card, "ha", 750) with { Mtu = 1500 }]) with
            {
                PhysicalFunctions =
                [
                    new PhysicalFunction(
                        "ens1f0",
                        Card.MacAddress,
                        Card.PciAddress,
                        9000,
                        [
                            Function(0, 606),
                            Function(1, 606),
                            Function(2, null) with
                            {
                                Trust = true,
                                SpoofCheck = false,
                            },
                        ]
                    ),
                    new PhysicalFunction(
                        "ens1f0",
                        Card.MacAddress,
                        Card.PciAddress,
                        9000,
                        [Function(5, 602) with { Driver = FunctionDriver.UserSpace }]
                    ),
                    new PhysicalFunction("ens1f1", Mac("11"), "0000:3b:00.1", 9000, [Function(0, 606)]),
                ],
            },
        }.ToImmutableSortedDictionary(StringComparer.Ordinal);

    public static TheoryData<string> Names => [.. All.Keys];

    public static TheoryData<string> Guarded =>
        [.. All.Where(pair => !pair.Value.Guards.IsEmpty).Select(pair => pair.Key)];

    public static NodeConfiguration Node(ImmutableArray<NodeLink> links) => new("w1", links, [], [], []);

    public static Address Of(string address) => Address.Parse(address).Value;

    public static NodeLink Tagged(Uplink port, string name, int vlan) =>
        new(name, port, vlan, 9000, [], [], $"{name}: parent of pods' MACVLAN interfaces");

    public static NodeLink Parent(Uplink port) =>
        new(port.Name, port, null, port.Mtu, [], [], "ran: parent of pods' MACVLAN interfaces, tagged by the pods");

    public static NodeLink Whole(string name, string port, string mac, int mtu) =>
        new(
            name,
            new Uplink(port, Mac(mac), 9000, $"{Nets}/l2Networks/{name}"),
            null,
            mtu,
            [],
            [],
            $"{name}: parent of pods' MACVLAN interfaces"
        );

    private static IEnumerable<NodeLink> Subs(Uplink port, string parent) =>
        [
            new NodeLink(
                "ran.602",
                port,
                602,
                9000,
                [(Of("10.20.2.5"), 24), (Of("fd20:0:0:602::5"), 64)],
                [],
                "ran: VLAN 602, addresses of n2"
            )
            {
                Parent = parent,
            },
            new NodeLink("ran.750", port, 750, 1500, [], [], "ran: VLAN 750, no layer 3 of ours") { Parent = parent },
        ];

    private static VirtualFunction Function(int index, int? vlan) =>
        new(
            index,
            vlan is null ? Nets + "/trunkedNetworks/ran" : $"{Nets}/l3Networks/n{vlan}",
            vlan,
            false,
            true,
            9000,
            FunctionDriver.Kernel
        );

    private static string Mac(string end) => $"52:54:00:00:00:{end}";
}
