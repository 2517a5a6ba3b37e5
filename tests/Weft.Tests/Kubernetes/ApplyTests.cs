using System.Text.Json.Nodes;
using Weft.Agent.Kubernetes;
using Weft.Agent.Targets;
using Weft.Tests.Agent;

namespace Weft.Tests.Kubernetes;

/// <summary>What the agent writes into a cluster, and what it leaves alone.</summary>
public sealed class ApplyTests
{
    [Fact]
    public async Task Makes_WhatIsMissing_WithItsMarksAndFields()
    {
        await using var site = await KubeSite.Start();

        var outcome = await site.Apply(KubeSite.Namespace(), KubeSite.ConfigMap("weft-node-w1", new() { ["60-weft.yaml"] = "network: {}\n" }), KubeSite.Definition("n6", """{"type":"macvlan"}"""));

        Assert.Empty(outcome.Findings);
        Assert.Equal((2, 0), (outcome.Written, outcome.Removed));
        var made = site.Read("n6");
        Assert.Equal("""{"type":"macvlan"}""", (string?)made["spec"]!["config"]);
        Assert.Equal(FakeControlPlane.Cluster, (string?)made["metadata"]!["annotations"]!["weft.dev/cluster"]);
        Assert.Equal(WantedObject.LabelOf(FakeControlPlane.Cluster), (string?)made["metadata"]!["labels"]!["weft.dev/cluster"]);
        var entry = Assert.Single(made["metadata"]!["managedFields"]!.AsArray())!;
        Assert.Equal(("weft-agent", "Apply"), ((string?)entry["manager"], (string?)entry["operation"]));
        Assert.Equal("""{"f:config":{}}""", entry["fieldsV1"]!["f:spec"]!.ToJsonString());
    }

    [Fact]
    public async Task Writes_NothingAgain_NotEvenAfterARestart()
    {
        await using var site = await KubeSite.Start();
        JsonObject[] wanted = [KubeSite.Namespace(), .. Enumerable.Range(0, 20).Select(i => KubeSite.Definition($"n{i}")), KubeSite.ConfigMap("weft-node-w1", new() { ["a"] = "b" })];
        await site.Settle(wanted);
        var (writes, version) = (site.Kube.Writes(), site.Store.Version);

        for (var i = 0; i < 5; i++)
            Assert.Equal((0, 0), await site.Apply(wanted) is var quiet ? (quiet.Written, quiet.Removed) : default);
        site.Follow();
        var after = await site.Apply(wanted);

        Assert.Equal((0, 0), (after.Written, after.Removed));
        Assert.Empty(after.Findings);
        Assert.Equal(writes, site.Kube.Writes());
        Assert.Equal(version, site.Store.Version);
    }

    [Fact]
    public async Task Writes_NothingAgain_ForAnEmptyMap()
    {
        await using var site = await KubeSite.Start();
        await site.Settle(KubeSite.ConfigMap("weft-node-w1", []));
        Assert.Equal(1, site.Kube.Writes());
    }

    [Fact]
    public async Task Takes_ANewPicture_AndRemovesFieldsItNoLongerHas()
    {
        await using var site = await KubeSite.Start();
        await site.Settle(KubeSite.ConfigMap("weft-node-w1", new() { ["old.yaml"] = "1", ["kept.yaml"] = "1" }));
        site.Edit(site.ConfigMaps, "weft-system", "weft-node-w1", live => live["data"]!["theirs"] = "x");

        var outcome = await site.Until(o => o.Written == 1, KubeSite.ConfigMap("weft-node-w1", new() { ["kept.yaml"] = "2" }));

        Assert.Empty(outcome.Drift);
        Assert.Equal("""{"kept.yaml":"2","theirs":"x"}""", Data(site));
        Assert.Equal(0, (await site.Apply(KubeSite.ConfigMap("weft-node-w1", new() { ["kept.yaml"] = "2" }))).Written);
    }

    [Fact]
    public async Task Removes_WhatItOwnsAndNoLongerWants_AndNothingElse()
    {
        await using var site = await KubeSite.Start();
        await site.Settle(KubeSite.Definition("kept"), KubeSite.Definition("gone"));
        site.Store.Create(site.Definitions, KubeSite.Definition("by-hand"), "default", "kubectl");
        var other = KubeSite.Definition("of-another-weft");
        other["metadata"]!["annotations"] = new JsonObject { ["weft.dev/cluster"] = "/subscriptions/another" };
        site.Store.Create(site.Definitions, other, "default", "weft-agent");

        var outcome = await site.Until(o => o.Removed > 0, KubeSite.Definition("kept"));

        Assert.Equal(1, outcome.Removed);
        Assert.Equal(["by-hand", "kept", "of-another-weft"], site.All(site.Definitions).Select(d => (string)d["metadata"]!["name"]!));
        await site.Until(o => o.Removed == 1);
        Assert.Equal(["by-hand", "of-another-weft"], site.All(site.Definitions).Select(d => (string)d["metadata"]!["name"]!));
        Assert.Contains(site.All(site.Store.Find("", "v1", "namespaces")), n => (string?)n["metadata"]!["name"] == "weft-system");
    }

    [Fact]
    public async Task Leaves_AForeignObject_AndNamesItsOwner_UntilItIsHandedOver()
    {
        await using var site = await KubeSite.Start();
        site.Store.Create(site.Definitions, KubeSite.Definition("n6", "theirs"), "default", "helm");
        var before = site.Store.Version;

        var outcome = await site.Until(o => o.Findings.Count > 0, KubeSite.Definition("n6", "ours"), KubeSite.Definition("n7"));

        var finding = Assert.Single(outcome.Findings);
        Assert.Equal($"NetworkAttachmentDefinition default/n6 is there and belongs to 'helm': it is left as it is. Rename or delete it, or hand it over by: "
            + $"kubectl annotate -n default network-attachment-definitions n6 --overwrite weft.dev/cluster={FakeControlPlane.Cluster}", finding);
        Assert.Equal("theirs", site.ConfigOf("n6"));
        Assert.Equal("{}", site.ConfigOf("n7"));
        Assert.Equal(before + 1, site.Store.Version);

        site.Edit(site.Definitions, "default", "n6", live => live["metadata"]!["annotations"] = new JsonObject { ["weft.dev/cluster"] = FakeControlPlane.Cluster }, "kubectl-annotate");
        var handed = await site.Until(o => o.Written > 0, KubeSite.Definition("n6", "ours"), KubeSite.Definition("n7"));
        Assert.Empty(handed.Drift);
        Assert.Equal("ours", site.ConfigOf("n6"));
    }

    [Fact]
    public async Task Loses_TheRaceForAName_WithoutTakingAnything()
    {
        await using var site = await KubeSite.Start();
        // Somebody makes one between the look and the write.
        site.Kube.Before = (_, request) =>
        {
            if (request is { Verb: "patch", Name: "n6" } && site.All(site.Definitions).Count == 0)
                site.Store.Create(site.Definitions, KubeSite.Definition("n6", "theirs"), "default", "helm");
            return Task.FromResult(false);
        };

        var outcome = await site.Apply(KubeSite.Definition("n6", "ours"));

        Assert.Contains("conflict with \"helm\"", Assert.Single(outcome.Findings), StringComparison.Ordinal);
        Assert.Equal("theirs", site.ConfigOf("n6"));
        await site.Until(o => o.Findings is [var f] && f.Contains("belongs to 'helm'", StringComparison.Ordinal), KubeSite.Definition("n6", "ours"));
    }

    [Fact]
    public async Task Spares_WhatChangedBetweenLookAndRemoval()
    {
        await using var site = await KubeSite.Start();
        await site.Settle(KubeSite.Definition("n6"));
        var deletions = 0;
        site.Kube.Before = (_, request) =>
        {
            // The first time it is taken over by another at the last moment.
            if (request.Verb == "delete" && deletions++ == 0)
                site.Edit(site.Definitions, "default", "n6", live => live["metadata"]!["annotations"]!["weft.dev/cluster"] = "/subscriptions/another");
            return Task.FromResult(false);
        };

        var outcome = await site.Apply();
        await Task.Delay(300, KubeSite.Cancel);
        var after = await site.Apply();

        Assert.Equal((0, 0, 1), (outcome.Removed, after.Removed, deletions));
        Assert.Equal("/subscriptions/another", (string?)site.Read("n6")["metadata"]!["annotations"]!["weft.dev/cluster"]);
    }

    [Fact]
    public async Task Waits_ForAnObjectThatIsBeingDeleted()
    {
        await using var site = await KubeSite.Start();
        await site.Settle(KubeSite.Definition("n6"));
        site.Edit(site.Definitions, "default", "n6", live => live["metadata"]!["finalizers"] = new JsonArray("example.com/hold"));
        site.Store.Delete(site.Definitions, "default", "n6", null);

        var waiting = await site.Until(o => o.Findings.Count > 0, KubeSite.Definition("n6"));
        Assert.Equal(("NetworkAttachmentDefinition default/n6: it is being deleted; it is made anew once its finalizers are gone", 0), (Assert.Single(waiting.Findings), waiting.Written));

        site.Edit(site.Definitions, "default", "n6", live => live["metadata"]!.AsObject().Remove("finalizers"));
        await site.Until(o => o.Written == 1, KubeSite.Definition("n6"));
        Assert.Null(site.Read("n6")["metadata"]!["deletionTimestamp"]);
    }

    [Theory]
    [InlineData("v1", "Secret", "weft-system", "x", "it writes no such kind")]
    [InlineData("v1", "ConfigMap", "kube-system", "coredns", "it writes namespaces weft-system")]
    [InlineData("v1", "Namespace", null, "default", "it writes namespaces weft-system")]
    [InlineData("k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition", null, "n6", "it writes namespaces weft-system")]
    public async Task Refuses_WhatIsNotOnItsList(string version, string kind, string? space, string name, string why)
    {
        await using var site = await KubeSite.Start();
        var metadata = new JsonObject { ["name"] = name };
        if (space is not null)
            metadata["namespace"] = space;

        var outcome = await site.Apply(new JsonObject { ["apiVersion"] = version, ["kind"] = kind, ["metadata"] = metadata }, KubeSite.Definition("n7"));

        Assert.Contains(why, Assert.Single(outcome.Findings), StringComparison.Ordinal);
        Assert.Equal(1, site.Kube.Writes());
    }

    [Fact]
    public async Task Makes_TheNamespaceFirst_AndNeverChangesIt()
    {
        await using var site = await KubeSite.Start();
        var namespaces = site.Store.Find("", "v1", "namespaces");
        site.Store.Delete(namespaces, null, "weft-system", null);

        await site.Settle(KubeSite.ConfigMap("weft-node-w1", new() { ["a"] = "b" }), KubeSite.Namespace());
        site.Edit(namespaces, null!, "weft-system", live => live["metadata"]!["labels"]!.AsObject().Clear());
        await Task.Delay(200, KubeSite.Cancel);
        var after = await site.Apply(KubeSite.Namespace(), KubeSite.ConfigMap("weft-node-w1", new() { ["a"] = "b" }));

        Assert.Equal((0, 0), (after.Written, after.Drift.Count));
        Assert.Equal(["patch namespaces named weft-system", "patch configmaps in weft-system named weft-node-w1"],
            site.Kube.Asked.Where(a => a is { User: "agent", Request.Verb: "patch" }).Select(a => a.Request.ToString()));
    }

    [Fact]
    public async Task Says_WhatToInstall_WhereTheKindIsNotServed_AndGoesOnOnceItIs()
    {
        await using var site = await KubeSite.Start(withDefinitions: false);
        var outcome = await site.Until(o => o.Findings.Count == 1, KubeSite.Definition("n6"), KubeSite.ConfigMap("weft-node-w1", new() { ["a"] = "b" }));
        Assert.Equal("the API server serves no NetworkAttachmentDefinition (k8s.cni.cncf.io/v1): install Multus, or its CustomResourceDefinition "
            + "network-attachment-definitions.k8s.cni.cncf.io; it is asked for again by itself", Assert.Single(outcome.Findings));
        Assert.Single(site.All(site.ConfigMaps));

        site.Kube.ServeDefinitions();
        await site.Settle(KubeSite.Definition("n6"), KubeSite.ConfigMap("weft-node-w1", new() { ["a"] = "b" }));
        Assert.Equal("{}", site.ConfigOf("n6"));
    }

    [Fact]
    public async Task Names_TheNamespaceThatIsMissing()
    {
        await using var site = await KubeSite.Start();
        var outcome = await site.Apply(KubeSite.Definition("n6", space: "core"), KubeSite.Definition("n7"));
        Assert.Contains("namespaces \"core\" not found; make the namespace core", Assert.Single(outcome.Findings), StringComparison.Ordinal);
        Assert.Equal(1, outcome.Written);
    }

    [Fact]
    public async Task Converges_OnTwoHundredNetworks()
    {
        await using var site = await KubeSite.Start();
        JsonObject[] wanted = [.. Enumerable.Range(0, 200).Select(i => KubeSite.Definition($"n{i}", $$"""{"cniVersion":"1.0.0","name":"n{{i}}","type":"macvlan"}"""))];
        var clock = System.Diagnostics.Stopwatch.StartNew();

        var outcome = await site.Apply(wanted);

        TestContext.Current.TestOutputHelper?.WriteLine($"200 networks in {clock.Elapsed.TotalSeconds:0.00} s");
        Assert.Equal((200, 200), (outcome.Written, site.Kube.Writes()));
        Assert.Equal(200, site.All(site.Definitions).Count);
    }

    private static string Data(KubeSite site) => site.Store.Get(site.ConfigMaps, "weft-system", "weft-node-w1")["data"]!.ToJsonString();
}
