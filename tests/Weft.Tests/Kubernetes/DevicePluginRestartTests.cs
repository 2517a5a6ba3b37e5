using System.Text.Json.Nodes;

namespace Weft.Tests.Kubernetes;

/// <summary>The device plugin reads its configuration only when it starts.</summary>
public sealed class DevicePluginRestartTests
{
    [Fact]
    public async Task Restarts_ThePluginOnNodesWhoseConfigurationChanged_OnceEach()
    {
        await using var harness = await KubeHarness.Start();
        foreach (
            var (name, node, owner) in new[]
            {
                ("dp-w1", "w1", "kube-sriov-device-plugin"),
                ("dp-w2", "w2", "kube-sriov-device-plugin"),
                ("dns-w1", "w1", "coredns"),
            }
        )
            Pod(harness, name, node, owner);
        await harness.ReconcileUntilStable(Config(("w1", "a"), ("w2", "a")));
        Assert.Equal(["dns-w1"], Pods(harness));
        Pod(harness, "dp-w1", "w1", "kube-sriov-device-plugin");
        Pod(harness, "dp-w2", "w2", "kube-sriov-device-plugin");

        await harness.ReconcileUntilStable(Config(("w1", "b"), ("w2", "a")));
        Assert.Equal(["dns-w1", "dp-w2"], Pods(harness));
        Pod(harness, "dp-w1", "w1", "kube-sriov-device-plugin");

        // Neither a pass nor a restart of the agent restarts it again.
        harness.RunInformers();
        var writes = harness.Kube.Writes();
        await harness.ReconcileUntilStable(Config(("w1", "b"), ("w2", "a")));
        Assert.Equal(["dns-w1", "dp-w1", "dp-w2"], Pods(harness));
        Assert.Equal(writes, harness.Kube.Writes());
    }

    [Fact]
    public async Task Restarts_AfterACrash_BetweenConfigurationAndRestart()
    {
        await using var harness = await KubeHarness.Start();
        Pod(harness, "dp-w1", "w1", "kube-sriov-device-plugin");
        // The agent dies on its way from the one to the other.
        harness.Kube.Before = (_, request) =>
            request is { Verb: "list", Resource: "pods" }
                ? throw new KubeError(500, "InternalError", "boom")
                : Task.FromResult(false);
        var crashed = await harness.Reconcile(Config(("w1", "a")));
        Assert.Contains("boom", Assert.Single(crashed.Findings), StringComparison.Ordinal);
        harness.Kube.Before = null;

        harness.RunInformers();
        await harness.ReconcileUntilStable(Config(("w1", "a")));
        Assert.Empty(Pods(harness));
    }

    [Theory]
    [InlineData("deployment kube-system/coredns")]
    [InlineData("daemonset kube-system/kube-proxy")]
    [InlineData("daemonset other/kube-sriov-device-plugin")]
    public async Task Refuses_ToRestartAnythingElse(string target)
    {
        await using var harness = await KubeHarness.Start();
        var config = Config(("w1", "a"));
        config["metadata"]!["annotations"]!["weft.dev/restart"] = target;
        var result = await harness.Reconcile(config);
        Assert.Contains(
            "only daemonset kube-system/kube-sriov-device-plugin is restarted",
            Assert.Single(result.Findings),
            StringComparison.Ordinal
        );
    }

    private static JsonObject Config(params (string Node, string Digest)[] nodes)
    {
        var config = KubeHarness.ConfigMap(
            "sriovdp-config",
            new JsonObject(nodes.Select(n => KeyValuePair.Create(n.Node, (JsonNode?)$"config {n.Digest}"))),
            "kube-system"
        );
        config["metadata"]!["annotations"] = new JsonObject
        {
            ["weft.dev/restart"] = "daemonset kube-system/kube-sriov-device-plugin",
            ["weft.dev/restart-nodes"] = new JsonObject(
                nodes.Select(n => KeyValuePair.Create(n.Node, (JsonNode?)n.Digest))
            ).ToJsonString(),
        };
        return config;
    }

    private static void Pod(KubeHarness harness, string name, string node, string owner) =>
        harness.Store.Create(
            harness.Store.Find("", "v1", "pods"),
            new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Pod",
                ["metadata"] = new JsonObject
                {
                    ["name"] = name,
                    ["ownerReferences"] = new JsonArray(
                        new JsonObject
                        {
                            ["apiVersion"] = "apps/v1",
                            ["kind"] = "DaemonSet",
                            ["name"] = owner,
                            ["uid"] = "1",
                        }
                    ),
                },
                ["spec"] = new JsonObject { ["nodeName"] = node },
            },
            "kube-system",
            "kube-controller-manager"
        );

    private static IEnumerable<string> Pods(KubeHarness harness) =>
        harness.All(harness.Store.Find("", "v1", "pods")).Select(p => (string)p["metadata"]!["name"]!);
}
