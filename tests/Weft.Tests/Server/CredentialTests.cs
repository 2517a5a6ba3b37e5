using System.Text.Json.Nodes;
using Weft.Contracts;
using Weft.Server.Identity;

namespace Weft.Tests.Server;

/// <summary>What an agent's credential is good for while another takes its place, and who is told that two processes use one.</summary>
public sealed class CredentialTests
{
    private const string Agent = $"{Documents.East}/providers/Weft.Fleet/agents/w1";

    [Fact]
    public async Task Takes_TheNextOne_WhenItIsUsed_AndEndsTheOther()
    {
        await using var server = await InProcessServer.WithSite();
        var old = await server.Enrol(Documents.East, "w1", "w1");
        var enrolledAt = (await Properties(server))["credentialSince"]!.ToString();
        var next = NewCredential();
        server.Clock.Advance(TimeSpan.FromDays(25));
        (await Announce(server, old, next)).Expect(204);

        // Until it is used the other is in force, however often both are named.
        (await server.SendAsAgent(old, "GET", "relay")).Expect(200);
        var revision = server.Revision;
        (await Announce(server, old, next)).Expect(204);
        Assert.Equal(revision, server.Revision);
        Assert.Equal(enrolledAt, (await Properties(server))["credentialSince"]!.ToString());
        Assert.Equal(
            server.Clock.GetUtcNow().AddHours(1),
            DateTimeOffset.Parse((await Properties(server))["nextCredentialExpiresAt"]!.ToString(), null)
        );

        (await Announce(server, next, next)).Expect(204);
        (await server.SendAsAgent(next, "GET", "relay")).Expect(200);
        (await server.SendAsAgent(old, "GET", "relay")).Expect(401);
        (await Announce(server, old, next)).Expect(401);
        var properties = await Properties(server);
        Assert.Equal(server.Clock.GetUtcNow(), DateTimeOffset.Parse(properties["credentialSince"]!.ToString(), null));
        Assert.Null(properties["nextCredentialExpiresAt"]);
        Assert.NotNull(properties["enrolledAt"]);
    }

    [Theory]
    [InlineData("GET", "relay")]
    [InlineData("GET", "desired?wait=0")]
    [InlineData("POST", "leases/session")]
    public async Task Takes_TheNextOne_WhateverItIsUsedFor(string method, string path)
    {
        await using var server = await InProcessServer.WithSite();
        var (old, next) = (await server.Enrol(Documents.East, "w1", "w1"), NewCredential());
        (await Announce(server, old, next)).Expect(204);
        Assert.InRange((await server.SendAsAgent(next, method, path)).Status, 200, 204);
        (await server.SendAsAgent(old, "GET", "relay")).Expect(401);
        var record = server.Audited().Single(r => r.Detail?.GetValueOrDefault("credential") == "Taken");
        Assert.Equal((Agent, "agent"), (record.Who, record.CallerType.ToString().ToLowerInvariant()));
        Assert.NotEqual(record.Before, record.After);
    }

    [Fact]
    public async Task Forgets_TheNextOne_ThatIsNotUsed()
    {
        await using var server = await InProcessServer.WithSite();
        var (old, next) = (await server.Enrol(Documents.East, "w1", "w1"), NewCredential());
        (await Announce(server, old, next)).Expect(204);
        server.Clock.Advance(TimeSpan.FromHours(1));
        (await server.SendAsAgent(next, "GET", "relay")).Expect(401);
        (await server.SendAsAgent(old, "GET", "relay")).Expect(200);

        // Announced once more it is good again; another announced after it takes its place.
        (await Announce(server, old, next)).Expect(204);
        var later = NewCredential();
        (await Announce(server, old, later)).Expect(204);
        (await server.SendAsAgent(next, "GET", "relay")).Expect(401);
        (await server.SendAsAgent(later, "GET", "relay")).Expect(200);
        (await server.SendAsAgent(old, "GET", "relay")).Expect(401);
    }

    [Fact]
    public async Task Ends_Both_WhenTheAgentIsReplacedOrForgotten()
    {
        await using var server = await InProcessServer.WithSite();
        var (old, next) = (await server.Enrol(Documents.East, "w1", "w1"), NewCredential());
        (await Announce(server, old, next)).Expect(204);
        var other = await server.Enrol(Documents.East, "w1", "w1", replace: true);
        (await server.SendAsAgent(old, "GET", "relay")).Expect(401);
        (await server.SendAsAgent(next, "GET", "relay")).Expect(401);

        (await Announce(server, other, next)).Expect(204);
        await server.DeleteAndWait(Agent);
        (await server.SendAsAgent(other, "GET", "relay")).Expect(401);
        (await server.SendAsAgent(next, "GET", "relay")).Expect(401);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"credentialHash":null}""")]
    [InlineData("""{"credentialHash":"weft_agt_a-secret"}""")]
    [InlineData("""{"credentialHash":["00"]}""")]
    public async Task Refuses_WhatIsNoHash(string body)
    {
        await using var server = await InProcessServer.WithSite();
        var credential = await server.Enrol(Documents.East, "w1", "w1");
        var refused = (await server.SendAsAgent(credential, "POST", AgentApi.Credential, JsonNode.Parse(body))).Expect(
            400
        );
        Assert.Equal("InvalidMember", refused.Code);
        Assert.DoesNotContain("a-secret", refused.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Records_BothSteps_AndNoSecret()
    {
        await using var server = await InProcessServer.WithSite();
        var (old, next) = (await server.Enrol(Documents.East, "w1", "w1"), NewCredential());
        (await Announce(server, old, next)).Expect(204);
        (await Announce(server, next, next)).Expect(204);
        var records = server.Audited().Where(r => r.Detail?.ContainsKey("credential") == true).ToList();
        Assert.Equal(["Announced", "Taken"], records.Select(record => record.Detail!["credential"]));
        Assert.All(records, record => Assert.Equal(Agent, record.Who));
        var log = await File.ReadAllTextAsync(
            Path.Join(server.Data, "audit.log"),
            TestContext.Current.CancellationToken
        );
        var shown = (await server.Get(Agent)).Expect(200).Text;
        foreach (var secret in (string[])[old, next, BearerToken.HashOf(old), BearerToken.HashOf(next)])
        {
            Assert.DoesNotContain(secret, log, StringComparison.Ordinal);
            Assert.DoesNotContain(secret, shown, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Shows_ThatTwoProcessesUseIt_AndWhenItIsOver()
    {
        await using var server = await InProcessServer.WithSite();
        var credential = await server.Enrol(Documents.East, "w1", "w1");
        await Ask(server, credential, "0a");
        await Ask(server, credential, "0b");
        var since = server.Clock.GetUtcNow();
        for (var second = 0; second < 60; second += 20)
        {
            Assert.Null((await Properties(server))["credentialInTwoPlaces"]);
            server.Clock.Advance(TimeSpan.FromSeconds(20));
            await Ask(server, credential, "0a");
            await Ask(server, credential, "0b");
        }

        var shown = (await Properties(server))["credentialInTwoPlaces"]!;
        Assert.Equal(since, DateTimeOffset.Parse(shown["since"]!.ToString(), null));
        Assert.Equal(["127.0.0.1", "127.0.0.1"], shown["from"]!.AsArray().Select(from => from!.ToString()));
        var revision = server.Revision;
        await Ask(server, credential, "0b");
        Assert.Equal(revision, server.Revision);

        // One of them is heard no more.
        for (var minute = 0; minute < 3; minute++)
        {
            Assert.NotNull((await Properties(server))["credentialInTwoPlaces"]);
            server.Clock.Advance(TimeSpan.FromMinutes(1));
            await Ask(server, credential, "0b");
        }

        Assert.Null((await Properties(server))["credentialInTwoPlaces"]);
    }

    /// <summary>What a process had on its way when it ended may come after the next one's first request.</summary>
    [Fact]
    public async Task Shows_Nothing_OfAnAgentThatIsStartedAnewAgainAndAgain()
    {
        await using var server = await InProcessServer.WithSite();
        var credential = await server.Enrol(Documents.East, "w1", "w1");
        for (var life = 1; life < 30; life++)
        {
            await Ask(server, credential, $"{life:x2}");
            server.Clock.Advance(TimeSpan.FromSeconds(2));
            if (life > 1)
                await Ask(server, credential, $"{life - 1:x2}");
            server.Clock.Advance(TimeSpan.FromSeconds(20));
            await Ask(server, credential, $"{life:x2}");
            Assert.Null((await Properties(server))["credentialInTwoPlaces"]);
        }
    }

    /// <summary>Agents of before say no name: one of them beside itself can't be told from one alone.</summary>
    [Fact]
    public async Task Tells_AnAgentFromWhoSaysNoName_AndNotTwoOfThose()
    {
        await using var server = await InProcessServer.WithSite();
        var credential = await server.Enrol(Documents.East, "w1", "w1");
        for (var second = 0; second < 120; second += 30)
        {
            await Ask(server, credential, null);
            server.Clock.Advance(TimeSpan.FromSeconds(30));
        }

        Assert.Null((await Properties(server))["credentialInTwoPlaces"]);
        await Ask(server, credential, "0a");
        for (var second = 0; second < 90; second += 30)
        {
            server.Clock.Advance(TimeSpan.FromSeconds(30));
            await Ask(server, credential, null);
            await Ask(server, credential, "0a");
        }

        Assert.NotNull((await Properties(server))["credentialInTwoPlaces"]);
        // Put another in its place, and it is a matter of the past.
        _ = await server.Enrol(Documents.East, "w1", "w1", replace: true);
        Assert.Null((await Properties(server))["credentialInTwoPlaces"]);
    }

    private static string NewCredential() => CredentialStore.NewToken(BearerToken.AgentKind);

    private static Task<ServerResponse> Announce(InProcessServer server, string bearer, string next) =>
        server.SendAsAgent(
            bearer,
            "POST",
            AgentApi.Credential,
            JsonNode.Parse(new CredentialRequest(BearerToken.HashOf(next)).ToBytes())
        );

    private static async Task Ask(InProcessServer server, string credential, string? instance) =>
        (
            await server.Send(
                "GET",
                $"{AgentApi.Root}{AgentApi.Relay}",
                null,
                credential,
                instance is null ? [] : [(AgentApi.InstanceHeader, instance)]
            )
        ).Expect(200);

    private static async Task<JsonNode> Properties(InProcessServer server) =>
        (await server.Get(Agent)).Expect(200).Json["properties"]!;
}
