using System.Text.Json.Nodes;
using Weft.Contracts;
using Weft.Server.Identity;

namespace Weft.Tests.Server;

/// <summary>How agents become known, and what a token or another's credential doesn't get them.</summary>
public sealed class EnrolmentTests
{
    private const string Agents = $"{Documents.East}/providers/Weft.Fleet/agents";

    [Fact]
    public async Task Enrols_TheAgentThatTheTokenIsFor()
    {
        await using var server = await InProcessServer.WithSite();
        var made = (await server.Post($"{Documents.East}/listEnrollmentToken", """{"node":"w1"}""")).Expect(200).Json;
        Assert.Equal(
            (Documents.East, "w1", "w1"),
            (made["cluster"]!.ToString(), made["name"]!.ToString(), made["node"]!.ToString())
        );
        Assert.Equal(
            server.Clock.GetUtcNow().AddMinutes(15),
            DateTimeOffset.Parse(made["expiresAt"]!.ToString(), null)
        );

        var enrolled = (await server.TryEnrol(made["token"]!.ToString(), "w1", "w1", out var credential)).Expect(201);
        Assert.Equal($"{Agents}/w1", enrolled.Json["agentId"]!.ToString());
        Assert.Equal(Documents.East, enrolled.Json["cluster"]!.ToString());
        _ = (await server.SendAsAgent(credential, "GET", "desired")).Expect(200);
    }

    [Fact]
    public async Task Shows_SinceWhenAndFromWhere_AndNeverACredential()
    {
        await using var server = await InProcessServer.WithSite();
        var credential = await server.Enrol(Documents.East, "w1", "w1");
        var read = (await server.Get($"{Agents}/w1")).Expect(200);
        var properties = read.Json["properties"]!;
        Assert.Equal(
            (server.Clock.GetUtcNow(), "127.0.0.1", "admin"),
            (
                DateTimeOffset.Parse(properties["enrolledAt"]!.ToString(), null),
                properties["enrolledFrom"]!.ToString(),
                properties["enrolledBy"]!.ToString()
            )
        );
        Assert.DoesNotContain(BearerToken.HashOf(credential), read.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("credentialHash", read.Text, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(properties["enrolledAt"]!.ToString(), properties["credentialSince"]!.ToString());
    }

    [Fact]
    public async Task Opens_NothingElse_WithAToken()
    {
        await using var server = await InProcessServer.WithSite();
        var token = await server.EnrolmentToken(Documents.East, "w1", "w1");
        foreach (
            var (method, path) in new[]
            {
                ("GET", "desired"),
                ("PUT", "status"),
                ("POST", "leases/acquire"),
                ("POST", "leases/release"),
                ("GET", "relay"),
            }
        )
            Assert.Equal(
                "AuthorizationFailed",
                (await server.SendAsAgent(token, method, path, new JsonObject())).Expect(403).Code
            );
        Assert.Equal(
            "AuthorizationFailed",
            (await server.Send("GET", $"{Documents.East}?api-version=2026-10-01", null, token)).Expect(403).Code
        );
    }

    [Fact]
    public async Task Enrols_Once()
    {
        await using var server = await InProcessServer.WithSite();
        var token = await server.EnrolmentToken(Documents.East, "w1", "w1");
        (await server.TryEnrol(token, "w1", "w1", out var first)).Expect(201);

        var again = (await server.TryEnrol(token, "w1", "w1", out var thief)).Expect(401);
        Assert.Equal("AuthenticationFailed", again.Code);
        Assert.Contains("good for one enrolment", again.Text, StringComparison.Ordinal);
        _ = (await server.SendAsAgent(thief, "GET", "desired")).Expect(401);
        _ = (await server.SendAsAgent(first, "GET", "desired")).Expect(200);
    }

    [Fact]
    public async Task Answers_TheSameAgentAgain_WhoseAnswerWasLost()
    {
        await using var server = await InProcessServer.WithSite();
        var token = await server.EnrolmentToken(Documents.East, "w1", "w1");
        var request = new EnrolmentRequest("w1", BearerToken.HashOf("weft_agt_mine"), "w1", "0.1.0");
        Task<ServerResponse> Ask() =>
            server.SendAsAgent(token, "POST", AgentApi.Enrol, JsonNode.Parse(request.ToBytes()));
        var first = (await Ask()).Expect(201);
        var revision = server.Revision;
        Assert.Equal(first.Text, (await Ask()).Expect(201).Text);
        Assert.Equal(revision, server.Revision);
        _ = (await server.SendAsAgent("weft_agt_mine", "GET", "desired")).Expect(200);
    }

    [Theory]
    [InlineData("w1", "east", null)]
    [InlineData("w1", "w2", "w2")]
    [InlineData("w1", "w1", "w2")]
    [InlineData("w1", "w1", null)]
    [InlineData(null, "east", "w1")]
    [InlineData(null, "w1", "w1")]
    public async Task Refuses_AnyOtherAgentThanTheTokens(string? ofNode, string name, string? node)
    {
        await using var server = await InProcessServer.WithSite();
        var token = await server.EnrolmentToken(Documents.East, ofNode ?? "east", ofNode);
        var revision = server.Revision;
        var refused = (await server.TryEnrol(token, name, node, out _)).Expect(403);
        Assert.Equal("AuthorizationFailed", refused.Code);
        Assert.Contains($"this token enrols '{ofNode ?? "east"}'", refused.Text, StringComparison.Ordinal);
        Assert.Equal(revision, server.Revision);
        (await server.TryEnrol(token, ofNode ?? "east", ofNode, out _)).Expect(201);
    }

    [Fact]
    public async Task Keeps_ANameInUse_UntilSomebodySaysThatItIsReplaced()
    {
        await using var server = await InProcessServer.WithSite();
        // Made before the name is taken, and used after it.
        var early = await server.EnrolmentToken(Documents.East, "east");
        var old = await server.Enrol(Documents.East, "east");

        var refused = (await server.TryEnrol(early, "east", null, out _)).Expect(409);
        Assert.Equal("Conflict", refused.Code);
        Assert.Contains("--replace", refused.Text, StringComparison.Ordinal);
        Assert.Contains("127.0.0.1", refused.Text, StringComparison.Ordinal);
        var unmade = (await server.Post($"{Documents.East}/listEnrollmentToken", """{"name":"east"}""")).Expect(409);
        Assert.Equal("Conflict", unmade.Code);
        _ = (await server.SendAsAgent(old, "GET", "desired")).Expect(200);

        var token = await server.EnrolmentToken(Documents.East, "east", replace: true);
        (await server.TryEnrol(token, "east", null, out var fresh)).Expect(201);
        _ = (await server.SendAsAgent(old, "GET", "desired")).Expect(401);
        _ = (await server.SendAsAgent(fresh, "GET", "desired")).Expect(200);
        _ = Assert.Single((await server.Get(Agents)).Json["value"]!.AsArray());
    }

    [Fact]
    public async Task Refuses_Token_OnceItHasExpired()
    {
        await using var server = await InProcessServer.WithSite();
        var (late, good) = (
            await server.EnrolmentToken(Documents.East, "w1", "w1"),
            await server.EnrolmentToken(Documents.East, "w2", "w2")
        );
        server.Clock.Advance(TimeSpan.FromMinutes(15) - TimeSpan.FromSeconds(1));
        (await server.TryEnrol(good, "w2", "w2", out _)).Expect(201);
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("AuthenticationFailed", (await server.TryEnrol(late, "w1", "w1", out _)).Expect(401).Code);
        server.Clock.Advance(TimeSpan.FromHours(2));
        await server.WaitUntil(
            () => !server.Store.Current.Range($"{EnrolmentToken.Partition}|").Any(),
            "the expired tokens are swept"
        );
    }

    [Fact]
    public async Task Refuses_Token_OfAnEarlierClusterOfThatName()
    {
        await using var server = await InProcessServer.WithSite();
        var west = Documents.Site.Single(document => document.Id == Documents.West);
        var token = await server.EnrolmentToken(Documents.West, "w1", "w1");
        await server.DeleteAndWait(Documents.West);
        Assert.Equal("AuthenticationFailed", (await server.TryEnrol(token, "w1", "w1", out _)).Expect(401).Code);
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        await server.Create(west);
        Assert.Equal("AuthenticationFailed", (await server.TryEnrol(token, "w1", "w1", out _)).Expect(401).Code);
    }

    [Theory]
    [InlineData("""{"name":"W1"}""", "name")]
    [InlineData("""{"name":""}""", "name")]
    [InlineData("""{"name":"w1\n"}""", "name")]
    [InlineData("""{"name":7}""", "name")]
    [InlineData("""{"node":"W 1"}""", "node")]
    [InlineData("""{"node":"w1..x"}""", "node")]
    [InlineData("""{"minutes":0}""", "minutes")]
    [InlineData("""{"minutes":1441}""", "minutes")]
    [InlineData("""{"minutes":"15"}""", "minutes")]
    [InlineData("""{"replace":"yes"}""", "replace")]
    [InlineData("""{"lifetime":5}""", "lifetime")]
    public async Task Refuses_ATokenThatCannotBe_AndNamesTheMember(string body, string member)
    {
        await using var server = await InProcessServer.WithSite();
        var revision = server.Revision;
        var refused = (await server.Post($"{Documents.East}/listEnrollmentToken", body)).Expect(400);
        Assert.Contains($"'{member}'", refused.Text, StringComparison.Ordinal);
        Assert.Equal(revision, server.Revision);
    }

    [Theory]
    [InlineData("""{"name":"w.1","credentialHash":"HASH"}""", "name")]
    [InlineData("""{"name":"w1"}""", "credentialHash")]
    [InlineData("""{"name":"w1","credentialHash":"abc"}""", "credentialHash")]
    [InlineData("""{"name":"w1","credentialHash":"HASH","node":"W1"}""", "node")]
    [InlineData("""{"name":"w1","credentialHash":"HASH","version":"VERSION"}""", "version")]
    public async Task Refuses_AnEnrolmentThatCannotBe_AndSaysOnlyPartOfIt(string body, string member)
    {
        await using var server = await InProcessServer.WithSite();
        var token = await server.EnrolmentToken(Documents.East, "w1", "w1");
        var sent = JsonNode.Parse(
            body.Replace("HASH", BearerToken.HashOf("x"), StringComparison.Ordinal)
                .Replace("VERSION", new string('9', 100_000), StringComparison.Ordinal)
        );
        var refused = (await server.SendAsAgent(token, "POST", AgentApi.Enrol, sent)).Expect(400);
        Assert.Contains($"'{member}'", refused.Text, StringComparison.Ordinal);
        Assert.True(refused.Text.Length < 1000);
    }

    [Fact]
    public async Task Enrols_Once_AlsoWhoShowedTheTokenBeforeItWasUsed()
    {
        await using var server = await InProcessServer.WithSite();
        _ = await server.Enrol(Documents.East, "east");
        var token = await server.EnrolmentToken(Documents.East, "east", replace: true);
        var first = "";
        var late = new EnrolmentRequest("east", BearerToken.HashOf("weft_agt_late"), null, null);
        var status = await HeldBody.Send(
            server,
            token,
            HttpMethod.Post,
            AgentApi.Enrol,
            JsonNode.Parse(late.ToBytes())!,
            async () => (await server.TryEnrol(token, "east", null, out first)).Expect(201)
        );
        Assert.Equal(401, status);
        _ = (await server.SendAsAgent(first, "GET", "desired")).Expect(200);
    }

    [Fact]
    public async Task Enrols_OneOfMany_WhoHaveTheSameToken()
    {
        await using var server = await InProcessServer.WithSite();
        var token = await server.EnrolmentToken(Documents.East, "w1", "w1");
        var answers = await Task.WhenAll(
            Enumerable.Range(0, 16).Select(_ => server.TryEnrol(token, "w1", "w1", out var _))
        );
        Assert.Single(answers, answer => answer.Status == 201);
        Assert.All(answers.Where(a => a.Status != 201), a => Assert.Contains(a.Status, new[] { 401, 409, 503 }));
    }
}
