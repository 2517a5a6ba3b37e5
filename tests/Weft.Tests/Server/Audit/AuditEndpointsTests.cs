using System.Text.Json.Nodes;
using Weft.Contracts;

namespace Weft.Tests.Server.Audit;

/// <summary><c>GET /providers/Weft.Site/audit</c>.</summary>
public sealed class AuditEndpointsTests
{
    private const string Audit = "/providers/Weft.Site/audit";
    private const string Correlation = "0f6a4c1e-8d0f-4f5e-9a3b-0d6f1c2b3a49";

    [Fact]
    public async Task Filters_AndPages()
    {
        await using var server = await InProcessServer.Empty();
        for (var i = 0; i < 5; i++)
        {
            var group = new Document(
                $"{Documents.Subscription}/resourceGroups/g{i}",
                new() { ["location"] = "eastus" }
            );
            (await server.Put(group, ("x-ms-correlation-request-id", Correlation))).Expect(201);
            server.Clock.Advance(TimeSpan.FromMinutes(1));
        }

        (await server.Delete($"{Documents.Subscription}/resourceGroups/g0")).Expect(202);
        (await server.Delete($"{Documents.Subscription}/resourceGroups/g0/nonsense/x")).Expect(400);

        var all = await Numbers(server, $"{Audit}?who=admin&$top=2");
        Assert.Equal(7, all.Count);
        Assert.Equal(all.Order(), all);
        Assert.Equal(all[..5], await Numbers(server, $"{Audit}?correlation={Correlation.ToUpperInvariant()}"));
        Assert.Equal([all[6]], await Numbers(server, $"{Audit}?result=refused"));
        Assert.Equal(all[5..], await Numbers(server, $"{Audit}?verb=delete"));
        Assert.Equal(
            [all[0], all[5], all[6]],
            await Numbers(server, $"{Audit}?id={Documents.Subscription}/RESOURCEGROUPS/G0")
        );
        Assert.Equal(
            all[1..3],
            await Numbers(server, $"{Audit}?who=admin&since=2026-11-22T10:01:00Z&until=2026-11-22T10:02:00Z")
        );
        Assert.Empty(await Numbers(server, $"{Audit}?who=nobody"));
        // Reading isn't recorded, so it finds no trace of itself.
        Assert.Equal(all, await Numbers(server, $"{Audit}?who=admin"));
    }

    [Fact]
    public async Task Shows_ARecord_AsAResource()
    {
        await using var server = await InProcessServer.Empty();
        (await server.Put(Documents.ResourceGroup)).Expect(201);
        var shown = (await server.Get($"{Audit}?verb=PUT")).Expect(200).Json["value"]![0]!;
        Assert.Equal("Weft.Site/audit", shown["type"]!.ToString());
        Assert.Equal($"{Audit}/{shown["name"]}", shown["id"]!.ToString());
        Assert.Equal(
            server.Audited()[^1],
            AuditRecord.Read(System.Text.Encoding.UTF8.GetBytes(shown["properties"]!.ToJsonString()))
        );
    }

    [Fact]
    public async Task Follows_WhatIsWritten()
    {
        await using var server = await InProcessServer.Empty();
        await server.WaitUntil(() => server.Audited().Any(r => r.Verb == "Start"), "the start");
        var end = (await server.Get($"{Audit}?follow=true&verb=PUT")).Expect(200).Json;
        Assert.Empty(end["value"]!.AsArray());
        var waiting = server.Get(Relative(end["nextLink"]!), ("Prefer", "wait=60"));
        (await server.Put(Documents.ResourceGroup)).Expect(201);
        await server.WaitUntil(
            () =>
            {
                server.Clock.Advance(TimeSpan.FromSeconds(0.5));
                return waiting.IsCompleted;
            },
            "the answer that waited"
        );
        Assert.Equal(
            Documents.ResourceGroup.Id,
            (await waiting).Expect(200).Json["value"]![0]!["properties"]!["id"]!.ToString()
        );
    }

    [Theory]
    [InlineData("since=yesterday", "since")]
    [InlineData("until=1", "until")]
    [InlineData("result=good", "result")]
    [InlineData("$top=0", "$top")]
    [InlineData("$top=1001", "$top")]
    [InlineData("$skipToken=x", "$skipToken")]
    [InlineData("$skipToken=MS4=4", "$skipToken")]
    public async Task Refuses_WhatCantBeAsked(string query, string target)
    {
        await using var server = await InProcessServer.Empty();
        Assert.Equal(target, (await server.Get($"{Audit}?{query}")).Expect(400).Json["error"]!["target"]!.ToString());
    }

    [Theory]
    [InlineData("Reader", "/", 200)]
    [InlineData("Owner", "/", 200)]
    [InlineData("Owner", Documents.East, 403)]
    public async Task Shows_ItToWhoMayReadTheWholeSite(string role, string scope, int status)
    {
        await using var server = await InProcessServer.WithSite();
        const string Ann = "/providers/Weft.Identity/principals/ann";
        var assignments = new JsonArray(new JsonObject { ["role"] = role, ["scope"] = scope });
        var body = new JsonObject { ["properties"] = new JsonObject { ["assignments"] = assignments } };
        (await server.Request("PUT", Ann, body.ToJsonString(), [])).Expect(201);
        var token = (await server.Post($"{Ann}/rotateToken", "")).Json["token"]!.ToString();
        Assert.Equal(
            status,
            (await server.Send("GET", $"{Audit}?api-version={Documents.VersionOf(Audit)}", null, token)).Status
        );
        (await server.Request("POST", Audit, "{}", [])).Expect(405);
    }

    private static async Task<List<long>> Numbers(InProcessServer server, string path)
    {
        var numbers = new List<long>();
        for (string? next = path; next is not null; )
        {
            var page = (await server.Get(next)).Expect(200).Json;
            numbers.AddRange(page["value"]!.AsArray().Select(r => r!["properties"]!["number"]!.GetValue<long>()));
            next = page["nextLink"] is { } link ? Relative(link) : null;
        }

        return numbers;
    }

    private static string Relative(JsonNode link) => new Uri(link.ToString()).PathAndQuery;
}
