using System.Text;
using System.Text.Json;
using Weft.Addressing;
using Weft.Attachments.Nodes;

namespace Weft.Tests.Attachments.Nodes;

/// <summary>
/// What a node takes from weftd, whoever speaks for it: the rest is left out, told, and keeps nothing from being applied.
/// </summary>
public sealed class NodePolicyRulesTests
{
    private const string Mac = "02:00:00:00:00:01";

    /// <summary>
    /// A server that is managed untagged by mgmt0, and by VLAN 100 on the bond of two ports; eth1 is free.
    /// </summary>
    private static readonly NodeFacts Facts = new(
        [
            new("mgmt0")
            {
                AlternativeNames = ["enp1s0"],
                MacAddresses = ["02:00:00:00:00:aa"],
                PciAddress = "0000:01:00.0",
                Mtu = 1500,
                IsManagement = true,
                CarriesUntagged = true,
            },
            new("bond0")
            {
                MacAddresses = ["02:00:00:00:00:bb"],
                Mtu = 9000,
                IsManagement = true,
                CarriesVlans = VlanSet.Create(100),
            },
            new("bond0.100")
            {
                Mtu = 1500,
                IsManagement = true,
                CarriesUntagged = true,
            },
            new("eth1")
            {
                MacAddresses = [Mac],
                PciAddress = "0000:3b:00.0",
                Mtu = 9000,
            },
        ],
        [
            new(Prefix.Parse("192.0.2.0/24").Value, "the subnet of mgmt0, by which the node is managed"),
            new(Prefix.Parse("198.51.100.7/32").Value, "where weftd is"),
            new(Prefix.Parse("2001:db8:f::/64").Value, "the subnet of mgmt0, by which the node is managed"),
        ]
    );

    [Fact]
    public void Takes_WhatIsNoneOfTheNodesOwn()
    {
        var wanted = Configuration(
            Link("n6", Port("eth1", Mac), """["10.20.6.11/24","2001:db8:6::11/64"]""", Route("10.30.0.0/16")),
            Link("tn3", Port("bond0", null, trunk: true), "[]", vlan: 703),
            Link("bond0", Port("bond0", null, trunk: true), "[]"),
            guards: """{"interface":"bond0","network":"x","vlans":"100,703","untagged":false}"""
        );
        var (allowed, refused) = NodePolicyRules.Judge(wanted, NodePolicy.Default, Facts);
        Assert.Empty(refused);
        Assert.Equal(wanted.ToJson().ToJsonString(), allowed.ToJson().ToJsonString());
    }

    /// <summary>All of an attack at once, which was applied before there was a policy.</summary>
    [Fact]
    public void Refuses_WhatTakesTheNodeAway_AndTakesTheRest()
    {
        var wanted = Configuration(
            Link(
                "n6",
                Port("eth1", Mac),
                """["10.20.6.11/24"]""",
                $"{Route("0.0.0.0/1")},{Route("128.0.0.0/1")},{Route("10.30.0.0/16")}"
            ),
            Link("storage", Port("eth1", Mac), """["10.96.0.1/12","10.50.0.1/24"]""", vlan: 500),
            Link("mgmt0", Port("mgmt0", null, trunk: true), """["10.66.0.1/24"]"""),
            Link("stolen", Port("mgmt0", "02:00:00:00:00:AA"), "[]"),
            guards: """{"interface":"mgmt0","network":"x","vlans":"4000","untagged":false}"""
        );
        var policy = Policy("""{"prefixes":{"deny":["10.96.0.0/12"]}}""");
        var (allowed, refused) = NodePolicyRules.Judge(wanted, policy, Facts);
        Assert.Equal(
            [
                "links 'stolen' = the port mgmt0 (management.protect)",
                "links 'n6' routes = 0.0.0.0/1 via 10.20.6.1 (half)",
                "links 'n6' routes = 128.0.0.0/1 via 10.20.6.1 (half)",
                "links 'storage' addresses = 10.96.0.1/12 (prefixes.deny 10.96.0.0/12)",
                "links 'mgmt0' addresses = 10.66.0.1/24 (management.protect)",
                "guards 'mgmt0' = only 4000 pass (management.protect)",
            ],
            refused.Select(TextOf)
        );
        Assert.Equal(["n6", "storage", "mgmt0"], allowed.Links.Select(link => link.Name));
        Assert.Equal(["10.30.0.0/16"], allowed.Links[0].Routes.Select(route => route.To.ToString()));
        Assert.Equal(["10.50.0.1"], allowed.Links[1].Addresses.Select(address => address.Address.ToString()));
        Assert.Empty(allowed.Links[2].Addresses);
        Assert.Empty(allowed.Guards);
    }

    public static TheoryData<string, string> Halves =>
        new()
        {
            { "0.0.0.0/1", "0.0.0.0/1" },
            { "0.0.0.0/1,128.0.0.0/1", "0.0.0.0/1,128.0.0.0/1" },
            // Two quarters, far apart; each alone is less than half.
            { "0.0.0.0/2,192.0.0.0/2", "0.0.0.0/2,192.0.0.0/2" },
            { "0.0.0.0/2", "" },
            { "0.0.0.0/3,32.0.0.0/3,64.0.0.0/3,96.0.0.0/3", "0.0.0.0/3,32.0.0.0/3,64.0.0.0/3,96.0.0.0/3" },
            { "0.0.0.0/3,32.0.0.0/3,64.0.0.0/3", "" },
            // A part that lies in another one counts once.
            { "0.0.0.0/2,16.0.0.0/4,32.0.0.0/3", "" },
            // The widest go, and what is narrow stays.
            { "0.0.0.0/1,200.0.0.0/8", "0.0.0.0/1" },
            { "::/1", "::/1" },
            { "8000::/1", "8000::/1" },
            { "2000::/3", "2000::/3" },
            { "2000::/4", "2000::/4" },
            { "2000::/5,2800::/5", "2000::/5,2800::/5" },
            { "2000::/5", "" },
            { "4000::/2,c000::/3,e000::/4", "" },
            { "4000::/2,8000::/2", "4000::/2,8000::/2" },
        };

    [Theory]
    [MemberData(nameof(Halves))]
    public void Refuses_RoutesThatLeadHalfOfTheWorldAway(string wanted, string refused)
    {
        // They are spread over interfaces: what counts is the desired state.
        var links = wanted.Split(',').Select((to, i) => Link($"v{i}", Port("eth1", Mac), Addresses, Route(to), 10 + i));
        var verdict = NodePolicyRules.Judge(
            Configuration([.. links]),
            Policy("""{"management":{"protect":false}}"""),
            Facts
        );
        Assert.Equal(
            refused.Split(',', StringSplitOptions.RemoveEmptyEntries),
            verdict.Refused.Select(finding => finding.Value.Split(' ')[0])
        );
        Assert.All(verdict.Refused, finding => Assert.Equal("half", finding.Rule));
        Assert.Equal(
            wanted.Split(',').Length - verdict.Refused.Length,
            verdict.Allowed.Links.Sum(link => link.Routes.Length)
        );
    }

    [Fact]
    public void Counts_SubnetsOfAddresses_AsRoutes()
    {
        var verdict = Judge(
            "{}",
            Link("n6", Port("eth1", Mac), """["70.0.0.1/2"]""", Route("128.0.0.0/2", "70.0.0.9"))
        );
        Assert.Equal(
            ["links 'n6' addresses = 70.0.0.1/2 (half)", "links 'n6' routes = 128.0.0.0/2 via 70.0.0.9 (half)"],
            verdict.Refused.Select(TextOf)
        );
    }

    [Theory]
    // The management's subnet, its address's neighbour, what contains it, and what lies in it.
    [InlineData("192.0.2.0/24", true)]
    [InlineData("192.0.2.128/25", true)]
    [InlineData("192.0.0.0/16", true)]
    [InlineData("198.51.100.7/32", true)]
    [InlineData("198.51.100.0/24", true)]
    [InlineData("2001:db8:f::/48", true)]
    [InlineData("192.0.3.0/24", false)]
    [InlineData("198.51.100.8/32", false)]
    [InlineData("2001:db8:e::/64", false)]
    // Loopback, the metadata of clouds, groups.
    [InlineData("127.0.0.0/8", true, "reserved")]
    [InlineData("169.254.169.254/32", true, "reserved")]
    [InlineData("224.0.0.0/4", true, "reserved")]
    [InlineData("ff00::/8", true, "reserved")]
    public void Refuses_WhatTheNodeUsesForItself(string to, bool isRefused, string rule = "management.protect")
    {
        var verdict = Judge("{}", Link("n6", Port("eth1", Mac), Addresses, Route(to)));
        Assert.Equal(isRefused ? [rule] : [], verdict.Refused.Select(finding => finding.Rule));
        Assert.Equal(isRefused ? 0 : 1, Assert.Single(verdict.Allowed.Links).Routes.Length);

        var prefix = Prefix.Parse(to).Value;
        var given = Judge("{}", Link("n6", Port("eth1", Mac), $"""["{prefix.Network}/{prefix.Length}"]"""));
        Assert.Equal(isRefused ? [rule] : [], given.Refused.Select(finding => finding.Rule));
    }

    [Fact]
    public void Lets_OverlapWhatTheAdministratorNames()
    {
        var link = Link("n6", Port("eth1", Mac), Addresses, $"{Route("192.0.0.0/16")},{Route("198.51.100.0/24")}");
        var verdict = Judge("""{"management":{"mayOverlap":["192.0.0.0/16"]}}""", link);
        Assert.Equal(
            "links 'n6' routes = 198.51.100.0/24 via 10.20.6.1 (management.protect)",
            TextOf(Assert.Single(verdict.Refused))
        );
    }

    public static TheoryData<string, string> Management =>
        new()
        {
            // Another name for it, by its name, its MAC address, its other name.
            { Link("n6", Port("mgmt0", null), "[]"), "links 'n6' = the port mgmt0" },
            { Link("n6", Port("eth7", "02:00:00:00:00:aa"), "[]"), "links 'n6' = the port eth7" },
            { Link("n6", Port("enp1s0", null), "[]"), "links 'n6' = the port enp1s0" },
            {
                Link("v5", Port("ens9", "02:00:00:00:00:bb", trunk: true), "[]", vlan: 5),
                "links 'v5' = VLAN 5 on ens9"
            },
            // It itself, as a port of Weft's.
            { Link("mgmt0", Port("mgmt0", null), "[]"), "links 'mgmt0' = the port" },
            // Its name for another.
            { Link("mgmt0", Port("eth1", Mac), "[]"), "links 'mgmt0' = the port eth1" },
            { Link("bond0.100", Port("eth1", Mac, trunk: true), "[]", vlan: 7), "links 'bond0.100' = VLAN 7 on eth1" },
            {
                Link("v7", Port("eth1", Mac, trunk: true), "[]", vlan: 7)
                    .Replace("\"vlan\"", "\"parent\":\"mgmt0\",\"vlan\"", StringComparison.Ordinal),
                "links 'v7' = VLAN 7 on mgmt0"
            },
            // Its VLAN.
            { Link("v100", Port("bond0", null, trunk: true), "[]", vlan: 100), "links 'v100' = VLAN 100 on bond0" },
            // Its MTU.
            { Link("v5", Port("mgmt0", null, trunk: true), "[]", vlan: 5), "links 'v5' = VLAN 5 on mgmt0" },
        };

    [Theory]
    [MemberData(nameof(Management))]
    public void Leaves_TheManagementsInterfaceAlone(string link, string refused)
    {
        var verdict = Judge("{}", link);
        Assert.Equal($"{refused} (management.protect)", TextOf(Assert.Single(verdict.Refused)));
        Assert.Empty(verdict.Allowed.Links);
        Assert.Empty(Judge("""{"management":{"protect":false}}""", link).Refused);
    }

    [Fact]
    public void Lets_TheManagementsPortBeWidened_WhereItMay()
    {
        var link = Link("v5", Port("mgmt0", null, trunk: true), "[]", vlan: 5);
        Assert.Empty(Judge("""{"management":{"mayWiden":true}}""", link).Refused);
        Assert.Empty(Judge("{}", link.Replace("9000", "1500", StringComparison.Ordinal)).Refused);
    }

    [Fact]
    public void Leaves_APortToTheFilesThatSetItUp()
    {
        var link = Link("v5", Port("bond0", "02:00:00:00:00:bb", trunk: true), "[]", vlan: 5);
        Assert.Empty(NodePolicyRules.Judge(Configuration(link), NodePolicy.Default, Facts).Refused);
        var beside = NodePolicyRules.Judge(
            Configuration(link),
            NodePolicy.Default,
            Facts with
            {
                HasNetworkService = true,
            }
        );
        Assert.Equal("links 'v5' = VLAN 5 on bond0 (management.protect)", TextOf(Assert.Single(beside.Refused)));
    }

    [Theory]
    [InlineData("""{"interface":"mgmt0","network":"x","vlans":"4000","untagged":true}""", true)]
    [InlineData("""{"interface":"enp1s0","network":"x","vlans":"4000","untagged":false}""", false)]
    [InlineData("""{"interface":"bond0","network":"x","vlans":"101","untagged":true}""", false)]
    [InlineData("""{"interface":"bond0","network":"x","vlans":"100","untagged":false}""", true)]
    [InlineData(
        """
            {"interface":"bond0","network":"x","vlans":"7","untagged":false},
            {"interface":"bond0","network":"y","vlans":"100","untagged":false}
            """,
        true
    )]
    [InlineData("""{"interface":"eth1","network":"x","vlans":"101","untagged":false}""", true)]
    public void Refuses_AGuardThatDropsTheManagementsFrames(string guards, bool isTaken)
    {
        var wanted = Configuration([], guards);
        var verdict = NodePolicyRules.Judge(wanted, NodePolicy.Default, Facts);
        Assert.Equal(isTaken ? wanted.Guards.Length : 0, verdict.Allowed.Guards.Length);
        Assert.Equal(isTaken ? [] : ["management.protect"], verdict.Refused.Select(finding => finding.Rule));
    }

    [Theory]
    [InlineData("""{"name":"x","pciAddress":"0000:01:00.0","network":"n","mtu":1500,"driver":"UserSpace"}""", true)]
    [InlineData("""{"name":"x","macAddress":"02:00:00:00:00:aa","network":"n","mtu":1500,"driver":"Kernel"}""", true)]
    [InlineData("""{"name":"mgmt0","network":"n","mtu":1500,"driver":"Kernel"}""", true)]
    [InlineData("""{"name":"eth1","pciAddress":"0000:3b:00.0","network":"n","mtu":1500,"driver":"UserSpace"}""", false)]
    public void Gives_TheManagementsDeviceToNoPod(string device, bool isRefused)
    {
        var verdict = NodePolicyRules.Judge(Configuration([], devices: device), NodePolicy.Default, Facts);
        Assert.Equal(isRefused ? ["management.protect"] : [], verdict.Refused.Select(finding => finding.Rule));
        Assert.Equal(isRefused ? 0 : 1, verdict.Allowed.Devices.Length);
    }

    [Theory]
    [InlineData("""{"interfaces":{"deny":["eth*"]}}""", "interfaces.deny 'eth*'")]
    [InlineData("""{"interfaces":{"allow":["n*"]}}""", "interfaces.allow")]
    [InlineData("""{"interfaces":{"allow":["eth1"]}}""", "interfaces.allow")]
    [InlineData("""{"interfaces":{"allow":["eth1","n6"]}}""", null)]
    [InlineData("""{"interfaces":{"allow":["*"],"deny":["n6"]}}""", "interfaces.deny 'n6'")]
    [InlineData("""{"devices":{"deny":["0000:3b:*"]}}""", "devices.deny '0000:3b:*'")]
    [InlineData("""{"devices":{"allow":["0000:af:*"]}}""", "devices.allow")]
    [InlineData("""{"vlans":{"deny":"606"}}""", "vlans.deny 606")]
    [InlineData("""{"vlans":{"allow":"1-605,607-4094"}}""", "vlans.allow")]
    [InlineData("""{"vlans":{"allow":"606"}}""", null)]
    public void Refuses_WhatTheAdministratorRefuses(string policy, string? rule)
    {
        var verdict = Judge(policy, Link("n6", Port("eth1", Mac, trunk: true), "[]", vlan: 606));
        Assert.Equal(rule is null ? [] : [rule], verdict.Refused.Select(finding => finding.Rule));
        Assert.Equal(rule is null ? 1 : 0, verdict.Allowed.Links.Length);
    }

    [Theory]
    [InlineData(
        """{"routes":{"deny":["10.30.0.0/16"]}}""",
        "routes = 10.30.1.0/24 via 10.20.6.1 (routes.deny 10.30.0.0/16)"
    )]
    [InlineData("""{"routes":{"allow":["10.31.0.0/16"]}}""", "routes = 10.30.1.0/24 via 10.20.6.1 (routes.allow)")]
    [InlineData("""{"prefixes":{"allow":["10.20.0.0/16"]}}""", "routes = 10.30.1.0/24 via 10.20.6.1 (prefixes.allow)")]
    [InlineData("""{"routes":{"allow":["10.30.0.0/16"]},"prefixes":{"allow":["10.0.0.0/8"]}}""", null)]
    public void Refuses_RoutesByTheirOwnLists(string policy, string? refused)
    {
        var verdict = Judge(policy, Link("n6", Port("eth1", Mac), Addresses, Route("10.30.1.0/24")));
        Assert.Equal(refused is null ? [] : [$"links 'n6' {refused}"], verdict.Refused.Select(TextOf));
    }

    [Fact]
    public void Tells_OfARoute_WhoseNextHopIsRefused()
    {
        var verdict = Judge(
            """{"prefixes":{"deny":["10.20.6.0/24"]}}""",
            Link("n6", Port("eth1", Mac), Addresses, Route("10.30.1.0/24"))
        );
        Assert.Equal(
            [
                "links 'n6' addresses = 10.20.6.11/24 (prefixes.deny 10.20.6.0/24)",
                "links 'n6' routes = 10.30.1.0/24 via 10.20.6.1 (nextHop)",
            ],
            verdict.Refused.Select(TextOf)
        );
        Assert.True(NodeLayout.Create(verdict.Allowed).TryGet(out _, out _));
    }

    [Fact]
    public void Narrows_AGuard_ToWhatIsAllowed()
    {
        var wanted = Configuration(
            [],
            """{"interface":"eth1","network":"x","vlans":"101-103,4000","untagged":false}"""
        );
        var verdict = NodePolicyRules.Judge(wanted, Policy("""{"vlans":{"deny":"102,4000"}}"""), Facts);
        Assert.Equal("101,103", Assert.Single(verdict.Allowed.Guards).Vlans.ToString());
        Assert.Equal("guards 'eth1' vlans = 102,4000 (vlans.deny 102,4000)", TextOf(Assert.Single(verdict.Refused)));
    }

    [Fact]
    public void Refuses_FunctionsByPortAndByTag()
    {
        const string Functions = """
            {"name":"PORT","macAddress":null,"pciAddress":PCI,"mtu":1500,"functions":[
              {"index":0,"network":"n","vlan":101,"trust":false,"spoofCheck":true,"mtu":1500,"driver":"Kernel"},
              {"index":1,"network":"n","vlan":102,"trust":false,"spoofCheck":true,"mtu":1500,"driver":"Kernel"}]}
            """;
        string[] Refused(string policy, string port, string pci = "null")
        {
            var wanted = Configuration(
                [],
                functions: Functions
                    .Replace("PORT", port, StringComparison.Ordinal)
                    .Replace("PCI", pci, StringComparison.Ordinal)
            );
            return [.. NodePolicyRules.Judge(wanted, Policy(policy), Facts).Refused.Select(TextOf)];
        }

        Assert.Empty(Refused("{}", "eth1"));
        Assert.Empty(Refused("{}", "mgmt0"));
        Assert.Equal(
            ["physicalFunctions 'pf' = 2 functions (management.protect)"],
            Refused("{}", "pf", "\"0000:01:00.0\"")
        );
        Assert.Equal(
            ["physicalFunctions 'eth1' functions = function 1 (vlans.deny 102)"],
            Refused("""{"vlans":{"deny":"102"}}""", "eth1")
        );
        Assert.Equal(
            ["physicalFunctions 'eth9' = 2 functions (devices.allow)"],
            Refused("""{"devices":{"allow":["0000:3b:*"]}}""", "eth9")
        );
        Assert.Empty(Refused("""{"devices":{"allow":["0000:3b:*"]}}""", "eth1"));
    }

    private const string Addresses = """["10.20.6.11/24"]""";

    private static PolicyVerdict Judge(string policy, string link) =>
        NodePolicyRules.Judge(Configuration(link), Policy(policy), Facts);

    private static NodePolicy Policy(string text) => NodePolicyReader.Read(Encoding.UTF8.GetBytes(text)).Value;

    private static string TextOf(PolicyFinding finding) => $"{finding.Member} = {finding.Value} ({finding.Rule})";

    private static string Port(string name, string? mac, bool trunk = false) =>
        $$"""{"name":"{{name}}","mtu":9000,"trunk":{{(trunk ? "true" : "false")}}{{(mac is null ? "" : $",\"macAddress\":\"{mac}\"")}}}""";

    private static string Route(string to, string? via = null) =>
        $$"""{"to":"{{to}}","via":"{{via ?? (to.Contains(':', StringComparison.Ordinal) ? "2001:db8:6::1" : "10.20.6.1")}}"}""";

    private static string Link(string name, string port, string addresses, string routes = "", int? vlan = null) =>
        $$"""
            {"name":"{{name}}","port":{{port}},"mtu":1500,"addresses":{{addresses}},
             "routes":[{{routes}}]{{(vlan is null ? "" : $",\"vlan\":{vlan}")}}}
            """;

    private static NodeConfiguration Configuration(params string[] links) => Configuration(links, "");

    private static NodeConfiguration Configuration(string one, string two, string three, string guards) =>
        Configuration([one, two, three], guards);

    private static NodeConfiguration Configuration(string one, string two, string three, string four, string guards) =>
        Configuration([one, two, three, four], guards);

    private static NodeConfiguration Configuration(
        string[] links,
        string guards = "",
        string devices = "",
        string functions = ""
    )
    {
        using var body = JsonDocument.Parse(
            $$"""
            {"links":[{{string.Join(',', links)}}],"physicalFunctions":[{{functions}}],
             "devices":[{{devices}}],"guards":[{{guards}}]}
            """
        );
        return NodeConfiguration.Read(body.RootElement, "w1").Value;
    }
}
