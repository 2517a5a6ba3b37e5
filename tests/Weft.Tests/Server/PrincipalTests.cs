using System.Text.Json.Nodes;

namespace Weft.Tests.Server;

/// <summary>Who may do what: roles in scopes.</summary>
public sealed class PrincipalTests
{
    private const string Ann = "/providers/Weft.Identity/principals/ann";
    private const string EastConnection = $"{Documents.East}/providers/Weft.Relay/connections/default";
    private const string EastRules = $"{Documents.East}/providers/Weft.Relay/networkRuleSets/default?force=true";
    private const string NodeBody = """{"properties":{"agentPool":"workers","uplinks":[{"name":"bond0"}]}}""";

    [Theory]
    [InlineData("Reader", "GET", Documents.East, 200)]
    [InlineData("Reader", "PUT", EastRules, 403)]
    [InlineData("Reader", "POST", EastConnection + "/listCredentials", 403)]
    [InlineData("Reader", "POST", Documents.East + "/listEnrollmentToken", 403)]
    [InlineData("RelayUser", "GET", Documents.East, 200)]
    [InlineData("RelayUser", "GET", EastConnection, 200)]
    [InlineData("RelayUser", "POST", EastConnection + "/listCredentials", 200)]
    [InlineData("RelayUser", "POST", Documents.East + "/listEnrollmentToken", 403)]
    [InlineData("RelayUser", "PUT", EastRules, 403)]
    [InlineData("RelayUser", "DELETE", Documents.East, 403)]
    [InlineData("RelayListener", "GET", EastConnection, 200)]
    [InlineData("RelayListener", "POST", EastConnection + "/listCredentials", 403)]
    [InlineData("RelayListener", "POST", Documents.East + "/listEnrollmentToken", 403)]
    [InlineData("RelayListener", "PUT", EastRules, 403)]
    [InlineData("Contributor", "PUT", EastRules, 201)]
    [InlineData("Contributor", "POST", EastConnection + "/listCredentials", 200)]
    [InlineData("Contributor", "POST", Documents.East + "/listEnrollmentToken", 200)]
    [InlineData("Contributor", "GET", "/providers/Weft.Identity/principals", 403)]
    [InlineData("Owner", "PUT", EastRules, 201)]
    public async Task Lets_RoleDoWhatItMay_InItsScope(string role, string method, string path, int status)
    {
        await using var plane = await RelayResourceTests.Of(relay: true);
        var token = await Issue(plane, role, Documents.East);
        Assert.Equal(status, (await As(plane, token, method, path)).Status);
    }

    [Theory]
    [InlineData("GET", Documents.West)]
    [InlineData("GET", Documents.Group)]
    [InlineData("GET", Documents.East + "2")]
    [InlineData("PUT", Documents.West + "/providers/Weft.Relay/networkRuleSets/default?force=true")]
    [InlineData("POST", Documents.West + "/providers/Weft.Relay/connections/default/listCredentials")]
    [InlineData("POST", Documents.Cloud + "/clusters/cl1/providers/Weft.Relay/networkRuleSets/default")]
    [InlineData("GET", "/providers/Weft.Ipam/who?name=x")]
    [InlineData("GET", "/providers/Weft.Relay/check?to=" + Documents.West)]
    [InlineData("GET", "/providers/Weft.Identity/principals")]
    [InlineData("PUT", Ann)]
    [InlineData("GET", Documents.Cloud + "/l3Networks/n6/providers/Weft.Ipam/leases")]
    public async Task Lets_NobodyOutOfTheirScope(string method, string path)
    {
        await using var plane = await RelayResourceTests.Of(relay: true);
        var token = await Issue(plane, "Owner", Documents.East);
        var revision = plane.Revision;
        Assert.Equal("AuthorizationFailed", (await As(plane, token, method, path)).Expect(403).Code);
        Assert.Equal(revision, plane.Revision);
    }

    [Fact]
    public async Task Lists_WhatTheCallerMaySee()
    {
        await using var plane = await RelayResourceTests.Of(relay: false);
        var token = await Issue(plane, "Reader", Documents.East);
        var clusters = (await As(plane, token, "GET", $"{Documents.Cloud}/kubernetesClusters")).Expect(200).Json["value"]!.AsArray();
        Assert.Equal("east", Assert.Single(clusters)!["name"]!.ToString());
        Assert.Single((await As(plane, token, "GET", "/subscriptions")).Expect(200).Json["value"]!.AsArray());
        Assert.All((await As(plane, token, "GET", $"{Documents.Group}/resources")).Expect(200).Json["value"]!.AsArray(), r => Assert.StartsWith(Documents.East, r!["id"]!.ToString(), StringComparison.Ordinal));
    }

    [Fact]
    public async Task Plans_ForWhoeverMayReadWhatIsPlanned_AndShowsNoMore()
    {
        await using var plane = await RelayResourceTests.Of(relay: false);
        await plane.Make(Documents.Node("east", "w1"));
        var (contributor, reader) = (await Issue(plane, "Contributor", Documents.East), await Issue(plane, "Reader", Documents.East, "bob"));
        var node = Documents.Node("east", "w2");
        var foreign = Documents.Node("west", "w1");

        var plan = (await Planned(plane, contributor, node)).Expect(200).Json;
        var everything = (await plane.Post("/providers/Weft.Fleet/plan", Question(node))).Expect(200).Json;
        var refused = (await Planned(plane, contributor, node, foreign)).Expect(403);
        var review = (await Planned(plane, reader, node)).Expect(200).Json;

        Assert.Equal("Create", plan["changes"]![0]!["action"]!.ToString());
        Assert.Empty(plan["warnings"]!.AsArray());
        Assert.NotEmpty(everything["addresses"]!.AsArray());
        Assert.Empty(plan["addresses"]!.AsArray());
        Assert.All(plan["manifests"]!.AsArray(), m => Assert.StartsWith(Documents.East, m!["scope"]!.ToString(), StringComparison.Ordinal));
        Assert.Equal(foreign.Id, refused.Json["error"]!["target"]!.ToString());
        Assert.Contains("bob may not change it", Assert.Single(review["warnings"]!.AsArray())!["what"]!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Shows_AtTheRelay_WhatTheCallerMaySee()
    {
        await using var plane = await RelayResourceTests.Of(relay: true);
        using var listener = await RelayTests.Listen(plane);
        var (east, west) = (await Issue(plane, "Reader", Documents.East), await Issue(plane, "Reader", Documents.West, "bob"));

        var seen = (await As(plane, east, "GET", "/providers/Weft.Relay/status")).Expect(200).Json;
        var hidden = (await As(plane, west, "GET", "/providers/Weft.Relay/status")).Expect(200).Json;

        Assert.Single(seen["listeners"]!.AsArray());
        Assert.Null(seen["totals"]);
        Assert.Empty(hidden["listeners"]!.AsArray());
    }

    [Fact]
    public async Task Keeps_ListenersForThoseWhoMayListen()
    {
        await using var plane = await RelayResourceTests.Of(relay: true);
        var user = await Issue(plane, "RelayUser", Documents.East);
        var contributor = await Issue(plane, "Contributor", Documents.East, "bob");
        var stand = await Issue(plane, "RelayListener", Documents.East, "agent");
        (await As(plane, user, "POST", $"{EastConnection}/listCredentials", """{"role":"listener"}""")).Expect(403);
        (await As(plane, stand, "POST", $"{EastConnection}/listCredentials", """{"role":"listener"}""")).Expect(200);
        (await As(plane, stand, "POST", $"{EastConnection}/listCredentials", """{"role":"sender"}""")).Expect(403);
        (await As(plane, contributor, "POST", $"{EastConnection}/listCredentials", """{"role":"listener"}""")).Expect(200);
    }

    [Fact]
    public async Task Names_TheAuthorOfAWrite()
    {
        await using var plane = await RelayResourceTests.Of(relay: false);
        var token = await Issue(plane, "Contributor", "/");
        (await As(plane, token, "PUT", Documents.Node("east", "w1").Id, NodeBody)).Expect(201);
        Assert.Equal("ann", (await plane.Get(Documents.Node("east", "w1").Id)).Json["systemData"]!["createdBy"]!.ToString());
    }

    [Fact]
    public async Task Shows_ATokenOnce_AndTheOldOneEnds()
    {
        await using var plane = await RelayResourceTests.Of(relay: false);
        var first = await Issue(plane, "Reader", "/");
        var shown = (await plane.Get(Ann)).Expect(200);
        var rotated = (await plane.Post($"{Ann}/rotateToken", "")).Expect(200);

        Assert.Equal("no-store", rotated.Header("Cache-Control"));
        Assert.DoesNotContain(first, shown.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("tokenHash", shown.Text, StringComparison.Ordinal);
        Assert.All(plane.Store.Current.Range(""), row => Assert.DoesNotContain(first, System.Text.Encoding.UTF8.GetString(row.Bytes.Span), StringComparison.Ordinal));
        (await As(plane, first, "GET", Documents.East)).Expect(401);
        (await As(plane, rotated.Json["token"]!.ToString(), "GET", Documents.East)).Expect(200);
        (await plane.Delete(Ann)).Expect(200);
        (await As(plane, rotated.Json["token"]!.ToString(), "GET", Documents.East)).Expect(401);
        (await plane.Delete(Ann)).Expect(204);
    }

    [Fact]
    public async Task Ends_ATokenWhenItsTimeIsOver()
    {
        await using var plane = await RelayResourceTests.Of(relay: false);
        var token = await Issue(plane, "Reader", "/", expires: "2026-11-22T11:00:00Z");
        (await As(plane, token, "GET", Documents.East)).Expect(200);
        plane.Clock.Advance(TimeSpan.FromHours(1));
        (await As(plane, token, "GET", Documents.East)).Expect(401);
    }

    [Theory]
    [InlineData("ann", """{"properties":{"assignments":[{"role":"King","scope":"/"}]}}""", "properties.assignments[0].role")]
    [InlineData("ann", """{"properties":{"assignments":[{"role":"Reader","scope":"east"}]}}""", "properties.assignments[0].scope")]
    [InlineData("ann", """{"properties":{"assignments":[]}}""", "properties.assignments")]
    [InlineData("ann", """{"properties":{"assignments":[{"role":"Reader","scope":"/"}],"expiresAt":"tomorrow"}}""", "properties.expiresAt")]
    [InlineData("ann", "{}", "properties")]
    [InlineData("admin", """{"properties":{"assignments":[{"role":"Reader","scope":"/"}]}}""", "name")]
    [InlineData("Ann", """{"properties":{"assignments":[{"role":"Reader","scope":"/"}]}}""", "name")]
    public async Task Refuses_PrincipalThatIsNone(string name, string body, string target)
    {
        await using var plane = await RelayResourceTests.Of(relay: false);
        Assert.Equal(target, (await plane.Ask("PUT", $"/providers/Weft.Identity/principals/{name}", body, [])).Expect(400).Json["error"]!["target"]!.ToString());
    }

    private static Task<Answer> Planned(Plane plane, string token, params Document[] documents) => As(plane, token, "POST", "/providers/Weft.Fleet/plan", Question(documents));

    private static string Question(params Document[] documents) => new JsonObject { ["resources"] = new JsonArray([.. documents.Select(d => (JsonNode)d.With(body => body["id"] = d.Id).Body)]) }.ToJsonString();

    private static async Task<string> Issue(Plane plane, string role, string scope, string name = "ann", string? expires = null)
    {
        var properties = new JsonObject { ["assignments"] = new JsonArray(new JsonObject { ["role"] = role, ["scope"] = scope }), ["expiresAt"] = expires };
        if (expires is null)
            properties.Remove("expiresAt");
        (await plane.Ask("PUT", $"/providers/Weft.Identity/principals/{name}", new JsonObject { ["properties"] = properties }.ToJsonString(), [])).Expect(201);
        return (await plane.Post($"/providers/Weft.Identity/principals/{name}/rotateToken", "")).Expect(200).Json["token"]!.ToString();
    }

    private static Task<Answer> As(Plane plane, string token, string method, string path, string? body = null) => plane.Send(
        method, $"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}api-version={Documents.VersionOf(path)}", method == "GET" ? null : System.Text.Encoding.UTF8.GetBytes(body ?? (method == "PUT" ? "{}" : "")), token);
}
