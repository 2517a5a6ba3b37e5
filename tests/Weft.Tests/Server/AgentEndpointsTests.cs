using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Weft.Tests.Server;

/// <summary>Enrolment, the desired state and reports, as agents meet them.</summary>
public sealed class AgentEndpointsTests
{
    private const string Agents = $"{Documents.East}/providers/Weft.Fleet/agents";

    [Fact]
    public async Task Refuses_Credential_AtOnce_WhenAgentWasDeleted()
    {
        await using var server = await InProcessServer.WithSite();
        var credential = await server.Enrol(Documents.East, "w1");
        var digest = (await server.SendAsAgent(credential, "GET", "desired")).Expect(200).Json["digest"]!.ToString();
        var waiting = server.SendAsAgent(credential, "GET", $"desired?after={digest}&wait=30");

        _ = (await server.Delete($"{Agents}/w1")).Expect(202);

        _ = (await server.SendAsAgent(credential, "GET", "desired")).Expect(401);
        _ = (await waiting.WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken)).Expect(401);
    }

    [Fact]
    public async Task Refuses_ResourceApi_ToAgents()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1");
        var before = server.Revision;
        foreach (
            var (method, path) in new[]
            {
                ("GET", Documents.East),
                ("PUT", Documents.East),
                ("DELETE", Documents.East),
                ("GET", "/subscriptions"),
                ("GET", "/providers/Weft.Ipam/who?address=10.20.6.17"),
                ("POST", $"{Documents.East}/listEnrollmentToken"),
            }
        )
            Assert.Equal("AuthorizationFailed", (await server.Send(method, path, null, agent)).Expect(403).Code);
        Assert.Equal(before, server.Revision);
    }

    [Fact]
    public async Task Answers_Desired_AtOnce_WithoutDigestOrWithAnother_AndWaitsWithItsOwn()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1");

        var picture = (await server.SendAsAgent(agent, "GET", "desired")).Expect(200).Json;
        _ = (await server.SendAsAgent(agent, "GET", "desired?after=sha256-other")).Expect(200);
        var clock = Stopwatch.StartNew();
        var nothing = (await server.SendAsAgent(agent, "GET", $"desired?after={picture["digest"]}&wait=1")).Expect(204);

        Assert.True(clock.Elapsed >= TimeSpan.FromSeconds(0.9), "it waits as long as it is asked to");
        Assert.Equal(
            server.Revision.ToString(System.Globalization.CultureInfo.InvariantCulture),
            nothing.Header("Weft-Revision")
        );
        Assert.Equal(Documents.East, picture["cluster"]!.ToString());
        Assert.NotEmpty(picture["manifests"]!.AsArray());
    }

    [Fact]
    public async Task Wakes_WaitingAgents_OnlyByChangesThatAffectThem()
    {
        await using var server = await InProcessServer.WithSite();
        var (east, west) = (await server.Enrol(Documents.East, "w1"), await server.Enrol(Documents.West, "w1"));
        var digest = (await server.SendAsAgent(east, "GET", "desired")).Json["digest"]!.ToString();
        var waiting = server.SendAsAgent(east, "GET", $"desired?after={digest}&wait=60");
        _ = (
            await server.SendAsAgent(east, "POST", "leases/acquire", LeaseAllocatorTests.LeaseRequest("n6", "c1"))
        ).Expect(200);
        var other = (await server.Put(Documents.Kubernetes("west", []))).Expect(200);
        _ = (await server.SendAsAgent(west, "GET", "desired")).Expect(200);
        _ = other;
        _ = (await server.Put(Documents.Site.Single(document => document.Id == Documents.East))).Expect(200);
        Assert.False(
            waiting.IsCompleted,
            "a lease, another cluster's change, and a PUT of what is there already are none of its concern"
        );

        _ = (await server.Put(Documents.Kubernetes("east", ["n6", "big"], ["ha"]))).Expect(200);
        // Half of what it would wait for nothing.
        var woken = (await waiting.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken)).Expect(
            200
        );

        Assert.NotEqual(digest, woken.Json["digest"]!.ToString());
    }

    [Fact]
    public async Task Wakes_WaitingAgent_HoweverTheChangeFallsInWithTheQuestion()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1");
        for (var i = 0; i < 30; i++)
        {
            var digest = (await server.SendAsAgent(agent, "GET", "desired")).Json["digest"]!.ToString();
            var change = server.Put(Documents.Kubernetes("east", i % 2 == 0 ? ["n6"] : ["n6", "big"]));
            var waiting = server.SendAsAgent(agent, "GET", $"desired?after={digest}&wait=30");

            Assert.NotEqual(
                digest,
                (await waiting.WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken))
                    .Expect(200)
                    .Json["digest"]!.ToString()
            );
            _ = (await change).Expect(200);
        }
    }

    [Fact]
    public async Task Ends_Operation_WhenEveryAgentHasAppliedIt()
    {
        await using var server = await InProcessServer.WithSite();
        string[] agents = [await server.Enrol(Documents.East, "w1"), await server.Enrol(Documents.East, "w2")];
        var changed = (await server.Put(Documents.Kubernetes("east", ["n6"]))).Expect(200);
        var picture = (await server.SendAsAgent(agents[0], "GET", "desired")).Json;
        var status = new JsonObject
        {
            ["digest"] = picture["digest"]!.DeepClone(),
            ["revision"] = picture["revision"]!.DeepClone(),
            ["state"] = "Applied",
        };

        _ = (await server.SendAsAgent(agents[0], "PUT", "status", status)).Expect(204);
        var running = (await server.Get(new Uri(changed.Header("Azure-AsyncOperation")!).PathAndQuery)).Expect(202);
        _ = (await server.SendAsAgent(agents[1], "PUT", "status", status)).Expect(204);

        Assert.EndsWith(
            "/w2",
            Assert.Single(running.Json["properties"]!["waitsFor"]!.AsArray())!.ToString(),
            StringComparison.Ordinal
        );
        await server.WaitForSuccess(changed);
        var revision = server.Revision;
        _ = (await server.SendAsAgent(agents[1], "PUT", "status", status)).Expect(204);
        Assert.Equal(revision, server.Revision);
        Assert.Equal("Applied", (await server.Get($"{Agents}/w2")).Json["properties"]!["status"]!["state"]!.ToString());
    }

    [Fact]
    public async Task Fails_Operation_WithTheAgentsMessage()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1");
        var changed = (await server.Put(Documents.Kubernetes("east", ["n6"]))).Expect(200);
        var picture = (await server.SendAsAgent(agent, "GET", "desired")).Json;

        _ = (
            await server.SendAsAgent(
                agent,
                "PUT",
                "status",
                new JsonObject
                {
                    ["digest"] = picture["digest"]!.DeepClone(),
                    ["revision"] = picture["revision"]!.DeepClone(),
                    ["state"] = "Failed",
                    ["message"] = "the folder is read-only",
                }
            )
        ).Expect(204);

        var ended = await server.WaitForEnd(changed);
        Assert.Equal("Failed", ended["status"]!.ToString());
        Assert.Contains("the folder is read-only", ended["error"]!["message"]!.ToString(), StringComparison.Ordinal);
        var read = await server.Get(Documents.East);
        Assert.Equal("Error", read.Json["properties"]!["detailedStatus"]!.ToString());
        Assert.Contains(
            "read-only",
            read.Json["properties"]!["detailedStatusMessage"]!.ToString(),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("""{"digest":"d","revision":1,"state":"Fine"}""")]
    [InlineData("""{"digest":"d","state":"Applied"}""")]
    [InlineData("""{"revision":1,"state":"Applied"}""")]
    [InlineData("""{"digest":"d","revision":"1","state":"Applied"}""")]
    public async Task Refuses_InvalidReport(string report)
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1");
        var before = server.Revision;

        Assert.Equal(
            "InvalidRequestContent",
            (await server.SendAsAgent(agent, "PUT", "status", JsonNode.Parse(report))).Expect(400).Code
        );
        Assert.Equal(before, server.Revision);
    }

    /// <summary>Else one report would end the operations of all later writes, whatever becomes of them on the node.</summary>
    [Fact]
    public async Task Refuses_AReport_OfWhatIsntWrittenYet()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "w1");
        var report = new JsonObject
        {
            ["digest"] = "d",
            ["revision"] = server.Revision + 1,
            ["state"] = "Applied",
        };
        var refused = (await server.SendAsAgent(agent, "PUT", "status", report)).Expect(400);
        Assert.Equal("InvalidMember", refused.Code);
        Assert.Contains($"the newest that was ever told is {server.Revision}", refused.Text, StringComparison.Ordinal);

        report["revision"] = server.Revision;
        _ = (await server.SendAsAgent(agent, "PUT", "status", report)).Expect(204);
        var changed = (await server.Put(Documents.Kubernetes("east", ["big", "tiny"], ["ha"]))).Expect(200);
        var operation = new Uri(changed.Header("Azure-AsyncOperation")!).PathAndQuery;
        Assert.Equal("InProgress", (await server.Get(operation)).Expect(202).Json["status"]!.ToString());
    }

    [Fact]
    public async Task Shows_TheAuthorityThatTheClustersAgentReports_UntilItReportsAnother()
    {
        const string Connection = $"{Documents.East}/providers/Weft.Relay/connections/default";
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "east");
        var (one, two) = (AuthorityPem.Certificate("one"), AuthorityPem.Certificate("two"));
        async Task<string?> Shown() =>
            (await server.Get(Connection)).Expect(200).Json["properties"]!["certificateAuthority"]?.ToString();
        Assert.Null(await Shown());

        _ = (await server.SendAsAgent(agent, "PUT", "status", Status(one))).Expect(204);
        Assert.Equal(one, await Shown());
        Assert.Null(
            (await server.Get($"{Documents.West}/providers/Weft.Relay/connections/default")).Json["properties"]![
                "certificateAuthority"
            ]
        );
        var revision = server.Revision;
        _ = (await server.SendAsAgent(agent, "PUT", "status", Status(one))).Expect(204);
        Assert.Equal(revision, server.Revision);

        _ = (await server.SendAsAgent(agent, "PUT", "status", Status(two))).Expect(204);
        Assert.Equal(two, await Shown());
        await server.DeleteAndWait($"{Agents}/east");
        Assert.Null(await Shown());
    }

    [Fact]
    public async Task Allows_OnlyTheAgentToReportTheAuthority()
    {
        const string Connection = $"{Documents.East}/providers/Weft.Relay/connections/default";
        await using var server = await InProcessServer.WithSite();
        _ = (
            await server.SendAsAgent(
                await server.Enrol(Documents.East, "east"),
                "PUT",
                "status",
                Status(AuthorityPem.Certificate("one"))
            )
        ).Expect(204);
        var before = server.Revision;
        var body =
            $$$"""{"properties":{"certificateAuthority":{{{JsonValue.Create(AuthorityPem.Certificate("two")).ToJsonString()}}}}}""";

        _ = (await server.Request("PUT", Connection, body, [])).Expect(405);
        _ = (await server.Request("PATCH", Connection, body, [])).Expect(405);
        _ = (await server.Request("DELETE", Connection, null, [])).Expect(405);
        _ = (await server.Patch(Documents.East, body)).Expect(400);
        _ = (await server.Request("PUT", $"{Agents}/east", "{\"properties\":{\"status\":" + body + "}}", [])).Expect(
            405
        );
        Assert.Equal(before, server.Revision);
    }

    [Fact]
    public async Task Refuses_AuthorityThatIsInvalid_OrIsNotTheAgentsToReport()
    {
        await using var server = await InProcessServer.WithSite();
        var agent = await server.Enrol(Documents.East, "east");
        var ofNode = await server.Enrol(Documents.East, "w1", "w1");
        var (certificate, key) = AuthorityPem.Create("one");
        var before = server.Revision;

        Assert.Equal(
            "InvalidMember",
            (await server.SendAsAgent(agent, "PUT", "status", Status(certificate + key))).Expect(400).Code
        );
        Assert.Equal(
            "InvalidMember",
            (await server.SendAsAgent(agent, "PUT", "status", Status(new JsonArray(certificate)))).Expect(400).Code
        );
        Assert.Equal(
            "RequestTooLarge",
            (await server.SendAsAgent(agent, "PUT", "status", Status(new string('x', 70_000)))).Expect(413).Code
        );
        Assert.Equal(
            "Conflict",
            (await server.SendAsAgent(ofNode, "PUT", "status", Status(certificate))).Expect(409).Code
        );
        Assert.Equal(before, server.Revision);
        _ = (await server.SendAsAgent(ofNode, "PUT", "status", Status(null))).Expect(204);
    }

    private static JsonObject Status(JsonNode? authority) =>
        new()
        {
            ["digest"] = "sha256-1",
            ["revision"] = 1,
            ["state"] = "Applied",
            ["certificateAuthority"] = authority,
        };
}
