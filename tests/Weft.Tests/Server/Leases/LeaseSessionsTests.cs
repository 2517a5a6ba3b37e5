using System.Text.Json.Nodes;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Tests.Server.Leases;

/// <summary>Requests about leases that come late (docs/specs/agent-api.md, "Leases").</summary>
public sealed class LeaseSessionsTests : IAsyncLifetime
{
    private static readonly ResourceId N6 = ResourceId.Parse($"{Documents.Cloud}/l3Networks/n6").Value;

    private InProcessServer _server = null!;
    private string _agent = "";
    private string _session = "";

    private string[] Holders =>
        [.. NetworkPool.HoldingsOf(_server.Store.Current, N6).Leases.Select(lease => lease.Holder.Id).Distinct()];

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        _server = await InProcessServer.WithSite();
        _agent = await _server.Enrol(Documents.East, "w1");
        _session = await OpenSession();
    }

    [Fact]
    public async Task Leases_NothingToAnAcquire_ThatComesBehindItsRelease()
    {
        _ = (await Send("release", "c1", 2, 1)).Expect(204);
        var late = (await Send("acquire", "c1", 1, 1)).Expect(409);
        Assert.Equal("Conflict", late.Code);
        Assert.Empty(Holders);
        _ = (await Send("acquire", "c1", 3, 3)).Expect(200);
        Assert.Single(Holders);
    }

    [Fact]
    public async Task Leases_NothingToAnAcquire_ThatItsAgentHasGivenUp()
    {
        _ = (await Send("acquire", "other", 7, 7)).Expect(200);
        Assert.Equal("Conflict", (await Send("acquire", "c1", 6, 6)).Expect(409).Code);
        Assert.Single(Holders);
    }

    [Fact]
    public async Task Frees_Nothing_ByAReleaseThatComesBehindTheNextAcquire()
    {
        _ = (await Send("acquire", "c1", 1, 1)).Expect(200);
        _ = (await Send("acquire", "c1", 3, 2)).Expect(200);
        Assert.Equal("Conflict", (await Send("release", "c1", 2, 2)).Expect(409).Code);
        Assert.Single(Holders);
    }

    [Fact]
    public async Task Serves_InAnyOrder_WhatConcernsOthers_AndTheSameTwice()
    {
        _ = (await Send("acquire", "c2", 5, 1)).Expect(200);
        _ = (await Send("acquire", "c1", 4, 1)).Expect(200);
        _ = (await Send("acquire", "c3", 1, 1)).Expect(200);
        _ = (await Send("acquire", "c1", 4, 1)).Expect(200);
        Assert.Equal(3, Holders.Length);
    }

    [Fact]
    public async Task Refuses_AnEarlierSession_AndAnotherAgents()
    {
        var first = _session;
        _session = await OpenSession();
        Assert.NotEqual(first, _session);
        Assert.Equal("LeaseSessionEnded", (await Send("acquire", "c1", 1, 1, first)).Expect(409).Code);
        _ = (await Send("acquire", "c1", 1, 1)).Expect(200);

        var west = await _server.Enrol(Documents.West, "w1");
        var body = Request("c1", 1, 1, _session);
        Assert.Equal(
            "LeaseSessionEnded",
            (await _server.SendAsAgent(west, "POST", "leases/acquire", body)).Expect(409).Code
        );
    }

    [Fact]
    public async Task Takes_RequestsWithoutOrder_WheneverTheyCome()
    {
        _ = (await _server.SendAsAgent(_agent, "POST", "leases/release", Request("c1"))).Expect(204);
        _ = (await _server.SendAsAgent(_agent, "POST", "leases/acquire", Request("c1"))).Expect(200);
    }

    [Theory]
    [InlineData("""{"session":"x"}""")]
    [InlineData("""{"sequence":1,"oldest":1}""")]
    [InlineData("""{"session":"x","sequence":0,"oldest":0}""")]
    [InlineData("""{"session":"x","sequence":1,"oldest":2}""")]
    [InlineData("""{"session":"x","sequence":-1,"oldest":-1}""")]
    [InlineData("""{"session":"x","sequence":"1","oldest":1}""")]
    [InlineData("""{"session":"x","sequence":1.5,"oldest":1}""")]
    [InlineData("""{"session":"x","sequence":99999999999999999999,"oldest":1}""")]
    [InlineData("""{"session":1,"sequence":1,"oldest":1}""")]
    [InlineData(
        """{"session":"0123456789012345678901234567890123456789012345678901234567890123456789","sequence":1,"oldest":1}"""
    )]
    public async Task Refuses_WhatIsNoOrder(string members)
    {
        var body = Request("c1");
        foreach (var (name, value) in JsonNode.Parse(members)!.AsObject())
            body[name] = value!.DeepClone();
        var refused = (await _server.SendAsAgent(_agent, "POST", "leases/acquire", body)).Expect(400);
        Assert.Equal("InvalidMember", refused.Code);
        Assert.Empty(Holders);
    }

    /// <summary>An agent that never moves its oldest on: what is remembered of it is bounded, and late is late.</summary>
    [Fact]
    public async Task Remembers_ABoundedNumber()
    {
        for (var i = 0; i < 4200; i++)
            _ = (await Send("release", $"c{i}", i + 2, 1)).Expect(204);
        Assert.Equal("Conflict", (await Send("acquire", "c0", 1, 1)).Expect(409).Code);
        Assert.Equal("Conflict", (await Send("acquire", "new", 50, 1)).Expect(409).Code);
        _ = (await Send("acquire", "new", 4200, 1)).Expect(200);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await _server.DisposeAsync();

    private static JsonObject Request(string container, long sequence, long oldest, string session)
    {
        var body = Request(container);
        (body["session"], body["sequence"], body["oldest"]) = (session, sequence, oldest);
        return body;
    }

    private static JsonObject Request(string container) =>
        new()
        {
            ["network"] = N6.ToString(),
            ["containerId"] = container,
            ["interface"] = "net1",
        };

    private Task<ServerResponse> Send(
        string verb,
        string container,
        long sequence,
        long oldest,
        string? session = null
    ) =>
        _server.SendAsAgent(
            _agent,
            "POST",
            $"leases/{verb}",
            Request(container, sequence, oldest, session ?? _session)
        );

    private async Task<string> OpenSession() =>
        (await _server.SendAsAgent(_agent, "POST", "leases/session")).Expect(200).Json["session"]!.ToString();
}
