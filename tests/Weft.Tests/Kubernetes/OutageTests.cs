using System.Text.Json.Nodes;
using Weft.Agent.Targets;

namespace Weft.Tests.Kubernetes;

/// <summary>An API server that forgets, throttles, breaks off, and goes away.</summary>
public sealed class OutageTests
{
    [Fact]
    public async Task ListsAnew_WhenTheWatchHasExpired()
    {
        await using var site = await KubeSite.Start();
        await site.Settle(KubeSite.Definition("n6"), KubeSite.Definition("n7"));
        var lists = Asked(site, "list");

        // While nobody watches, one object goes, and the past with it.
        site.Kube.Before = (http, request) => request.Verb == "watch" ? throw new KubeRefusal(503, "ServiceUnavailable", "later") : Task.FromResult(false);
        site.Kube.Drop();
        await Task.Delay(100, KubeSite.Cancel);
        site.Store.Delete(site.Definitions, "default", "n6", null);
        site.Store.Compact();
        site.Kube.Before = null;

        var outcome = await site.Until(o => o.Written == 1, KubeSite.Definition("n6"), KubeSite.Definition("n7"));
        Assert.Equal([new Drift("NetworkAttachmentDefinition default/n6", "missing", true)], outcome.Drift);
        Assert.True(Asked(site, "list") > lists);
    }

    [Fact]
    public async Task ListsAnew_WhenTheWatchIsAnsweredBy410()
    {
        await using var site = await KubeSite.Start();
        await site.Settle(KubeSite.Definition("n6"));
        var refused = 0;
        site.Kube.Before = (_, request) => request is { Verb: "watch", Resource: "network-attachment-definitions" } && refused++ == 0
            ? throw new KubeRefusal(410, "Gone", "too old resource version") : Task.FromResult(false);
        site.Kube.Drop();

        site.Store.Delete(site.Definitions, "default", "n6", null);
        await site.Until(o => o.Written == 1, KubeSite.Definition("n6"));
        Assert.True(refused > 0);
    }

    [Fact]
    public async Task GoesOn_FromTheLastVersion_WhenConnectionsBreak()
    {
        await using var site = await KubeSite.Start();
        await site.Settle(KubeSite.Definition("n6"));
        var lists = Asked(site, "list");
        for (var i = 0; i < 5; i++)
        {
            site.Kube.Drop();
            site.Edit(site.Definitions, "default", "n6", live => live["spec"]!["config"] = $"theirs {i}");
            await site.Until(o => o.Drift.Count == 1, KubeSite.Definition("n6"));
        }

        Assert.Equal(lists, Asked(site, "list"));
        Assert.Equal("{}", site.ConfigOf("n6"));
    }

    [Fact]
    public async Task FollowsLists_OverPages_AndBeginsAnewWhenAPageHasExpired()
    {
        await using var site = await KubeSite.Start();
        await site.Settle([.. Enumerable.Range(0, 25).Select(i => KubeSite.Definition($"n{i}"))]);
        site.Kube.Page = 10;
        var pages = 0;
        site.Kube.Before = (http, request) =>
        {
            if (request is { Verb: "list", Resource: "network-attachment-definitions" } && http.Request.Query["continue"].Count > 0 && pages++ == 0)
                site.Store.Compact();
            return Task.FromResult(false);
        };

        site.Follow();
        var outcome = await site.Settle([.. Enumerable.Range(0, 24).Select(i => KubeSite.Definition($"n{i}"))]);

        Assert.Empty(outcome.Findings);
        Assert.Equal(24, site.All(site.Definitions).Count);
        Assert.True(pages > 2);
    }

    [Fact]
    public async Task Waits_AsLongAsItIsAskedTo()
    {
        await using var site = await KubeSite.Start();
        await site.Settle(KubeSite.Definition("n6"));
        site.Kube.Throttle(1, 1);
        var before = site.Kube.Asked.Count;

        var clock = System.Diagnostics.Stopwatch.StartNew();
        await site.Apply(KubeSite.Definition("n6", "newer"));

        Assert.Equal("newer", site.ConfigOf("n6"));
        Assert.True(clock.Elapsed >= TimeSpan.FromSeconds(0.9), "it was asked to wait for a second");
        Assert.Equal(2, site.Kube.Asked.Skip(before).Count(a => a.Request.Verb == "patch"));
    }

    [Fact]
    public async Task Says_ThatItIsThrottled_WhereTheWaitIsLong()
    {
        await using var site = await KubeSite.Start();
        await site.Settle(KubeSite.Definition("n6"));
        site.Kube.Throttle(1, 60);

        var outcome = await site.Apply([.. Enumerable.Range(0, 50).Select(i => KubeSite.Definition($"m{i}")), KubeSite.Definition("n6")]);

        Assert.NotEmpty(outcome.Findings);
        Assert.Contains(outcome.Findings, f => f.Contains("too many requests", StringComparison.Ordinal) || f.Contains("asked to be left alone", StringComparison.Ordinal));
        // What was under way when the word came was still asked, and no more.
        Assert.InRange(site.Kube.Asked.Count(a => a.Request is { Verb: "patch", Name: ['m', ..] }), 1, 40);
    }

    [Fact]
    public async Task MakesItTrue_OnceTheApiServerIsBack_OnItsPort()
    {
        await using var site = await KubeSite.Start();
        await site.Settle(KubeSite.Definition("n6"), KubeSite.Definition("old"));
        await site.Kube.GoAway();
        var away = await site.Apply(KubeSite.Definition("n6"), KubeSite.Definition("n7"));
        Assert.Contains("can't be reached", Assert.Single(away.Findings.Where(f => !f.Contains("watch", StringComparison.Ordinal)).Distinct()), StringComparison.Ordinal);
        site.Store.Delete(site.Definitions, "default", "n6", null);

        await site.Kube.ComeBack();
        await site.Settle(KubeSite.Definition("n6"), KubeSite.Definition("n7"));

        Assert.Equal(["n6", "n7"], site.All(site.Definitions).Select(d => (string)d["metadata"]!["name"]!));
    }

    [Fact]
    public async Task Says_ThatItCannotSee_AfterAWhileAndNotAtOnce()
    {
        await using var site = await KubeSite.Start();
        await site.Settle(KubeSite.Definition("n6"));
        await site.Kube.GoAway();
        await Task.Delay(50, KubeSite.Cancel);
        Assert.Empty((await site.Apply(KubeSite.Definition("n6"))).Findings);
        var later = await site.Until(o => o.Findings.Count > 0, KubeSite.Definition("n6"));
        Assert.All(later.Findings, finding => Assert.Contains("127.0.0.1", finding, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Tells_WhichRightIsMissing()
    {
        await using var site = await KubeSite.Start();
        site.Kube.Before = (_, request) => request is { Verb: "patch", Resource: "network-attachment-definitions" }
            ? throw new KubeRefusal(403, "Forbidden", "network-attachment-definitions.k8s.cni.cncf.io \"n6\" is forbidden: User \"agent\" cannot patch") : Task.FromResult(false);
        var outcome = await site.Apply(KubeSite.Definition("n6"), KubeSite.ConfigMap("weft-node-w1", new JsonObject { ["a"] = "b" }));
        Assert.Contains("cannot patch; give the agent's service account the roles of deploy/kustomize", Assert.Single(outcome.Findings), StringComparison.Ordinal);
        Assert.Equal(1, outcome.Written);
    }

    private static int Asked(KubeSite site, string verb) => site.Kube.Asked.Count(a => a.User == "agent" && a.Request.Verb == verb);
}
