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
    [InlineData("NetworkUser", "GET", Documents.East, 403)]
    [InlineData("NetworkUser", "PUT", EastRules, 403)]
    [InlineData("NetworkUser", "POST", EastConnection + "/listCredentials", 403)]
    public async Task Allows_WhatTheRoleMay_InItsScope(string role, string method, string path, int status)
    {
        await using var server = await RelayResourceTests.Start(relay: true);
        var token = await Issue(server, role, Documents.East);
        Assert.Equal(status, (await As(server, token, method, path)).Status);
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
    public async Task Refuses_WhatIsOutsideOfTheScope(string method, string path)
    {
        await using var server = await RelayResourceTests.Start(relay: true);
        var token = await Issue(server, "Owner", Documents.East);
        var revision = server.Revision;
        Assert.Equal("AuthorizationFailed", (await As(server, token, method, path)).Expect(403).Code);
        Assert.Equal(revision, server.Revision);
    }

    [Fact]
    public async Task Lists_WhatTheCallerMaySee()
    {
        await using var server = await RelayResourceTests.Start(relay: false);
        var token = await Issue(server, "Reader", Documents.East);
        var clusters = (await As(server, token, "GET", $"{Documents.Cloud}/kubernetesClusters")).Expect(200).Json[
            "value"
        ]!.AsArray();
        Assert.Equal("east", Assert.Single(clusters)!["name"]!.ToString());
        Assert.Single((await As(server, token, "GET", "/subscriptions")).Expect(200).Json["value"]!.AsArray());
        Assert.All(
            (await As(server, token, "GET", $"{Documents.Group}/resources")).Expect(200).Json["value"]!.AsArray(),
            r => Assert.StartsWith(Documents.East, r!["id"]!.ToString(), StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task Plans_ForWhoeverMayReadWhatIsPlanned_AndShowsNoMore()
    {
        await using var server = await RelayResourceTests.Start(relay: false);
        await server.Create(Documents.Node("east", "w1"));
        var (contributor, reader) = (
            await Issue(server, "Contributor", Documents.East),
            await Issue(server, "Reader", Documents.East, "bob")
        );
        var node = Documents.Node("east", "w2");
        var foreign = Documents.Node("west", "w1");

        var plan = (await Planned(server, contributor, node)).Expect(200).Json;
        var everything = (await server.Post("/providers/Weft.Fleet/plan", PlanBody(node))).Expect(200).Json;
        var refused = (await Planned(server, contributor, node, foreign)).Expect(403);
        var review = (await Planned(server, reader, node)).Expect(200).Json;

        Assert.Equal("Create", plan["changes"]![0]!["action"]!.ToString());
        Assert.Empty(plan["warnings"]!.AsArray());
        Assert.NotEmpty(everything["addresses"]!.AsArray());
        Assert.Empty(plan["addresses"]!.AsArray());
        Assert.All(
            plan["manifests"]!.AsArray(),
            m => Assert.StartsWith(Documents.East, m!["scope"]!.ToString(), StringComparison.Ordinal)
        );
        Assert.Equal(foreign.Id, refused.Json["error"]!["target"]!.ToString());
        Assert.Contains(
            "bob may not change it",
            Assert.Single(review["warnings"]!.AsArray())!["what"]!.ToString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Shows_AtTheRelay_WhatTheCallerMaySee()
    {
        await using var server = await RelayResourceTests.Start(relay: true);
        using var listener = await RelayHostTests.Listen(server);
        var (east, west) = (
            await Issue(server, "Reader", Documents.East),
            await Issue(server, "Reader", Documents.West, "bob")
        );

        var seen = (await As(server, east, "GET", "/providers/Weft.Relay/status")).Expect(200).Json;
        var hidden = (await As(server, west, "GET", "/providers/Weft.Relay/status")).Expect(200).Json;

        Assert.Single(seen["listeners"]!.AsArray());
        Assert.Null(seen["totals"]);
        Assert.Empty(hidden["listeners"]!.AsArray());
    }

    [Fact]
    public async Task Issues_ListenTokens_ToThoseWhoMayListen()
    {
        await using var server = await RelayResourceTests.Start(relay: true);
        var user = await Issue(server, "RelayUser", Documents.East);
        var contributor = await Issue(server, "Contributor", Documents.East, "bob");
        var stand = await Issue(server, "RelayListener", Documents.East, "agent");
        (await As(server, user, "POST", $"{EastConnection}/listCredentials", """{"role":"listener"}""")).Expect(403);
        (await As(server, stand, "POST", $"{EastConnection}/listCredentials", """{"role":"listener"}""")).Expect(200);
        (await As(server, stand, "POST", $"{EastConnection}/listCredentials", """{"role":"sender"}""")).Expect(403);
        (await As(server, contributor, "POST", $"{EastConnection}/listCredentials", """{"role":"listener"}""")).Expect(
            200
        );
    }

    [Fact]
    public async Task Names_TheAuthorOfAWrite()
    {
        await using var server = await RelayResourceTests.Start(relay: false);
        var token = await Issue(server, "Contributor", "/");
        (await As(server, token, "PUT", Documents.Node("east", "w1").Id, NodeBody)).Expect(201);
        Assert.Equal(
            "ann",
            (await server.Get(Documents.Node("east", "w1").Id)).Json["systemData"]!["createdBy"]!.ToString()
        );
    }

    [Fact]
    public async Task Shows_ATokenOnce_AndTheOldOneEnds()
    {
        await using var server = await RelayResourceTests.Start(relay: false);
        var first = await Issue(server, "Reader", "/");
        var shown = (await server.Get(Ann)).Expect(200);
        var rotated = (await server.Post($"{Ann}/rotateToken", "")).Expect(200);

        Assert.Equal("no-store", rotated.Header("Cache-Control"));
        Assert.DoesNotContain(first, shown.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("tokenHash", shown.Text, StringComparison.Ordinal);
        Assert.All(
            server.Store.Current.Range(""),
            row =>
                Assert.DoesNotContain(
                    first,
                    System.Text.Encoding.UTF8.GetString(row.Bytes.Span),
                    StringComparison.Ordinal
                )
        );
        (await As(server, first, "GET", Documents.East)).Expect(401);
        (await As(server, rotated.Json["token"]!.ToString(), "GET", Documents.East)).Expect(200);
        (await server.Delete(Ann)).Expect(200);
        (await As(server, rotated.Json["token"]!.ToString(), "GET", Documents.East)).Expect(401);
        (await server.Delete(Ann)).Expect(204);
    }

    [Fact]
    public async Task Expires_Tokens()
    {
        await using var server = await RelayResourceTests.Start(relay: false);
        var token = await Issue(server, "Reader", "/", expires: "2026-11-22T11:00:00Z");
        (await As(server, token, "GET", Documents.East)).Expect(200);
        server.Clock.Advance(TimeSpan.FromHours(1));
        (await As(server, token, "GET", Documents.East)).Expect(401);
    }

    [Theory]
    [InlineData(
        "ann",
        """{"properties":{"assignments":[{"role":"King","scope":"/"}]}}""",
        "properties.assignments[0].role"
    )]
    [InlineData(
        "ann",
        """{"properties":{"assignments":[{"role":"Reader","scope":"east"}]}}""",
        "properties.assignments[0].scope"
    )]
    [InlineData("ann", """{"properties":{"assignments":[]}}""", "properties.assignments")]
    [InlineData(
        "ann",
        """{"properties":{"assignments":[{"role":"Reader","scope":"/"}],"expiresAt":"tomorrow"}}""",
        "properties.expiresAt"
    )]
    [InlineData("ann", "{}", "properties")]
    [InlineData("admin", """{"properties":{"assignments":[{"role":"Reader","scope":"/"}]}}""", "name")]
    [InlineData("Ann", """{"properties":{"assignments":[{"role":"Reader","scope":"/"}]}}""", "name")]
    public async Task Refuses_InvalidPrincipal(string name, string body, string target)
    {
        await using var server = await RelayResourceTests.Start(relay: false);
        Assert.Equal(
            target,
            (await server.Request("PUT", $"/providers/Weft.Identity/principals/{name}", body, [])).Expect(400).Json[
                "error"
            ]!["target"]!.ToString()
        );
    }

    [Theory]
    [InlineData("admin%0a")]
    [InlineData("ann%0a")]
    [InlineData("ann%0d")]
    [InlineData("%0aann")]
    [InlineData("ann%e2%80%ae")]
    public async Task Refuses_ANameThatHidesAnother(string name)
    {
        await using var server = await RelayResourceTests.Start(relay: false);
        const string Body = "{\"properties\":{\"assignments\":[{\"role\":\"Reader\",\"scope\":\"/\"}]}}";
        var refused = await server.Request("PUT", $"/providers/Weft.Identity/principals/{name}", Body, []);
        Assert.Equal("InvalidResourceName", refused.Expect(400).Code);
    }

    /// <summary>Whatever a path lacks or has too much of is the caller's mistake, not a fault of weftd.</summary>
    [Theory]
    [InlineData("/providers/Weft.Identity/")]
    [InlineData("/providers/Weft.Identity//")]
    [InlineData("/providers/Weft.Identity/principals/")]
    [InlineData("/providers/Weft.Identity//ann")]
    [InlineData("/providers/Weft.Identity/principals//rotateToken")]
    [InlineData("/providers/")]
    [InlineData("/providers//")]
    [InlineData("/providers/Weft.Site/")]
    [InlineData("/providers/Weft.Site/audit/1")]
    [InlineData("/")]
    [InlineData("/subscriptions/")]
    [InlineData("/subscriptions//resourceGroups/")]
    [InlineData("/subscriptions/s/resourceGroups//")]
    [InlineData("/subscriptions/s/providers//")]
    [InlineData("/subscriptions/s/resourceGroups/g/providers/")]
    [InlineData("/subscriptions/s/resourceGroups/g/providers/Microsoft.NetworkCloud//")]
    [InlineData("/subscriptions/s/resourceGroups/g/providers/Microsoft.NetworkCloud/l3Networks//")]
    [InlineData("/subscriptions/s/providers/n/locations/l/operationStatuses/")]
    [InlineData("/subscriptions//providers//locations//operationStatuses/x")]
    public async Task Refuses_PathsWithEmptySegments(string path)
    {
        await using var server = await RelayResourceTests.Start(relay: false);
        foreach (var method in new[] { "GET", "PUT", "PATCH", "POST", "DELETE", "HEAD" })
        {
            var answer = await server.Request(method, path, method is "GET" or "HEAD" ? null : "{}", []);
            Assert.True(answer.Status < 500, $"{method} {path}: {answer.Status} {answer.Text}");
        }
    }

    private static Task<ServerResponse> Planned(InProcessServer server, string token, params Document[] documents) =>
        As(server, token, "POST", "/providers/Weft.Fleet/plan", PlanBody(documents));

    private static string PlanBody(params Document[] documents) =>
        new JsonObject
        {
            ["resources"] = new JsonArray([.. documents.Select(d => (JsonNode)d.With(body => body["id"] = d.Id).Body)]),
        }.ToJsonString();

    private static Task<string> Issue(
        InProcessServer server,
        string role,
        string scope,
        string name = "ann",
        string? expires = null
    ) => server.IssueToken(name, [(role, scope)], expires);

    private static Task<ServerResponse> As(
        InProcessServer server,
        string token,
        string method,
        string path,
        string? body = null
    ) => server.SendAs(token, method, path, body);
}
