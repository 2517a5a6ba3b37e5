using System.Collections.Concurrent;
using System.Runtime.Versioning;
using System.Text;
using System.Text.Json.Nodes;
using Weft.Contracts;

namespace Weft.Tests.Agent.Leases;

[SupportedOSPlatform("linux")]
public sealed class LeaseServiceTests
{
    /// <summary>A network of the real server's site.</summary>
    private const string N6 = $"{Documents.Cloud}/l3Networks/n6";

    [Fact]
    public async Task Keeps_Lease_WhenServerIsGone()
    {
        await using var harness = await AgentHarness.Start();
        var first = AgentHarness.AddressOf(await harness.Send("acquire", "a"));
        await harness.Plane.GoAway();
        Assert.Equal(first, AgentHarness.AddressOf(await harness.Send("acquire", "a")));
        await harness.StopAgent();
        await harness.StartAgent();
        Assert.Equal(first, AgentHarness.AddressOf(await harness.Send("acquire", "a")));
        Assert.Equal(("acquire", "a/net1"), Assert.Single(harness.Plane.Calls));
    }

    [Fact]
    public async Task Returns_Lease_InTheFormOfTheContract()
    {
        await using var server = await InProcessServer.WithSite();
        await using var harness = await AgentHarness.StartWith(server);
        var request = AgentHarness.Request("acquire", "a", network: N6).ToJsonString() + "\n";
        const string V4 = """{"address":"10.20.6.4/24","gateway":"10.20.6.1"}""";
        const string V6 = """{"address":"fd20:0:0:606::4/64","gateway":"fd20:0:0:606::1"}""";
        const string Lease = $$$"""{"lease":{"addresses":[{{{V4}}},{{{V6}}}],"routes":[]}}""" + "\n";
        // The whole store's revision would not do: what an agent reports of itself moves it at any time.
        async Task<string> Held() =>
            (await server.Get($"{N6}/providers/Weft.Ipam/leases")).Expect(200).Json.ToJsonString();
        Assert.Equal(Lease, await harness.SendLine(request));
        var held = await Held();
        await harness.StopAgent();
        await harness.StartAgent();
        Assert.Equal(Lease, await harness.SendLine(request));
        Assert.Equal(held, await Held());
    }

    [Fact]
    public async Task Shows_AtTheServer_WhoHoldsALease_UntilItIsReleased()
    {
        await using var server = await InProcessServer.WithSite();
        await using var harness = await AgentHarness.StartWith(server);
        async Task<JsonArray> Held() =>
            (await server.Get($"{N6}/providers/Weft.Ipam/leases")).Expect(200).Json["value"]!.AsArray();
        var before = (await Held()).Count;
        var address = AgentHarness.AddressOf(await harness.Send(AgentHarness.Request("acquire", "a", network: N6)));

        var lease = (await Held()).Select(l => l!.ToJsonString()).Single(l => l.Contains(address.Split('/')[0] + "\""));
        Assert.Contains("upf-0", lease, StringComparison.Ordinal);
        Assert.Contains("core", lease, StringComparison.Ordinal);
        Assert.Contains("w1", lease, StringComparison.Ordinal);

        Assert.Equal("{}", (await harness.Send(AgentHarness.Request("release", "a", network: N6))).ToJsonString());
        await AgentHarness.Eventually(() => Held().Result.Count == before, "the release reaches the server");
    }

    [Fact]
    public async Task Passes_RefusalOfARealServer_AsItIs()
    {
        const string Tiny = $"{Documents.Cloud}/l3Networks/tiny";
        await using var server = await InProcessServer.WithSite();
        await using var harness = await AgentHarness.StartWith(server);
        JsonObject answer;
        var pods = 0;
        do
        {
            Assert.InRange(++pods, 1, 8);
            answer = await harness.Send(AgentHarness.Request("acquire", $"c{pods}", network: Tiny));
        } while (AgentHarness.CodeOf(answer) is null);

        var credential = JsonNode.Parse(
            await File.ReadAllTextAsync(
                Path.Join(harness.Options.State, "credential"),
                TestContext.Current.CancellationToken
            )
        )!["credential"]!.ToString();
        var request = AgentHarness.Request("acquire", $"c{pods}", network: Tiny);
        request.Remove("verb");
        request["node"] = "w1";
        var refused = await server.SendAsAgent(credential, "POST", "leases/acquire", request);
        Assert.Equal("AddressPoolExhausted", refused.Code);
        Assert.Equal(refused.Json.ToJsonString(), answer.ToJsonString());
    }

    [Fact]
    public async Task Tells_ToTryAgain_WhenServerIsGone()
    {
        await using var harness = await AgentHarness.Start();
        await harness.Plane.GoAway();
        var answer = await harness.Send("acquire", "a");
        Assert.Equal("ServiceUnavailable", AgentHarness.CodeOf(answer));
        Assert.Contains("try again", (string?)answer["error"]!["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keeps_Release_WhenServerIsGoneAndAgentIsStartedAnew()
    {
        await using var harness = await AgentHarness.Start();
        await harness.Send("acquire", "a");
        await harness.Plane.GoAway();
        Assert.Equal("{}", (await harness.Send("release", "a")).ToJsonString());
        await harness.StopAgent();
        await harness.StartAgent();
        Assert.Equal("ResourceNotFound", AgentHarness.CodeOf(await harness.Send(Checking("a"))));
        await harness.Plane.ComeBack();
        await harness.Plane.Until(() => harness.Plane.Leases.Count == 0, "the release reaches the server");
        await AgentHarness.Eventually(
            () => harness.Log.Contains("lease-released", StringComparison.Ordinal),
            "the agent has noted it"
        );
        await harness.StopAgent();
        await harness.StartAgent();

        // The agent would send a release it still had before it serves this one's.
        await harness.Send("acquire", "b");
        await harness.Send("release", "b");
        await harness.Plane.Until(
            () => harness.Plane.Calls.Contains(("release", "b/net1")),
            "the later release reaches the server"
        );
        Assert.Single(harness.Plane.Calls, ("release", "a/net1"));
    }

    [Fact]
    public async Task Retries_Release_UntilTheServerTakesIt()
    {
        await using var harness = await AgentHarness.Start();
        await harness.Send("acquire", "a");
        var refusals = 0;
        harness.Plane.Before = async (verb, _, context) =>
        {
            if (verb != "release" || Interlocked.Increment(ref refusals) > 3)
                return false;
            await ScriptedControlPlane.Refuse(
                context,
                refusals == 1 ? 503 : 409,
                refusals == 1 ? "ServiceUnavailable" : "Contended",
                "not now"
            );
            return true;
        };
        await harness.Send("release", "a");
        await harness.Plane.Until(() => harness.Plane.Leases.Count == 0, "the release is taken");
        Assert.Equal(4, refusals);
        Assert.Single(harness.Plane.Calls, ("release", "a/net1"));
    }

    [Fact]
    public async Task Releases_GoOn_WhenTheTimeOfDayStepsBack()
    {
        var clock = new SteppingClock();
        await using var harness = await AgentHarness.Create();
        harness.Clock = clock;
        await harness.StartAgent();
        await harness.Plane.Until(() => harness.Plane.Polls > 0, "the agent asks for the desired state");
        await harness.Send("acquire", "a");
        await harness.Send("acquire", "b");
        await harness.Plane.GoAway();
        await harness.Send("release", "a");
        await AgentHarness.Eventually(
            () => harness.Log.Contains("release-postponed", StringComparison.Ordinal),
            "the release waits"
        );
        clock.Step(-TimeSpan.FromDays(1));
        await harness.Send("release", "b");
        await harness.Plane.ComeBack();
        await harness.Plane.Until(() => harness.Plane.Leases.Count == 0, "both are released");
        var polls = harness.Plane.Polls;
        await harness.Plane.Until(() => harness.Plane.Polls > polls, "it asks for the desired state again");
    }

    [Fact]
    public async Task Releases_Others_WhileOneIsRefused()
    {
        await using var harness = await AgentHarness.Start();
        await harness.Send("acquire", "a");
        await harness.Send("acquire", "b");
        harness.Plane.Before = async (verb, body, context) =>
        {
            if (verb != "release" || body.Holder.ContainerId != "a")
                return false;
            await ScriptedControlPlane.Refuse(context, 403, "AuthorizationFailed", "not attached");
            return true;
        };
        await harness.Send("release", "a");
        await harness.Send("release", "b");
        await harness.Plane.Until(() => !harness.Plane.Leases.ContainsKey("b/net1"), "b is released");
        Assert.True(harness.Plane.Leases.ContainsKey("a/net1"));
    }

    [Fact]
    public async Task Releases_WhatNobodyHolds()
    {
        await using var harness = await AgentHarness.Start();
        Assert.Equal("{}", (await harness.Send("release", "never-seen")).ToJsonString());
        await harness.Plane.Until(
            () => harness.Plane.Calls.Contains(("release", "never-seen/net1")),
            "the server is asked, for it may know of a lease"
        );
    }

    [Fact]
    public async Task Releases_WhatAnUnansweredAcquireGets()
    {
        await using var harness = await AgentHarness.Start();
        var asked = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        harness.Plane.Before = async (verb, _, _) =>
        {
            if (verb != "acquire")
                return false;
            asked.TrySetResult();
            await go.Task;
            return false;
        };
        var acquiring = harness.Send("acquire", "a");
        await asked.Task;
        Assert.Equal("{}", (await harness.Send("release", "a")).ToJsonString());
        Assert.Empty(harness.Plane.Calls);
        go.SetResult();
        Assert.Equal("Conflict", AgentHarness.CodeOf(await acquiring));
        await harness.Plane.Until(() => harness.Plane.Calls.Count == 2, "both reach the server");
        Assert.Equal([("acquire", "a/net1"), ("release", "a/net1")], harness.Plane.Calls);
        Assert.Empty(harness.Plane.Leases);
    }

    [Fact]
    public async Task Finishes_EarlierRelease_BeforeAcquiringAnew()
    {
        await using var harness = await AgentHarness.Start();
        await harness.Send("acquire", "a");
        await harness.Plane.GoAway();
        await harness.Send("release", "a");
        await harness.Plane.ComeBack();
        JsonObject answer;
        do answer = await harness.Send("acquire", "a");
        while (AgentHarness.CodeOf(answer) == "ServiceUnavailable");
        Assert.Equal(AgentHarness.AddressOf(answer), harness.Plane.Leases["a/net1"]);
        Assert.Equal([("acquire", "a/net1"), ("release", "a/net1"), ("acquire", "a/net1")], harness.Plane.Calls);
    }

    [Fact]
    public async Task Passes_RefusalOfTheServer_AsItIs()
    {
        await using var harness = await AgentHarness.Start();
        harness.Plane.Before = async (_, _, context) =>
        {
            await ScriptedControlPlane.Refuse(context, 409, "AddressPoolExhausted", "no address left in 'n6'");
            return true;
        };
        var answer = await harness.Send("acquire", "a");
        Assert.Equal(
            """{"error":{"code":"AddressPoolExhausted","message":"no address left in \u0027n6\u0027","target":"somewhere"}}""",
            answer.ToJsonString()
        );
    }

    [Fact]
    public async Task Tells_ToTryAgain_WhenServerIsSlow_AndKeepsWhatComes()
    {
        await using var harness = await AgentHarness.Start(
            AgentHarness.FastTimings with
            {
                AcquireTimeout = TimeSpan.FromMilliseconds(100),
            }
        );
        var go = new TaskCompletionSource();
        harness.Plane.Before = async (_, _, _) =>
        {
            await go.Task;
            return false;
        };
        Assert.Equal("ServiceUnavailable", AgentHarness.CodeOf(await harness.Send("acquire", "a")));
        go.SetResult();
        await AgentHarness.Eventually(
            () => harness.Log.Contains("lease-granted", StringComparison.Ordinal),
            "the lease is kept though nobody waits"
        );
        Assert.Equal(harness.Plane.Leases["a/net1"], AgentHarness.AddressOf(await harness.Send("acquire", "a")));
        Assert.Single(harness.Plane.Calls);
    }

    [Fact]
    public async Task Checks_LeaseAndAddresses()
    {
        await using var server = await InProcessServer.WithSite();
        await using var harness = await AgentHarness.StartWith(server);
        var acquired = await harness.Send(AgentHarness.Request("acquire", "a", network: N6));
        var address = AgentHarness.AddressOf(acquired).Split('/')[0];
        JsonObject Check(string container, params string[] addresses)
        {
            var request = Checking(container, addresses);
            request["network"] = N6;
            return request;
        }

        Assert.Equal("{}", (await harness.Send(Check("a", address))).ToJsonString());
        Assert.Equal("Mismatch", AgentHarness.CodeOf(await harness.Send(Check("a", address, "10.99.0.1"))));
        Assert.Equal("ResourceNotFound", AgentHarness.CodeOf(await harness.Send(Check("b", address))));
        Assert.Equal("MissingMember", AgentHarness.CodeOf(await harness.Send("check", "a")));
    }

    [Fact]
    public async Task Returns_SameLease_ForSameNetworkSpeltOtherwise()
    {
        await using var harness = await AgentHarness.Start();
        var request = AgentHarness.Request("acquire", "a");
        request["network"] = AgentHarness
            .Network.ToUpperInvariant()
            .Replace("/SUBSCRIPTIONS/", "/subscriptions/", StringComparison.Ordinal);
        Assert.Equal(
            AgentHarness.AddressOf(await harness.Send("acquire", "a")),
            AgentHarness.AddressOf(await harness.Send(request))
        );
        Assert.Single(harness.Plane.Calls);
    }

    [Fact]
    public async Task Passes_WhoAsksAndWhat_ToTheServer()
    {
        await using var harness = await AgentHarness.Start();
        PodLeaseRequest? seen = null;
        harness.Plane.Before = async (_, body, context) =>
        {
            seen = body;
            await ScriptedControlPlane.Refuse(context, 409, "AddressHeld", "held");
            return true;
        };
        var request = AgentHarness.Request("acquire", "a");
        (request["uid"], request["ips"]) = ("u-1", new JsonArray("10.20.6.40"));
        await harness.Send(request);
        var who =
            """ "containerId":"a","interface":"net1","namespace":"core","pod":"upf-0","uid":"u-1","node":"w1" """.Trim();
        Assert.Equal(
            $$"""{"network":"{{AgentHarness.Network}}",{{who}},"ips":["10.20.6.40"],"session":"scripted","sequence":1,"oldest":1}""",
            Encoding.UTF8.GetString(seen!.ToBytes())
        );
    }

    [Fact]
    public async Task Reports_Status_ByTheServersPresence()
    {
        await using var harness = await AgentHarness.Start();
        await AgentHarness.Eventually(() => harness.Send("status", "").Result.Count == 0, "the agent can serve");
        await harness.Plane.GoAway();
        await AgentHarness.Eventually(
            () => AgentHarness.CodeOf(harness.Send("status", "").Result) == "ServiceUnavailable",
            "the agent can't serve"
        );
        await harness.Plane.ComeBack();
        await AgentHarness.Eventually(() => harness.Send("status", "").Result.Count == 0, "the agent can serve again");
    }

    [Fact]
    public async Task Keeps_Order_OfManyAtOnceForFewHolders()
    {
        await using var harness = await AgentHarness.Start();
        var answers = new ConcurrentBag<(string Verb, JsonObject Answer)>();
        await Parallel.ForEachAsync(
            Enumerable.Range(0, 200),
            new ParallelOptions { MaxDegreeOfParallelism = 200 },
            async (i, _) =>
            {
                var verb = i % 3 == 2 ? "release" : "acquire";
                answers.Add((verb, await harness.Send(verb, $"c{i % 5}")));
            }
        );
        Assert.All(answers.Where(a => a.Verb == "release"), a => Assert.Equal("{}", a.Answer.ToJsonString()));
        Assert.All(
            answers.Where(a => a.Verb == "acquire"),
            a => Assert.Contains(AgentHarness.CodeOf(a.Answer), new[] { null, "Conflict" })
        );
        for (var i = 0; i < 5; i++)
            Assert.Equal("{}", (await harness.Send("release", $"c{i}")).ToJsonString());
        await harness.Plane.Until(() => harness.Plane.Leases.Count == 0, "all that was acquired is released");

        // At the server, one holder's calls never go acquire, acquire: what was granted is kept until it is released.
        foreach (var calls in harness.Plane.Calls.GroupBy(call => call.Holder))
        {
            var verbs = calls.Select(call => call.Verb).ToList();
            Assert.DoesNotContain(("acquire", "acquire"), verbs.Zip(verbs.Skip(1)));
            Assert.Equal("release", verbs[^1]);
        }
    }

    private static JsonObject Checking(string container, params string[] addresses)
    {
        var request = AgentHarness.Request("check", container);
        request["addresses"] = new JsonArray([.. addresses.Select(a => (JsonNode)a)]);
        return request;
    }
}
