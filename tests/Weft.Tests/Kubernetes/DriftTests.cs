using System.Text.Json.Nodes;
using Weft.Agent.Kubernetes;
using Weft.Agent.Targets;

namespace Weft.Tests.Kubernetes;

/// <summary>What another hand does to the agent's objects.</summary>
public sealed class DriftTests
{
    [Fact]
    public async Task Mends_AChangedField_AndSaysWhoChangedIt()
    {
        await using var site = await KubeSite.Start();
        await site.Settle(KubeSite.Definition("n6", "ours"));
        await Quiet(site);
        site.Edit(site.Definitions, "default", "n6", live => live["spec"]!["config"] = "theirs");

        await site.Target.Changed(KubeSite.Cancel).WaitAsync(TimeSpan.FromSeconds(5), KubeSite.Cancel);
        var outcome = await site.Apply(KubeSite.Definition("n6", "ours"));

        Assert.Equal([new Drift("NetworkAttachmentDefinition default/n6", "spec.config changed by kubectl-edit", true)], outcome.Drift);
        Assert.Equal("ours", site.ConfigOf("n6"));
        Assert.Empty((await site.Apply(KubeSite.Definition("n6", "ours"))).Drift);
    }

    [Fact]
    public async Task Mends_AMissingObject()
    {
        await using var site = await KubeSite.Start();
        await site.Settle(KubeSite.Definition("n6"));
        await Quiet(site);
        site.Store.Delete(site.Definitions, "default", "n6", null);

        await site.Target.Changed(KubeSite.Cancel).WaitAsync(TimeSpan.FromSeconds(5), KubeSite.Cancel);
        var outcome = await site.Apply(KubeSite.Definition("n6"));

        Assert.Equal([new Drift("NetworkAttachmentDefinition default/n6", "missing", true)], outcome.Drift);
        Assert.Equal("{}", site.ConfigOf("n6"));
    }

    [Theory]
    [InlineData("weft.dev/cluster")]
    [InlineData("weft.dev/digest")]
    public async Task Mends_ItsMarks(string mark)
    {
        await using var site = await KubeSite.Start();
        await site.Settle(KubeSite.Definition("n6"));
        site.Edit(site.Definitions, "default", "n6", live => live["metadata"]!["annotations"]!.AsObject().Remove(mark));

        var outcome = await site.Until(o => o.Written == 1, KubeSite.Definition("n6"));

        Assert.Equal([new Drift("NetworkAttachmentDefinition default/n6", $"metadata.annotations[{mark}] removed", true)], outcome.Drift);
        Assert.NotNull(site.Read("n6")["metadata"]!["annotations"]![mark]);
    }

    [Fact]
    public async Task Leaves_FieldsOfOthers()
    {
        await using var site = await KubeSite.Start();
        await site.Settle(KubeSite.Definition("n6"), KubeSite.ConfigMap("weft-node-w1", new() { ["a"] = "b" }));
        await Quiet(site);
        var writes = site.Kube.Writes();
        site.Edit(site.Definitions, "default", "n6", live => live["metadata"]!["labels"]!["team"] = "core");
        site.Edit(site.ConfigMaps, "weft-system", "weft-node-w1", live => live["data"]!["theirs"] = "x");

        await site.Target.Changed(KubeSite.Cancel).WaitAsync(TimeSpan.FromSeconds(5), KubeSite.Cancel);
        await Task.Delay(300, KubeSite.Cancel);
        var outcome = await site.Apply(KubeSite.Definition("n6"), KubeSite.ConfigMap("weft-node-w1", new() { ["a"] = "b" }));

        Assert.Equal((0, 0), (outcome.Written, outcome.Drift.Count));
        Assert.Equal(writes, site.Kube.Writes());
        Assert.Equal("core", (string?)site.Read("n6")["metadata"]!["labels"]!["team"]);
    }

    [Fact]
    public async Task TakesBack_AFieldThatAnotherSetToTheSameValue()
    {
        await using var site = await KubeSite.Start();
        await site.Settle(KubeSite.ConfigMap("weft-node-w1", new() { ["a"] = "1", ["b"] = "1" }));
        // Changed and changed back: the value is right, but it would stay behind when the picture no longer has it.
        site.Edit(site.ConfigMaps, "weft-system", "weft-node-w1", live => live["data"]!["a"] = "2");
        site.Edit(site.ConfigMaps, "weft-system", "weft-node-w1", live => live["data"]!["a"] = "1");
        await Task.Delay(200, KubeSite.Cancel);

        var outcome = await site.Settle(KubeSite.ConfigMap("weft-node-w1", new() { ["a"] = "1", ["b"] = "1" }));
        Assert.Empty(outcome.Drift);
        site.Edit(site.ConfigMaps, "weft-system", "weft-node-w1", live => { });
        await site.Until(o => o.Written == 1, KubeSite.ConfigMap("weft-node-w1", new() { ["b"] = "1" }));
    }

    [Fact]
    public async Task Reports_AndLeaves_WhereThePolicySaysSo()
    {
        await using var site = await KubeSite.Start(policy: DriftPolicy.Report);
        await site.Settle(KubeSite.Definition("n6", "ours"), KubeSite.Definition("n7"));
        var writes = site.Kube.Writes();
        site.Edit(site.Definitions, "default", "n6", live => live["spec"]!["config"] = "theirs");
        site.Store.Delete(site.Definitions, "default", "n7", null);

        var outcome = await site.Until(o => o.Drift.Count == 2, KubeSite.Definition("n6", "ours"), KubeSite.Definition("n7"));
        var again = await site.Apply(KubeSite.Definition("n6", "ours"), KubeSite.Definition("n7"));

        Assert.Equal([new Drift("NetworkAttachmentDefinition default/n6", "spec.config changed by kubectl-edit", false), new Drift("NetworkAttachmentDefinition default/n7", "missing", false)], outcome.Drift);
        Assert.Equal(outcome.Drift, again.Drift);
        Assert.Equal(writes, site.Kube.Writes());
        Assert.Equal("theirs", site.ConfigOf("n6"));

        // A new picture is no drift: it is written.
        await site.Until(o => o.Written == 1, KubeSite.Definition("n6", "newer"), KubeSite.Definition("n7"));
        Assert.Equal("newer", site.ConfigOf("n6"));
    }

    /// <summary>Until the watch has told of all that the agent did itself.</summary>
    private static async Task Quiet(KubeSite site)
    {
        while (true)
        {
            using var soon = CancellationTokenSource.CreateLinkedTokenSource(KubeSite.Cancel);
            soon.CancelAfter(200);
            try
            {
                await site.Target.Changed(soon.Token);
            }
            catch (OperationCanceledException) when (!KubeSite.Cancel.IsCancellationRequested)
            {
                return;
            }
        }
    }
}
