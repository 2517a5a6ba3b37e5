using System.Text.RegularExpressions;
using Weft.Attachments.Admission;

namespace Weft.Tests.Attachments.Admission;

/// <summary>
/// Each rule once where it must fire, and once on the same thing put right, where nothing may fire at all.
/// </summary>
public sealed partial class LintRuleTests
{
    private const string Red = "\"k8s.v1.cni.cncf.io/resourceName\":\"weft.dev/red\"";
    private const string Hugepages = """
        {
          "requests": { "weft.dev/fast": 1, "hugepages-1Gi": "2Gi", "memory": "1Gi" },
          "limits": { "weft.dev/fast": 1, "hugepages-1Gi": "2Gi", "memory": "1Gi" }
        }
        """;
    private const string Locked = """,{"name":"dpdk","securityContext":{"capabilities":{"add":["IPC_LOCK"]}}}""";
    private const string Whereabouts =
        "\"type\":\"macvlan\",\"master\":\"m0\",\"ipam\":{\"type\":\"whereabouts\",\"range\":\"10.8.0.0/24\"";

    private static readonly Dictionary<string, (string Fires, string Silent)> Cases = new()
    {
        ["W101"] = (
            LintFixture.Annotated("""{"k8s.v1.cni.cnf.io/networks":"plain"}"""),
            LintFixture.Annotated(
                """{"k8s.v1.cni.cncf.io/networks":"plain","k8s.ovn.org/pod-networks":"{}","example.com/networks":"x"}"""
            )
        ),
        ["W102"] = (
            """
            {
              "kind": "Deployment",
              "metadata": { "name": "upf", "annotations": { "k8s.v1.cni.cncf.io/networks": "plain" } },
              "spec": { "template": { "metadata": {}, "spec": { "containers": [{ "name": "main" }] } } }
            }
            """,
            """
            {
              "kind": "Deployment",
              "metadata": { "name": "upf" },
              "spec": {
                "template": {
                  "metadata": { "annotations": { "k8s.v1.cni.cncf.io/networks": "plain" } },
                  "spec": { "containers": [{ "name": "main" }] }
                }
              }
            }
            """
        ),
        ["W103"] = (LintFixture.Pod("""[{"name":"plain"},]"""), LintFixture.Pod("""[{"name":"plain"}]""")),
        ["W104"] = (LintFixture.Pod("plain,"), LintFixture.Pod(" plain , trunk@t1 ")),
        ["W105"] = (
            LintFixture.Pod("""[{"name":"plain","interface":5}]"""),
            LintFixture.Pod("""[{"name":"plain","interface":"x5"}]""")
        ),
        ["W106"] = (
            LintFixture.Pod("""[{"name":"plain","iface":"x5"}]"""),
            LintFixture.Pod("""[{"NAME":"plain","Interface":"x5","example.com/mine":1}]""")
        ),
        ["W107"] = (
            LintFixture.Pod("plain", rest: ""","hostNetwork":true"""),
            LintFixture.Pod("plain", rest: ""","hostNetwork":false""")
        ),
        ["W201"] = (LintFixture.Pod("plian"), LintFixture.Pod("plain")),
        ["W202"] = (LintFixture.Pod("theirs"), LintFixture.Pod("team/theirs")),
        ["W203"] = (LintFixture.Pod("team/theirs"), LintFixture.Pod("plain")),
        ["W204"] = (LintFixture.Pod("foreign"), LintFixture.Pod("plain")),
        ["W205"] = (LintFixture.Pod("plain,plain"), LintFixture.Pod("plain@a,plain@b")),
        ["W301"] = (
            LintFixture.Pod("red@a,red@b", LintFixture.Resources("weft.dev/red", 1)),
            LintFixture.Pod("red@a,red@b", LintFixture.Resources("weft.dev/red", 2))
        ),
        ["W302"] = (
            LintFixture.Pod("red", """{"limits":{"weft.dev/red":1,"weft.dev/blue":1}}"""),
            LintFixture.Pod("red,blue", """{"limits":{"weft.dev/red":1,"weft.dev/blue":1}}""")
        ),
        ["W303"] = (
            LintFixture.Pod(
                "red",
                others: $$""",{"name":"side","resources":{{LintFixture.Resources("weft.dev/red", 1)}} }"""
            ),
            LintFixture.Pod("red", LintFixture.Resources("weft.dev/red", 1), others: """,{"name":"side"}""")
        ),
        ["W304"] = (
            LintFixture.Pod("red", """{"requests":{"weft.dev/red":1}}"""),
            LintFixture.Pod("red", """{"limits":{"weft.dev/red":1}}""")
        ),
        ["W305"] = (
            LintFixture.Pod("red@a,red@b,red@c", LintFixture.Resources("weft.dev/red", 3)),
            LintFixture.Pod("red@a,red@b", LintFixture.Resources("weft.dev/red", 2))
        ),
        ["W306"] = (
            LintFixture.Pod("fast", LintFixture.Resources("weft.dev/fast", 1), others: Locked),
            LintFixture.Pod("fast", Hugepages, others: Locked)
        ),
        ["W307"] = (LintFixture.Pod("fast", Hugepages), LintFixture.Pod("fast", Hugepages, others: Locked)),
        ["W308"] = (
            LintFixture.Pod("plain", """{"limits":{"hugepages-2Mi":"64Mi"}}"""),
            LintFixture.Pod("plain", """{"limits":{"hugepages-2Mi":"64Mi","memory":"64Mi"}}""")
        ),
        ["W401"] = (
            LintFixture.Pod("""[{"name":"fixed","ips":"10.1.0.5/24"}]"""),
            LintFixture.Pod("""[{"name":"fixed","ips":["10.1.0.5/24"]}]""")
        ),
        ["W402"] = (
            LintFixture.Pod("""[{"name":"fixed","ips":["10.1.0.5"]}]"""),
            LintFixture.Pod("""[{"name":"fixed","ips":["10.1.0.5/24"]}]""")
        ),
        ["W403"] = (
            LintFixture.Pod("""[{"name":"local","ips":["10.9.0.5","fd00:9::5"]}]"""),
            LintFixture.Pod("""[{"name":"local","cni-args":{"ips":["10.9.0.5","fd00:9::5"]}}]""")
        ),
        ["W404"] = (
            LintFixture.Pod("""[{"name":"where","ips":["10.8.0.5/24"]}]"""),
            LintFixture.Pod("""[{"name":"where"}]""")
        ),
        ["W405"] = (
            LintFixture.Pod("""[{"name":"n6","ips":["10.20.7.17"]}]"""),
            LintFixture.Pod("""[{"name":"n6","ips":["10.20.6.17","fd00:6::17/64"]}]""")
        ),
        ["W406"] = (
            LintFixture.Pod("""[{"name":"n6","ips":["10.20.6.1"]}]"""),
            LintFixture.Pod("""[{"name":"n6","ips":["10.20.6.4"]}]""")
        ),
        ["W407"] = (
            LintFixture.Pod("""[{"name":"plain","mac":"02:00:5e:00:53"}]"""),
            LintFixture.Pod("""[{"name":"plain","mac":"02:00:5e:00:53:01"}]""")
        ),
        ["W408"] = (
            LintFixture.Pod("""[{"name":"shared","mac":"02:00:5e:00:53:01"}]"""),
            LintFixture.Pod("""[{"name":"plain","mac":"02-00-5e-00-53-01"}]""")
        ),
        ["W409"] = (
            LintFixture.Pod("fixed"),
            LintFixture.Pod("""[{"name":"fixed","cni-args":{"ips":["10.1.0.5/24"]}}]""")
        ),
        ["W410"] = (
            LintFixture.Pod("""[{"name":"n6","ips":["10.20.6.17","10.20.6.18"]}]"""),
            LintFixture.Pod("""[{"name":"n6","ips":["10.20.6.17","fd00:6::18"]}]""")
        ),
        ["W411"] = (
            LintFixture.Pod("""[{"name":"n6","cni-args":{"claim":"vms/db"}}]"""),
            LintFixture.Pod("""[{"name":"n6","cni-args":{"claim":"db"}}]""")
        ),
        ["W501"] = (LintFixture.Pod("plain@a-name-far-too-long"), LintFixture.Pod("plain@fifteen-letters")),
        ["W502"] = (LintFixture.Pod("plain@eth0"), LintFixture.Pod("plain@eth1")),
        ["W503"] = (LintFixture.Pod("plain@a,trunk@a"), LintFixture.Pod("plain@a,trunk@b")),
        ["W504"] = (LintFixture.Pod("plain@net2,trunk"), LintFixture.Pod("plain@net1,trunk")),
        ["W505"] = (
            LintFixture.Pod(
                """[{"name":"n6","default-route":["10.20.6.1"]},{"name":"plain","default-route":["10.3.0.1"]}]"""
            ),
            LintFixture.Pod("""[{"name":"n6","default-route":["10.20.6.1","fd00:6::1"]},{"name":"plain"}]""")
        ),
        ["W506"] = (
            LintFixture.Pod("""[{"name":"n6","default-route":["10.20.7.1"]}]"""),
            LintFixture.Pod("""[{"name":"n6","default-route":["10.20.6.1"]}]""")
        ),
        ["W507"] = (
            LintFixture.Pod("""[{"name":"n6","default-route":["10.20.6.1/24"]}]"""),
            LintFixture.Pod("""[{"name":"n6","default-route":["10.20.6.1"]}]""")
        ),
        ["W601"] = (
            LintFixture.Pod("""[{"name":"trunk","cni-args":{"vlans":[101,102]}}]"""),
            LintFixture.Pod("""[{"name":"trunk","cni-args":{"trunk":[{"id":101},{"minID":103,"maxID":110}]}}]""")
        ),
        ["W602"] = (LintFixture.Pod("trunk-v102"), LintFixture.Pod("trunk")),
        ["W603"] = (
            LintFixture.Pod("""[{"name":"trunk","cni-args":{"vlan":0}}]"""),
            LintFixture.Pod("""[{"name":"trunk","cni-args":{"vlan":"104-106"}}]""")
        ),
        ["W701"] = (LintFixture.Nad(""), LintFixture.Plugin("\"type\":\"macvlan\",\"master\":\"m0\"")),
        ["W702"] = (
            LintFixture.Nad("""{"cniVersion":"1.0.0","type":"macvlan",}"""),
            LintFixture.Plugin("\"type\":\"macvlan\",\"master\":\"m0\"")
        ),
        ["W703"] = (
            LintFixture.Nad("""{"cniVersion":"1.0.0","name":"own"}"""),
            LintFixture.Plugin(
                "\"plugins\":[{\"type\":\"macvlan\",\"master\":\"m0\"},{\"type\":\"tuning\",\"mtu\":1400}]"
            )
        ),
        ["W704"] = (
            LintFixture.Nad("""{"cniVersion":"1.1.0","name":"own","type":"macvlan","master":"m0"}"""),
            LintFixture.Nad("""{"cniVersion":"0.4.0","name":"own","type":"macvlan","master":"m0"}""")
        ),
        ["W705"] = (
            LintFixture.Nad("""{"cniVersion":"1.0.0","name":"other","type":"macvlan","master":"m0"}"""),
            LintFixture.Nad("""{"cniVersion":"1.0.0","type":"macvlan","master":"m0"}""")
        ),
        ["W706"] = (
            LintFixture.Plugin("\"type\":\"macvlan\",\"master\":\"m0\"", name: "own.net"),
            LintFixture.Plugin("\"type\":\"macvlan\",\"master\":\"m0\"", name: "own-net")
        ),
        ["W707"] = (
            LintFixture.Plugin("\"type\":\"sriov\",\"trunk\":[{\"id\":101}]", annotations: $"{{{Red}}}"),
            LintFixture.Plugin("\"type\":\"sriov\",\"vlan\":200,\"trust\":\"on\"", annotations: $"{{{Red}}}")
        ),
        ["W708"] = (
            LintFixture.Plugin(
                "\"type\":\"sriov\",\"vlan\":0",
                "trunk",
                $$"""{ {{Red}},"weft.dev/network":"{{LintFixture.Group}}/trunkedNetworks/trunk"}"""
            ),
            LintFixture.Plugin(
                "\"type\":\"sriov\",\"trust\":\"on\"",
                "trunk",
                $$"""{ {{Red}},"weft.dev/network":"{{LintFixture.Group}}/trunkedNetworks/trunk"}"""
            )
        ),
        ["W709"] = (
            LintFixture.Plugin("\"type\":\"macvlan\""),
            LintFixture.Plugin("\"type\":\"macvlan\",\"master\":\"m0\"")
        ),
        ["W710"] = (
            LintFixture.Plugin("\"type\":\"bridge\",\"vlanTrunk\":[{\"id\":101}]"),
            LintFixture.Plugin("\"type\":\"bridge\",\"vlan\":101")
        ),
        ["W711"] = (
            LintFixture.Plugin("\"type\":\"ipvlan\",\"master\":\"m0\",\"ipam\":{\"type\":\"dhcp\"}"),
            LintFixture.Plugin("\"type\":\"ipvlan\",\"master\":\"m0\",\"ipam\":{\"type\":\"static\"}")
        ),
        ["W712"] = (
            LintFixture.Plugin("\"type\":\"macvlan\",\"master\":\"m0\",\"mode\":\"l2\""),
            LintFixture.Plugin("\"type\":\"macvlan\",\"master\":\"m0\",\"mode\":\"vepa\"")
        ),
        ["W713"] = (
            LintFixture.Plugin("\"type\":\"sriov\",\"vlan\":4095", annotations: $"{{{Red}}}"),
            LintFixture.Plugin("\"type\":\"sriov\",\"vlan\":4094,\"vlanQoS\":3", annotations: $"{{{Red}}}")
        ),
        ["W714"] = (
            LintFixture.Plugin("\"type\":\"sriov\""),
            LintFixture.Plugin("\"type\":\"sriov\"", annotations: $"{{{Red}}}")
        ),
        ["W715"] = (
            LintFixture.Plugin(
                "\"type\":\"sriov\"",
                annotations: """{"k8s.v1.cni.cncf.io/resourceName":"weft.dev/rde"}"""
            ),
            LintFixture.Plugin("\"type\":\"sriov\"", annotations: $"{{{Red}}}")
        ),
        ["W716"] = (
            LintFixture.Plugin(
                "\"type\":\"macvlan\",\"master\":\"t0.102\"",
                "trunk-v102",
                $$"""{"weft.dev/network":"{{LintFixture.Group}}/trunkedNetworks/trunk"}"""
            ),
            LintFixture.Plugin(
                "\"type\":\"macvlan\",\"master\":\"t0.103\"",
                "trunk-v103",
                $$"""{"weft.dev/network":"{{LintFixture.Group}}/trunkedNetworks/trunk"}"""
            )
        ),
        ["W717"] = (
            LintFixture.Nad(
                """
                {
                  "cniVersion": "1.0.0",
                  "name": "local",
                  "type": "macvlan",
                  "master": "m0",
                  "ipam": { "type": "host-local", "subnet": "10.5.0.0/24" }
                }
                """
            ),
            LintFixture.Plugin($"{Whereabouts}}}")
        ),
        ["W718"] = (
            LintFixture.Plugin("\"type\":\"macvlan\",\"master\":\"s0\""),
            LintFixture.Plugin("\"type\":\"macvlan\",\"master\":\"p0\"")
        ),
        ["W801"] = (
            LintFixture.Plugin($"{Whereabouts},\"rangeStart\":\"10.8.0.10\"}}"),
            LintFixture.Plugin($"{Whereabouts},\"range_start\":\"10.8.0.10\"}}")
        ),
        ["W802"] = (
            LintFixture.Plugin($"{Whereabouts},\"routes\":[{{\"dst\":\"10.20.0.0/16\"}}]}}"),
            LintFixture.Plugin($"{Whereabouts},\"routes\":[{{\"dst\":\"10.20.0.0/16\",\"gw\":\"10.8.0.1\"}}]}}")
        ),
        ["W803"] = (
            LintFixture.Plugin($"{Whereabouts},\"routes\":[{{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.8.0.1\"}}]}}"),
            LintFixture.Plugin($"{Whereabouts},\"routes\":[{{\"dst\":\"10.0.0.0/8\",\"gw\":\"10.8.0.1\"}}]}}")
        ),
        ["W804"] = (
            LintFixture.Plugin(
                "\"type\":\"macvlan\",\"master\":\"m0\","
                    + "\"ipam\":{\"type\":\"whereabouts\",\"gateway\":\"10.8.0.1\","
                    + "\"ipRanges\":[{\"range\":\"10.8.0.0/24\"},{\"range\":\"fd00:8::/64\"}]}"
            ),
            LintFixture.Plugin(
                "\"type\":\"macvlan\",\"master\":\"m0\","
                    + "\"ipam\":{\"type\":\"whereabouts\",\"gateway\":\"10.8.0.1\",\"ipRanges\":[{\"range\":\"10.8.0.0/24\"}]}"
            )
        ),
        ["W805"] = (
            LintFixture.Plugin(
                "\"type\":\"macvlan\",\"master\":\"m0\",\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.5.0.0/24\"}"
            ),
            LintFixture.Plugin($"{Whereabouts}}}")
        ),
        ["W806"] = (
            LintFixture.Plugin(
                "\"type\":\"macvlan\",\"master\":\"m0\",\"ipam\":{\"type\":\"whereabouts\",\"range\":\"10.8.0.0/33\"}"
            ),
            LintFixture.Plugin($"{Whereabouts}}}")
        ),
        ["W807"] = (
            LintFixture.Plugin(
                "\"type\":\"macvlan\",\"master\":\"m0\","
                    + "\"ipam\":{\"type\":\"host-local\",\"ranges\":[[{\"subnet\":\"10.5.0.0/24\"},{\"subnet\":\"fd00:5::/64\"}]]}"
            ),
            LintFixture.Plugin($"{Whereabouts}}}")
        ),
        ["W808"] = (
            LintFixture.Plugin($"\"capabilities\":{{\"ips\":true}},{Whereabouts}}}"),
            LintFixture.Plugin(
                "\"capabilities\":{\"ips\":true},\"type\":\"macvlan\",\"master\":\"m0\",\"ipam\":{\"type\":\"static\"}"
            )
        ),
        ["W901"] = (
            LintFixture.Pools("""[{"resourceName":"red","selectors":[{"vendors":["15b3"]}],}]"""),
            LintFixture.Pools("""[{"resourceName":"red","selectors":[{"vendors":["15b3"]}]}]""")
        ),
        ["W902"] = (
            LintFixture.Pools("""[{"resourceName":"l2.red","selectors":[{"vendors":["15b3"]}]}]"""),
            LintFixture.Pools(
                """[{"resourceName":"l2_red","resourcePrefix":"weft.dev","selectors":{"vendors":["15b3"]}}]"""
            )
        ),
        ["W903"] = (
            LintFixture.Pools("""[{"resourceName":"red"}]"""),
            LintFixture.Pools("""[{"resourceName":"red","selectors":{"pfNames":["p0"]}}]""")
        ),
        ["W904"] = (
            LintFixture.Pools(
                """[{"resourceName":"red","rootDevices":["0000:3b:00.0"],"selectors":[{"vendors":["15b3"]}]}]"""
            ),
            LintFixture.Pools(
                """[{"resourceName":"red","selectors":[{"vendors":["15b3"],"rootDevices":["0000:3b:00.0"]}]}]"""
            )
        ),
        ["W905"] = (
            LintFixture.Pools("""[{"resourceName":"red","selectors":[{"vendor":["15b3"]}]}]"""),
            LintFixture.Pools("""[{"resourceName":"red","selectors":[{"VENDORS":["15b3"]}]}]""")
        ),
        ["W906"] = (
            LintFixture.Pools("""[{"resourceName":"red","selectors":[{"pfNames":["p0#0-1","P0#4"]}]}]"""),
            LintFixture.Pools("""[{"resourceName":"red","selectors":[{"pfNames":["p0#0-1,4","p1"]}]}]""")
        ),
        ["W907"] = (
            LintFixture.Pools("""[{"resourceName":"red","selectors":[{"vendors":["0x15B3"]}]}]"""),
            LintFixture.Pools(
                """[{"resourceName":"red","selectors":[{"vendors":["15b3"],"pciAddresses":["0000:3b:02.1"]}]}]"""
            )
        ),
        ["W908"] = (
            LintFixture.Pools(
                """[{"resourceName":"red","selectors":[{"drivers":["vfio-pci"],"linkTypes":["ether"]}]}]"""
            ),
            LintFixture.Pools("""[{"resourceName":"red","selectors":[{"drivers":["vfio-pci"]}]}]""")
        ),
        ["W909"] = (
            LintFixture.Pools("""[{"resourceName":"red","deviceType":"netdev","selectors":[{}]}]"""),
            LintFixture.Pools(
                """[{"resourceName":"red","deviceType":"auxNetDevice","selectors":[{"auxTypes":["sf"]}]}]"""
            )
        ),
        ["W910"] = (
            LintFixture.Pools("[]"),
            LintFixture.Pools("""[{"resourceName":"red","selectors":[{"vendors":["15b3"]}]}]""")
        ),
        ["W911"] = (
            LintFixture.Pools("""[{"resourceName":"l2-red","selectors":[{"vendors":["15b3"]}]}]"""),
            LintFixture.Pools("""[{"resourceName":"l2_red","selectors":[{"vendors":["15b3"]}]}]""")
        ),
    };

    public static TheoryData<string> Ids => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Ids))]
    public void Fires_WhereItMust(string rule)
    {
        var finding = LintFixture.Findings(Cases[rule].Fires, ContextOf(rule)).FirstOrDefault(f => f.Rule == rule);
        Assert.NotNull(finding);
        Assert.Equal(LintRule.All.Single(r => r.Id == rule).Severity, finding.Severity);
        Assert.All([finding.Path, finding.Message, finding.Fix], text => Assert.False(string.IsNullOrWhiteSpace(text)));
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void Passes_WhatIsFixed(string rule) =>
        Assert.Empty(LintFixture.Findings(Cases[rule].Silent, ContextOf(rule)));

    [Fact]
    public void Covers_EveryRule() => Assert.Equal(LintRule.All.Select(r => r.Id).Order(), Cases.Keys.Order());

    [Fact]
    public void Lists_EveryRuleInTheSpecification()
    {
        var page = Rows()
            .Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs/specs/lint.md")))
            .Select(m => (m.Groups[1].Value, m.Groups[2].Value, m.Groups[3].Value));
        Assert.Equal(LintRule.All.Select(r => (r.Id, r.Severity.ToString(), r.Title)), page);
    }

    private static LintContext ContextOf(string rule) =>
        rule switch
        {
            "W203" => LintFixture.Context with { NamespaceIsolation = true },
            "W204" => LintFixture.Context with { IsComplete = false },
            _ => LintFixture.Context,
        };

    [GeneratedRegex(@"^\| `(W\d+)` \| (\w+) \| (.+) \|$", RegexOptions.Multiline)]
    private static partial Regex Rows();
}
