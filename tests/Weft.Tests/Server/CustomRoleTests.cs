using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Storage;

namespace Weft.Tests.Server;

/// <summary>Roles that somebody makes of verbs and kinds.</summary>
public sealed class CustomRoleTests
{
    private const string Roles = "/providers/Weft.Identity/roles";
    private const string Enroller = $"{Roles}/Enroller";
    private const string L3 = "Microsoft.NetworkCloud/l3Networks";

    [Fact]
    public async Task Gives_JustItsVerbs_OnJustItsKinds()
    {
        await using var server = await InProcessServer.WithSite();
        (
            await PutRole(
                server,
                "Enroller",
                Rule("listenrollmenttoken,read", "microsoft.networkcloud/KUBERNETESCLUSTERS")
            )
        ).Expect(201);
        var token = await server.IssueToken("ann", [("enroller", Documents.Group)]);

        (await server.SendAs(token, "GET", Documents.East)).Expect(200);
        (await server.SendAs(token, "GET", $"{Documents.East}/providers/Weft.Fleet/desiredStates/default")).Expect(200);
        (await server.SendAs(token, "POST", $"{Documents.East}/listEnrollmentToken", "{}")).Expect(200);
        (await server.SendAs(token, "POST", $"{Documents.East}/verify", "{}")).Expect(403);
        (
            await server.SendAs(
                token,
                "POST",
                $"{Documents.East}/providers/Weft.Relay/connections/default/listCredentials"
            )
        ).Expect(403);
        (await server.SendAs(token, "PUT", Documents.East)).Expect(403);
        (await server.SendAs(token, "DELETE", Documents.East)).Expect(403);
        (await server.SendAs(token, "GET", $"{Documents.Cloud}/l3Networks/n6")).Expect(403);
        (await server.SendAs(token, "GET", $"{Documents.East}/agentPools/workers")).Expect(403);
        (await server.SendAs(token, "GET", "/providers/Weft.Ipam/who?name=x")).Expect(403);
        Assert.Equal(
            "Enroller",
            (await server.Get("/providers/Weft.Identity/principals/ann")).Json["properties"]!["assignments"]![0]![
                "role"
            ]!.ToString()
        );
    }

    [Fact]
    public async Task Tells_WriteFromDelete()
    {
        await using var server = await InProcessServer.WithSite();
        (await PutRole(server, "Writer", Rule("write", "Weft.Fleet/nodes"))).Expect(201);
        (await PutRole(server, "Sweeper", Rule("delete", "Weft.Fleet/nodes"))).Expect(201);
        var (writer, sweeper) = (
            await server.IssueToken("ann", [("Writer", "/")]),
            await server.IssueToken("bob", [("Sweeper", "/")])
        );
        var node = Documents.Node("east", "w1");
        (await server.PutAs(sweeper, node)).Expect(403);
        (await server.PutAs(writer, node)).Expect(201);
        (await server.SendAs(writer, "DELETE", node.Id)).Expect(403);
        (await server.SendAs(writer, "delete", node.Id)).Expect(403);
        (await server.SendAs(sweeper, "DELETE", node.Id)).Expect(202);
    }

    [Fact]
    public async Task Changes_WhatAllMay_WhoHaveIt()
    {
        await using var server = await InProcessServer.WithSite();
        (await PutRole(server, "Viewer", Rule("read", L3))).Expect(201);
        var token = await server.IssueToken("ann", [("Viewer", "/")]);
        (await server.SendAs(token, "GET", Documents.East)).Expect(403);
        (await PutRole(server, "Viewer", Rule("read", "*"))).Expect(200);
        (await server.SendAs(token, "GET", Documents.East)).Expect(200);
    }

    [Fact]
    public async Task Lists_BuiltInRoles_InTheSameForm()
    {
        await using var server = await InProcessServer.Empty();
        (await PutRole(server, "Viewer", Rule("read", L3))).Expect(201);
        var all = (await server.Get(Roles)).Expect(200).Json["value"]!.AsArray();
        Assert.Equal(
            ["Reader", "NetworkUser", "RelayUser", "RelayListener", "Contributor", "Owner", "Viewer"],
            all.Select(role => role!["name"]!.ToString())
        );
        Assert.Equal(
            ("BuiltInRole", "CustomRole"),
            (all[0]!["properties"]!["roleType"]!.ToString(), all[^1]!["properties"]!["roleType"]!.ToString())
        );
        Assert.Equal(
            "read",
            (await server.Get($"{Roles}/reader")).Json["properties"]!["rules"]![0]!["verbs"]![0]!.ToString()
        );
    }

    [Fact]
    public async Task Names_EverythingThatIsWrong()
    {
        await using var server = await InProcessServer.Empty();
        var refused = (
            await PutRole(
                server,
                "Odd",
                Rule("reed,write", "Microsoft.NetworkCloud/l3Network"),
                Rule("verify", L3),
                Rule("fly", "*")
            )
        ).Expect(400);
        var findings = refused.Json["error"]!["details"]!.AsArray();
        Assert.Equal(
            [
                "properties.rules[0].verbs[0]",
                "properties.rules[0].kinds[0]",
                "properties.rules[1].verbs",
                "properties.rules[2].verbs[0]",
            ],
            findings.Select(finding => finding!["target"]!.ToString())
        );
        Assert.Contains(
            "'reed' is no verb; did you mean read",
            findings[0]!["message"]!.ToString(),
            StringComparison.Ordinal
        );
        Assert.Contains(L3, findings[1]!["message"]!.ToString(), StringComparison.Ordinal);
        Assert.Equal(0, server.Revision);
    }

    [Theory]
    [InlineData("Reader", 400)]
    [InlineData("OWNER", 400)]
    [InlineData("x", 400)]
    [InlineData("admin%0a", 400)]
    public async Task Refuses_NamesThatAreTakenOrHideAnother(string name, int status)
    {
        await using var server = await InProcessServer.Empty();
        Assert.Equal("InvalidResourceName", (await PutRole(server, name, Rule("read", "*"))).Expect(status).Code);
    }

    [Fact]
    public async Task Keeps_ARoleThatSomebodyHas_AndSaysWho()
    {
        await using var server = await InProcessServer.WithSite();
        (await PutRole(server, "Viewer", Rule("read", L3))).Expect(201);
        _ = await server.IssueToken("ann", [("Viewer", Documents.East)]);
        var group = ServerCallers.BodyOf(("Viewer", "/")).ToJsonString();
        (await server.Request("PUT", "/providers/Weft.Identity/groups/ops", group, [])).Expect(201);

        var refused = (await server.Delete($"{Roles}/viewer")).Expect(409);

        Assert.Contains($"principal ann has it in {Documents.East}", refused.Text, StringComparison.Ordinal);
        Assert.Contains("group ops has it in /", refused.Text, StringComparison.Ordinal);
        (await server.Delete("/providers/Weft.Identity/groups/ops")).Expect(200);
        (await server.Delete("/providers/Weft.Identity/principals/ann")).Expect(200);
        (await server.Delete($"{Roles}/Viewer")).Expect(200);
        (await server.Delete($"{Roles}/Viewer")).Expect(204);
        (await server.Delete($"{Roles}/Reader")).Expect(405);
    }

    /// <summary>Who says who there is, and reads, and may do nothing else, can give nobody more: not himself either.</summary>
    [Fact]
    public async Task Gives_NobodyWhatItsAuthorHasnt()
    {
        await using var server = await InProcessServer.WithSite();
        (await PutRole(server, "Clerk", Rule("read,administer", "*"))).Expect(201);
        var clerk = await server.IssueToken("clerk", [("Clerk", "/")]);
        _ = await server.IssueToken("olga", [("Owner", "/")]);
        var body = ServerCallers.BodyOf(("Contributor", "/")).ToJsonString();
        (await server.Request("PUT", "/providers/Weft.Identity/groups/ops", body, [])).Expect(201);
        var revision = server.Revision;

        async Task Refused(string method, string path, JsonNode? asked = null)
        {
            var refused = (
                await server.SendAs(clerk, method, $"/providers/Weft.Identity/{path}", asked?.ToJsonString())
            );
            Assert.Contains(
                "clerk can't give what clerk hasn't got",
                refused.Expect(403).Text,
                StringComparison.Ordinal
            );
        }

        await Refused("PUT", "principals/clerk", ServerCallers.BodyOf(("Owner", "/")));
        await Refused("PUT", "principals/ann", ServerCallers.BodyOf(("RelayUser", Documents.East)));
        await Refused("PUT", "groups/mine", ServerCallers.BodyOf(("Contributor", Documents.East)));
        await Refused("PUT", "groups/ops/members/clerk");
        await Refused("PUT", "roles/Clerk", RoleBody(Rule("*", "*")));
        await Refused("PUT", "roles/More", RoleBody(Rule("delete", L3)));
        await Refused("POST", "principals/olga/rotateToken");
        Assert.Equal(revision, server.Revision);
    }

    [Fact]
    public async Task Gives_WhatItsAuthorHas_AndKeepsWhatWasThere()
    {
        await using var server = await InProcessServer.WithSite();
        (await PutRole(server, "Clerk", Rule("read,administer", "*"))).Expect(201);
        var clerk = await server.IssueToken("clerk", [("Clerk", "/")]);
        _ = await server.IssueToken("olga", [("Owner", "/")]);

        Task<ServerResponse> Put(string name, string role) =>
            server.SendAs(
                clerk,
                "PUT",
                $"/providers/Weft.Identity/principals/{name}",
                ServerCallers.BodyOf((role, "/")).ToJsonString()
            );

        (await Put("ann", "Reader")).Expect(201);
        (await server.SendAs(clerk, "POST", "/providers/Weft.Identity/principals/ann/rotateToken")).Expect(200);
        // What somebody has stays, whoever writes the rest.
        (await Put("olga", "Owner")).Expect(200);
    }

    /// <summary>Every action that is served is a verb of its kind, so that a role can name it.</summary>
    [Fact]
    public void Knows_EveryActionAsAVerb()
    {
        var verbs = AccessVerb.All(AllKinds.List);
        Assert.Equal(
            ["listEnrollmentToken", "listKeys", "regenerateKeys", "updateAdministrativeState", "verify"],
            verbs.Except(["*", "read", "write", "delete", "join", "connect", "listen", "administer"])
        );
    }

    private static Task<ServerResponse> PutRole(InProcessServer server, string name, params JsonObject[] rules) =>
        server.Request("PUT", $"{Roles}/{name}", RoleBody(rules).ToJsonString(), []);

    private static JsonObject RoleBody(params JsonObject[] rules) =>
        new() { ["properties"] = new JsonObject { ["rules"] = new JsonArray([.. rules]) } };

    private static JsonObject Rule(string verbs, string kinds)
    {
        static JsonArray Words(string text) => new([.. text.Split(',').Select(word => JsonValue.Create(word))]);
        return new JsonObject { ["verbs"] = Words(verbs), ["kinds"] = Words(kinds) };
    }
}
