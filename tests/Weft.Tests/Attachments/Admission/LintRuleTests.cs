using System.Text.RegularExpressions;
using Weft.Attachments.Admission;

namespace Weft.Tests.Rooms.Attachments.Admission;

/// <summary>Each rule once where it must fire, and once on the same thing put right, where nothing may fire at all.</summary>
public sealed partial class LintRuleTests
{
    private const string Red = "\"k8s.v1.cni.cncf.io/resourceName\":\"weft.dev/red\"";
    private const string Hugepages = """{"requests":{"weft.dev/fast":1,"hugepages-1Gi":"2Gi","memory":"1Gi"},"limits":{"weft.dev/fast":1,"hugepages-1Gi":"2Gi","memory":"1Gi"}}""";
    private const string Locked = """,{"name":"dpdk","securityContext":{"capabilities":{"add":["IPC_LOCK"]}}}""";
    private const string Whereabouts = "\"type\":\"macvlan\",\"master\":\"m0\",\"ipam\":{\"type\":\"whereabouts\",\"range\":\"10.8.0.0/24\"";

    private static readonly Dictionary<string, (string Fires, string Silent)> Cases = new()
    {
        ["W101"] = (Lab.Annotated("""{"k8s.v1.cni.cnf.io/networks":"plain"}"""), Lab.Annotated("""{"k8s.v1.cni.cncf.io/networks":"plain","k8s.ovn.org/pod-networks":"{}","example.com/networks":"x"}""")),
        ["W102"] = ("""{"kind":"Deployment","metadata":{"name":"upf","annotations":{"k8s.v1.cni.cncf.io/networks":"plain"}},"spec":{"template":{"metadata":{},"spec":{"containers":[{"name":"main"}]}}}}""",
            """{"kind":"Deployment","metadata":{"name":"upf"},"spec":{"template":{"metadata":{"annotations":{"k8s.v1.cni.cncf.io/networks":"plain"}},"spec":{"containers":[{"name":"main"}]}}}}"""),
        ["W103"] = (Lab.Pod("""[{"name":"plain"},]"""), Lab.Pod("""[{"name":"plain"}]""")),
        ["W104"] = (Lab.Pod("plain,"), Lab.Pod(" plain , trunk@t1 ")),
        ["W105"] = (Lab.Pod("""[{"name":"plain","interface":5}]"""), Lab.Pod("""[{"name":"plain","interface":"x5"}]""")),
        ["W106"] = (Lab.Pod("""[{"name":"plain","iface":"x5"}]"""), Lab.Pod("""[{"NAME":"plain","Interface":"x5","example.com/mine":1}]""")),
        ["W107"] = (Lab.Pod("plain", rest: ""","hostNetwork":true"""), Lab.Pod("plain", rest: ""","hostNetwork":false""")),
        ["W201"] = (Lab.Pod("plian"), Lab.Pod("plain")),
        ["W202"] = (Lab.Pod("theirs"), Lab.Pod("team/theirs")),
        ["W203"] = (Lab.Pod("team/theirs"), Lab.Pod("plain")),
        ["W204"] = (Lab.Pod("foreign"), Lab.Pod("plain")),
        ["W205"] = (Lab.Pod("plain,plain"), Lab.Pod("plain@a,plain@b")),
        ["W301"] = (Lab.Pod("red@a,red@b", Lab.Needs("weft.dev/red", 1)), Lab.Pod("red@a,red@b", Lab.Needs("weft.dev/red", 2))),
        ["W302"] = (Lab.Pod("red", """{"limits":{"weft.dev/red":1,"weft.dev/blue":1}}"""), Lab.Pod("red,blue", """{"limits":{"weft.dev/red":1,"weft.dev/blue":1}}""")),
        ["W303"] = (Lab.Pod("red", others: $$""",{"name":"side","resources":{{Lab.Needs("weft.dev/red", 1)}} }"""), Lab.Pod("red", Lab.Needs("weft.dev/red", 1), others: """,{"name":"side"}""")),
        ["W304"] = (Lab.Pod("red", """{"requests":{"weft.dev/red":1}}"""), Lab.Pod("red", """{"limits":{"weft.dev/red":1}}""")),
        ["W305"] = (Lab.Pod("red@a,red@b,red@c", Lab.Needs("weft.dev/red", 3)), Lab.Pod("red@a,red@b", Lab.Needs("weft.dev/red", 2))),
        ["W306"] = (Lab.Pod("fast", Lab.Needs("weft.dev/fast", 1), others: Locked), Lab.Pod("fast", Hugepages, others: Locked)),
        ["W307"] = (Lab.Pod("fast", Hugepages), Lab.Pod("fast", Hugepages, others: Locked)),
        ["W308"] = (Lab.Pod("plain", """{"limits":{"hugepages-2Mi":"64Mi"}}"""), Lab.Pod("plain", """{"limits":{"hugepages-2Mi":"64Mi","memory":"64Mi"}}""")),
        ["W401"] = (Lab.Pod("""[{"name":"fixed","ips":"10.1.0.5/24"}]"""), Lab.Pod("""[{"name":"fixed","ips":["10.1.0.5/24"]}]""")),
        ["W402"] = (Lab.Pod("""[{"name":"fixed","ips":["10.1.0.5"]}]"""), Lab.Pod("""[{"name":"fixed","ips":["10.1.0.5/24"]}]""")),
        ["W403"] = (Lab.Pod("""[{"name":"local","ips":["10.9.0.5","fd00:9::5"]}]"""), Lab.Pod("""[{"name":"local","cni-args":{"ips":["10.9.0.5","fd00:9::5"]}}]""")),
        ["W404"] = (Lab.Pod("""[{"name":"where","ips":["10.8.0.5/24"]}]"""), Lab.Pod("""[{"name":"where"}]""")),
        ["W405"] = (Lab.Pod("""[{"name":"n6","ips":["10.20.7.17"]}]"""), Lab.Pod("""[{"name":"n6","ips":["10.20.6.17","fd00:6::17/64"]}]""")),
        ["W406"] = (Lab.Pod("""[{"name":"n6","ips":["10.20.6.1"]}]"""), Lab.Pod("""[{"name":"n6","ips":["10.20.6.4"]}]""")),
        ["W407"] = (Lab.Pod("""[{"name":"plain","mac":"02:00:5e:00:53"}]"""), Lab.Pod("""[{"name":"plain","mac":"02:00:5e:00:53:01"}]""")),
        ["W408"] = (Lab.Pod("""[{"name":"shared","mac":"02:00:5e:00:53:01"}]"""), Lab.Pod("""[{"name":"plain","mac":"02-00-5e-00-53-01"}]""")),
        ["W409"] = (Lab.Pod("fixed"), Lab.Pod("""[{"name":"fixed","cni-args":{"ips":["10.1.0.5/24"]}}]""")),
        ["W410"] = (Lab.Pod("""[{"name":"n6","ips":["10.20.6.17","10.20.6.18"]}]"""), Lab.Pod("""[{"name":"n6","ips":["10.20.6.17","fd00:6::18"]}]""")),
        ["W501"] = (Lab.Pod("plain@a-name-far-too-long"), Lab.Pod("plain@fifteen-letters")),
        ["W502"] = (Lab.Pod("plain@eth0"), Lab.Pod("plain@eth1")),
        ["W503"] = (Lab.Pod("plain@a,trunk@a"), Lab.Pod("plain@a,trunk@b")),
        ["W504"] = (Lab.Pod("plain@net2,trunk"), Lab.Pod("plain@net1,trunk")),
        ["W505"] = (Lab.Pod("""[{"name":"n6","default-route":["10.20.6.1"]},{"name":"plain","default-route":["10.3.0.1"]}]"""),
            Lab.Pod("""[{"name":"n6","default-route":["10.20.6.1","fd00:6::1"]},{"name":"plain"}]""")),
        ["W506"] = (Lab.Pod("""[{"name":"n6","default-route":["10.20.7.1"]}]"""), Lab.Pod("""[{"name":"n6","default-route":["10.20.6.1"]}]""")),
        ["W507"] = (Lab.Pod("""[{"name":"n6","default-route":["10.20.6.1/24"]}]"""), Lab.Pod("""[{"name":"n6","default-route":["10.20.6.1"]}]""")),
        ["W601"] = (Lab.Pod("""[{"name":"trunk","cni-args":{"vlans":[101,102]}}]"""), Lab.Pod("""[{"name":"trunk","cni-args":{"trunk":[{"id":101},{"minID":103,"maxID":110}]}}]""")),
        ["W602"] = (Lab.Pod("trunk-v102"), Lab.Pod("trunk")),
        ["W603"] = (Lab.Pod("""[{"name":"trunk","cni-args":{"vlan":0}}]"""), Lab.Pod("""[{"name":"trunk","cni-args":{"vlan":"104-106"}}]""")),
        ["W701"] = (Lab.Nad(""), Lab.Plugin("\"type\":\"macvlan\",\"master\":\"m0\"")),
        ["W702"] = (Lab.Nad("""{"cniVersion":"1.0.0","type":"macvlan",}"""), Lab.Plugin("\"type\":\"macvlan\",\"master\":\"m0\"")),
        ["W703"] = (Lab.Nad("""{"cniVersion":"1.0.0","name":"own"}"""), Lab.Plugin("\"plugins\":[{\"type\":\"macvlan\",\"master\":\"m0\"},{\"type\":\"tuning\",\"mtu\":1400}]")),
        ["W704"] = (Lab.Nad("""{"cniVersion":"1.1.0","name":"own","type":"macvlan","master":"m0"}"""), Lab.Nad("""{"cniVersion":"0.4.0","name":"own","type":"macvlan","master":"m0"}""")),
        ["W705"] = (Lab.Nad("""{"cniVersion":"1.0.0","name":"other","type":"macvlan","master":"m0"}"""), Lab.Nad("""{"cniVersion":"1.0.0","type":"macvlan","master":"m0"}""")),
        ["W706"] = (Lab.Plugin("\"type\":\"macvlan\",\"master\":\"m0\"", name: "own.net"), Lab.Plugin("\"type\":\"macvlan\",\"master\":\"m0\"", name: "own-net")),
        ["W707"] = (Lab.Plugin("\"type\":\"sriov\",\"trunk\":[{\"id\":101}]", annotations: $"{{{Red}}}"), Lab.Plugin("\"type\":\"sriov\",\"vlan\":200,\"trust\":\"on\"", annotations: $"{{{Red}}}")),
        ["W708"] = (Lab.Plugin("\"type\":\"sriov\",\"vlan\":0", "trunk", $$"""{ {{Red}},"weft.dev/network":"{{Lab.Group}}/trunkedNetworks/trunk"}"""),
            Lab.Plugin("\"type\":\"sriov\",\"trust\":\"on\"", "trunk", $$"""{ {{Red}},"weft.dev/network":"{{Lab.Group}}/trunkedNetworks/trunk"}""")),
        ["W709"] = (Lab.Plugin("\"type\":\"macvlan\""), Lab.Plugin("\"type\":\"macvlan\",\"master\":\"m0\"")),
        ["W710"] = (Lab.Plugin("\"type\":\"bridge\",\"vlanTrunk\":[{\"id\":101}]"), Lab.Plugin("\"type\":\"bridge\",\"vlan\":101")),
        ["W711"] = (Lab.Plugin("\"type\":\"ipvlan\",\"master\":\"m0\",\"ipam\":{\"type\":\"dhcp\"}"), Lab.Plugin("\"type\":\"ipvlan\",\"master\":\"m0\",\"ipam\":{\"type\":\"static\"}")),
        ["W712"] = (Lab.Plugin("\"type\":\"macvlan\",\"master\":\"m0\",\"mode\":\"l2\""), Lab.Plugin("\"type\":\"macvlan\",\"master\":\"m0\",\"mode\":\"vepa\"")),
        ["W713"] = (Lab.Plugin("\"type\":\"sriov\",\"vlan\":4095", annotations: $"{{{Red}}}"), Lab.Plugin("\"type\":\"sriov\",\"vlan\":4094,\"vlanQoS\":3", annotations: $"{{{Red}}}")),
        ["W714"] = (Lab.Plugin("\"type\":\"sriov\""), Lab.Plugin("\"type\":\"sriov\"", annotations: $"{{{Red}}}")),
        ["W715"] = (Lab.Plugin("\"type\":\"sriov\"", annotations: """{"k8s.v1.cni.cncf.io/resourceName":"weft.dev/rde"}"""), Lab.Plugin("\"type\":\"sriov\"", annotations: $"{{{Red}}}")),
        ["W716"] = (Lab.Plugin("\"type\":\"macvlan\",\"master\":\"t0.102\"", "trunk-v102", $$"""{"weft.dev/network":"{{Lab.Group}}/trunkedNetworks/trunk"}"""),
            Lab.Plugin("\"type\":\"macvlan\",\"master\":\"t0.103\"", "trunk-v103", $$"""{"weft.dev/network":"{{Lab.Group}}/trunkedNetworks/trunk"}""")),
        ["W717"] = (Lab.Nad("""{"cniVersion":"1.0.0","name":"local","type":"macvlan","master":"m0","ipam":{"type":"host-local","subnet":"10.5.0.0/24"}}"""), Lab.Plugin($"{Whereabouts}}}")),
        ["W718"] = (Lab.Plugin("\"type\":\"macvlan\",\"master\":\"s0\""), Lab.Plugin("\"type\":\"macvlan\",\"master\":\"p0\"")),
        ["W801"] = (Lab.Plugin($"{Whereabouts},\"rangeStart\":\"10.8.0.10\"}}"), Lab.Plugin($"{Whereabouts},\"range_start\":\"10.8.0.10\"}}")),
        ["W802"] = (Lab.Plugin($"{Whereabouts},\"routes\":[{{\"dst\":\"10.20.0.0/16\"}}]}}"), Lab.Plugin($"{Whereabouts},\"routes\":[{{\"dst\":\"10.20.0.0/16\",\"gw\":\"10.8.0.1\"}}]}}")),
        ["W803"] = (Lab.Plugin($"{Whereabouts},\"routes\":[{{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.8.0.1\"}}]}}"), Lab.Plugin($"{Whereabouts},\"routes\":[{{\"dst\":\"10.0.0.0/8\",\"gw\":\"10.8.0.1\"}}]}}")),
        ["W804"] = (Lab.Plugin("\"type\":\"macvlan\",\"master\":\"m0\",\"ipam\":{\"type\":\"whereabouts\",\"gateway\":\"10.8.0.1\",\"ipRanges\":[{\"range\":\"10.8.0.0/24\"},{\"range\":\"fd00:8::/64\"}]}"),
            Lab.Plugin("\"type\":\"macvlan\",\"master\":\"m0\",\"ipam\":{\"type\":\"whereabouts\",\"gateway\":\"10.8.0.1\",\"ipRanges\":[{\"range\":\"10.8.0.0/24\"}]}")),
        ["W805"] = (Lab.Plugin("\"type\":\"macvlan\",\"master\":\"m0\",\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.5.0.0/24\"}"), Lab.Plugin($"{Whereabouts}}}")),
        ["W806"] = (Lab.Plugin("\"type\":\"macvlan\",\"master\":\"m0\",\"ipam\":{\"type\":\"whereabouts\",\"range\":\"10.8.0.0/33\"}"), Lab.Plugin($"{Whereabouts}}}")),
        ["W807"] = (Lab.Plugin("\"type\":\"macvlan\",\"master\":\"m0\",\"ipam\":{\"type\":\"host-local\",\"ranges\":[[{\"subnet\":\"10.5.0.0/24\"},{\"subnet\":\"fd00:5::/64\"}]]}"), Lab.Plugin($"{Whereabouts}}}")),
        ["W808"] = (Lab.Plugin($"\"capabilities\":{{\"ips\":true}},{Whereabouts}}}"), Lab.Plugin("\"capabilities\":{\"ips\":true},\"type\":\"macvlan\",\"master\":\"m0\",\"ipam\":{\"type\":\"static\"}")),
        ["W901"] = (Lab.Pools("""[{"resourceName":"red","selectors":[{"vendors":["15b3"]}],}]"""), Lab.Pools("""[{"resourceName":"red","selectors":[{"vendors":["15b3"]}]}]""")),
        ["W902"] = (Lab.Pools("""[{"resourceName":"l2.red","selectors":[{"vendors":["15b3"]}]}]"""), Lab.Pools("""[{"resourceName":"l2_red","resourcePrefix":"weft.dev","selectors":{"vendors":["15b3"]}}]""")),
        ["W903"] = (Lab.Pools("""[{"resourceName":"red"}]"""), Lab.Pools("""[{"resourceName":"red","selectors":{"pfNames":["p0"]}}]""")),
        ["W904"] = (Lab.Pools("""[{"resourceName":"red","rootDevices":["0000:3b:00.0"],"selectors":[{"vendors":["15b3"]}]}]"""), Lab.Pools("""[{"resourceName":"red","selectors":[{"vendors":["15b3"],"rootDevices":["0000:3b:00.0"]}]}]""")),
        ["W905"] = (Lab.Pools("""[{"resourceName":"red","selectors":[{"vendor":["15b3"]}]}]"""), Lab.Pools("""[{"resourceName":"red","selectors":[{"VENDORS":["15b3"]}]}]""")),
        ["W906"] = (Lab.Pools("""[{"resourceName":"red","selectors":[{"pfNames":["p0#0-1","P0#4"]}]}]"""), Lab.Pools("""[{"resourceName":"red","selectors":[{"pfNames":["p0#0-1,4","p1"]}]}]""")),
        ["W907"] = (Lab.Pools("""[{"resourceName":"red","selectors":[{"vendors":["0x15B3"]}]}]"""), Lab.Pools("""[{"resourceName":"red","selectors":[{"vendors":["15b3"],"pciAddresses":["0000:3b:02.1"]}]}]""")),
        ["W908"] = (Lab.Pools("""[{"resourceName":"red","selectors":[{"drivers":["vfio-pci"],"linkTypes":["ether"]}]}]"""), Lab.Pools("""[{"resourceName":"red","selectors":[{"drivers":["vfio-pci"]}]}]""")),
        ["W909"] = (Lab.Pools("""[{"resourceName":"red","deviceType":"netdev","selectors":[{}]}]"""), Lab.Pools("""[{"resourceName":"red","deviceType":"auxNetDevice","selectors":[{"auxTypes":["sf"]}]}]""")),
        ["W910"] = (Lab.Pools("[]"), Lab.Pools("""[{"resourceName":"red","selectors":[{"vendors":["15b3"]}]}]""")),
        ["W911"] = (Lab.Pools("""[{"resourceName":"l2-red","selectors":[{"vendors":["15b3"]}]}]"""), Lab.Pools("""[{"resourceName":"l2_red","selectors":[{"vendors":["15b3"]}]}]""")),
    };

    public static TheoryData<string> Ids => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Ids))]
    public void Fires_WhereItMust(string rule)
    {
        var finding = Lab.Findings(Cases[rule].Fires, Around(rule)).FirstOrDefault(f => f.Rule == rule);
        Assert.NotNull(finding);
        Assert.Equal(LintRule.All.Single(r => r.Id == rule).Severity, finding.Severity);
        Assert.All([finding.Path, finding.Message, finding.Next], text => Assert.False(string.IsNullOrWhiteSpace(text)));
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void Leaves_WhatIsPutRight(string rule) => Assert.Empty(Lab.Findings(Cases[rule].Silent, Around(rule)));

    [Fact]
    public void Tries_EveryRule() => Assert.Equal(LintRule.All.Select(r => r.Id).Order(), Cases.Keys.Order());

    [Fact]
    public void Lists_EveryRuleInTheSpecification()
    {
        var page = Rows().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs/specs/lint.md"))).Select(m => (m.Groups[1].Value, m.Groups[2].Value, m.Groups[3].Value));
        Assert.Equal(LintRule.All.Select(r => (r.Id, r.Severity.ToString(), r.Title)), page);
    }

    private static LintSurroundings Around(string rule) => rule switch
    {
        "W203" => Lab.Around with { NamespaceIsolation = true },
        "W204" => Lab.Around with { IsComplete = false },
        _ => Lab.Around,
    };

    [GeneratedRegex(@"^\| `(W\d+)` \| (\w+) \| (.+) \|$", RegexOptions.Multiline)]
    private static partial Regex Rows();
}
