using System.Text.Json.Nodes;
using Weft.Contracts;

namespace Weft.Tests.Server;

/// <summary>The agent of a node speaks for that node and for no other.</summary>
public sealed class NodeAgentTests
{
    private const string N6 = $"{Documents.Cloud}/l3Networks/n6";

    [Fact]
    public async Task Leases_ForItsOwnNode_WhateverItSays()
    {
        await using var server = await InProcessServer.WithSite();
        var w1 = await server.Enrol(Documents.East, "w1", "w1");
        (await Acquire(server, w1, "a")).Expect(200);
        (await Acquire(server, w1, "b", node: "W1")).Expect(200);
        var refused = (await Acquire(server, w1, "c", node: "w2")).Expect(403);
        Assert.Equal("AuthorizationFailed", refused.Code);
        Assert.Contains("it has no say about pods of w2", refused.Text, StringComparison.Ordinal);
        var held = (await server.Get($"{N6}/providers/Weft.Ipam/leases")).Expect(200).Text;
        Assert.Contains("net1 in east on w1", held, StringComparison.Ordinal);
        Assert.DoesNotContain("on w2", held, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Touches_NoLeaseOfAnotherNode()
    {
        await using var server = await InProcessServer.WithSite();
        var (w1, w2) = (await server.Enrol(Documents.East, "w1", "w1"), await server.Enrol(Documents.East, "w2", "w2"));
        (await Acquire(server, w1, "a")).Expect(200);
        var revision = server.Revision;
        Assert.Equal("AuthorizationFailed", (await Acquire(server, w2, "a")).Expect(403).Code);
        Assert.Equal("AuthorizationFailed", (await Release(server, w2, "a")).Expect(403).Code);
        Assert.Equal(revision, server.Revision);
        (await Release(server, w2, "never-held")).Expect(204);
        (await Release(server, w1, "a")).Expect(204);
    }

    [Fact]
    public async Task Leases_ForEveryNode_WhereItServesTheCluster()
    {
        await using var server = await InProcessServer.WithSite();
        var whole = await server.Enrol(Documents.East, "east");
        (await Acquire(server, whole, "a", node: "w1")).Expect(200);
        (await Release(server, whole, "a")).Expect(204);
    }

    [Fact]
    public async Task Hears_OfItsOwnNodeAlone_UnderTheDigestOfAll()
    {
        await using var server = await InProcessServer.WithSite();
        foreach (var name in new[] { "w1", "w2" })
            await server.Create(Documents.Node("east", name));
        var whole = await server.Enrol(Documents.East, "east");
        var node = await server.Enrol(Documents.East, "w1", "w1");
        var (all, own) = (
            (await server.SendAsAgent(whole, "GET", "desired")).Expect(200).Json,
            (await server.SendAsAgent(node, "GET", "desired")).Expect(200).Json
        );
        Assert.Equal(["w1", "w2"], NamesOf(all));
        Assert.Equal(["w1"], NamesOf(own));
        Assert.Equal(all["digest"]!.ToString(), own["digest"]!.ToString());
        _ = (await server.SendAsAgent(node, "GET", $"desired?after={own["digest"]}&wait=0")).Expect(204);
    }

    [Theory]
    [InlineData("PUT", AgentApi.Issuer)]
    [InlineData("POST", AgentApi.Acquire)]
    [InlineData("POST", AgentApi.Release)]
    public async Task Speaks_ForNobody_OnceItWasDeleted_ThoughItAskedBefore(string method, string path)
    {
        await using var server = await InProcessServer.WithSite();
        using var signer = new ServiceAccountSigner();
        var node = await server.Enrol(Documents.East, "w1", "w1");
        var body = path == AgentApi.Issuer ? signer.Issuer.ToJson() : LeaseOf("a", node: null);
        var status = await HeldBody.Send(
            server,
            node,
            new HttpMethod(method),
            path,
            body,
            () => server.DeleteAndWait($"{Documents.East}/providers/Weft.Fleet/agents/w1")
        );
        Assert.Equal(401, status);
    }

    private static IEnumerable<string> NamesOf(JsonNode desired) =>
        desired["nodes"]!.AsArray().Select(node => node!["name"]!.ToString());

    private static Task<ServerResponse> Acquire(
        InProcessServer server,
        string agent,
        string container,
        string? node = null
    )
    {
        return server.SendAsAgent(agent, "POST", AgentApi.Acquire, LeaseOf(container, node));
    }

    private static Task<ServerResponse> Release(InProcessServer server, string agent, string container) =>
        server.SendAsAgent(agent, "POST", AgentApi.Release, LeaseOf(container, node: null));

    private static JsonObject LeaseOf(string container, string? node)
    {
        var body = new JsonObject
        {
            ["network"] = N6,
            ["containerId"] = container,
            ["interface"] = "net1",
        };
        if (node is not null)
            body["node"] = node;
        return body;
    }
}
