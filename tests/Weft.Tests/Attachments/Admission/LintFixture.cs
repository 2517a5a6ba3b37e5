using System.Collections.Immutable;
using System.Text.Json;
using Weft.Addressing;
using Weft.Attachments.Admission;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Tests.Attachments.Admission;

/// <summary>A cluster with a definition of each sort, and pods on it.</summary>
internal static class LintFixture
{
    public const string Group = "/subscriptions/s/resourceGroups/g/providers/Microsoft.NetworkCloud";

    public static LintContext Context { get; } =
        new([
            new(
                "default",
                "n6",
                """{"cniVersion":"1.0.0","name":"n6","type":"macvlan","master":"n6","ipam":{"type":"weft-ipam"}}""",
                null,
                $"{Group}/l3Networks/n6"
            ),
            new(
                "default",
                "fixed",
                """{"cniVersion":"1.0.0","name":"fixed","type":"macvlan","master":"f0","ipam":{"type":"static"}}""",
                null,
                null
            ),
            new(
                "default",
                "local",
                """
                {
                  "cniVersion": "1.0.0",
                  "name": "local",
                  "type": "macvlan",
                  "master": "l0",
                  "ipam": {
                    "type": "host-local",
                    "ranges": [[{ "subnet": "10.9.0.0/24" }], [{ "subnet": "fd00:9::/64" }]]
                  }
                }
                """,
                null,
                null
            ),
            new(
                "default",
                "where",
                """
                {
                  "cniVersion": "1.0.0",
                  "name": "where",
                  "type": "macvlan",
                  "master": "w0",
                  "ipam": { "type": "whereabouts", "range": "10.8.0.0/24" }
                }
                """,
                null,
                null
            ),
            new(
                "default",
                "plain",
                """{"cniVersion":"1.0.0","name":"plain","type":"macvlan","master":"p0"}""",
                null,
                null
            ),
            new(
                "default",
                "shared",
                """
                {
                  "cniVersion": "1.0.0",
                  "name": "shared",
                  "type": "ipvlan",
                  "master": "s0",
                  "ipam": { "type": "whereabouts", "range": "10.7.0.0/24" }
                }
                """,
                null,
                null
            ),
            new("default", "red", """{"cniVersion":"1.0.0","name":"red","type":"sriov"}""", "weft.dev/red", null),
            new("default", "blue", """{"cniVersion":"1.0.0","name":"blue","type":"sriov"}""", "weft.dev/blue", null),
            new("default", "fast", """{"cniVersion":"1.0.0","name":"fast","type":"sriov"}""", "weft.dev/fast", null),
            new(
                "default",
                "trunk",
                """{"cniVersion":"1.0.0","name":"trunk","type":"macvlan","master":"t0","mode":"private"}""",
                null,
                $"{Group}/trunkedNetworks/trunk"
            ),
            new(
                "team",
                "theirs",
                """{"cniVersion":"1.0.0","name":"theirs","type":"macvlan","master":"x0"}""",
                null,
                null
            ),
        ])
        {
            Networks = new[]
            {
                new NetworkFacts(
                    Id("l3Networks/n6"),
                    NetworkType.L3,
                    "n6",
                    9000,
                    606,
                    null,
                    [Subnet("10.20.6.0/24"), Subnet("fd00:6::/64")]
                ),
                new NetworkFacts(
                    Id("trunkedNetworks/trunk"),
                    NetworkType.Trunked,
                    "t0",
                    9000,
                    null,
                    VlanSet.Parse("101,103-110").Value,
                    []
                ),
            }.ToImmutableDictionary(n => n.Id.Key),
            Pools = new[]
            {
                new DevicePluginResource("weft.dev/red", false),
                new DevicePluginResource("weft.dev/blue", false),
                new DevicePluginResource("weft.dev/fast", true),
            }.ToImmutableDictionary(p => p.Name),
            Capacity = ImmutableDictionary<string, long>.Empty.Add("weft.dev/red", 2),
        };

    public static ResourceId Id(string name) => ResourceId.Parse($"{Group}/{name}").Value;

    public static Subnet Subnet(string prefix) => new(Prefix.Parse(prefix).Value, 3);

    /// <summary>
    /// A pod that asks for networks; <paramref name="resources"/> is its first container's, <paramref name="rest"/>
    /// goes behind the containers.
    /// </summary>
    public static string Pod(string networks, string resources = "{}", string rest = "", string others = "") =>
        $$"""
            {
              "apiVersion": "v1",
              "kind": "Pod",
              "metadata": {
                "name": "upf-0",
                "annotations": { "k8s.v1.cni.cncf.io/networks": {{JsonSerializer.Serialize(networks)}} }
              },
              "spec": {
                "containers": [{ "name": "main", "image": "upf", "resources": {{resources}} }{{others}}]{{rest}}
              }
            }
            """;

    public static string Annotated(string annotations, string labels = "{}") =>
        $$"""
            {
              "kind": "Pod",
              "metadata": { "name": "upf-0", "annotations": {{annotations}}, "labels": {{labels}} },
              "spec": { "containers": [{ "name": "main" }] }
            }
            """;

    public static string Resources(string resource, int count) =>
        $$$"""{"requests":{"{{{resource}}}":{{{count}}} },"limits":{"{{{resource}}}":"{{{count}}}"}}""";

    public static string Nad(string config, string name = "own", string annotations = "{}") =>
        $$"""
            {
              "apiVersion": "k8s.cni.cncf.io/v1",
              "kind": "NetworkAttachmentDefinition",
              "metadata": { "name": "{{name}}", "namespace": "default", "annotations": {{annotations}} },
              "spec": { "config": {{JsonSerializer.Serialize(config)}} }
            }
            """;

    /// <summary>
    /// A definition of one plugin; <paramref name="members"/> are its members behind name and version.
    /// </summary>
    public static string Plugin(string members, string name = "own", string annotations = "{}") =>
        Nad($"{{\"cniVersion\":\"1.0.0\",\"name\":\"{name}\",{members}}}", name, annotations);

    public static string Pools(string list) =>
        $$"""
            {
              "kind": "ConfigMap",
              "metadata": { "name": "sriovdp-config", "namespace": "kube-system" },
              "data": { "config.json": {{JsonSerializer.Serialize($"{{\"resourceList\":{list}}}")}} }
            }
            """;

    public static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;

    public static ImmutableArray<LintFinding> Findings(string manifest, LintContext? lintContext = null) =>
        ManifestLint.Check(Json(manifest), "default", lintContext ?? Context);
}
