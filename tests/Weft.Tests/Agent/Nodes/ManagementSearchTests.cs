using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Agent.Linux.Netlink;
using Weft.Agent.Nodes.Operations;
using Weft.Agent.Nodes.Planning;
using Weft.Attachments.Nodes;

namespace Weft.Tests.Agent.Nodes;

/// <summary>Which interfaces a node is managed by, on nodes as they are wired.</summary>
public sealed class ManagementSearchTests
{
    private static readonly Address Weftd = Address.Parse("198.51.100.7").Value;

    [Fact]
    public void Finds_WhereTheDefaultRouteAndTheWayToTheControlPlaneLeave()
    {
        var facts = Find([Route(1, "0.0.0.0/0", "192.0.2.1"), Route(2, "198.51.100.0/24", "10.1.0.1")], Weftd);
        Assert.Equal(["eth0", "eth1"], NamesOf(facts, i => i.IsManagement));
        Assert.Equal(["eth0", "eth1"], NamesOf(facts, i => i.CarriesUntagged));
        Assert.Equal(
            ["198.51.100.7/32", "192.0.2.1/32", "192.0.2.0/24", "10.1.0.0/24"],
            facts.OwnPrefixes.Select(own => own.Prefix.ToString())
        );
    }

    [Fact]
    public void Takes_TheNarrowestRoute_AndOfThoseTheOneOfTheLeastMetric()
    {
        var routes = new[]
        {
            Route(2, "198.51.100.0/24", "10.1.0.1") with
            {
                Metric = 200,
            },
            Route(1, "198.51.100.0/24", "192.0.2.1") with
            {
                Metric = 100,
            },
            Route(2, "198.51.0.0/16", "10.1.0.1"),
        };
        Assert.Equal(["eth0"], NamesOf(Find(routes, Weftd), i => i.IsManagement));
    }

    [Fact]
    public void Follows_ABondWithAVlan_DownToItsPorts()
    {
        var links = new[]
        {
            Link(1, "eth0") with
            {
                Master = 3,
            },
            Link(2, "eth1") with
            {
                Master = 3,
            },
            Link(3, "bond0") with
            {
                Kind = "bond",
            },
            Link(4, "bond0.100") with
            {
                Kind = "vlan",
                Vlan = 100,
                Parent = 3,
            },
            Link(5, "bond0.200") with
            {
                Kind = "vlan",
                Vlan = 200,
                Parent = 3,
            },
            Link(6, "eth2"),
        };
        var facts = Find([Route(4, "::/0", "2001:db8::1")], null, links);
        Assert.Equal(["eth0", "eth1", "bond0", "bond0.100"], NamesOf(facts, i => i.IsManagement));
        Assert.Equal(["bond0.100"], NamesOf(facts, i => i.CarriesUntagged));
        // What a guard on a port of the bond drops is missing in the bond.
        Assert.Equal(
            ["eth0 100", "eth1 100", "bond0 100", "bond0.100 ", "bond0.200 ", "eth2 "],
            facts.Interfaces.Select(i => $"{i.Name} {i.CarriesVlans}")
        );
    }

    [Fact]
    public void Follows_AllNextHopsOfARoute()
    {
        var facts = Find([Route(0, "0.0.0.0/0", null) with { NextHopLinks = [1, 2] }], null);
        Assert.Equal(["eth0", "eth1"], NamesOf(facts, i => i.IsManagement));
    }

    /// <summary>Else whoever leads the way to weftd through its own network would make that network untouchable.</summary>
    [Fact]
    public void Leaves_OutWhatTheAgentMade()
    {
        var owned = new OwnedState(
            "",
            [
                new AddRoute("eth1", new RouteSpec("198.51.100.0/24", "10.1.0.1", 0)),
                new AddAddress("eth1", "10.1.0.2", 24),
            ]
        );
        KernelRoute[] routes =
        [
            Route(1, "0.0.0.0/0", "192.0.2.1"),
            Route(2, "198.51.100.0/24", "10.1.0.1"),
            Route(2, "10.1.0.0/24", null) with
            {
                Protocol = KernelRoute.MadeByKernel,
            },
        ];
        var facts = Find(routes, Weftd, owned: owned);
        Assert.Equal(["eth0"], NamesOf(facts, i => i.IsManagement));
        Assert.DoesNotContain(facts.OwnPrefixes, own => own.Prefix.ToString() == "10.1.0.0/24");
        Assert.Equal(
            ["eth0"],
            NamesOf(Find(routes, Address.Parse("10.1.0.9").Value, owned: owned), i => i.IsManagement)
        );
        // By hand the same is the node's own.
        Assert.Equal(["eth0", "eth1"], NamesOf(Find(routes, Weftd), i => i.IsManagement));
    }

    [Fact]
    public void Leaves_OutWhatItsFilesSay()
    {
        var file = new ServiceFile(
            "/etc/netplan/60-weft.yaml",
            "addresses: [10.1.0.2/24]\nroutes: [198.51.100.0/24]",
            null
        );
        var owned = new OwnedState("", [new WriteServiceFiles("netplan", [file])]);
        KernelRoute[] routes =
        [
            Route(1, "0.0.0.0/0", "192.0.2.1"),
            Route(2, "198.51.100.0/24", "10.1.0.1"),
            Route(2, "10.1.0.0/24", null) with
            {
                Protocol = KernelRoute.MadeByKernel,
            },
        ];
        Assert.Equal(["eth0"], NamesOf(Find(routes, Weftd, owned: owned), i => i.IsManagement));
    }

    /// <summary>A lease of DHCP runs out, a link flaps: what was refused must not be let through then.</summary>
    [Fact]
    public void Keeps_WhatWasFound_WhileItsRoutesAndAddressesAreAway()
    {
        var links = new[] { Link(1, "eth0") with { Master = 2 }, Link(2, "bond0"), Link(3, "eth2") };
        var before = Search(Node([Route(2, "0.0.0.0/0", "192.0.2.1")], links), ManagementRecord.Empty);
        _ = before.Find(hasService: false);
        Assert.Equal(["bond0"], before.Found.Interfaces);

        var known = ManagementRecord.Empty.With(before.Found.Interfaces, before.Found.Prefixes);
        var later = Search(new ObservedNode([.. links], [], []), known);
        var facts = later.Find(hasService: false);
        Assert.Equal(["eth0", "bond0"], NamesOf(facts, i => i.IsManagement));
        Assert.Equal(
            ["10.1.0.0/24", "192.0.2.0/24", "192.0.2.1/32"],
            facts.OwnPrefixes.Select(own => own.Prefix.ToString()).Order(StringComparer.Ordinal)
        );
        Assert.Empty(later.Found.Interfaces);
        Assert.Same(known, known.With(later.Found.Interfaces, later.Found.Prefixes));
        Assert.Equal(["eth9", "bond0"], known.With(["eth9", "bond0"], []).Interfaces);
        Assert.Equal(64, known.With(Enumerable.Range(0, 99).Select(i => $"e{i}"), []).Interfaces.Length);

        static ManagementSearch Search(ObservedNode node, ManagementRecord earlier) =>
            new(node, OwnedState.Empty, [], new ManagementPolicy(), earlier);
    }

    [Fact]
    public void Takes_WhatThePolicyNames()
    {
        var policy = new ManagementPolicy { Interfaces = ["et*1"], Prefixes = [Prefix.Parse("203.0.113.0/24").Value] };
        var facts = new ManagementSearch(
            Node([], [Link(1, "eth0"), Link(2, "eth1")]),
            OwnedState.Empty,
            [],
            policy,
            ManagementRecord.Empty
        ).Find(hasService: true);
        Assert.Equal(["eth1"], NamesOf(facts, i => i.IsManagement));
        Assert.True(facts.HasNetworkService);
        Assert.Equal(["203.0.113.0/24", "10.1.0.0/24"], facts.OwnPrefixes.Select(own => own.Prefix.ToString()));
    }

    [Fact]
    public void Finds_PortsAsThePlanDoes()
    {
        var mac = "02:00:00:00:00:01";
        var links = new[]
        {
            Link(1, "eth0") with
            {
                MacAddress = mac,
                PermanentMacAddress = "02:00:00:00:00:09",
            },
            Link(2, "v5") with
            {
                MacAddress = mac,
                Kind = "vlan",
                Vlan = 5,
                Parent = 1,
            },
            Link(3, "eth2") with
            {
                MacAddress = mac,
                Flags = 0x800,
            },
        };
        var facts = Find([], null, links);
        Assert.Equal(["eth0"], facts.FindPort(mac.ToUpperInvariant(), null, "eth2").Select(i => i.Name));
        Assert.Equal(["eth0"], facts.FindPort("02:00:00:00:00:09", null, "x").Select(i => i.Name));
        Assert.Equal(["eth2"], facts.FindPort(null, null, "eth2").Select(i => i.Name));
    }

    private static NodeFacts Find(
        KernelRoute[] routes,
        Address? controlPlane,
        KernelLink[]? links = null,
        OwnedState? owned = null
    ) =>
        new ManagementSearch(
            Node(routes, links ?? [Link(1, "eth0"), Link(2, "eth1"), Link(3, "eth2")]),
            owned ?? OwnedState.Empty,
            controlPlane is { } address ? [address] : [],
            new ManagementPolicy(),
            ManagementRecord.Empty
        ).Find(hasService: false);

    private static ObservedNode Node(KernelRoute[] routes, KernelLink[] links) =>
        new(
            [.. links],
            [
                Given(1, "192.0.2.10", 24),
                Given(2, "10.1.0.2", 24),
                Given(2, "fe80::1", 64) with
                {
                    Scope = LinkSettings.LinkScope,
                },
            ],
            [.. routes]
        );

    private static KernelLink Link(int index, string name) => new(index, name) { LinkType = "ether", Flags = 1 };

    private static KernelAddress Given(int link, string address, int length) =>
        new(link, Address.Parse(address).Value, length, 0x80, 0);

    private static KernelRoute Route(int link, string to, string? via) =>
        new(link, Prefix.Parse(to).Value, via is null ? null : Address.Parse(via).Value, 0, 4, 0);

    private static IEnumerable<string> NamesOf(NodeFacts facts, Func<NodeInterface, bool> which) =>
        facts.Interfaces.Where(which).Select(i => i.Name);
}
