using System.Text.Json.Nodes;
using Weft.Agent.Kubernetes;

namespace Weft.Tests.Kubernetes;

/// <summary>What the agent writes into a cluster, and what it leaves alone.</summary>
public sealed class KubernetesReconcilerTests
{
    [Fact]
    public async Task Creates_WhatIsMissing_WithItsAnnotationsAndFields()
    {
        await using var harness = await KubeHarness.Start();

        var result = await harness.Reconcile(
            KubeHarness.Namespace(),
            KubeHarness.ConfigMap("weft-node-w1", new() { ["60-weft.yaml"] = "network: {}\n" }),
            KubeHarness.Definition("n6", """{"type":"macvlan"}""")
        );

        Assert.Empty(result.Findings);
        Assert.Equal((2, 0), (result.Written, result.Removed));
        var made = harness.Read("n6");
        Assert.Equal("""{"type":"macvlan"}""", (string?)made["spec"]!["config"]);
        Assert.Equal(ScriptedControlPlane.Cluster, (string?)made["metadata"]!["annotations"]!["weft.dev/cluster"]);
        Assert.Equal(
            DesiredObject.LabelOf(ScriptedControlPlane.Cluster),
            (string?)made["metadata"]!["labels"]!["weft.dev/cluster"]
        );
        var entry = Assert.Single(made["metadata"]!["managedFields"]!.AsArray())!;
        Assert.Equal(("weft-agent", "Apply"), ((string?)entry["manager"], (string?)entry["operation"]));
        Assert.Equal("""{"f:config":{}}""", entry["fieldsV1"]!["f:spec"]!.ToJsonString());
    }

    [Fact]
    public async Task Writes_NothingAgain_NotEvenAfterARestart()
    {
        await using var harness = await KubeHarness.Start();
        JsonObject[] wanted =
        [
            KubeHarness.Namespace(),
            .. Enumerable.Range(0, 20).Select(i => KubeHarness.Definition($"n{i}")),
            KubeHarness.ConfigMap("weft-node-w1", new() { ["a"] = "b" }),
        ];
        await harness.ReconcileUntilStable(wanted);
        var (writes, version) = (harness.Kube.Writes(), harness.Store.Version);

        for (var i = 0; i < 5; i++)
            Assert.Equal(
                (0, 0),
                await harness.Reconcile(wanted) is var quiet ? (quiet.Written, quiet.Removed) : default
            );
        harness.RunInformers();
        var after = await harness.Reconcile(wanted);

        Assert.Equal((0, 0), (after.Written, after.Removed));
        Assert.Empty(after.Findings);
        Assert.Equal(writes, harness.Kube.Writes());
        Assert.Equal(version, harness.Store.Version);
    }

    [Fact]
    public async Task Writes_NothingAgain_ForAnEmptyMap()
    {
        await using var harness = await KubeHarness.Start();
        await harness.ReconcileUntilStable(KubeHarness.ConfigMap("weft-node-w1", []));
        Assert.Equal(1, harness.Kube.Writes());
    }

    [Fact]
    public async Task Applies_ANewDesiredState_AndRemovesFieldsItNoLongerHas()
    {
        await using var harness = await KubeHarness.Start();
        await harness.ReconcileUntilStable(
            KubeHarness.ConfigMap("weft-node-w1", new() { ["old.yaml"] = "1", ["kept.yaml"] = "1" })
        );
        harness.Edit(harness.ConfigMaps, "weft-system", "weft-node-w1", live => live["data"]!["theirs"] = "x");

        var result = await harness.Until(
            o => o.Written == 1,
            KubeHarness.ConfigMap("weft-node-w1", new() { ["kept.yaml"] = "2" })
        );

        Assert.Empty(result.Drift);
        Assert.Equal("""{"kept.yaml":"2","theirs":"x"}""", Data(harness));
        Assert.Equal(
            0,
            (await harness.Reconcile(KubeHarness.ConfigMap("weft-node-w1", new() { ["kept.yaml"] = "2" }))).Written
        );
    }

    [Fact]
    public async Task Prunes_WhatItOwnsAndIsNoLongerDesired_AndNothingElse()
    {
        await using var harness = await KubeHarness.Start();
        await harness.ReconcileUntilStable(KubeHarness.Definition("kept"), KubeHarness.Definition("gone"));
        harness.Store.Create(harness.Definitions, KubeHarness.Definition("by-hand"), "default", "kubectl");
        var other = KubeHarness.Definition("of-another-weft");
        other["metadata"]!["annotations"] = new JsonObject { ["weft.dev/cluster"] = "/subscriptions/another" };
        harness.Store.Create(harness.Definitions, other, "default", "weft-agent");

        var result = await harness.Until(o => o.Removed > 0, KubeHarness.Definition("kept"));

        Assert.Equal(1, result.Removed);
        Assert.Equal(
            ["by-hand", "kept", "of-another-weft"],
            harness.All(harness.Definitions).Select(d => (string)d["metadata"]!["name"]!)
        );
        await harness.Until(o => o.Removed == 1);
        Assert.Equal(
            ["by-hand", "of-another-weft"],
            harness.All(harness.Definitions).Select(d => (string)d["metadata"]!["name"]!)
        );
        Assert.Contains(
            harness.All(harness.Store.Find("", "v1", "namespaces")),
            n => (string?)n["metadata"]!["name"] == "weft-system"
        );
    }

    [Fact]
    public async Task Leaves_AForeignObject_AndNamesItsOwner_UntilItIsHandedOver()
    {
        await using var harness = await KubeHarness.Start();
        harness.Store.Create(harness.Definitions, KubeHarness.Definition("n6", "theirs"), "default", "helm");
        var before = harness.Store.Version;

        var result = await harness.Until(
            o => o.Findings.Count > 0,
            KubeHarness.Definition("n6", "ours"),
            KubeHarness.Definition("n7")
        );

        var finding = Assert.Single(result.Findings);
        Assert.Equal(
            "NetworkAttachmentDefinition default/n6 is there and belongs to 'helm': it is left as it is. "
                + "Rename or delete it, or hand it over by: "
                + "kubectl annotate -n default network-attachment-definitions n6 --overwrite "
                + $"weft.dev/cluster={ScriptedControlPlane.Cluster}",
            finding
        );
        Assert.Equal("theirs", harness.ConfigOf("n6"));
        Assert.Equal("{}", harness.ConfigOf("n7"));
        Assert.Equal(before + 1, harness.Store.Version);

        harness.Edit(
            harness.Definitions,
            "default",
            "n6",
            live =>
                live["metadata"]!["annotations"] = new JsonObject
                {
                    ["weft.dev/cluster"] = ScriptedControlPlane.Cluster,
                },
            "kubectl-annotate"
        );
        var handed = await harness.Until(
            o => o.Written > 0,
            KubeHarness.Definition("n6", "ours"),
            KubeHarness.Definition("n7")
        );
        Assert.Empty(handed.Drift);
        Assert.Equal("ours", harness.ConfigOf("n6"));
    }

    [Fact]
    public async Task Loses_TheRaceForAName_WithoutTakingAnything()
    {
        await using var harness = await KubeHarness.Start();
        // Somebody makes one between the look and the write.
        harness.Kube.Before = (_, request) =>
        {
            if (request is { Verb: "patch", Name: "n6" } && harness.All(harness.Definitions).Count == 0)
                harness.Store.Create(harness.Definitions, KubeHarness.Definition("n6", "theirs"), "default", "helm");
            return Task.FromResult(false);
        };

        var result = await harness.Reconcile(KubeHarness.Definition("n6", "ours"));

        Assert.Contains("conflict with \"helm\"", Assert.Single(result.Findings), StringComparison.Ordinal);
        Assert.Equal("theirs", harness.ConfigOf("n6"));
        await harness.Until(
            o => o.Findings is [var f] && f.Contains("belongs to 'helm'", StringComparison.Ordinal),
            KubeHarness.Definition("n6", "ours")
        );
    }

    [Fact]
    public async Task Keeps_WhatChangedBetweenReadAndDelete()
    {
        await using var harness = await KubeHarness.Start();
        await harness.ReconcileUntilStable(KubeHarness.Definition("n6"));
        var deletions = 0;
        harness.Kube.Before = (_, request) =>
        {
            // The first time it is taken over by another at the last moment.
            if (request.Verb == "delete" && deletions++ == 0)
                harness.Edit(
                    harness.Definitions,
                    "default",
                    "n6",
                    live => live["metadata"]!["annotations"]!["weft.dev/cluster"] = "/subscriptions/another"
                );
            return Task.FromResult(false);
        };

        var result = await harness.Reconcile();
        await harness.UntilObserved();
        var after = await harness.Reconcile();

        Assert.Equal((0, 0, 1), (result.Removed, after.Removed, deletions));
        Assert.Equal(
            "/subscriptions/another",
            (string?)harness.Read("n6")["metadata"]!["annotations"]!["weft.dev/cluster"]
        );
    }

    [Fact]
    public async Task Waits_ForAnObjectThatIsBeingDeleted()
    {
        await using var harness = await KubeHarness.Start();
        await harness.ReconcileUntilStable(KubeHarness.Definition("n6"));
        harness.Edit(
            harness.Definitions,
            "default",
            "n6",
            live => live["metadata"]!["finalizers"] = new JsonArray("example.com/hold")
        );
        harness.Store.Delete(harness.Definitions, "default", "n6", null);

        var waiting = await harness.Until(o => o.Findings.Count > 0, KubeHarness.Definition("n6"));
        Assert.Equal(
            (
                "NetworkAttachmentDefinition default/n6: it is being deleted; it is made anew once its finalizers are gone",
                0
            ),
            (Assert.Single(waiting.Findings), waiting.Written)
        );

        harness.Edit(harness.Definitions, "default", "n6", live => live["metadata"]!.AsObject().Remove("finalizers"));
        await harness.Until(o => o.Written == 1, KubeHarness.Definition("n6"));
        Assert.Null(harness.Read("n6")["metadata"]!["deletionTimestamp"]);
    }

    [Theory]
    [InlineData("v1", "Secret", "weft-system", "x", "it writes no such kind")]
    [InlineData("v1", "ConfigMap", "kube-system", "coredns", "it writes namespaces weft-system")]
    [InlineData("v1", "Namespace", null, "default", "it writes namespaces weft-system")]
    [InlineData("k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition", null, "n6", "it writes namespaces weft-system")]
    public async Task Refuses_WhatIsNotOnItsList(string version, string kind, string? space, string name, string why)
    {
        await using var harness = await KubeHarness.Start();
        var metadata = new JsonObject { ["name"] = name };
        if (space is not null)
            metadata["namespace"] = space;

        var result = await harness.Reconcile(
            new JsonObject
            {
                ["apiVersion"] = version,
                ["kind"] = kind,
                ["metadata"] = metadata,
            },
            KubeHarness.Definition("n7")
        );

        Assert.Contains(why, Assert.Single(result.Findings), StringComparison.Ordinal);
        Assert.Equal(1, harness.Kube.Writes());
    }

    [Fact]
    public async Task Creates_TheNamespaceFirst_AndNeverChangesIt()
    {
        await using var harness = await KubeHarness.Start();
        var namespaces = harness.Store.Find("", "v1", "namespaces");
        harness.Store.Delete(namespaces, null, "weft-system", null);

        await harness.ReconcileUntilStable(
            KubeHarness.ConfigMap("weft-node-w1", new() { ["a"] = "b" }),
            KubeHarness.Namespace()
        );
        harness.Edit(namespaces, null!, "weft-system", live => live["metadata"]!["labels"]!.AsObject().Clear());
        await harness.UntilObserved();
        var after = await harness.Reconcile(
            KubeHarness.Namespace(),
            KubeHarness.ConfigMap("weft-node-w1", new() { ["a"] = "b" })
        );

        Assert.Equal((0, 0), (after.Written, after.Drift.Count));
        Assert.Equal(
            ["patch namespaces named weft-system", "patch configmaps in weft-system named weft-node-w1"],
            harness
                .Kube.Requests.Where(a => a is { User: "agent", Request.Verb: "patch" })
                .Select(a => a.Request.ToString())
        );
    }

    [Fact]
    public async Task Reports_WhatToInstall_WhereTheKindIsNotServed_AndGoesOnOnceItIs()
    {
        await using var harness = await KubeHarness.Start(withDefinitions: false);
        var result = await harness.Until(
            o => o.Findings.Count == 1,
            KubeHarness.Definition("n6"),
            KubeHarness.ConfigMap("weft-node-w1", new() { ["a"] = "b" })
        );
        Assert.Equal(
            "the API server serves no NetworkAttachmentDefinition (k8s.cni.cncf.io/v1): install Multus, or its CustomResourceDefinition "
                + "network-attachment-definitions.k8s.cni.cncf.io; it is asked for again by itself",
            Assert.Single(result.Findings)
        );
        Assert.Single(harness.All(harness.ConfigMaps));

        harness.Kube.ServeDefinitions();
        await harness.ReconcileUntilStable(
            KubeHarness.Definition("n6"),
            KubeHarness.ConfigMap("weft-node-w1", new() { ["a"] = "b" })
        );
        Assert.Equal("{}", harness.ConfigOf("n6"));
    }

    [Fact]
    public async Task Names_TheNamespaceThatIsMissing()
    {
        await using var harness = await KubeHarness.Start();
        var result = await harness.Reconcile(KubeHarness.Definition("n6", space: "core"), KubeHarness.Definition("n7"));
        Assert.Contains(
            "namespaces \"core\" not found; make the namespace core",
            Assert.Single(result.Findings),
            StringComparison.Ordinal
        );
        Assert.Equal(1, result.Written);
    }

    [Fact]
    public async Task Converges_OnTwoHundredNetworks()
    {
        await using var harness = await KubeHarness.Start();
        JsonObject[] wanted =
        [
            .. Enumerable
                .Range(0, 200)
                .Select(i =>
                    KubeHarness.Definition($"n{i}", $$"""{"cniVersion":"1.0.0","name":"n{{i}}","type":"macvlan"}""")
                ),
        ];
        var clock = System.Diagnostics.Stopwatch.StartNew();

        var result = await harness.Reconcile(wanted);

        TestContext.Current.TestOutputHelper?.WriteLine($"200 networks in {clock.Elapsed.TotalSeconds:0.00} s");
        Assert.Equal((200, 200), (result.Written, harness.Kube.Writes()));
        Assert.Equal(200, harness.All(harness.Definitions).Count);
    }

    private static string Data(KubeHarness harness) =>
        harness.Store.Get(harness.ConfigMaps, "weft-system", "weft-node-w1")["data"]!.ToJsonString();
}
