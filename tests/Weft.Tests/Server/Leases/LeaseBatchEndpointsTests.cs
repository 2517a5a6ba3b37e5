using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Contracts;
using Weft.Fleet.Quotas;
using Weft.Networks;
using Weft.Resources;
using Weft.Server;

namespace Weft.Tests.Server.Leases;

/// <summary>Several requests about leases in one (docs/specs/agent-api.md, "Batches").</summary>
public sealed class LeaseBatchEndpointsTests
{
    private static readonly ResourceId N6 = ResourceId.Parse($"{Documents.Cloud}/l3Networks/n6").Value;

    [Fact]
    public async Task Answers_EachItem_InOrder_AndTheSameToTheSame()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1", "w1");
        JsonObject[] items =
        [
            Item("acquire", "a"),
            Item("acquire", "b", "big"),
            Item("confirm", "a"),
            Item("release", "b", "big"),
            Item("acquire", "c"),
        ];

        var answers = await Send(server, agent, 200, items);

        Assert.Equal([200, 200, 200, 204, 200], answers.Select(StatusOf));
        Assert.Equal(
            """{"status":200,"lease":{"addresses":[{"address":"10.20.6.4/24","gateway":"10.20.6.1"},"""
                + """{"address":"fd20:0:0:606::4/64","gateway":"fd20:0:0:606::1"}],"routes":[]}}""",
            answers[0]!.ToJsonString()
        );
        Assert.Equal("""{"status":204}""", answers[3]!.ToJsonString());
        Assert.Equal(answers[0]!.ToJsonString(), answers[2]!.ToJsonString());
        Assert.Equal(2, Held(server).Count(AddressFamily.IPv4));

        // As the single calls: whoever asks again is answered the same, and nothing is written.
        var revision = server.Revision;
        var again = await Send(server, agent, 200, items[0], items[4]);
        Assert.Equal(answers[0]!.ToJsonString(), again[0]!.ToJsonString());
        Assert.Equal(answers[4]!.ToJsonString(), again[1]!.ToJsonString());
        Assert.Equal(
            answers[0]!["lease"]!.ToJsonString(),
            (await server.SendAsAgent(agent, "POST", AgentApi.Acquire, Request("a"))).Expect(200).Text
        );
        Assert.Equal(revision, server.Revision);
    }

    [Fact]
    public async Task Commits_AllOfANetwork_AtOnce()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1", "w1");
        _ = await Send(server, agent, 200, Item("release", "nobody"));
        var revision = server.Revision;
        var answers = await Send(
            server,
            agent,
            200,
            [.. Enumerable.Range(0, 100).Select(i => Item("acquire", $"c{i}"))]
        );
        Assert.Equal(100, answers.Select(answer => answer!["lease"]!.ToJsonString()).Distinct().Count());
        Assert.Equal(revision + 1, server.Revision);
    }

    [Fact]
    public async Task Refuses_AnItem_AndGoesOnWithTheOthers()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1", "w1");
        var foreign = Item("acquire", "f");
        foreign["node"] = "w2";
        var held = Item("acquire", "h");
        held["ips"] = new JsonArray("10.20.6.4");
        var answers = await Send(
            server,
            agent,
            207,
            Item("acquire", "a"),
            new JsonObject { ["verb"] = "acquire" },
            foreign,
            Item("acquire", "m", "made-up"),
            held,
            Item("confirm", "nobody"),
            Item("release", "nobody"),
            Item("acquire", "z")
        );
        Assert.Equal([200, 400, 403, 403, 409, 404, 204, 200], answers.Select(StatusOf));
        Assert.Equal(
            ["InvalidMember", "AuthorizationFailed", "AuthorizationFailed", "AddressHeld", "ResourceNotFound"],
            answers.Select(answer => (string?)answer!["error"]?["code"]).OfType<string>()
        );
        Assert.Equal(
            ["items[1].network", "items[1].containerId", "items[1].interface"],
            answers[1]!["error"]!["details"]!.AsArray().Select(finding => (string)finding!["target"]!)
        );
        Assert.Equal(2, Held(server).Count(AddressFamily.IPv4));
        var record = server.Audited().Single(record => record.Detail?.ContainsKey("refused") == true);
        Assert.Equal((AuditResult.Refused, 207, "5 of 8"), (record.Result, record.Status, record.Detail!["refused"]));
    }

    [Fact]
    public async Task Refuses_TheWhole_WhereItIsNone_OrTooLarge()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1", "w1");
        var empty = await server.SendAsAgent(agent, "POST", AgentApi.LeaseBatch, new JsonObject());
        Assert.Equal((400, "MissingMember"), (empty.Status, empty.Code));
        var many = Body([.. Enumerable.Range(0, LeaseBatchBody.MaxItems + 1).Select(i => Item("release", $"c{i}"))]);
        var refused = (await server.SendAsAgent(agent, "POST", AgentApi.LeaseBatch, many)).Expect(413);
        Assert.Contains("257, and 256 are the most", refused.Text, StringComparison.Ordinal);
        var large = Body(Item("release", "c"));
        large["more"] = new string('x', LeaseBatchBody.MaxBytes);
        refused = (await server.SendAsAgent(agent, "POST", AgentApi.LeaseBatch, large)).Expect(413);
        Assert.Contains("524288 are the most", refused.Text, StringComparison.Ordinal);
    }

    /// <summary>An item counts as a call: so much of a batch as the bucket holds is served, and the rest is told when to come.</summary>
    [Fact]
    public async Task Counts_EachAcquire_AndNoRelease()
    {
        await using var server = await InProcessServer.WithSite(
            numbers: Numbers(LeaseLimits.Default with { Node = new(1, 3) })
        );
        var agent = await server.Enrol(Documents.East, "w1", "w1");
        var answers = await Send(
            server,
            agent,
            207,
            [
                .. Enumerable.Range(0, 5).Select(i => Item("acquire", $"c{i}")),
                Item("release", "c0"),
                Item("confirm", "c1"),
            ]
        );
        Assert.Equal([200, 200, 200, 429, 429, 204, 200], answers.Select(StatusOf));
        Assert.Equal(1, (int)answers[3]!["retryAfter"]!);

        var refused = await server.SendAsAgent(agent, "POST", AgentApi.LeaseBatch, Body(Item("acquire", "d")));
        Assert.Equal((429, "1"), (refused.Status, refused.Header("Retry-After")));
        _ = await Send(server, agent, 200, Item("release", "c1"));
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(
            [200, 429],
            (await Send(server, agent, 207, Item("acquire", "d"), Item("acquire", "e"))).Select(StatusOf)
        );
    }

    /// <summary>One agent asks for all there is by batches, and leaves as much to others as by single calls.</summary>
    [Fact]
    public async Task Leaves_ItsFairShare_ToEverybodyElse()
    {
        await using var server = await InProcessServer.WithSite(
            numbers: Numbers(LeaseLimits.Default with { Node = new(20, 10_000) })
        );
        var greedy = await server.Enrol(Documents.East, "w1", "w1");
        _ = await server.Enrol(Documents.East, "w2", "w2");
        var other = await server.Enrol(Documents.West, "w1", "w1");
        var answers = await Send(
            server,
            greedy,
            207,
            [.. Enumerable.Range(0, LeaseBatchBody.MaxItems).Select(i => Item("acquire", $"c{i}"))]
        );
        Assert.InRange(answers.Count(answer => StatusOf(answer) == 200), 100, 200);
        Assert.Equal("QuotaExceeded", (string?)answers[^1]!["error"]!["code"]);
        answers = await Send(server, other, 200, [.. Enumerable.Range(0, 20).Select(i => Item("acquire", $"o{i}"))]);
        Assert.All(answers, answer => Assert.Equal(200, StatusOf(answer)));
    }

    [Fact]
    public async Task Refuses_WhatComesLate_AsSingleCallsDo()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1", "w1");
        var session = (string)(await server.SendAsAgent(agent, "POST", AgentApi.Session)).Expect(200).Json["session"]!;
        JsonObject Ordered(long sequence, long oldest, params JsonObject[] items)
        {
            var body = new JsonObject
            {
                ["session"] = session,
                ["sequence"] = sequence,
                ["oldest"] = oldest,
            };
            body["items"] = new JsonArray([.. items]);
            return body;
        }

        var body = Ordered(5, 1, Item("acquire", "a"), Item("release", "a"));
        (await server.SendAsAgent(agent, "POST", AgentApi.LeaseBatch, body)).Expect(200);
        var late = (
            await server.SendAsAgent(
                agent,
                "POST",
                AgentApi.LeaseBatch,
                Ordered(2, 1, Item("acquire", "a"), Item("acquire", "b"))
            )
        ).Expect(207);
        Assert.Equal([409, 200], late.Json["items"]!.AsArray().Select(StatusOf));
        Assert.Equal(1, Held(server).Count(AddressFamily.IPv4));

        // Of a session that has ended is the whole.
        (await server.SendAsAgent(agent, "POST", AgentApi.Session)).Expect(200);
        var ended = await server.SendAsAgent(
            agent,
            "POST",
            AgentApi.LeaseBatch,
            Ordered(9, 9, Item("acquire", "c"), Item("acquire", "d"))
        );
        Assert.Equal((409, "LeaseSessionEnded"), (ended.Status, ended.Code));
    }

    private static ServerLimits Numbers(LeaseLimits leases) => ServerLimits.Default with { Leases = leases };

    private static Holdings Held(InProcessServer server) => NetworkPool.HoldingsOf(server.Store.Current, N6);

    private static JsonObject Request(string container, string network = "n6") =>
        LeaseAllocatorTests.LeaseRequest(network, container);

    private static JsonObject Item(string verb, string container, string network = "n6")
    {
        var item = Request(container, network);
        item["verb"] = verb;
        return item;
    }

    private static JsonObject Body(params JsonObject[] items) =>
        new() { ["items"] = new JsonArray([.. items.Select(item => item.DeepClone())]) };

    private static int StatusOf(JsonNode? answer) => (int)answer!["status"]!;

    private static async Task<JsonArray> Send(
        InProcessServer server,
        string agent,
        int status,
        params JsonObject[] items
    ) =>
        (await server.SendAsAgent(agent, "POST", AgentApi.LeaseBatch, Body(items))).Expect(status).Json[
            "items"
        ]!.AsArray();
}
