using System.Text.Json.Nodes;

namespace Weft.Tests.Cli;

/// <summary><c>lint</c>: files in, findings with their lines out.</summary>
public sealed class LintCommandTests : IDisposable
{
    private const string Nad = """
        apiVersion: k8s.cni.cncf.io/v1
        kind: NetworkAttachmentDefinition
        metadata: {name: n6, namespace: default, annotations: {weft.dev/network: NC/l3Networks/n6}}
        spec: {config: '{"cniVersion":"1.0.0","name":"n6","type":"macvlan","master":"n6","ipam":{"type":"weft-ipam"}}'}
        """;

    private const string Pods = """
        kind: Deployment
        metadata:
          name: upf
        spec:
          template:
            metadata:
              annotations:
                k8s.v1.cni.cncf.io/networks: n66
            spec:
              hostNetwork: true
              containers: [{name: main}]
        ---
        kind: Service
        metadata: {name: upf}
        """;

    private readonly CommandLine _weft = new();

    public void Dispose() => _weft.Dispose();

    [Fact]
    public async Task Points_AtTheLine_AgainstAFolder()
    {
        _weft.WriteFile("site/n6.yaml", Nad);
        var run = await _weft.RunBare(
            "lint",
            "-f",
            _weft.WriteFile("pods.yaml", Pods),
            "--manifests",
            _weft.PathOf("site")
        );
        Assert.Equal(1, run.Exit);
        var place = $"{_weft.PathOf("pods.yaml")}:8:9: error";
        Assert.Contains($"{place} W201: there is no definition default/n66\n", run.Out, StringComparison.Ordinal);
        Assert.Contains("did you mean n6", run.Out, StringComparison.Ordinal);
        // 'true' of YAML is Kubernetes' true here, and not ARM's text.
        Assert.Contains($"{place} W107", run.Out, StringComparison.Ordinal);
        Assert.Contains("2 errors, 0 warnings in 1 manifest; 1 of other kinds", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Counts_WarningsAsErrors_WhenStrict()
    {
        var file = _weft.WriteFile(
            "pod.yaml",
            """
            kind: Pod
            metadata: {name: a, annotations: {k8s.v1.cni.cncf.io/networks: foreign}}
            spec: {containers: [{name: main}]}
            """
        );
        var run = await _weft.RunBare("lint", "-f", file);
        Assert.Equal(0, run.Exit);
        Assert.Contains("warning W204", run.Out, StringComparison.Ordinal);
        Assert.Equal(1, (await _weft.RunBare("lint", "-f", file, "--strict")).Exit);
    }

    [Fact]
    public async Task Checks_AgainstTheServersNetworks()
    {
        // As it stands inside of a JSON text.
        const string Config =
            """{\"cniVersion\":\"1.0.0\",\"name\":\"n6\",\"type\":\"macvlan\",\"master\":\"n6\","""
            + """\"ipam\":{\"type\":\"weft-ipam\"} }""";
        _weft.Weftd.CannedResponses[
            $"{CommandLine.Group}/providers/Microsoft.NetworkCloud/kubernetesClusters/east/providers/Weft.Fleet/desiredStates/current"
        ] = _ =>
            FakeWeftd.Json(
                JsonNode.Parse(
                    $$"""
                    {"properties":{"digest":"d","revision":1,"nodes":[],
                      "networks":[{"id":"{{CommandLine.Group}}/providers/Microsoft.NetworkCloud/l3Networks/n6","type":"L3",
                       "interface":"n6","mtu":1500,"vlan":606,"subnets":[{"prefix":"10.20.6.0/24","reserved":3}]}],
                      "manifests":[{"kind":"NetworkAttachmentDefinition","metadata":{"name":"n6","namespace":"default",
                       "annotations":{"weft.dev/network":"{{CommandLine.Group}}/providers/Microsoft.NetworkCloud/l3Networks/n6"} },
                        "spec":{"config":"{{Config}}"} }]} }
                    """
                )!
            );
        _weft.Input =
            """{"kind":"List","items":[{"kind":"Pod","metadata":{"name":"a","annotations":"""
            + """{"k8s.v1.cni.cncf.io/networks":"[{\"name\":\"n6\",\"ips\":[\"10.20.6.1\"]}]"}},"""
            + """ "spec":{"containers":[{"name":"main"}]}}]}""";
        var run = await _weft.RunInGroup("lint", "-f", "-", "--cluster", "east", "-o", "json");
        var finding = Assert.Single(JsonNode.Parse(run.Out)!.AsArray())!;
        Assert.Equal(
            ("W406", "stdin", 2L, "Pod a"),
            (
                finding["rule"]!.ToString(),
                finding["file"]!.ToString(),
                finding["line"]!.GetValue<long>(),
                finding["object"]!.ToString()
            )
        );
        Assert.Equal(1, run.Exit);
    }

    [Fact]
    public async Task Writes_Sarif_ThatNamesRuleAndLine()
    {
        var run = await _weft.RunBare("lint", "-f", _weft.WriteFile("pods.yaml", Pods), "-o", "sarif");
        var log = JsonNode.Parse(run.Out)!;
        Assert.Equal("2.1.0", log["version"]!.ToString());
        var result = log["runs"]![0]!["results"]!.AsArray().Single(r => r!["ruleId"]!.ToString() == "W107")!;
        Assert.Equal(8, result["locations"]![0]!["physicalLocation"]!["region"]!["startLine"]!.GetValue<int>());
        Assert.Contains(log["runs"]![0]!["tool"]!["driver"]!["rules"]!.AsArray(), r => r!["id"]!.ToString() == "W107");
    }

    [Fact]
    public async Task Finds_NothingInAGoodFolder()
    {
        _weft.WriteFile("site/n6.yaml", Nad);
        _weft.WriteFile(
            "site/pod.yaml",
            Pods.Replace("n66", "n6", StringComparison.Ordinal)
                .Replace("hostNetwork: true", "hostNetwork: false", StringComparison.Ordinal)
        );
        var run = await _weft.RunBare("lint", "-f", _weft.PathOf("site"));
        Assert.Equal((0, ""), (run.Exit, run.Out));
    }

    [Theory]
    [InlineData("lint")]
    [InlineData("lint", "-f", "x", "--cluster", "a", "--manifests", "b")]
    [InlineData("lint", "-f", "-", "-o", "name")]
    public async Task Refuses_AWrongCommandLine(params string[] args) =>
        Assert.Equal(64, (await _weft.RunInGroup(args)).Exit);

    [Fact]
    public async Task Reports_YamlThatCantBeRead()
    {
        var run = await _weft.RunBare("lint", "-f", _weft.WriteFile("bad.yaml", "kind: [Pod"));
        Assert.Equal(1, run.Exit);
        Assert.Contains("bad.yaml:", run.Error, StringComparison.Ordinal);
    }
}
