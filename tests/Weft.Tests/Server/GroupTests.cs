namespace Weft.Tests.Server;

/// <summary>Groups of principals: what a group is assigned, its members have, and not a moment longer.</summary>
public sealed class GroupTests
{
    private const string Operators = "/providers/Weft.Identity/groups/operators";

    [Fact]
    public async Task Gives_MembersWhatTheGroupHas_AtOnce()
    {
        await using var server = await Start();
        var token = await server.IssueToken("ann", [("Reader", Documents.West)]);
        (await server.SendAs(token, "GET", Documents.East)).Expect(403);

        var group = (await server.Request("PUT", $"{Operators}/members/ann", null, [])).Expect(200).Json;
        Assert.Equal(["ann"], group["properties"]!["members"]!.AsArray().Select(name => name!.ToString()));
        (await server.SendAs(token, "GET", Documents.East)).Expect(200);
        (
            await server.SendAs(
                token,
                "PUT",
                Documents.Node("east", "w1").Id,
                Documents.Node("east", "w1").Body.ToJsonString()
            )
        ).Expect(201);
        (await server.SendAs(token, "DELETE", Documents.West)).Expect(403);

        (await server.Request("DELETE", $"{Operators}/members/ann", null, [])).Expect(200);
        (await server.SendAs(token, "GET", Documents.East)).Expect(403);
        (await server.SendAs(token, "GET", Documents.West)).Expect(200);
    }

    [Fact]
    public async Task Changes_ForAllMembers_WithTheGroup()
    {
        await using var server = await Start();
        var token = await server.IssueToken("ann", [("Reader", Documents.West)]);
        (await server.Request("PUT", $"{Operators}/members/ann", null, [])).Expect(200);
        var narrowed = ServerCallers.BodyOf(("Reader", Documents.East)).ToJsonString();
        var changed = (await server.Request("PUT", Operators, narrowed, [])).Expect(200).Json;
        Assert.Single(changed["properties"]!["members"]!.AsArray());
        (await server.SendAs(token, "GET", Documents.East)).Expect(200);
        (await server.SendAs(token, "DELETE", Documents.East)).Expect(403);
        (await server.Delete(Operators)).Expect(200);
        (await server.SendAs(token, "GET", Documents.East)).Expect(403);
        (await server.Delete(Operators)).Expect(204);
    }

    [Fact]
    public async Task Says_WhoOneIs_AndByWhichGroup()
    {
        await using var server = await Start();
        var token = await server.IssueToken("ann", [("Reader", Documents.West)]);
        (await server.Request("PUT", $"{Operators}/members/ann", null, [])).Expect(200);
        var self = (await server.SendAs(token, "GET", "/providers/Weft.Identity/whoami")).Expect(200).Json;
        Assert.Equal(
            [("Reader", null), ("Contributor", "operators")],
            self["assignments"]!.AsArray().Select(a => (a!["role"]!.ToString(), a["group"]?.ToString()))
        );
        Assert.Equal("operators", self["groups"]![0]!.ToString());
        Assert.Equal(
            "admin",
            (await server.Get("/providers/Weft.Identity/whoami")).Expect(200).Json["name"]!.ToString()
        );
        Assert.Equal(
            "operators",
            (await server.Get("/providers/Weft.Identity/principals/ann")).Json["properties"]!["groups"]![0]!.ToString()
        );
    }

    [Fact]
    public async Task Forgets_AMember_ThatIsDeleted()
    {
        await using var server = await Start();
        _ = await server.IssueToken("ann", [("Reader", Documents.West)]);
        (await server.Request("PUT", $"{Operators}/members/ann", null, [])).Expect(200);
        (await server.Delete("/providers/Weft.Identity/principals/ann")).Expect(200);
        Assert.Empty((await server.Get(Operators)).Json["properties"]!["members"]!.AsArray());
        // Who is made later by that name is somebody else.
        var token = await server.IssueToken("ann", [("Reader", Documents.West)]);
        (await server.SendAs(token, "GET", Documents.East)).Expect(403);
    }

    [Theory]
    [InlineData("PUT", Operators + "/members/nobody", 400)]
    [InlineData("PUT", Operators + "/members/admin", 400)]
    [InlineData("PUT", "/providers/Weft.Identity/groups/none/members/ann", 404)]
    [InlineData("DELETE", "/providers/Weft.Identity/groups/none/members/ann", 404)]
    [InlineData("GET", Operators + "/members/ann", 405)]
    [InlineData("GET", Operators + "/others/ann", 400)]
    public async Task Refuses_WhoIsntThere(string method, string path, int status)
    {
        await using var server = await Start();
        var revision = server.Revision;
        (await server.Request(method, path, null, [])).Expect(status);
        Assert.Equal(revision, server.Revision);
    }

    [Fact]
    public async Task Serves_OwnersOfTheWholeSiteAlone()
    {
        await using var server = await Start();
        var token = await server.IssueToken("ann", [("Owner", Documents.Group), ("Contributor", "/")]);
        foreach (var path in new[] { Operators, "/providers/Weft.Identity/groups", "/providers/Weft.Identity/roles" })
            (await server.SendAs(token, "GET", path)).Expect(403);
        (await server.SendAs(token, "PUT", $"{Operators}/members/ann")).Expect(403);
    }

    private static async Task<InProcessServer> Start()
    {
        var server = await InProcessServer.WithSite();
        var body = ServerCallers.BodyOf(("Contributor", Documents.East)).ToJsonString();
        (await server.Request("PUT", Operators, body, [])).Expect(201);
        return server;
    }
}
