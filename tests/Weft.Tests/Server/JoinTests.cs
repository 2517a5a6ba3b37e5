using System.Text.Json.Nodes;
using Weft.Contracts;
using Weft.Server.Identity;

namespace Weft.Tests.Server;

/// <summary>Nodes that join by their cluster's word, and everybody who tries to without it.</summary>
public sealed class JoinTests : IDisposable
{
    private const string Agents = $"{Documents.East}/providers/Weft.Fleet/agents";

    /// <summary>What strangers are told, whatever they show and whatever cluster they name.</summary>
    private const string NotVouched = "no cluster of that id vouches for it";

    private readonly ServiceAccountSigner _signer = new();

    public void Dispose() => _signer.Dispose();

    [Fact]
    public async Task Joins_NodesUnattended_ByTheirClustersWord()
    {
        await using var server = await Start();
        (await Join(server, Token(server, "w1"), "w1", "w1", out var credential)).Expect(201);
        _ = (await server.SendAsAgent(credential, "GET", "desired")).Expect(200);
        var properties = (await server.Get($"{Agents}/w1")).Expect(200).Json["properties"]!;
        Assert.Equal(
            ("w1", "service account weft-node-system/weft-agent-node"),
            (properties["node"]!.ToString(), properties["enrolledBy"]!.ToString())
        );
        (await Join(server, Token(server, "w2.rack-1"), "w2-rack-1", "w2.rack-1", out _)).Expect(201);
    }

    [Fact]
    public async Task Joins_ANodeThatWasSetUpAnew_AndRefusesItsOldCredential()
    {
        await using var server = await Start();
        (await Join(server, Token(server, "w1"), "w1", "w1", out var old)).Expect(201);
        (await Join(server, Token(server, "w1"), "w1", "w1", out var fresh)).Expect(201);
        _ = (await server.SendAsAgent(old, "GET", "desired")).Expect(401);
        _ = (await server.SendAsAgent(fresh, "GET", "desired")).Expect(200);
    }

    [Theory]
    [InlineData("w2", "w2", 403, "speaks for no other")]
    [InlineData("w1", "w2", 403, "speaks for no other")]
    [InlineData("w1", null, 403, "speaks for no other")]
    [InlineData("w1", "W1", 400, "'node'")]
    [InlineData("east", "w1", 403, "is called 'w1'")]
    public async Task Refuses_AnyOtherAgentThanTheNodes(string name, string? node, int status, string says)
    {
        await using var server = await Start();
        var revision = server.Revision;
        var refused = (await Join(server, Token(server, "w1"), name, node, out _)).Expect(status);
        Assert.Contains(says, refused.Text, StringComparison.Ordinal);
        Assert.Equal(revision, server.Revision);
    }

    public static TheoryData<string, string> BadTokens =>
        new()
        {
            { "aud", "isn't for the audience 'weft'" },
            { "iss", "another issuer" },
            { "exp", "has expired" },
            { "nbf", "has expired, or isn't good yet" },
            { "noexp", "isn't accepted" },
            { "namespace", "of the service account default/weft-agent-node" },
            { "account", "of the service account weft-node-system/default" },
            { "pod", "it is bound to no pod" },
            { "key", NotVouched },
            { "none", NotVouched },
            { "hmac", NotVouched },
            { "payload", NotVouched },
            { "garbage", NotVouched },
        };

    [Theory]
    [MemberData(nameof(BadTokens))]
    public async Task Refuses_ATokenThatIsntTheNodes(string fault, string says)
    {
        await using var server = await Start();
        var revision = server.Revision;
        var refused = (await Join(server, BadToken(fault, server.Clock.GetUtcNow()), "w1", "w1", out _)).Expect(401);
        Assert.Equal("AuthenticationFailed", refused.Code);
        Assert.Contains(says, refused.Text, StringComparison.Ordinal);
        Assert.Equal(revision, server.Revision);
    }

    [Fact]
    public async Task Takes_AClusterForNoOther_EvenWithTheSameIssuer()
    {
        await using var server = await Start();
        using var other = new ServiceAccountSigner();
        var west = await server.Enrol(Documents.West, "west");
        (await server.SendAsAgent(west, "PUT", AgentApi.Issuer, other.Issuer.ToJson())).Expect(204);
        var token = Token(server, "w1");
        (await Join(server, token, "w1", "w1", out _, Documents.West)).Expect(401);
        (await Join(server, token, "w1", "w1", out _)).Expect(201);
    }

    [Theory]
    [InlineData(Documents.West)]
    [InlineData(Documents.East + "x")]
    [InlineData(Documents.Cloud + "/l3Networks/n6")]
    [InlineData("east")]
    [InlineData("")]
    public async Task Tells_NobodyWhichClustersThereAre(string cluster)
    {
        await using var server = await Start();
        var refused = (await Join(server, Token(server, "w1"), "w1", "w1", out _, cluster)).Expect(401);
        using var thief = new ServiceAccountSigner();
        // A cluster that is there, and whose keys are known.
        foreach (
            var token in new[]
            {
                "eyJ.garbage",
                thief.TokenFor("w1", server.Clock.GetUtcNow()),
                thief.TokenFor("w1", server.Clock.GetUtcNow(), payload => payload["aud"] = new JsonArray("else")),
                thief.TokenFor("w1", server.Clock.GetUtcNow(), payload => payload["iss"] = "https://elsewhere"),
                thief.TokenFor("w1", server.Clock.GetUtcNow(), payload => payload["exp"] = 1),
            }
        )
            Assert.Equal(refused.Text, (await Join(server, token, "w1", "w1", out _)).Expect(401).Text);
    }

    [Fact]
    public async Task Forgets_WhoSignsForAClusterThatWasMadeAnew()
    {
        await using var server = await Start();
        var agent = await server.Enrol(Documents.West, "west");
        (await server.SendAsAgent(agent, "PUT", AgentApi.Issuer, _signer.Issuer.ToJson())).Expect(204);
        await server.DeleteAndWait($"{Documents.West}/providers/Weft.Fleet/agents/west");
        await server.DeleteAndWait(Documents.West);
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        await server.Create(Documents.Site.Single(document => document.Id == Documents.West));
        (await Join(server, Token(server, "w1"), "w1", "w1", out _, Documents.West)).Expect(401);
    }

    /// <summary>Before Kubernetes 1.32 a token names its pod alone, and the cluster's agent looks where that runs.</summary>
    [Theory]
    [InlineData(PodState.Present, "2", "w1", "weft-agent-node", "w1", 201, "")]
    [InlineData(PodState.Present, "2", "w2", "weft-agent-node", "w1", 403, "speaks for no other")]
    [InlineData(PodState.Present, "9", "w1", "weft-agent-node", "w1", 401, "isn't there any more")]
    [InlineData(PodState.Present, "2", "w1", "default", "w1", 401, "isn't there any more")]
    [InlineData(PodState.Present, "2", null, "weft-agent-node", "w1", 401, "is on no node yet")]
    [InlineData(PodState.Absent, null, null, null, "w1", 401, "isn't there any more")]
    [InlineData(PodState.Ended, "2", "w1", "weft-agent-node", "w1", 401, "isn't there any more")]
    [InlineData(PodState.Unknown, null, null, null, "w1", 503, "may it get pods there")]
    public async Task Joins_WhereTheTokenNamesNoNode_ByTheClustersAgent(
        object state,
        string? uid,
        string? runsOn,
        string? account,
        string node,
        int status,
        string says
    )
    {
        await using var server = await Start();
        var credential = await server.Enrol(Documents.East, "east", replace: true);
        await using var agent = await InquiredAgent.Listen(server, credential, $"{Agents}/east");
        agent.Pod = _ => new PodObservation((PodState)state, uid, runsOn, account);
        var answer = await Join(server, _signer.TokenFor(null, server.Clock.GetUtcNow()), node, node, out _);
        Assert.Contains(says, answer.Expect(status).Text, StringComparison.Ordinal);
        Assert.Equal(
            new PodReference("weft-node-system", "weft-agent-node-x7k2p", "2"),
            Assert.Single(Assert.Single(agent.Asked).Pods)
        );
    }

    /// <summary>Nobody is asked for a stranger, nor for who shows a node's name.</summary>
    [Fact]
    public async Task Asks_TheClustersAgent_ForNobodyElse()
    {
        await using var server = await Start();
        using var thief = new ServiceAccountSigner();
        var credential = await server.Enrol(Documents.East, "east", replace: true);
        await using var agent = await InquiredAgent.Listen(server, credential, $"{Agents}/east");
        var now = server.Clock.GetUtcNow();
        (await Join(server, thief.TokenFor(null, now), "w1", "w1", out _)).Expect(401);
        (await Join(server, Token(server, "w1"), "w1", "w1", out _)).Expect(201);
        Assert.Empty(agent.Asked);
    }

    [Fact]
    public async Task Asks_ToComeAgain_WhereTheClustersAgentIsAway()
    {
        await using var server = await Start();
        var refused = (await Join(server, _signer.TokenFor(null, server.Clock.GetUtcNow()), "w1", "w1", out _)).Expect(
            503
        );
        Assert.NotNull(refused.Header("Retry-After"));
        Assert.Contains("is the cluster's own agent running", refused.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hears_OfTheIssuer_FromTheClustersAgentAlone()
    {
        await using var server = await Start();
        using var thief = new ServiceAccountSigner();
        var node = await server.Enrol(Documents.East, "w3", "w3");
        var refused = (await server.SendAsAgent(node, "PUT", AgentApi.Issuer, thief.Issuer.ToJson())).Expect(409);
        Assert.Contains("is for the cluster's agent to report", refused.Text, StringComparison.Ordinal);
        (await Join(server, thief.TokenFor("w1", server.Clock.GetUtcNow()), "w1", "w1", out _)).Expect(401);
    }

    [Theory]
    [InlineData("""{"jwks":{"keys":[]}}""", "'issuer'")]
    [InlineData("""{"issuer":"https://k","jwks":{"keys":[]}}""", "'jwks'")]
    [InlineData("""{"issuer":"https://k","jwks":7}""", "'jwks'")]
    [InlineData("""{"issuer":"https://k","jwks":{"keys":[{"kty":"oct","k":"AAAA"}]}}""", "'jwks.keys[0]'")]
    [InlineData("""{"issuer":"https://k","jwks":{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB"}]}}""", "'d'")]
    public async Task Refuses_AnIssuerThatCannotBe(string body, string says)
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "east");
        var revision = server.Revision;
        var refused = (await server.SendAsAgent(agent, "PUT", AgentApi.Issuer, JsonNode.Parse(body))).Expect(400);
        Assert.Contains(says, refused.Text, StringComparison.Ordinal);
        Assert.Equal(revision, server.Revision);
    }

    [Fact]
    public async Task Writes_TheSameIssuerOnce()
    {
        await using var server = await Start();
        var agent = await server.Enrol(Documents.East, "again");
        var revision = server.Revision;
        (await server.SendAsAgent(agent, "PUT", AgentApi.Issuer, _signer.Issuer.ToJson())).Expect(204);
        Assert.Equal(revision, server.Revision);
    }

    /// <summary>A site whose cluster's own agent has told who signs its tokens.</summary>
    private async Task<InProcessServer> Start()
    {
        var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "east");
        (await server.SendAsAgent(agent, "PUT", AgentApi.Issuer, _signer.Issuer.ToJson())).Expect(204);
        return server;
    }

    private string Token(InProcessServer server, string node) => _signer.TokenFor(node, server.Clock.GetUtcNow());

    private string BadToken(string fault, DateTimeOffset now)
    {
        string With(Action<JsonObject> edit) => _signer.TokenFor("w1", now, edit);
        var good = _signer.TokenFor("w1", now).Split('.');
        switch (fault)
        {
            case "aud":
                return With(payload => payload["aud"] = new JsonArray("https://kubernetes.default.svc"));
            case "iss":
                return With(payload => payload["iss"] = "https://elsewhere");
            case "exp":
                return With(payload => payload["exp"] = now.ToUnixTimeSeconds() - 1);
            case "nbf":
                return With(payload => payload["nbf"] = now.ToUnixTimeSeconds() + 60);
            case "noexp":
                return With(payload => payload.Remove("exp"));
            case "namespace":
                return With(payload => payload["kubernetes.io"]!["namespace"] = "default");
            case "account":
                return With(payload => payload["kubernetes.io"]!["serviceaccount"]!["name"] = "default");
            case "pod":
                return With(payload => payload["kubernetes.io"]!.AsObject().Remove("pod"));
            case "key":
                using (var thief = new ServiceAccountSigner())
                    return thief.TokenFor("w1", now);
            case "payload":
                return $"{good[0]}.{_signer.TokenFor("w2", now).Split('.')[1]}.{good[2]}";
            case "none":
                var unsigned = _signer.Sign(new JsonObject { ["alg"] = "none" }, []).Split('.')[0];
                return $"{unsigned}.{good[1]}.";
            case "hmac":
                var mac = _signer.Sign(new JsonObject { ["alg"] = "HS256" }, []).Split('.')[0];
                return $"{mac}.{good[1]}.{good[2]}";
            default:
                return "eyJ.garbage";
        }
    }

    private static Task<ServerResponse> Join(
        InProcessServer server,
        string token,
        string name,
        string? node,
        out string credential,
        string cluster = Documents.East
    )
    {
        credential = CredentialStore.NewToken(BearerToken.AgentKind);
        var request = new EnrolmentRequest(name, BearerToken.HashOf(credential), node, null);
        var path = $"{AgentApi.Join}?{AgentApi.JoinCluster}={Uri.EscapeDataString(cluster)}";
        return server.SendAsAgent(token, "POST", path, JsonNode.Parse(request.ToBytes()));
    }
}
