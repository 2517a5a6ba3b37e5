using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Attachments.Admission;
using Weft.Contracts;

namespace Weft.Tests.Attachments.Admission;

public sealed class PodLintTests
{
    [Theory]
    [InlineData("k8s.v1.cni.cnf.io/networks")]
    [InlineData("k8s.v1.cni.cncf.io/network")]
    [InlineData("k8s.cni.cncf.io/networks")]
    [InlineData("K8s.v1.cni.cncf.io/Networks")]
    [InlineData("k8s.v1.cni.cncf.io/netwoks")]
    [InlineData("v1.multus-cni.io/networks")]
    [InlineData("v1.multus-cni.io/default-networks")]
    [InlineData("networks")]
    public void Finds_TheMisspeltKey(string key) =>
        Assert.Equal(
            "W101",
            Assert.Single(LintFixture.Findings(LintFixture.Annotated($$"""{"{{key}}":"plain"}"""))).Rule
        );

    [Theory]
    [InlineData(
        "StatefulSet",
        """{"metadata":{"name":"a","annotations":{"K":"plian"}},"spec":{"template":{"metadata":{},"spec":{"containers":[]}}}}""",
        "metadata.annotations.k8s.v1.cni.cncf.io/networks"
    )]
    [InlineData(
        "CronJob",
        """
            {
              "metadata": { "name": "a" },
              "spec": {
                "jobTemplate": {
                  "metadata": { "annotations": { "K": "plain" } },
                  "spec": {
                    "template": {
                      "metadata": {},
                      "spec": { "containers": [] }
                    }
                  }
                }
              }
            }
            """,
        "spec.jobTemplate.metadata.annotations.k8s.v1.cni.cncf.io/networks"
    )]
    public void Points_AtTheAnnotationOutsideTheTemplate(string kind, string body, string path)
    {
        var manifest = (JsonObject)
            JsonNode.Parse(body.Replace("\"K\"", "\"k8s.v1.cni.cncf.io/networks\"", StringComparison.Ordinal))!;
        manifest["kind"] = kind;
        var finding = Assert.Single(LintFixture.Findings(manifest.ToJsonString()));
        Assert.Equal(("W102", path), (finding.Rule, finding.Path));
    }

    [Fact]
    public void Points_IntoTheTemplateOfAWorkload()
    {
        var finding = Assert.Single(
            LintFixture.Findings(
                """
                {
                  "kind": "DaemonSet",
                  "metadata": { "name": "a" },
                  "spec": {
                    "template": {
                      "metadata": {
                        "annotations": {
                          "k8s.v1.cni.cncf.io/networks": "[{\"name\":\"plain\"},{\"name\":\"n6\",\"ips\":[\"10.20.6.1\"]}]"
                        }
                      },
                      "spec": { "containers": [] }
                    }
                  }
                }
                """
            )
        );
        Assert.Equal("spec.template.metadata.annotations.k8s.v1.cni.cncf.io/networks[1].ips", finding.Path);
        Assert.Contains("10.20.6.1 is the gateway", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_TheNearDefinitionAndTheOneElsewhere()
    {
        Assert.Contains(
            "did you mean plain",
            Assert.Single(LintFixture.Findings(LintFixture.Pod("plian"))).Fix,
            StringComparison.Ordinal
        );
        Assert.Equal("write team/theirs", Assert.Single(LintFixture.Findings(LintFixture.Pod("theirs"))).Fix);
    }

    [Theory]
    [InlineData("a/b/c", "W103")]
    [InlineData("plain@a@b", "W103")]
    [InlineData("", "W103")]
    [InlineData("Plain", "W104")]
    [InlineData("own.net", "W104")]
    [InlineData("{\"name\":\"plain\"}", "W103")]
    [InlineData("plain\"", "W103")]
    [InlineData("[null]", "W103")]
    [InlineData("[{\"namespace\":\"default\"}]", "W104")]
    public void Reads_TheTextAsMultusDoes(string text, string rule) =>
        Assert.Equal(rule, Assert.Single(LintFixture.Findings(LintFixture.Pod(text))).Rule);

    [Fact]
    public void Checks_ByTheNamespaceThatTheCallerNames()
    {
        Assert.Empty(PodLint.Check(LintFixture.Json(LintFixture.Pod("theirs")), "team", LintFixture.Context));
        Assert.Equal(
            "W202",
            Assert.Single(PodLint.Check(LintFixture.Json(LintFixture.Pod("plain")), "team", LintFixture.Context)).Rule
        );
    }

    [Fact]
    public void Adds_AsManyDevicesAsAttachmentsToTheFirstContainer()
    {
        var patch = PodLint.Mutate(
            LintFixture.Json(
                LintFixture.Pod(
                    "red@a,red@b,blue,plain",
                    """{"limits":{"memory":"1Gi"}}""",
                    others: """,{"name":"side"}"""
                )
            ),
            "default",
            LintFixture.Context
        );
        Assert.Equal(
            """[{"op":"add","path":"/spec/containers/0/resources/requests","value":{}}"""
                + """,{"op":"add","path":"/spec/containers/0/resources/requests/weft.dev~1blue","value":"1"}"""
                + """,{"op":"add","path":"/spec/containers/0/resources/limits/weft.dev~1blue","value":"1"}"""
                + """,{"op":"add","path":"/spec/containers/0/resources/requests/weft.dev~1red","value":"2"}"""
                + """,{"op":"add","path":"/spec/containers/0/resources/limits/weft.dev~1red","value":"2"}]""",
            patch.Operations.ToJsonString()
        );
        Assert.Equal(2, patch.Warnings.Length);
        Assert.Contains("container 'main', the pod's first", patch.Warnings[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Creates_TheObjectsThatAPatchAddsTo()
    {
        var pod = JsonNode.Parse(LintFixture.Pod("red"))!;
        ((JsonObject)pod["spec"]!["containers"]![0]!).Remove("resources");
        var patch = PodLint.Mutate(LintFixture.Json(pod.ToJsonString()), "default", LintFixture.Context);
        Assert.Equal(
            [
                "/spec/containers/0/resources",
                "/spec/containers/0/resources/requests",
                "/spec/containers/0/resources/limits",
                "/spec/containers/0/resources/requests/weft.dev~1red",
                "/spec/containers/0/resources/limits/weft.dev~1red",
            ],
            patch.Operations.Select(o => o!["path"]!.ToString())
        );
    }

    [Theory]
    [InlineData("plain", "{}")]
    [InlineData("red", """{"limits":{"weft.dev/red":1}}""")]
    [InlineData("red@a,red@b", """{"limits":{"weft.dev/red":1}}""")]
    [InlineData("red", """{"limits":{"weft.dev/red":0}}""")]
    [InlineData("red,", "{}")]
    public void Leaves_WhatAPersonWroteAndWhatCantBeRead(string networks, string resources) =>
        Assert.True(
            PodLint
                .Mutate(LintFixture.Json(LintFixture.Pod(networks, resources)), "default", LintFixture.Context)
                .IsEmpty
        );

    [Fact]
    public void Leaves_APodThatAnotherContainerAsksFor() =>
        Assert.True(
            PodLint
                .Mutate(
                    LintFixture.Json(
                        LintFixture.Pod(
                            "red",
                            others: $$""",{"name":"side","resources":{{LintFixture.Resources("weft.dev/red", 1)}} }"""
                        )
                    ),
                    "default",
                    LintFixture.Context
                )
                .IsEmpty
        );

    [Fact]
    public void Reads_PoolsAndDefinitionsOfAFolder()
    {
        var lintContext = LintContext.FromManifests([
            LintFixture.Json(
                LintFixture.Pools(
                    """
                    [
                      {
                        "resourceName": "fast",
                        "resourcePrefix": "weft.dev",
                        "selectors": { "drivers": ["vfio-pci"] }
                      },
                      { "resourceName": "slow", "selectors": [{ "vendors": ["8086"] }] }
                    ]
                    """
                )
            ),
            LintFixture.Json(
                LintFixture.Plugin(
                    "\"type\":\"sriov\"",
                    annotations: """{"k8s.v1.cni.cncf.io/resourceName":"weft.dev/fast"}"""
                )
            ),
        ]);
        Assert.Equal(
            [("intel.com/slow", false), ("weft.dev/fast", true)],
            lintContext.Pools.Values.Select(p => (p.Name, p.IsUserSpace)).Order()
        );
        Assert.Equal(
            ["W306", "W307"],
            LintFixture
                .Findings(LintFixture.Pod("own", LintFixture.Resources("weft.dev/fast", 1)), lintContext)
                .Select(f => f.Rule)
        );
    }

    [Theory]
    [InlineData("""{"name":"all","ips":["10.20.2.40"]}""", "W404")]
    [InlineData("""{"name":"all","mac":"02:00:5e:00:53:01"}""", "W408")]
    [InlineData("""{"name":"all","interface":"elevenchars"}""", "W501")]
    [InlineData("""{"name":"all","cni-args":{"vlans":{"604":["10.20.2.40"]}}}""", "W601")]
    [InlineData("""{"name":"all","cni-args":{"vlans":{"602":["10.20.3.40"]}}}""", "W405")]
    [InlineData("""{"name":"all","cni-args":{"vlans":{"602":["10.20.2.1"]}}}""", "W406")]
    [InlineData("""{"name":"all","cni-args":{"vlans":{"750":["192.0.2.10"]}}}""", "W402")]
    [InlineData("""{"name":"all","cni-args":{"vlans":{"750":"192.0.2.10/24"}}}""", "W401")]
    [InlineData("""{"name":"all-v602","ips":["10.20.2.1"]}""", "W406")]
    [InlineData("""{"name":"all-v604"}""", "W602")]
    [InlineData(
        """{"name":"all","interface":"tenletters","cni-args":{"vlans":{"602":["10.20.2.40"],"750":["192.0.2.10/24"]}}}""",
        null
    )]
    [InlineData("""{"name":"all-v602","ips":["10.20.2.40"]}""", null)]
    public void Checks_ATrunkByIpvlan(string element, string? rule)
    {
        const string Trunk = $"{LintFixture.Group}/trunkedNetworks/all";
        var lintContext = new LintContext([
            new(
                "default",
                "all",
                """{"cniVersion":"1.0.0","name":"all","type":"weft-trunk","master":"all","vlans":[{"id":602},{"id":750}]}""",
                null,
                Trunk
            )
            {
                Vlans = VlanSet.Parse("602,750").Value,
            },
            new(
                "default",
                "all-v602",
                """{"cniVersion":"1.0.0","name":"all-v602","type":"ipvlan","master":"all.602","ipam":{"type":"weft-ipam"}}""",
                null,
                Trunk
            )
            {
                Vlans = VlanSet.Parse("602").Value,
            },
        ])
        {
            Networks = System.Collections.Immutable.ImmutableDictionary<string, NetworkFacts>.Empty.Add(
                LintFixture.Id("trunkedNetworks/all").Key,
                new NetworkFacts(
                    LintFixture.Id("trunkedNetworks/all"),
                    Weft.Networks.NetworkType.Trunked,
                    "all",
                    9000,
                    null,
                    VlanSet.Parse("602,750").Value,
                    []
                )
                {
                    VlanSubnets = System.Collections.Immutable.ImmutableDictionary<
                        int,
                        System.Collections.Immutable.ImmutableArray<Subnet>
                    >.Empty.Add(602, [LintFixture.Subnet("10.20.2.0/24")]),
                }
            ),
        };
        Assert.Equal(
            rule is null ? [] : [rule],
            LintFixture.Findings(LintFixture.Pod($"[{element}]"), lintContext).Select(f => f.Rule)
        );
    }

    [Fact]
    public void Finds_NoErrorInAnythingThatWeftRenders()
    {
        var tried = 0;
        foreach (
            var file in Directory.GetFiles(
                Path.Combine(Repository.Root, "tests/Weft.Tests/Attachments/Golden"),
                "*.yaml"
            )
        )
        {
            var findings = new List<Weft.Cli.Documents.Finding>();
            using var reader = new StringReader(File.ReadAllText(file));
            var manifests = Weft
                .Cli.Linting.LintManifest.FromDocuments(Weft.Cli.Documents.YamlReader.Read(file, reader, findings))
                .Select(m => m.Body)
                .ToList();
            Assert.Empty(findings);
            var lintContext = LintContext.FromManifests(manifests);
            tried += manifests.Count(ManifestLint.AppliesTo);
            Assert.All(
                manifests,
                m =>
                    Assert.Empty(
                        ManifestLint
                            .Check(m, "default", lintContext)
                            .Where(f => f.Severity == Severity.Error)
                            .Select(f => $"{Path.GetFileName(file)}: {f}")
                    )
            );
        }

        Assert.True(tried > 40, $"{tried} manifests are too few");
    }

    [Fact]
    public void RoundTrips_TheFactsOfNetworksThroughTheDesiredState()
    {
        var picture = new JsonObject
        {
            ["manifests"] = new JsonArray(
                JsonNode.Parse(
                    LintFixture.Plugin(
                        "\"type\":\"macvlan\",\"master\":\"t0\"",
                        "trunk",
                        $$"""{"weft.dev/network":"{{LintFixture.Group}}/trunkedNetworks/trunk"}"""
                    )
                )
            ),
            ["networks"] = new JsonArray([
                .. LintFixture.Context.Networks.Values.Select(n => JsonNode.Parse(ToJson(n))),
            ]),
        };
        var desired = DesiredStateDocument.Read(LintFixture.Json(picture.ToJsonString()));
        var lintContext = LintContext.FromDesiredState(desired.Manifests ?? [], desired.Networks);
        Assert.Equal(
            LintFixture.Context.Networks.Values.Select(ToJson).Order(),
            lintContext.Networks.Values.Select(ToJson).Order()
        );
        Assert.Equal(
            "W601",
            Assert
                .Single(
                    LintFixture.Findings(LintFixture.Pod("""[{"name":"trunk","cni-args":{"vlan":102}}]"""), lintContext)
                )
                .Rule
        );
        Assert.Equal("W204", Assert.Single(LintFixture.Findings(LintFixture.Pod("foreign"), lintContext)).Rule);
    }

    private static string ToJson(NetworkFacts facts) =>
        JsonNode.Parse(
            Weft.Resources.Json.ToUtf8(writer =>
            {
                writer.WritePropertyName("n");
                facts.WriteTo(writer);
            })
        )!["n"]!.ToJsonString();
}
