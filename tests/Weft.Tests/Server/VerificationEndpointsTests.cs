using System.Text.Json.Nodes;

namespace Weft.Tests.Server;

/// <summary>A verification from the question to the last agent's report.</summary>
public sealed class VerificationEndpointsTests
{
    private static Task<string> Enrol(InProcessServer server, string cluster, string name) =>
        server.Enrol(cluster, name, name);

    [Fact]
    public async Task Asks_TheAgentsOfTheClusterThatHaveANode()
    {
        await using var server = await InProcessServer.WithSite();
        var (w1, west) = (await Enrol(server, Documents.East, "w1"), await Enrol(server, Documents.West, "w1"));
        _ = await Enrol(server, Documents.East, "w2");
        _ = await server.Enrol(Documents.East, "whole");
        var waiting = server.SendAsAgent(w1, "GET", "verifications?after=0&wait=20");

        var started = (await server.Post($"{Documents.East}/verify", """{"network":"n6"}""")).Expect(201).Json;
        var asked = (await waiting).Expect(200).Json;

        var id = started["id"]!.ToString();
        Assert.Equal(["w1", "w2"], started["properties"]!["agents"]!.AsArray().Select(a => a!["node"]!.ToString()));
        var task = Assert.Single(asked["verifications"]!.AsArray())!;
        Assert.Equal((TaskOf(id), "n6"), (task["id"]!.ToString(), task["network"]!.ToString()));
        _ = (await server.SendAsAgent(west, "GET", "verifications?wait=0")).Expect(204);
        // Whoever has met the question isn't asked again.
        _ = (await server.SendAsAgent(w1, "GET", $"verifications?after={asked["after"]}&wait=0")).Expect(204);
    }

    [Fact]
    public async Task Collects_TheReports_UntilEverybodyHasAnswered()
    {
        await using var server = await InProcessServer.WithSite();
        var (w1, w2) = (await Enrol(server, Documents.East, "w1"), await Enrol(server, Documents.East, "w2"));
        var id = await Ask(server);

        await Report(
            server,
            w1,
            id,
            """
            {
              "node": "w1",
              "interfaces": [
                {
                  "network": "x",
                  "interface": "n6",
                  "checks": [
                    { "hop": "Gateway", "state": "Failed", "message": "silent", "family": "IPv4", "secret": 1 }
                  ]
                }
              ],
              "junk": true
            }
            """
        );
        // Whoever has answered isn't asked again.
        _ = (await server.SendAsAgent(w1, "GET", "verifications?wait=0")).Expect(204);
        var half = (await server.Get(id)).Expect(200).Json["properties"]!;
        Assert.False(half["isDone"]!.GetValue<bool>());
        Assert.Equal(
            """{"node":"w1","interfaces":[{"network":"x","interface":"n6","checks":["""
                + """{"hop":"Gateway","state":"Failed","message":"silent","family":"IPv4"}]}]}""",
            half["agents"]![0]!["report"]!.ToJsonString()
        );

        var done = server.Get(id, ("Prefer", "wait=20"));
        await Report(server, w2, id, """{"node":"w2","interfaces":[]}""");
        Assert.True((await done).Expect(200).Json["properties"]!["isDone"]!.GetValue<bool>());
    }

    /// <summary>A question is nothing that the site is like.</summary>
    [Fact]
    public async Task Leaves_TheSiteAndItsDesiredStateAsTheyAre()
    {
        await using var server = await InProcessServer.WithSite();
        var w1 = await Enrol(server, Documents.East, "w1");
        var before = server.Revision;
        var digest = (await server.SendAsAgent(w1, "GET", "desired?wait=0")).Json["digest"]!.ToString();

        await Report(server, w1, await Ask(server), """{"node":"w1","interfaces":[]}""");

        Assert.Equal(before, server.Revision);
        Assert.Equal(digest, (await server.SendAsAgent(w1, "GET", "desired?wait=0")).Json["digest"]!.ToString());
    }

    [Theory]
    [InlineData("""{"node":"w9"}""", 400, "ReferenceNotFound", "there are agents on w1")]
    [InlineData("""{"nod":"w1"}""", 400, "UnknownMember", "it has node, pod, network and interface")]
    [InlineData("""{"pod":"upf-0"}""", 400, "InvalidMember", "NAMESPACE/NAME")]
    [InlineData("""{"network":6}""", 400, "InvalidMember", "must be a text")]
    public async Task Refuses_RequestsThatNoAgentCanServe(string body, int status, string code, string says)
    {
        await using var server = await InProcessServer.WithSite();
        _ = await Enrol(server, Documents.East, "w1");
        var answer = (await server.Post($"{Documents.East}/verify", body)).Expect(status);
        Assert.Equal(code, answer.Code);
        Assert.Contains(says, answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_AClusterWithoutAgentsAndOneThatIsNotThere()
    {
        await using var server = await InProcessServer.WithSite();
        Assert.Equal("Conflict", (await server.Post($"{Documents.East}/verify", "{}")).Expect(409).Code);
        Assert.Equal("ResourceNotFound", (await server.Post($"{Documents.East}x/verify", "{}")).Expect(404).Code);
    }

    [Fact]
    public async Task Expires_VerificationsAfterTenMinutes()
    {
        await using var server = await InProcessServer.WithSite();
        var w1 = await Enrol(server, Documents.East, "w1");
        var id = (await server.Post($"{Documents.East}/verify", "{}")).Expect(201).Json["id"]!.ToString();
        _ = (await server.Get(id)).Expect(200);
        server.Clock.Advance(TimeSpan.FromMinutes(10) + TimeSpan.FromSeconds(1));
        Assert.Equal("ResourceNotFound", (await server.Get(id)).Expect(404).Code);
        _ = (await server.SendAsAgent(w1, "GET", "verifications?wait=0")).Expect(204);
        _ = (
            await server.SendAsAgent(w1, "PUT", $"verifications/{id[(id.LastIndexOf('/') + 1)..]}", new JsonObject())
        ).Expect(204);
        Assert.Equal("MethodNotAllowed", (await server.Delete(id)).Expect(405).Code);
    }

    [Fact]
    public async Task Keeps_VerificationsFromWhoeverIsNoAgent()
    {
        await using var server = await InProcessServer.WithSite();
        var token = await server.EnrolmentToken(Documents.East, "w1", "w1");
        Assert.Equal(
            "AuthorizationFailed",
            (await server.SendAsAgent(token, "GET", "verifications?wait=0")).Expect(403).Code
        );
        Assert.Equal(
            "AuthorizationFailed",
            (await server.SendAsAgent(token, "PUT", "verifications/1", new JsonObject())).Expect(403).Code
        );
    }

    /// <summary>Asks the cluster in the east about one network; returns the question's id.</summary>
    private static async Task<string> Ask(InProcessServer server) =>
        (await server.Post($"{Documents.East}/verify", """{"network":"n6"}""")).Expect(201).Json["id"]!.ToString();

    private static async Task Report(InProcessServer server, string agent, string id, string report) =>
        _ = (await server.SendAsAgent(agent, "PUT", $"verifications/{TaskOf(id)}", JsonNode.Parse(report))).Expect(204);

    /// <summary>By which name agents know a question.</summary>
    private static string TaskOf(string id) => id[(id.LastIndexOf('/') + 1)..];
}
