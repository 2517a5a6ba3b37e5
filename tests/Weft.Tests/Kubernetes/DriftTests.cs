using Weft.Agent.Reconcilers;

namespace Weft.Tests.Kubernetes;

/// <summary>What another hand does to the agent's objects.</summary>
public sealed class DriftTests
{
    [Fact]
    public async Task Repairs_AChangedField_AndReportsWhoChangedIt()
    {
        await using var harness = await KubeHarness.Start();
        await harness.ReconcileUntilStable(KubeHarness.Definition("n6", "ours"));
        await AssertNoWrites(harness);
        harness.Edit(harness.Definitions, "default", "n6", live => live["spec"]!["config"] = "theirs");

        await harness
            .Reconciler.WaitForChange(KubeHarness.Cancel)
            .WaitAsync(TimeSpan.FromSeconds(5), KubeHarness.Cancel);
        var result = await harness.Reconcile(KubeHarness.Definition("n6", "ours"));

        Assert.Equal(
            [new Drift("NetworkAttachmentDefinition default/n6", "spec.config changed by kubectl-edit", true)],
            result.Drift
        );
        Assert.Equal("ours", harness.ConfigOf("n6"));
        Assert.Empty((await harness.Reconcile(KubeHarness.Definition("n6", "ours"))).Drift);
    }

    [Fact]
    public async Task Repairs_AMissingObject()
    {
        await using var harness = await KubeHarness.Start();
        await harness.ReconcileUntilStable(KubeHarness.Definition("n6"));
        await AssertNoWrites(harness);
        harness.Store.Delete(harness.Definitions, "default", "n6", null);

        await harness
            .Reconciler.WaitForChange(KubeHarness.Cancel)
            .WaitAsync(TimeSpan.FromSeconds(5), KubeHarness.Cancel);
        var result = await harness.Reconcile(KubeHarness.Definition("n6"));

        Assert.Equal([new Drift("NetworkAttachmentDefinition default/n6", "missing", true)], result.Drift);
        Assert.Equal("{}", harness.ConfigOf("n6"));
    }

    [Theory]
    [InlineData("weft.dev/cluster")]
    [InlineData("weft.dev/digest")]
    public async Task Repairs_ItsAnnotations(string mark)
    {
        await using var harness = await KubeHarness.Start();
        await harness.ReconcileUntilStable(KubeHarness.Definition("n6"));
        harness.Edit(
            harness.Definitions,
            "default",
            "n6",
            live => live["metadata"]!["annotations"]!.AsObject().Remove(mark)
        );

        var result = await harness.Until(o => o.Written == 1, KubeHarness.Definition("n6"));

        Assert.Equal(
            [new Drift("NetworkAttachmentDefinition default/n6", $"metadata.annotations[{mark}] removed", true)],
            result.Drift
        );
        Assert.NotNull(harness.Read("n6")["metadata"]!["annotations"]![mark]);
    }

    [Fact]
    public async Task Leaves_FieldsOfOthers()
    {
        await using var harness = await KubeHarness.Start();
        await harness.ReconcileUntilStable(
            KubeHarness.Definition("n6"),
            KubeHarness.ConfigMap("weft-node-w1", new() { ["a"] = "b" })
        );
        await AssertNoWrites(harness);
        var writes = harness.Kube.Writes();
        harness.Edit(harness.Definitions, "default", "n6", live => live["metadata"]!["labels"]!["team"] = "core");
        harness.Edit(harness.ConfigMaps, "weft-system", "weft-node-w1", live => live["data"]!["theirs"] = "x");

        await harness
            .Reconciler.WaitForChange(KubeHarness.Cancel)
            .WaitAsync(TimeSpan.FromSeconds(5), KubeHarness.Cancel);
        await harness.UntilObserved();
        var result = await harness.Reconcile(
            KubeHarness.Definition("n6"),
            KubeHarness.ConfigMap("weft-node-w1", new() { ["a"] = "b" })
        );

        Assert.Equal((0, 0), (result.Written, result.Drift.Count));
        Assert.Equal(writes, harness.Kube.Writes());
        Assert.Equal("core", (string?)harness.Read("n6")["metadata"]!["labels"]!["team"]);
    }

    [Fact]
    public async Task TakesBack_AFieldThatAnotherSetToTheSameValue()
    {
        await using var harness = await KubeHarness.Start();
        await harness.ReconcileUntilStable(KubeHarness.ConfigMap("weft-node-w1", new() { ["a"] = "1", ["b"] = "1" }));
        // Changed and changed back: the value is right, but it would stay behind when the desired state no longer has
        // it.
        harness.Edit(harness.ConfigMaps, "weft-system", "weft-node-w1", live => live["data"]!["a"] = "2");
        harness.Edit(harness.ConfigMaps, "weft-system", "weft-node-w1", live => live["data"]!["a"] = "1");
        await harness.UntilObserved();

        var result = await harness.ReconcileUntilStable(
            KubeHarness.ConfigMap("weft-node-w1", new() { ["a"] = "1", ["b"] = "1" })
        );
        Assert.Empty(result.Drift);
        harness.Edit(harness.ConfigMaps, "weft-system", "weft-node-w1", live => { });
        await harness.Until(o => o.Written == 1, KubeHarness.ConfigMap("weft-node-w1", new() { ["b"] = "1" }));
    }

    [Fact]
    public async Task Reports_AndLeaves_WhereThePolicyIsReport()
    {
        await using var harness = await KubeHarness.Start(policy: DriftPolicy.Report);
        await harness.ReconcileUntilStable(KubeHarness.Definition("n6", "ours"), KubeHarness.Definition("n7"));
        var writes = harness.Kube.Writes();
        harness.Edit(harness.Definitions, "default", "n6", live => live["spec"]!["config"] = "theirs");
        harness.Store.Delete(harness.Definitions, "default", "n7", null);

        var result = await harness.Until(
            o => o.Drift.Count == 2,
            KubeHarness.Definition("n6", "ours"),
            KubeHarness.Definition("n7")
        );
        var again = await harness.Reconcile(KubeHarness.Definition("n6", "ours"), KubeHarness.Definition("n7"));

        Assert.Equal(
            [
                new Drift("NetworkAttachmentDefinition default/n6", "spec.config changed by kubectl-edit", false),
                new Drift("NetworkAttachmentDefinition default/n7", "missing", false),
            ],
            result.Drift
        );
        Assert.Equal(result.Drift, again.Drift);
        Assert.Equal(writes, harness.Kube.Writes());
        Assert.Equal("theirs", harness.ConfigOf("n6"));

        // A new desired state is no drift: it is written.
        await harness.Until(o => o.Written == 1, KubeHarness.Definition("n6", "newer"), KubeHarness.Definition("n7"));
        Assert.Equal("newer", harness.ConfigOf("n6"));
    }

    /// <summary>Until the watch has told of all that the agent did itself.</summary>
    private static async Task AssertNoWrites(KubeHarness harness)
    {
        while (true)
        {
            using var soon = CancellationTokenSource.CreateLinkedTokenSource(KubeHarness.Cancel);
            soon.CancelAfter(200);
            try
            {
                await harness.Reconciler.WaitForChange(soon.Token);
            }
            catch (OperationCanceledException) when (!KubeHarness.Cancel.IsCancellationRequested)
            {
                return;
            }
        }
    }
}
