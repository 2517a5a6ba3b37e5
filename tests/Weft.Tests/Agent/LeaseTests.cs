using System.Collections.Concurrent;
using System.Runtime.Versioning;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Weft.Tests.Agent;

[SupportedOSPlatform("linux")]
public sealed class LeaseTests
{
    [Fact]
    public async Task Keeps_Lease_WhenServerIsGone()
    {
        await using var site = await Site.Start();
        var first = Site.AddressOf(await site.Ask("acquire", "a"));
        await site.Plane.GoAway();
        Assert.Equal(first, Site.AddressOf(await site.Ask("acquire", "a")));
        await site.StopAgent();
        await site.StartAgent();
        Assert.Equal(first, Site.AddressOf(await site.Ask("acquire", "a")));
        Assert.Equal(("acquire", "a/net1"), Assert.Single(site.Plane.Calls));
    }

    [Fact]
    public async Task Answers_Lease_InTheFormOfTheContract()
    {
        await using var site = await Site.Start();
        Assert.Equal(
            """{"lease":{"addresses":[{"address":"10.20.0.1/16","gateway":"10.20.255.254"}],"routes":[]}}""" + "\n",
            await site.Say(Site.Request("acquire", "a").ToJsonString() + "\n"));
        await site.StopAgent();
        await site.StartAgent();
        Assert.Equal(
            """{"lease":{"addresses":[{"address":"10.20.0.1/16","gateway":"10.20.255.254"}],"routes":[]}}""" + "\n",
            await site.Say(Site.Request("acquire", "a").ToJsonString() + "\n"));
    }

    [Fact]
    public async Task Tells_ToTryAgain_WhenServerIsGone()
    {
        await using var site = await Site.Start();
        await site.Plane.GoAway();
        var answer = await site.Ask("acquire", "a");
        Assert.Equal("ServiceUnavailable", Site.CodeOf(answer));
        Assert.Contains("try again", (string?)answer["error"]!["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keeps_Release_WhenServerIsGoneAndAgentIsStartedAnew()
    {
        await using var site = await Site.Start();
        await site.Ask("acquire", "a");
        await site.Plane.GoAway();
        Assert.Equal("{}", (await site.Ask("release", "a")).ToJsonString());
        await site.StopAgent();
        await site.StartAgent();
        Assert.Equal("ResourceNotFound", Site.CodeOf(await site.Ask(Checking("a"))));
        await site.Plane.ComeBack();
        await site.Plane.Until(() => site.Plane.Leases.Count == 0, "the release reaches the server");
        await Site.Eventually(() => site.Log.Contains("lease-released", StringComparison.Ordinal), "the agent has noted it");
        await site.StopAgent();
        await site.StartAgent();

        // The agent would send a release it still had before it serves this one's.
        await site.Ask("acquire", "b");
        await site.Ask("release", "b");
        await site.Plane.Until(() => site.Plane.Calls.Contains(("release", "b/net1")), "the later release reaches the server");
        Assert.Single(site.Plane.Calls, ("release", "a/net1"));
    }

    [Fact]
    public async Task Retries_Release_UntilTheServerTakesIt()
    {
        await using var site = await Site.Start();
        await site.Ask("acquire", "a");
        var refusals = 0;
        site.Plane.Before = async (verb, body, context) =>
        {
            if (verb != "release" || Interlocked.Increment(ref refusals) > 3)
                return false;
            await FakeControlPlane.Refuse(context, refusals == 1 ? 503 : 409, refusals == 1 ? "ServiceUnavailable" : "Contended", "not now");
            return true;
        };
        await site.Ask("release", "a");
        await site.Plane.Until(() => site.Plane.Leases.Count == 0, "the release is taken");
        Assert.Equal(4, refusals);
        Assert.Single(site.Plane.Calls, ("release", "a/net1"));
    }

    [Fact]
    public async Task Releases_Others_WhileOneIsRefused()
    {
        await using var site = await Site.Start();
        await site.Ask("acquire", "a");
        await site.Ask("acquire", "b");
        site.Plane.Before = async (verb, body, context) =>
        {
            if (verb != "release" || (string?)body["containerId"] != "a")
                return false;
            await FakeControlPlane.Refuse(context, 403, "AuthorizationFailed", "not attached");
            return true;
        };
        await site.Ask("release", "a");
        await site.Ask("release", "b");
        await site.Plane.Until(() => !site.Plane.Leases.ContainsKey("b/net1"), "b is released");
        Assert.True(site.Plane.Leases.ContainsKey("a/net1"));
    }

    [Fact]
    public async Task Releases_WhatNobodyHolds()
    {
        await using var site = await Site.Start();
        Assert.Equal("{}", (await site.Ask("release", "never-seen")).ToJsonString());
        await site.Plane.Until(() => site.Plane.Calls.Contains(("release", "never-seen/net1")), "the server is asked, for it may know of a lease");
    }

    [Fact]
    public async Task Releases_WhatAnUnansweredAcquireGets()
    {
        await using var site = await Site.Start();
        var asked = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        site.Plane.Before = async (verb, _, _) =>
        {
            if (verb != "acquire")
                return false;
            asked.TrySetResult();
            await go.Task;
            return false;
        };
        var acquiring = site.Ask("acquire", "a");
        await asked.Task;
        Assert.Equal("{}", (await site.Ask("release", "a")).ToJsonString());
        Assert.Empty(site.Plane.Calls);
        go.SetResult();
        Assert.Equal("Conflict", Site.CodeOf(await acquiring));
        await site.Plane.Until(() => site.Plane.Calls.Count == 2, "both reach the server");
        Assert.Equal([("acquire", "a/net1"), ("release", "a/net1")], site.Plane.Calls);
        Assert.Empty(site.Plane.Leases);
    }

    [Fact]
    public async Task Finishes_EarlierRelease_BeforeAcquiringAnew()
    {
        await using var site = await Site.Start();
        await site.Ask("acquire", "a");
        await site.Plane.GoAway();
        await site.Ask("release", "a");
        await site.Plane.ComeBack();
        JsonObject answer;
        do
            answer = await site.Ask("acquire", "a");
        while (Site.CodeOf(answer) == "ServiceUnavailable");
        Assert.Equal(Site.AddressOf(answer), site.Plane.Leases["a/net1"]);
        Assert.Equal([("acquire", "a/net1"), ("release", "a/net1"), ("acquire", "a/net1")], site.Plane.Calls);
    }

    [Fact]
    public async Task Passes_RefusalOfTheServer_AsItIs()
    {
        await using var site = await Site.Start();
        site.Plane.Before = async (_, body, context) =>
        {
            await FakeControlPlane.Refuse(context, 409, "AddressPoolExhausted", "no address left in 'n6'");
            return true;
        };
        var answer = await site.Ask("acquire", "a");
        Assert.Equal(
            """{"error":{"code":"AddressPoolExhausted","message":"no address left in \u0027n6\u0027","target":"somewhere"}}""", answer.ToJsonString());
    }

    [Fact]
    public async Task Tells_ToTryAgain_WhenServerIsSlow_AndKeepsWhatComes()
    {
        await using var site = await Site.Start(Site.Quick with { Answer = TimeSpan.FromMilliseconds(100) });
        var go = new TaskCompletionSource();
        site.Plane.Before = async (_, _, _) =>
        {
            await go.Task;
            return false;
        };
        Assert.Equal("ServiceUnavailable", Site.CodeOf(await site.Ask("acquire", "a")));
        go.SetResult();
        await Site.Eventually(() => site.Log.Contains("lease-granted", StringComparison.Ordinal), "the lease is kept though nobody waits");
        Assert.Equal(site.Plane.Leases["a/net1"], Site.AddressOf(await site.Ask("acquire", "a")));
        Assert.Single(site.Plane.Calls);
    }

    [Fact]
    public async Task Checks_LeaseAndAddresses()
    {
        await using var site = await Site.Start();
        var address = Site.AddressOf(await site.Ask("acquire", "a")).Split('/')[0];
        Assert.Equal("{}", (await site.Ask(Checking("a", address))).ToJsonString());
        Assert.Equal("Mismatch", Site.CodeOf(await site.Ask(Checking("a", address, "10.99.0.1"))));
        Assert.Equal("ResourceNotFound", Site.CodeOf(await site.Ask(Checking("b", address))));
        Assert.Equal("MissingMember", Site.CodeOf(await site.Ask("check", "a")));
    }

    [Fact]
    public async Task Returns_SameLease_ForSameNetworkSpeltOtherwise()
    {
        await using var site = await Site.Start();
        var request = Site.Request("acquire", "a");
        request["network"] = Site.Network.ToUpperInvariant().Replace("/SUBSCRIPTIONS/", "/subscriptions/", StringComparison.Ordinal);
        Assert.Equal(Site.AddressOf(await site.Ask("acquire", "a")), Site.AddressOf(await site.Ask(request)));
        Assert.Single(site.Plane.Calls);
    }

    [Fact]
    public async Task Passes_WhoAsksAndWhat_ToTheServer()
    {
        await using var site = await Site.Start();
        JsonObject? seen = null;
        site.Plane.Before = async (_, body, context) =>
        {
            seen = body;
            await FakeControlPlane.Refuse(context, 409, "AddressHeld", "held");
            return true;
        };
        var request = Site.Request("acquire", "a");
        (request["uid"], request["ips"]) = ("u-1", new JsonArray("10.20.6.40"));
        await site.Ask(request);
        var who = """ "containerId":"a","interface":"net1","namespace":"core","pod":"upf-0","uid":"u-1","node":"w1" """.Trim();
        Assert.Equal($$"""{"network":"{{Site.Network}}",{{who}},"ips":["10.20.6.40"]}""", seen!.ToJsonString());
    }

    [Fact]
    public async Task Reports_Status_ByTheServersPresence()
    {
        await using var site = await Site.Start();
        await Site.Eventually(() => site.Ask("status", "").Result.Count == 0, "the agent can serve");
        await site.Plane.GoAway();
        await Site.Eventually(() => Site.CodeOf(site.Ask("status", "").Result) == "ServiceUnavailable", "the agent can't serve");
        await site.Plane.ComeBack();
        await Site.Eventually(() => site.Ask("status", "").Result.Count == 0, "the agent can serve again");
    }

    [Fact]
    public async Task Keeps_Order_OfManyAtOnceForFewHolders()
    {
        await using var site = await Site.Start();
        var answers = new ConcurrentBag<(string Verb, JsonObject Answer)>();
        await Parallel.ForEachAsync(Enumerable.Range(0, 200), new ParallelOptions { MaxDegreeOfParallelism = 200 }, async (i, _) =>
        {
            var verb = i % 3 == 2 ? "release" : "acquire";
            answers.Add((verb, await site.Ask(verb, $"c{i % 5}")));
        });
        Assert.All(answers.Where(a => a.Verb == "release"), a => Assert.Equal("{}", a.Answer.ToJsonString()));
        Assert.All(answers.Where(a => a.Verb == "acquire"), a => Assert.Contains(Site.CodeOf(a.Answer), new[] { null, "Conflict" }));
        for (var i = 0; i < 5; i++)
            Assert.Equal("{}", (await site.Ask("release", $"c{i}")).ToJsonString());
        await site.Plane.Until(() => site.Plane.Leases.Count == 0, "all that was acquired is released");

        // At the server, one holder's calls never go acquire, acquire: what was granted is kept until it is released.
        foreach (var calls in site.Plane.Calls.GroupBy(call => call.Holder))
        {
            var verbs = calls.Select(call => call.Verb).ToList();
            Assert.DoesNotContain(("acquire", "acquire"), verbs.Zip(verbs.Skip(1)));
            Assert.Equal("release", verbs[^1]);
        }
    }

    private static JsonObject Checking(string container, params string[] addresses)
    {
        var request = Site.Request("check", container);
        request["addresses"] = new JsonArray([.. addresses.Select(a => (JsonNode)a)]);
        return request;
    }
}
