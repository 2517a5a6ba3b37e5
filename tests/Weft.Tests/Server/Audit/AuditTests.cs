using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Weft.Contracts;
using Weft.Server;

namespace Weft.Tests.Server.Audit;

/// <summary>What weftd puts on record. Contract: docs/specs/audit.md.</summary>
public sealed class AuditTests
{
    private const string Ann = "/providers/Weft.Identity/principals/ann";
    private const string Correlation = "0f6a4c1e-8d0f-4f5e-9a3b-0d6f1c2b3a49";

    private static string Group => Documents.Group;

    [Fact]
    public async Task Records_AWrite_WithWhoFromWhereAndDigests()
    {
        await using var server = await InProcessServer.Empty();
        var made = await server.Put(Documents.ResourceGroup, ("x-ms-correlation-request-id", Correlation));

        var record = Assert.Single(Requests(server));
        Assert.Equal(("2026-11-22T10:00:00.000Z", "PUT", Group), (record.Time, record.Verb, record.Id));
        Assert.Equal(("admin", AuditCallerType.Administrator), (record.Who, record.CallerType));
        Assert.Matches(@"^127\.0\.0\.1:[1-9][0-9]*\z", record.From!);
        Assert.Equal((AuditResult.Succeeded, 201, null), (record.Result, record.Status, record.Code));
        Assert.Equal(Correlation, record.CorrelationId);
        Assert.Equal(Correlation, made.Header("x-ms-correlation-request-id"));
        Assert.Equal(made.Header("x-ms-request-id"), record.RequestId);
        Assert.Null(record.Before);
        Assert.Matches("^[0-9a-f]{16}\\z", record.After!);
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite,
            File.GetUnixFileMode(Path.Join(server.Data, "audit.log"))
        );
    }

    [Fact]
    public async Task Records_WhatAWriteFinds_AsWhatTheOneBeforeItLeft()
    {
        await using var server = await InProcessServer.Empty();
        await server.Create(Documents.ResourceGroup);
        await server.Create(Documents.ResourceGroup);
        await server.Create(Documents.ResourceGroup.With(body => body["tags"] = new JsonObject { ["a"] = "b" }));
        await server.DeleteAndWait(Group);

        var records = Requests(server);
        Assert.Equal(["PUT", "PUT", "PUT", "DELETE"], records.Select(r => r.Verb));
        Assert.Null(records[0].Before);
        Assert.Equal(records[..^1].Select(r => r.After), records[1..].Select(r => r.Before));
        // The same once more changes nothing; all others do.
        Assert.Equal(records[1].Before, records[1].After);
        Assert.NotEqual(records[2].Before, records[2].After);
        Assert.NotEqual(records[3].Before, records[3].After);
        Assert.Equal(Enumerable.Range((int)records[0].Number, 4).Select(n => (long)n), records.Select(r => r.Number));
    }

    [Fact]
    public async Task Records_RefusalsOfWritesAndForbiddenReads()
    {
        await using var server = await InProcessServer.WithSite();
        var reader = await Principal(server, "Reader", Documents.East);
        var before = Requests(server).Count;
        (await As(server, reader, "GET", Documents.East)).Expect(200);
        (await As(server, reader, "GET", $"{Documents.East}2")).Expect(403);
        (await As(server, reader, "PUT", Documents.East)).Expect(403);
        (await server.Get($"{Group}2")).Expect(404);
        (await server.Put(Documents.Layer2Domain("l2isd2", 0))).Expect(400);
        (await server.Post("/providers/Weft.Fleet/plan", "{}")).Expect(400);
        (await server.Request("POST", $"{Documents.East}/nonsense", "{}", [])).Expect(404);

        Assert.Equal(
            [
                ("ann", "GET", 403, "AuthorizationFailed", $"{Documents.East}2", null),
                ("ann", "PUT", 403, "AuthorizationFailed", Documents.East, null),
                ("admin", "PUT", 400, "InvalidMember", $"{Documents.Fabric}/l2IsolationDomains/l2isd2", null),
                ("admin", "POST", 404, "InvalidResourceType", Documents.East, "nonsense"),
            ],
            Requests(server).Skip(before).Select(r => (r.Who, r.Verb, r.Status ?? 0, r.Code!, r.Id!, r.Action))
        );
        Assert.All(Requests(server).Skip(before), r => Assert.Equal(AuditResult.Refused, r.Result));
    }

    [Fact]
    public async Task Names_NoSecret()
    {
        await using var server = await InProcessServer.WithSite();
        var user = await Principal(server, "Contributor", "/");
        var enrolment = await server.EnrolmentToken(Documents.East, "w1", "w1");
        (await server.TryEnrol(enrolment, "w1", "w1", out var credential)).Expect(201);
        await server.DeleteAndWait($"{Documents.East}/providers/Weft.Fleet/agents/w1");
        (await server.Delete(Ann)).Expect(200);

        var text = await File.ReadAllTextAsync(
            Path.Join(server.Data, "audit.log"),
            TestContext.Current.CancellationToken
        );
        foreach (var secret in new[] { user, enrolment, credential, BearerToken.HashOf(enrolment) })
            Assert.DoesNotContain(secret, text, StringComparison.Ordinal);
        var records = server.Audited();
        var enrolled = Assert.Single(records, r => r.CallerType == AuditCallerType.EnrolmentToken);
        Assert.Equal(BearerToken.HashOf(enrolment)[..16], enrolled.Who);
        var made = Assert.Single(records, r => r.Action == EnrolmentTokenRequest.ActionName);
        Assert.Equal(("w1", "w1", enrolled.Who), (made.Detail!["name"], made.Detail["node"], made.Detail["token"]));
        var rotated = Assert.Single(records, r => r.Action == "rotateToken");
        Assert.Equal((Ann, BearerToken.HashOf(user)[..16]), (rotated.Id, rotated.Detail!["token"]));
        Assert.NotEqual(rotated.Before, rotated.After);
        Assert.Equal((Ann, null), (records[^1].Id, records[^1].After));
        Assert.Equal("DELETE", records[^2].Verb);
    }

    [Fact]
    public async Task Records_AnEnrolment_WithWhomItReplaces()
    {
        await using var server = await InProcessServer.WithSite();
        _ = await server.Enrol(Documents.East, "w1", "w1");
        server.Clock.Advance(TimeSpan.FromMinutes(1));
        _ = await server.Enrol(Documents.East, "w1", "w1", replace: true);

        var enrolments = Requests(server).Where(r => r.Id!.EndsWith("/agents/w1", StringComparison.Ordinal)).ToList();
        Assert.Equal(2, enrolments.Count);
        Assert.Equal(("w1", "w1"), (enrolments[0].Detail!["name"], enrolments[0].Detail!["node"]));
        Assert.False(enrolments[0].Detail!.ContainsKey("replaced"));
        Assert.Equal("127.0.0.1", enrolments[1].Detail!["replacedFrom"]);
        Assert.Equal(
            DateTimeOffset.Parse(enrolments[0].Time, CultureInfo.InvariantCulture),
            DateTimeOffset.Parse(enrolments[1].Detail!["replaced"], CultureInfo.InvariantCulture)
        );
        Assert.Equal(enrolments[0].After, enrolments[1].Before);
    }

    [Theory]
    [InlineData(AuditAlso.None, 1)]
    [InlineData(AuditAlso.Leases, 2)]
    [InlineData(AuditAlso.Leases | AuditAlso.Reports | AuditAlso.Reads, 4)]
    public async Task Records_Leases_IfToldTo_AndRefusedOnesAlways(object also, int lines)
    {
        await using var server = await InProcessServer.Empty(audit: new AuditServeOptions { Also = (AuditAlso)also });
        foreach (var document in Documents.Site)
            await server.Create(document);
        var agent = await server.Enrol(Documents.East, "w1", "w1");
        var before = Requests(server).Count;
        var lease = LeaseAllocatorTests.LeaseRequest("n6", "c1");
        (await server.SendAsAgent(agent, "POST", "leases/acquire", lease)).Expect(200);
        lease["node"] = "w2";
        (await server.SendAsAgent(agent, "POST", "leases/acquire", lease)).Expect(403);
        (await server.SendAsAgent(agent, "GET", "relay")).Expect(200);
        (await server.SendAsAgent(agent, "PUT", "verifications/none", new JsonObject())).Expect(204);

        var records = Requests(server).Skip(before).ToList();
        Assert.Equal(lines, records.Count);
        Assert.All(records, r => Assert.EndsWith("/agents/w1", r.Who, StringComparison.Ordinal));
        Assert.Single(records, r => r.Code == "AuthorizationFailed");
    }

    [Fact]
    public async Task Bounds_AndEscapes_WhatCallersSay()
    {
        await using var server = await InProcessServer.Empty();
        var name = "\u202e%0a" + new string('x', 5000);
        (await server.Request("PUT", $"{Group}/{name}?token=weft_usr_x", "{}", [])).Expect(400);

        var line = File.ReadLines(Path.Join(server.Data, "audit.log")).Last();
        Assert.All(line, c => Assert.InRange(c, ' ', '~'));
        Assert.Contains(@"\u202E", line, StringComparison.Ordinal);
        Assert.DoesNotContain("weft_usr_x", line, StringComparison.Ordinal);
        Assert.EndsWith("...", server.Audited()[^1].Id, StringComparison.Ordinal);
        Assert.InRange(line.Length, 1024, 4096);
    }

    [Fact]
    public async Task Sums_StrangersUp()
    {
        await using var server = await InProcessServer.Empty();
        var before = Requests(server).Count;
        for (var i = 0; i < 10; i++)
            (await server.Send("PUT", $"{Group}/{i}", null, i % 2 == 0 ? null : "weft_usr_wrong")).Expect(401);
        Assert.Equal(before, Requests(server).Count);
        await server.WaitUntil(
            () =>
            {
                server.Clock.Advance(TimeSpan.FromSeconds(15));
                return Requests(server).Count > before;
            },
            "the sum"
        );

        var sum = Assert.Single(Requests(server).Skip(before));
        Assert.Equal(
            ("stranger", AuditCallerType.Stranger, 401, 10L, $"{Group}/0"),
            (sum.Who, sum.CallerType, sum.Status, sum.Count, sum.Id)
        );
        Assert.StartsWith("127.0.0.1:", sum.From, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Holds_Back_WhoShowsNoCredential_WhateverThePath()
    {
        await using var server = await InProcessServer.WithSite();
        for (var i = 0; i < 20; i++)
            (await server.Send("GET", i % 2 == 0 ? Documents.East : "/nowhere", null, null)).Expect(401);
        var held = server.Send("GET", Documents.East, null, null);
        // Others of the same address are served meanwhile.
        (await server.Get(Documents.East)).Expect(200);
        Assert.False(held.IsCompleted);
        await server.WaitUntil(
            () =>
            {
                server.Clock.Advance(TimeSpan.FromSeconds(0.25));
                return held.IsCompleted;
            },
            "the answer that was held back"
        );
        (await held).Expect(401);
    }

    [Fact]
    public async Task Refuses_WritesBeforeTheyBegin_WhileTheLogCannotBeWritten()
    {
        await using var disk = await SmallDisk.Mount();
        await using var server = await InProcessServer.Empty(data: Path.Join(disk.Path, "data"));
        (await server.Put(Documents.ResourceGroup)).Expect(201);
        disk.Fill();
        // Whatever a page has room for; the first that has none is carried out and said not to be on record.
        ServerResponse answer;
        var tags = 0;
        do
        {
            var body = new JsonObject
            {
                ["location"] = "eastus",
                ["tags"] = new JsonObject { ["n"] = $"{++tags}" },
            };
            answer = await server.Put(new Document(Group, body));
        } while (answer.Status == 200 && tags < 1000);

        Assert.Equal("ServiceUnavailable", answer.Expect(503).Code);
        Assert.Contains("not on record yet", answer.Text, StringComparison.Ordinal);
        Assert.Equal($"{tags}", (await server.Get(Group)).Expect(200).Json["tags"]!["n"]!.ToString());
        var revision = server.Revision;
        Assert.Contains("nothing was done", (await server.Delete(Group)).Expect(503).Text, StringComparison.Ordinal);
        Assert.Equal(revision, server.Revision);

        disk.Free();
        await server.WaitUntil(
            () =>
            {
                server.Clock.Advance(TimeSpan.FromSeconds(1));
                return server.Audited()[^1].Verb == "DELETE";
            },
            "the log is written again"
        );
        (await server.Delete(Group)).Expect(202);
        var records = server.Audited();
        Assert.Equal(Enumerable.Range(1, records.Count).Select(n => (long)n), records.Select(r => r.Number));
        Assert.Equal(tags, records.Count(r => r is { Verb: "PUT", Status: 200 }));
    }

    /// <summary>
    /// Writes as often as the last page of the file has room; the first write for which it has none is carried out, and
    /// said not to be on record.
    /// </summary>
    private static async Task<(ServerResponse Answer, int Tags)> PutUntilRefused(InProcessServer server)
    {
        for (var tags = 1; ; tags++)
        {
            var body = new JsonObject
            {
                ["location"] = "eastus",
                ["tags"] = new JsonObject { ["n"] = $"{tags}" },
            };
            var answer = await server.Put(new Document(Group, body));
            if (answer.Status != 200)
                return (answer, tags);
            Assert.InRange(tags, 1, 1000);
        }
    }

    private static List<AuditRecord> Requests(InProcessServer server) =>
        [.. server.Audited().Where(record => record.CallerType != AuditCallerType.System)];

    private static async Task<string> Principal(InProcessServer server, string role, string scope)
    {
        var assignments = new JsonArray(new JsonObject { ["role"] = role, ["scope"] = scope });
        var body = new JsonObject { ["properties"] = new JsonObject { ["assignments"] = assignments } };
        (await server.Request("PUT", Ann, body.ToJsonString(), [])).Expect(201);
        return (await server.Post($"{Ann}/rotateToken", "")).Expect(200).Json["token"]!.ToString();
    }

    private static Task<ServerResponse> As(InProcessServer server, string token, string method, string path) =>
        server.Send(
            method,
            $"{path}?api-version={Documents.VersionOf(path)}",
            method == "GET" ? null : Encoding.UTF8.GetBytes("{}"),
            token
        );
}
