using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Fleet.Quotas;
using Weft.Networks;
using Weft.Resources;
using Weft.Server;

namespace Weft.Tests.Server.Leases;

/// <summary>What agents get of a pool that others use, too, and how fast (docs/specs/limits.md).</summary>
public sealed class LeaseLimitTests
{
    /// <summary>The agent of one node asks for pods that there aren't, as fast as it can.</summary>
    [Fact]
    public async Task Leaves_AddressesToEverybodyElse_WhenTheAgentOfOneNodeMakesPodsUp()
    {
        await using var server = await InProcessServer.WithSite(
            numbers: Numbers(LeaseLimits.Default with { Node = new(20, 10_000) })
        );
        var greedy = await server.Enrol(Documents.East, "w1", "w1");
        var (next, other) = (
            await server.Enrol(Documents.East, "w2", "w2"),
            await server.Enrol(Documents.West, "w1", "w1")
        );
        var (taken, before) = (0, Held(server).Count(AddressFamily.IPv4));
        ServerResponse answer;
        while ((answer = await Acquire(server, greedy, "w1", $"c{taken}")).Status == 200)
            taken++;

        Assert.Equal((409, "QuotaExceeded"), (answer.Status, answer.Code));
        Assert.Contains($"node w1 of east holds {taken} of the", answer.Text, StringComparison.Ordinal);
        Assert.Equal("10.20.6.0/24", answer.Json["error"]!["target"]!.ToString());
        Assert.InRange(taken, 100, 200);
        await AssertNothingIsWritten(server, greedy);
        for (var i = 0; i < 20; i++)
        {
            (await Acquire(server, next, "w2", $"n{i}")).Expect(200);
            (await Acquire(server, other, "w1", $"o{i}")).Expect(200);
        }

        // What it gives back it may have again.
        (await server.SendAsAgent(greedy, "POST", "leases/release", Request("w1", "c0"))).Expect(204);
        Assert.Equal(before + taken - 1 + 40, Held(server).Count(AddressFamily.IPv4));
    }

    /// <summary>By what is refused; and who has a lease is answered it.</summary>
    private static async Task AssertNothingIsWritten(InProcessServer server, string greedy)
    {
        var revision = server.Revision;
        Assert.Equal(409, (await Acquire(server, greedy, "w1", "more")).Status);
        Assert.Equal(200, (await Acquire(server, greedy, "w1", "c0")).Status);
        Assert.Equal(revision, server.Revision);
    }

    [Fact]
    public async Task Refuses_ANodeThatHoldsAsMuchAsItMay_InAllNetworks()
    {
        await using var server = await InProcessServer.WithSite(numbers: Numbers(new LeaseLimits { PerNode = 4 }));
        var agent = await server.Enrol(Documents.East, "w1", "w1");
        (await Acquire(server, agent, "w1", "a")).Expect(200);
        (await Acquire(server, agent, "w1", "b", "big")).Expect(200);
        var refused = (await Acquire(server, agent, "w1", "c", "big")).Expect(409);
        Assert.Equal("QuotaExceeded", refused.Code);
        Assert.Contains("holds 4 addresses", refused.Text, StringComparison.Ordinal);
        Assert.Contains("leases.perNode", refused.Text, StringComparison.Ordinal);
        (await server.SendAsAgent(agent, "POST", "leases/release", Request("w1", "a"))).Expect(204);
        (await Acquire(server, agent, "w1", "c", "big")).Expect(200);
    }

    /// <summary>429 with the seconds after which it is worth asking again; releases go on.</summary>
    [Fact]
    public async Task Slows_ANodeDown_AndNobodyElse()
    {
        await using var server = await InProcessServer.WithSite(
            numbers: Numbers(LeaseLimits.Default with { Node = new(1, 2), Cluster = new(1, 4) })
        );
        var (fast, next) = (
            await server.Enrol(Documents.East, "w1", "w1"),
            await server.Enrol(Documents.East, "w2", "w2")
        );
        var cluster = await server.Enrol(Documents.East, "all");
        (await Acquire(server, fast, "w1", "a")).Expect(200);
        (await Acquire(server, fast, "w1", "b")).Expect(200);
        var refused = (await Acquire(server, fast, "w1", "c")).Expect(429);
        Assert.Equal(("TooManyRequests", "1"), (refused.Code, refused.Header("Retry-After")));
        Assert.Contains("node w1 of east", refused.Text, StringComparison.Ordinal);
        (await server.SendAsAgent(fast, "POST", "leases/release", Request("w1", "a"))).Expect(204);

        (await Acquire(server, next, "w2", "d")).Expect(200);
        (await Acquire(server, cluster, "w3", "e")).Expect(200);
        refused = (await Acquire(server, cluster, "w3", "f")).Expect(429);
        Assert.Contains("cluster east", refused.Text, StringComparison.Ordinal);

        server.Clock.Advance(TimeSpan.FromSeconds(1));
        (await Acquire(server, fast, "w1", "c")).Expect(200);
        (await Acquire(server, cluster, "w3", "f")).Expect(429);
    }

    private static ServerLimits Numbers(LeaseLimits leases) => ServerLimits.Default with { Leases = leases };

    private static Holdings Held(InProcessServer server) =>
        NetworkPool.HoldingsOf(server.Store.Current, ResourceId.Parse($"{Documents.Cloud}/l3Networks/n6").Value);

    private static JsonObject Request(string node, string container, string network = "n6")
    {
        var body = LeaseAllocatorTests.LeaseRequest(network, container);
        body["node"] = node;
        return body;
    }

    private static Task<ServerResponse> Acquire(
        InProcessServer server,
        string agent,
        string node,
        string container,
        string network = "n6"
    ) => server.SendAsAgent(agent, "POST", "leases/acquire", Request(node, container, network));
}
