using System.Text.Json.Nodes;
using Weft.Agent.Reconcilers;

namespace Weft.Tests.Kubernetes;

/// <summary>An API server that forgets, throttles, breaks off, and goes away.</summary>
public sealed class InformerTests
{
    [Fact]
    public async Task Relists_WhenTheWatchHasExpired()
    {
        await using var harness = await KubeHarness.Start();
        await harness.ReconcileUntilStable(KubeHarness.Definition("n6"), KubeHarness.Definition("n7"));
        var lists = Asked(harness, "list");

        // While nobody watches, one object goes, and the past with it.
        var refused = 0;
        harness.Kube.Before = (http, request) =>
        {
            if (request.Verb != "watch")
                return Task.FromResult(false);
            if (request.Resource == harness.Definitions.Plural)
                Interlocked.Increment(ref refused);
            throw new KubeError(503, "ServiceUnavailable", "later");
        };
        harness.Kube.Drop();
        await Eventually.Holds(() => Volatile.Read(ref refused) > 0, "it has lost its watch");
        harness.Store.Delete(harness.Definitions, "default", "n6", null);
        harness.Store.Compact();
        harness.Kube.Before = null;

        var result = await harness.Until(
            o => o.Written == 1,
            KubeHarness.Definition("n6"),
            KubeHarness.Definition("n7")
        );
        Assert.Equal([new Drift("NetworkAttachmentDefinition default/n6", "missing", true)], result.Drift);
        Assert.True(Asked(harness, "list") > lists);
    }

    [Fact]
    public async Task Relists_WhenTheWatchIsAnsweredBy410()
    {
        await using var harness = await KubeHarness.Start();
        await harness.ReconcileUntilStable(KubeHarness.Definition("n6"));
        var refused = 0;
        harness.Kube.Before = (_, request) =>
            request is { Verb: "watch", Resource: "network-attachment-definitions" } && refused++ == 0
                ? throw new KubeError(410, "Gone", "too old resource version")
                : Task.FromResult(false);
        harness.Kube.Drop();

        harness.Store.Delete(harness.Definitions, "default", "n6", null);
        await harness.Until(o => o.Written == 1, KubeHarness.Definition("n6"));
        Assert.True(refused > 0);
    }

    [Fact]
    public async Task GoesOn_FromTheLastVersion_WhenConnectionsBreak()
    {
        await using var harness = await KubeHarness.Start();
        await harness.ReconcileUntilStable(KubeHarness.Definition("n6"));
        var lists = Asked(harness, "list");
        for (var i = 0; i < 5; i++)
        {
            harness.Kube.Drop();
            harness.Edit(harness.Definitions, "default", "n6", live => live["spec"]!["config"] = $"theirs {i}");
            await harness.Until(o => o.Drift.Count == 1, KubeHarness.Definition("n6"));
        }

        Assert.Equal(lists, Asked(harness, "list"));
        Assert.Equal("{}", harness.ConfigOf("n6"));
    }

    [Fact]
    public async Task FollowsLists_OverPages_AndBeginsAnewWhenAPageHasExpired()
    {
        await using var harness = await KubeHarness.Start();
        await harness.ReconcileUntilStable([.. Enumerable.Range(0, 25).Select(i => KubeHarness.Definition($"n{i}"))]);
        harness.Kube.Page = 10;
        var pages = 0;
        harness.Kube.Before = (http, request) =>
        {
            if (
                request is { Verb: "list", Resource: "network-attachment-definitions" }
                && http.Request.Query["continue"].Count > 0
                && pages++ == 0
            )
                harness.Store.Compact();
            return Task.FromResult(false);
        };

        harness.RunInformers();
        var result = await harness.ReconcileUntilStable([
            .. Enumerable.Range(0, 24).Select(i => KubeHarness.Definition($"n{i}")),
        ]);

        Assert.Empty(result.Findings);
        Assert.Equal(24, harness.All(harness.Definitions).Count);
        Assert.True(pages > 2);
    }

    [Fact]
    public async Task Waits_AsLongAsItIsAskedTo()
    {
        await using var harness = await KubeHarness.Start();
        await harness.ReconcileUntilStable(KubeHarness.Definition("n6"));
        harness.Kube.Throttle(1, 1);
        var before = harness.Kube.Requests.Count;

        var clock = System.Diagnostics.Stopwatch.StartNew();
        await harness.Reconcile(KubeHarness.Definition("n6", "newer"));

        Assert.Equal("newer", harness.ConfigOf("n6"));
        Assert.True(clock.Elapsed >= TimeSpan.FromSeconds(0.9), "it was asked to wait for a second");
        Assert.Equal(2, harness.Kube.Requests.Skip(before).Count(a => a.Request.Verb == "patch"));
    }

    [Fact]
    public async Task Reports_ThatItIsThrottled_WhereTheWaitIsLong()
    {
        await using var harness = await KubeHarness.Start();
        await harness.ReconcileUntilStable(KubeHarness.Definition("n6"));
        harness.Kube.Throttle(1, 60);

        var result = await harness.Reconcile([
            .. Enumerable.Range(0, 50).Select(i => KubeHarness.Definition($"m{i}")),
            KubeHarness.Definition("n6"),
        ]);

        Assert.NotEmpty(result.Findings);
        Assert.Contains(
            result.Findings,
            f =>
                f.Contains("too many requests", StringComparison.Ordinal)
                || f.Contains("asked to be left alone", StringComparison.Ordinal)
        );
        // What was under way when the word came was still asked, and no more.
        Assert.InRange(harness.Kube.Requests.Count(a => a.Request is { Verb: "patch", Name: ['m', ..] }), 1, 40);
    }

    [Fact]
    public async Task Reconciles_OnceTheApiServerIsBack_OnItsPort()
    {
        await using var harness = await KubeHarness.Start();
        await harness.ReconcileUntilStable(KubeHarness.Definition("n6"), KubeHarness.Definition("old"));
        await harness.Kube.GoAway();
        var away = await harness.Reconcile(KubeHarness.Definition("n6"), KubeHarness.Definition("n7"));
        Assert.Contains(
            "can't be reached",
            Assert.Single(away.Findings.Where(f => !f.Contains("watch", StringComparison.Ordinal)).Distinct()),
            StringComparison.Ordinal
        );
        harness.Store.Delete(harness.Definitions, "default", "n6", null);

        await harness.Kube.ComeBack();
        await harness.ReconcileUntilStable(KubeHarness.Definition("n6"), KubeHarness.Definition("n7"));

        Assert.Equal(["n6", "n7"], harness.All(harness.Definitions).Select(d => (string)d["metadata"]!["name"]!));
    }

    [Fact]
    public async Task Reports_ABrokenWatch_AfterAWhileAndNotAtOnce()
    {
        await using var patient = await KubeHarness.Start(
            timings: KubeHarness.FastTimings with
            {
                Grace = TimeSpan.FromHours(1),
            }
        );
        await patient.ReconcileUntilStable(KubeHarness.Definition("n6"));
        await patient.Kube.GoAway();
        await Eventually.Holds(
            () => patient.Log.Contains("not-watching", StringComparison.Ordinal),
            "it has lost its watch"
        );
        Assert.Empty((await patient.Reconcile(KubeHarness.Definition("n6"))).Findings);

        await using var harness = await KubeHarness.Start();
        await harness.ReconcileUntilStable(KubeHarness.Definition("n6"));
        await harness.Kube.GoAway();
        var later = await harness.Until(o => o.Findings.Count > 0, KubeHarness.Definition("n6"));
        Assert.All(later.Findings, finding => Assert.Contains("127.0.0.1", finding, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Reports_WhichPermissionIsMissing()
    {
        await using var harness = await KubeHarness.Start();
        harness.Kube.Before = (_, request) =>
            request is { Verb: "patch", Resource: "network-attachment-definitions" }
                ? throw new KubeError(
                    403,
                    "Forbidden",
                    "network-attachment-definitions.k8s.cni.cncf.io \"n6\" is forbidden: User \"agent\" cannot patch"
                )
                : Task.FromResult(false);
        var result = await harness.Reconcile(
            KubeHarness.Definition("n6"),
            KubeHarness.ConfigMap("weft-node-w1", new JsonObject { ["a"] = "b" })
        );
        Assert.Contains(
            "cannot patch; give the agent's service account the roles of deploy/kustomize",
            Assert.Single(result.Findings),
            StringComparison.Ordinal
        );
        Assert.Equal(1, result.Written);
    }

    private static int Asked(KubeHarness harness, string verb) =>
        harness.Kube.Requests.Count(a => a.User == "agent" && a.Request.Verb == verb);
}
