using System.Text.Json.Nodes;

namespace Weft.Tests.Kubernetes;

/// <summary>The device plugin reads its configuration only when it starts.</summary>
public sealed class RestartTests
{
    [Fact]
    public async Task Restarts_ThePluginOnNodesWhoseConfigurationChanged_OnceEach()
    {
        await using var site = await KubeSite.Start();
        foreach (var (name, node, owner) in new[] { ("dp-w1", "w1", "kube-sriov-device-plugin"), ("dp-w2", "w2", "kube-sriov-device-plugin"), ("dns-w1", "w1", "coredns") })
            Pod(site, name, node, owner);
        await site.Settle(Config(("w1", "a"), ("w2", "a")));
        Assert.Equal(["dns-w1"], Pods(site));
        Pod(site, "dp-w1", "w1", "kube-sriov-device-plugin");
        Pod(site, "dp-w2", "w2", "kube-sriov-device-plugin");

        await site.Settle(Config(("w1", "b"), ("w2", "a")));
        Assert.Equal(["dns-w1", "dp-w2"], Pods(site));
        Pod(site, "dp-w1", "w1", "kube-sriov-device-plugin");

        // Neither a pass nor a restart of the agent restarts it again.
        site.Follow();
        var writes = site.Kube.Writes();
        await site.Settle(Config(("w1", "b"), ("w2", "a")));
        Assert.Equal(["dns-w1", "dp-w1", "dp-w2"], Pods(site));
        Assert.Equal(writes, site.Kube.Writes());
    }

    [Fact]
    public async Task Restarts_AfterACrash_BetweenConfigurationAndRestart()
    {
        await using var site = await KubeSite.Start();
        Pod(site, "dp-w1", "w1", "kube-sriov-device-plugin");
        // The agent dies on its way from the one to the other.
        site.Kube.Before = (_, request) => request is { Verb: "list", Resource: "pods" } ? throw new KubeRefusal(500, "InternalError", "boom") : Task.FromResult(false);
        var crashed = await site.Apply(Config(("w1", "a")));
        Assert.Contains("boom", Assert.Single(crashed.Findings), StringComparison.Ordinal);
        site.Kube.Before = null;

        site.Follow();
        await site.Settle(Config(("w1", "a")));
        Assert.Empty(Pods(site));
    }

    [Fact]
    public async Task Refuses_ToRestartAnythingElse()
    {
        await using var site = await KubeSite.Start();
        var config = Config(("w1", "a"));
        config["metadata"]!["annotations"]!["weft.dev/restart"] = "deployment kube-system/coredns";
        var outcome = await site.Apply(config);
        Assert.Contains("only a DaemonSet of kube-system is restarted", Assert.Single(outcome.Findings), StringComparison.Ordinal);
    }

    private static JsonObject Config(params (string Node, string Digest)[] nodes)
    {
        var config = KubeSite.ConfigMap("sriovdp-config", new JsonObject(nodes.Select(n => KeyValuePair.Create(n.Node, (JsonNode?)$"config {n.Digest}"))), "kube-system");
        config["metadata"]!["annotations"] = new JsonObject
        {
            ["weft.dev/restart"] = "daemonset kube-system/kube-sriov-device-plugin",
            ["weft.dev/restart-nodes"] = new JsonObject(nodes.Select(n => KeyValuePair.Create(n.Node, (JsonNode?)n.Digest))).ToJsonString(),
        };
        return config;
    }

    private static void Pod(KubeSite site, string name, string node, string owner) => site.Store.Create(site.Store.Find("", "v1", "pods"), new JsonObject
    {
        ["apiVersion"] = "v1", ["kind"] = "Pod",
        ["metadata"] = new JsonObject { ["name"] = name, ["ownerReferences"] = new JsonArray(new JsonObject { ["apiVersion"] = "apps/v1", ["kind"] = "DaemonSet", ["name"] = owner, ["uid"] = "1" }) },
        ["spec"] = new JsonObject { ["nodeName"] = node },
    }, "kube-system", "kube-controller-manager");

    private static IEnumerable<string> Pods(KubeSite site) => site.All(site.Store.Find("", "v1", "pods")).Select(p => (string)p["metadata"]!["name"]!);
}
