using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Weft.Tests.Server;

/// <summary>Enrolment, the desired state and reports, as agents meet them.</summary>
public sealed class AgentTests
{
    private const string Agents = $"{Documents.East}/providers/Weft.Fleet/agents";

    [Fact]
    public async Task Enrols_WithTokenOfItsClusterOnly()
    {
        await using var plane = await Plane.OfSite();
        var made = (await plane.Post($"{Documents.East}/listEnrollmentToken", "")).Expect(200);
        var token = made.Json["token"]!.ToString();

        var enrolled = (await plane.Agent(token, "POST", "enroll", new JsonObject { ["name"] = "w1", ["node"] = "w1", ["cluster"] = Documents.West })).Expect(201);

        Assert.Equal(Documents.East, made.Json["cluster"]!.ToString());
        Assert.Equal(plane.Clock.GetUtcNow().AddHours(24), DateTimeOffset.Parse(made.Json["expiresAt"]!.ToString(), null));
        Assert.Equal($"{Agents}/w1", enrolled.Json["agentId"]!.ToString());
        Assert.Equal(Documents.East, enrolled.Json["cluster"]!.ToString());
        var read = (await plane.Get($"{Agents}/w1")).Expect(200);
        Assert.DoesNotContain("credential", read.Text, StringComparison.OrdinalIgnoreCase);
        Assert.Empty((await plane.Get($"{Documents.West}/providers/Weft.Fleet/agents")).Json["value"]!.AsArray());
        foreach (var (method, path) in new[] { ("GET", "desired"), ("PUT", "status"), ("POST", "leases/acquire"), ("POST", "leases/release") })
            Assert.Equal("AuthorizationFailed", (await plane.Agent(token, method, path, new JsonObject())).Expect(403).Code);
        Assert.Equal("AuthorizationFailed", (await plane.Send("GET", $"{Documents.East}?api-version=2026-10-01", null, token)).Expect(403).Code);
        Assert.Equal("AuthorizationFailed", (await plane.Agent(enrolled.Json["credential"]!.ToString(), "POST", "enroll", new JsonObject { ["name"] = "w2" })).Expect(403).Code);
    }

    [Fact]
    public async Task Refuses_Token_OnceItHasExpired()
    {
        await using var plane = await Plane.OfSite();
        var token = (await plane.Post($"{Documents.East}/listEnrollmentToken", "")).Expect(200).Json["token"]!.ToString();
        plane.Clock.Advance(TimeSpan.FromHours(24) - TimeSpan.FromSeconds(1));
        _ = (await plane.Agent(token, "POST", "enroll", new JsonObject { ["name"] = "w1" })).Expect(201);
        plane.Clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal("AuthenticationFailed", (await plane.Agent(token, "POST", "enroll", new JsonObject { ["name"] = "w2" })).Expect(401).Code);
        await plane.Until(() => !plane.Store.Current.Range("enrollment|").Any(), "the expired token is swept");
    }

    [Fact]
    public async Task Refuses_Token_OfAnEarlierClusterOfThatName()
    {
        await using var plane = await Plane.OfSite();
        var west = Documents.Site.Single(document => document.Id == Documents.West);
        var token = (await plane.Post($"{Documents.West}/listEnrollmentToken", "")).Expect(200).Json["token"]!.ToString();
        await plane.Remove(Documents.West);
        Assert.Equal("AuthenticationFailed", (await plane.Agent(token, "POST", "enroll", new JsonObject { ["name"] = "w1" })).Expect(401).Code);
        plane.Clock.Advance(TimeSpan.FromSeconds(1));
        await plane.Make(west);

        Assert.Equal("AuthenticationFailed", (await plane.Agent(token, "POST", "enroll", new JsonObject { ["name"] = "w1" })).Expect(401).Code);
    }

    [Fact]
    public async Task Replaces_Credential_WhenSameNameEnrolsAgain()
    {
        await using var plane = await Plane.OfSite();
        var old = await plane.Enrol(Documents.East, "w1");
        _ = (await plane.Agent(old, "GET", "desired")).Expect(200);

        var fresh = await plane.Enrol(Documents.East, "w1");

        _ = (await plane.Agent(old, "GET", "desired")).Expect(401);
        _ = (await plane.Agent(fresh, "GET", "desired")).Expect(200);
        _ = Assert.Single((await plane.Get(Agents)).Json["value"]!.AsArray());
    }

    [Fact]
    public async Task Refuses_Credential_AtOnce_WhenAgentWasDeleted()
    {
        await using var plane = await Plane.OfSite();
        var credential = await plane.Enrol(Documents.East, "w1");
        var digest = (await plane.Agent(credential, "GET", "desired")).Expect(200).Json["digest"]!.ToString();
        var waiting = plane.Agent(credential, "GET", $"desired?after={digest}&wait=30");

        _ = (await plane.Delete($"{Agents}/w1")).Expect(202);

        _ = (await plane.Agent(credential, "GET", "desired")).Expect(401);
        _ = (await waiting.WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken)).Expect(401);
    }

    [Theory]
    [InlineData("")]
    [InlineData("W1")]
    [InlineData("-w1")]
    [InlineData("w.1")]
    [InlineData("w1\n")]
    public async Task Refuses_AgentNameThatIsNoLabel(string name)
    {
        await using var plane = await Plane.OfSite();
        var token = (await plane.Post($"{Documents.East}/listEnrollmentToken", "")).Expect(200).Json["token"]!.ToString();
        var before = plane.Revision;

        Assert.Equal("InvalidMember", (await plane.Agent(token, "POST", "enroll", new JsonObject { ["name"] = name })).Expect(400).Code);
        Assert.Equal(before, plane.Revision);
    }

    [Fact]
    public async Task Refuses_ResourceApi_ToAgents()
    {
        await using var plane = await Plane.OfSite();
        var agent = await plane.Enrol(Documents.East, "w1");
        var before = plane.Revision;
        foreach (var (method, path) in new[] { ("GET", Documents.East), ("PUT", Documents.East), ("DELETE", Documents.East), ("GET", "/subscriptions"), ("GET", "/providers/Weft.Ipam/who?address=10.20.6.17"), ("POST", $"{Documents.East}/listEnrollmentToken") })
            Assert.Equal("AuthorizationFailed", (await plane.Send(method, path, null, agent)).Expect(403).Code);
        Assert.Equal(before, plane.Revision);
    }

    [Fact]
    public async Task Answers_Desired_AtOnce_WithoutDigestOrWithAnother_AndWaitsWithItsOwn()
    {
        await using var plane = await Plane.OfSite();
        var agent = await plane.Enrol(Documents.East, "w1");

        var picture = (await plane.Agent(agent, "GET", "desired")).Expect(200).Json;
        _ = (await plane.Agent(agent, "GET", "desired?after=sha256-other")).Expect(200);
        var clock = Stopwatch.StartNew();
        var nothing = (await plane.Agent(agent, "GET", $"desired?after={picture["digest"]}&wait=1")).Expect(204);

        Assert.InRange(clock.Elapsed, TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(5));
        Assert.Equal(plane.Revision.ToString(System.Globalization.CultureInfo.InvariantCulture), nothing.Header("Weft-Revision"));
        Assert.Equal(Documents.East, picture["cluster"]!.ToString());
        Assert.NotEmpty(picture["manifests"]!.AsArray());
    }

    [Fact]
    public async Task Wakes_WaitingAgents_OnlyByChangesThatConcernThem()
    {
        await using var plane = await Plane.OfSite();
        var (east, west) = (await plane.Enrol(Documents.East, "w1"), await plane.Enrol(Documents.West, "w1"));
        var digest = (await plane.Agent(east, "GET", "desired")).Json["digest"]!.ToString();
        var waiting = plane.Agent(east, "GET", $"desired?after={digest}&wait=60");
        _ = (await plane.Agent(east, "POST", "leases/acquire", LeaseTests.Wish("n6", "c1"))).Expect(200);
        var other = (await plane.Put(Documents.Kubernetes("west", []))).Expect(200);
        _ = (await plane.Agent(west, "GET", "desired")).Expect(200);
        _ = other;
        _ = (await plane.Put(Documents.Site.Single(document => document.Id == Documents.East))).Expect(200);
        Assert.False(waiting.IsCompleted, "a lease, another cluster's change, and a PUT of what is there already are none of its concern");

        var clock = Stopwatch.StartNew();
        _ = (await plane.Put(Documents.Kubernetes("east", ["n6", "big"], ["ha"]))).Expect(200);
        var woken = (await waiting.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken)).Expect(200);

        Assert.InRange(clock.ElapsedMilliseconds, 0, 400);
        Assert.NotEqual(digest, woken.Json["digest"]!.ToString());
    }

    [Fact]
    public async Task Wakes_WaitingAgent_HoweverTheChangeFallsInWithTheQuestion()
    {
        await using var plane = await Plane.OfSite();
        var agent = await plane.Enrol(Documents.East, "w1");
        for (var i = 0; i < 30; i++)
        {
            var digest = (await plane.Agent(agent, "GET", "desired")).Json["digest"]!.ToString();
            var change = plane.Put(Documents.Kubernetes("east", i % 2 == 0 ? ["n6"] : ["n6", "big"]));
            var waiting = plane.Agent(agent, "GET", $"desired?after={digest}&wait=30");

            Assert.NotEqual(digest, (await waiting.WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken)).Expect(200).Json["digest"]!.ToString());
            _ = (await change).Expect(200);
        }
    }

    [Fact]
    public async Task Ends_Operation_WhenEveryAgentHasAppliedIt()
    {
        await using var plane = await Plane.OfSite();
        string[] agents = [await plane.Enrol(Documents.East, "w1"), await plane.Enrol(Documents.East, "w2")];
        var changed = (await plane.Put(Documents.Kubernetes("east", ["n6"]))).Expect(200);
        var picture = (await plane.Agent(agents[0], "GET", "desired")).Json;
        var status = new JsonObject { ["digest"] = picture["digest"]!.DeepClone(), ["revision"] = picture["revision"]!.DeepClone(), ["state"] = "Applied" };

        _ = (await plane.Agent(agents[0], "PUT", "status", status)).Expect(204);
        var running = (await plane.Get(new Uri(changed.Header("Azure-AsyncOperation")!).PathAndQuery)).Expect(202);
        _ = (await plane.Agent(agents[1], "PUT", "status", status)).Expect(204);

        Assert.EndsWith("/w2", Assert.Single(running.Json["properties"]!["waitsFor"]!.AsArray())!.ToString(), StringComparison.Ordinal);
        await plane.Succeeded(changed);
        var revision = plane.Revision;
        _ = (await plane.Agent(agents[1], "PUT", "status", status)).Expect(204);
        Assert.Equal(revision, plane.Revision);
        Assert.Equal("Applied", (await plane.Get($"{Agents}/w2")).Json["properties"]!["status"]!["state"]!.ToString());
    }

    [Fact]
    public async Task Fails_Operation_WithTheAgentsWords()
    {
        await using var plane = await Plane.OfSite();
        var agent = await plane.Enrol(Documents.East, "w1");
        var changed = (await plane.Put(Documents.Kubernetes("east", ["n6"]))).Expect(200);
        var picture = (await plane.Agent(agent, "GET", "desired")).Json;

        _ = (await plane.Agent(agent, "PUT", "status", new JsonObject
        {
            ["digest"] = picture["digest"]!.DeepClone(), ["revision"] = picture["revision"]!.DeepClone(), ["state"] = "Failed", ["message"] = "the folder is read-only",
        })).Expect(204);

        var ended = await plane.Ended(changed);
        Assert.Equal("Failed", ended["status"]!.ToString());
        Assert.Contains("the folder is read-only", ended["error"]!["message"]!.ToString(), StringComparison.Ordinal);
        var read = await plane.Get(Documents.East);
        Assert.Equal("Error", read.Json["properties"]!["detailedStatus"]!.ToString());
        Assert.Contains("read-only", read.Json["properties"]!["detailedStatusMessage"]!.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"digest":"d","revision":1,"state":"Fine"}""")]
    [InlineData("""{"digest":"d","state":"Applied"}""")]
    [InlineData("""{"revision":1,"state":"Applied"}""")]
    [InlineData("""{"digest":"d","revision":"1","state":"Applied"}""")]
    public async Task Refuses_ReportThatIsNone(string report)
    {
        await using var plane = await Plane.OfSite();
        var agent = await plane.Enrol(Documents.East, "w1");
        var before = plane.Revision;

        Assert.Equal("InvalidRequestContent", (await plane.Agent(agent, "PUT", "status", JsonNode.Parse(report))).Expect(400).Code);
        Assert.Equal(before, plane.Revision);
    }

    [Fact]
    public async Task Shows_TheAuthorityThatTheClustersAgentReports_UntilItReportsAnother()
    {
        const string Connection = $"{Documents.East}/providers/Weft.Relay/connections/default";
        await using var plane = await Plane.OfSite();
        var agent = await plane.Enrol(Documents.East, "east");
        var (one, two) = (AuthorityPem.Certificate("one"), AuthorityPem.Certificate("two"));
        async Task<string?> Shown() => (await plane.Get(Connection)).Expect(200).Json["properties"]!["certificateAuthority"]?.ToString();
        Assert.Null(await Shown());

        _ = (await plane.Agent(agent, "PUT", "status", Status(one))).Expect(204);
        Assert.Equal(one, await Shown());
        Assert.Null((await plane.Get($"{Documents.West}/providers/Weft.Relay/connections/default")).Json["properties"]!["certificateAuthority"]);
        var revision = plane.Revision;
        _ = (await plane.Agent(agent, "PUT", "status", Status(one))).Expect(204);
        Assert.Equal(revision, plane.Revision);

        _ = (await plane.Agent(agent, "PUT", "status", Status(two))).Expect(204);
        Assert.Equal(two, await Shown());
        await plane.Remove($"{Agents}/east");
        Assert.Null(await Shown());
    }

    [Fact]
    public async Task Lets_NobodyButTheAgentSayTheAuthority()
    {
        const string Connection = $"{Documents.East}/providers/Weft.Relay/connections/default";
        await using var plane = await Plane.OfSite();
        _ = (await plane.Agent(await plane.Enrol(Documents.East, "east"), "PUT", "status", Status(AuthorityPem.Certificate("one")))).Expect(204);
        var before = plane.Revision;
        var body = $$$"""{"properties":{"certificateAuthority":{{{JsonValue.Create(AuthorityPem.Certificate("two")).ToJsonString()}}}}}""";

        _ = (await plane.Ask("PUT", Connection, body, [])).Expect(405);
        _ = (await plane.Ask("PATCH", Connection, body, [])).Expect(405);
        _ = (await plane.Ask("DELETE", Connection, null, [])).Expect(405);
        _ = (await plane.Patch(Documents.East, body)).Expect(400);
        _ = (await plane.Ask("PUT", $"{Agents}/east", "{\"properties\":{\"status\":" + body + "}}", [])).Expect(405);
        Assert.Equal(before, plane.Revision);
    }

    [Fact]
    public async Task Refuses_AuthorityThatIsNone_OrIsNotTheAgentsToSay()
    {
        await using var plane = await Plane.OfSite();
        var agent = await plane.Enrol(Documents.East, "east");
        var token = (await plane.Post($"{Documents.East}/listEnrollmentToken", "")).Expect(200).Json["token"]!.ToString();
        var ofNode = (await plane.Agent(token, "POST", "enroll", new JsonObject { ["name"] = "w1", ["node"] = "w1" })).Expect(201).Json["credential"]!.ToString();
        var (certificate, key) = AuthorityPem.Of("one");
        var before = plane.Revision;

        Assert.Equal("InvalidMember", (await plane.Agent(agent, "PUT", "status", Status(certificate + key))).Expect(400).Code);
        Assert.Equal("InvalidMember", (await plane.Agent(agent, "PUT", "status", Status(new JsonArray(certificate)))).Expect(400).Code);
        Assert.Equal("RequestTooLarge", (await plane.Agent(agent, "PUT", "status", Status(new string('x', 70_000)))).Expect(413).Code);
        Assert.Equal("Conflict", (await plane.Agent(ofNode, "PUT", "status", Status(certificate))).Expect(409).Code);
        Assert.Equal(before, plane.Revision);
        _ = (await plane.Agent(ofNode, "PUT", "status", Status(null))).Expect(204);
    }

    private static JsonObject Status(JsonNode? authority) => new() { ["digest"] = "sha256-1", ["revision"] = 1, ["state"] = "Applied", ["certificateAuthority"] = authority };
}
