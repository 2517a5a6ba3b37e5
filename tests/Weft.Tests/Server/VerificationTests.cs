using System.Text.Json.Nodes;

namespace Weft.Tests.Server;

/// <summary>A verification from the question to the last agent's report.</summary>
public sealed class VerificationTests
{
    private static async Task<string> Enrol(Plane plane, string cluster, string name)
    {
        var token = (await plane.Post($"{cluster}/listEnrollmentToken", "")).Expect(200).Json["token"]!.ToString();
        return (await plane.Agent(token, "POST", "enroll", new JsonObject { ["name"] = name, ["node"] = name })).Expect(201).Json["credential"]!.ToString();
    }

    [Fact]
    public async Task Asks_TheAgentsOfTheClusterAndGathersTheirReports()
    {
        await using var plane = await Plane.OfSite();
        var (w1, w2, west) = (await Enrol(plane, Documents.East, "w1"), await Enrol(plane, Documents.East, "w2"), await Enrol(plane, Documents.West, "w1"));
        _ = await plane.Enrol(Documents.East, "whole");
        var before = plane.Revision;
        var digest = (await plane.Agent(w1, "GET", "desired?wait=0")).Json["digest"]!.ToString();
        var waiting = plane.Agent(w1, "GET", "verifications?after=0&wait=20");

        var started = (await plane.Post($"{Documents.East}/verify", """{"network":"n6"}""")).Expect(201).Json;
        var asked = (await waiting).Expect(200).Json;

        var id = started["id"]!.ToString();
        Assert.Equal(["w1", "w2"], started["properties"]!["agents"]!.AsArray().Select(a => a!["node"]!.ToString()));
        var task = Assert.Single(asked["verifications"]!.AsArray())!;
        Assert.Equal((id[(id.LastIndexOf('/') + 1)..], "n6"), (task["id"]!.ToString(), task["network"]!.ToString()));
        _ = (await plane.Agent(west, "GET", "verifications?wait=0")).Expect(204);
        // Whoever has answered, or has met the question, isn't asked again.
        _ = (await plane.Agent(w1, "GET", $"verifications?after={asked["after"]}&wait=0")).Expect(204);
        _ = (await plane.Agent(w1, "PUT", $"verifications/{task["id"]}", JsonNode.Parse("""{"node":"w1","interfaces":[{"network":"x","interface":"n6","checks":[{"hop":"Gateway","state":"Failed","message":"silent","family":"IPv4","secret":1}]}],"junk":true}"""))).Expect(204);
        _ = (await plane.Agent(w1, "GET", "verifications?wait=0")).Expect(204);
        var half = (await plane.Get(id)).Expect(200).Json["properties"]!;
        Assert.False(half["isDone"]!.GetValue<bool>());
        Assert.Equal("""{"node":"w1","interfaces":[{"network":"x","interface":"n6","checks":[{"hop":"Gateway","state":"Failed","message":"silent","family":"IPv4"}]}]}""", half["agents"]![0]!["report"]!.ToJsonString());

        var done = plane.Get(id, ("Prefer", "wait=20"));
        _ = (await plane.Agent(w2, "PUT", $"verifications/{task["id"]}", JsonNode.Parse("""{"node":"w2","interfaces":[]}"""))).Expect(204);
        Assert.True((await done).Expect(200).Json["properties"]!["isDone"]!.GetValue<bool>());

        // A question is nothing that the site is like: nothing was written, and the picture is the same.
        Assert.Equal(before, plane.Revision);
        Assert.Equal(digest, (await plane.Agent(w1, "GET", "desired?wait=0")).Json["digest"]!.ToString());
    }

    [Theory]
    [InlineData("""{"node":"w9"}""", 400, "ReferenceNotFound", "there are agents on w1")]
    [InlineData("""{"nod":"w1"}""", 400, "UnknownMember", "it has node, pod, network and interface")]
    [InlineData("""{"pod":"upf-0"}""", 400, "InvalidMember", "NAMESPACE/NAME")]
    [InlineData("""{"network":6}""", 400, "InvalidMember", "must be a text")]
    public async Task Refuses_AQuestionThatNobodyCanAnswer(string body, int status, string code, string says)
    {
        await using var plane = await Plane.OfSite();
        _ = await Enrol(plane, Documents.East, "w1");
        var answer = (await plane.Post($"{Documents.East}/verify", body)).Expect(status);
        Assert.Equal(code, answer.Code);
        Assert.Contains(says, answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_AClusterWithoutAgentsAndOneThatIsNotThere()
    {
        await using var plane = await Plane.OfSite();
        Assert.Equal("Conflict", (await plane.Post($"{Documents.East}/verify", "{}")).Expect(409).Code);
        Assert.Equal("ResourceNotFound", (await plane.Post($"{Documents.East}x/verify", "{}")).Expect(404).Code);
    }

    [Fact]
    public async Task Forgets_AVerificationAfterTenMinutes()
    {
        await using var plane = await Plane.OfSite();
        var w1 = await Enrol(plane, Documents.East, "w1");
        var id = (await plane.Post($"{Documents.East}/verify", "{}")).Expect(201).Json["id"]!.ToString();
        _ = (await plane.Get(id)).Expect(200);
        plane.Clock.Advance(TimeSpan.FromMinutes(10) + TimeSpan.FromSeconds(1));
        Assert.Equal("ResourceNotFound", (await plane.Get(id)).Expect(404).Code);
        _ = (await plane.Agent(w1, "GET", "verifications?wait=0")).Expect(204);
        _ = (await plane.Agent(w1, "PUT", $"verifications/{id[(id.LastIndexOf('/') + 1)..]}", new JsonObject())).Expect(204);
        Assert.Equal("MethodNotAllowed", (await plane.Delete(id)).Expect(405).Code);
    }

    [Fact]
    public async Task Keeps_VerificationsFromWhoeverIsNoAgent()
    {
        await using var plane = await Plane.OfSite();
        var token = (await plane.Post($"{Documents.East}/listEnrollmentToken", "")).Expect(200).Json["token"]!.ToString();
        Assert.Equal("AuthorizationFailed", (await plane.Agent(token, "GET", "verifications?wait=0")).Expect(403).Code);
        Assert.Equal("AuthorizationFailed", (await plane.Agent(token, "PUT", "verifications/1", new JsonObject())).Expect(403).Code);
    }
}
