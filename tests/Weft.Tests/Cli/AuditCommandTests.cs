using System.Net.Http;
using System.Text.Json.Nodes;
using System.Web;
using Weft.Contracts;

namespace Weft.Tests.Cli;

/// <summary><c>weft audit</c>.</summary>
public sealed class AuditCommandTests : IDisposable
{
    private const string Path = "/providers/Weft.Site/audit";

    private readonly CommandLine _weft = new() { Clock = CommandLine.ClockAt("2026-11-22T10:30:00Z") };
    private readonly List<Uri> _asked = [];

    public void Dispose() => _weft.Dispose();

    [Fact]
    public async Task Asks_ForWhatTheOptionsSay()
    {
        Serve([]);
        var run = await _weft.RunBare(
            new[] { "audit", "--since", "1h", "--until", "2026-11-22T10:00:00Z", "--who", "ann", "--verb", "PUT" }
                .Concat(["--id", "/subscriptions/a b", "--result", "refused", "--correlation", "x"])
                .ToArray()
        );
        Assert.Equal((0, ""), (run.Exit, run.Out));
        Assert.Contains("nothing is on record for that", run.Error, StringComparison.Ordinal);
        var query = HttpUtility.ParseQueryString(Assert.Single(_asked).Query);
        Assert.Equal(
            [
                "2026-11-22T09:30:00.000Z",
                "2026-11-22T10:00:00.000Z",
                "ann",
                "PUT",
                "/subscriptions/a b",
                "refused",
                "x",
            ],
            new[] { "since", "until", "who", "verb", "id", "result", "correlation" }.Select(name => query[name]!)
        );
        Assert.Equal("2026-11-01", query["api-version"]);
    }

    [Fact]
    public async Task Prints_ATable_AndJson()
    {
        var agent =
            $"{CommandLine.Group}/providers/Microsoft.NetworkCloud/kubernetesClusters/east/providers/Weft.Fleet/agents/w1";
        AuditRecord[] records =
        [
            Record(1, "ann") with
            {
                Id = $"{CommandLine.Group}/providers/Microsoft.NetworkCloud/l3Networks/n6",
                From = "10.0.0.7:51324",
                Status = 200,
            },
            Record(2, agent) with
            {
                CallerType = AuditCallerType.Agent,
                Result = AuditResult.Refused,
                Status = 403,
                Code = "AuthorizationFailed",
                Count = 970,
                Id = "/agents/v1/\u202eevil\u001b[31m",
            },
        ];
        Serve(records);
        var table = await _weft.RunBare("audit", "--since", "6h");
        var lines = table.Out.Split('\n');
        Assert.Matches(@"^TIME +WHO +FROM +VERB +ID +RESULT +COUNT\z", lines[0]);
        Assert.Matches(
            @"^2026-11-22T10:00:00\.000Z +ann +10\.0\.0\.7:51324 +PUT +l3networks/n6 +Succeeded 200 +-\z",
            lines[1]
        );
        Assert.Matches(
            @"^2026-11-22T10:00:00\.000Z +east/w1 +- +PUT +/agents/v1/\\u202Eevil\ufffd\[31m +Refused 403 AuthorizationFailed +970\z",
            lines[2]
        );
        Assert.Equal(
            lines[0].IndexOf("RESULT", StringComparison.Ordinal),
            lines[2].IndexOf("Refused", StringComparison.Ordinal)
        );
        Serve(records);
        var json = await _weft.RunBare("audit", "-o", "json");
        Assert.Equal(["1", "2"], JsonNode.Parse(json.Out)!.AsArray().Select(r => r!["number"]!.ToString()));
        Assert.Contains(@"\u202E", json.Out, StringComparison.Ordinal);
        Assert.DoesNotContain('\u202e', json.Out);
        Serve(records);
        Assert.Contains("who: ann\n", (await _weft.RunBare("audit", "-o", "yaml")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Shows_TheNewest_AndSaysHowManyOlderThereAre()
    {
        Serve([.. Enumerable.Range(1, 7).Select(n => Record(n, "ann"))], pageSize: 2);
        var run = await _weft.RunBare("audit", "--limit", "3", "-o", "json");
        Assert.Equal(["5", "6", "7"], JsonNode.Parse(run.Out)!.AsArray().Select(r => r!["number"]!.ToString()));
        Assert.Contains("4 older records are not shown", run.Error, StringComparison.Ordinal);
        Assert.Equal(4, _asked.Count);
    }

    [Theory]
    [InlineData("--since", "yesterday")]
    [InlineData("--until", "1x")]
    [InlineData("--result", "good")]
    [InlineData("--limit", "0")]
    [InlineData("-o", "name")]
    public async Task Refuses_WhatCantBeMeant(string option, string value)
    {
        Serve([]);
        Assert.Equal(64, (await _weft.RunBare("audit", option, value)).Exit);
    }

    [Theory]
    [InlineData("weft audit --result ", "refused")]
    [InlineData("weft audit --verb ", "DELETE")]
    [InlineData("weft audit --", "--follow")]
    public async Task Completes_ItsOptions(string line, string offered)
    {
        var run = await _weft.RunBare($"[suggest:{line.Length}]", line);
        Assert.Equal(0, run.Exit);
        Assert.Contains(offered, run.Out.Split('\n'));
    }

    [Fact]
    public async Task Reads_ARealServer()
    {
        await using var server = await InProcessServer.Empty(now: DateTimeOffset.UnixEpoch.AddDays(20_000));
        _weft.UsesNetwork = true;
        _weft.Environment["WEFT_SERVER"] = server.Client.BaseAddress!.ToString();
        _weft.Environment["WEFT_TOKEN_FILE"] = System.IO.Path.Join(server.Data, "admin.token");
        (await server.Put(Documents.ResourceGroup)).Expect(201);
        var run = await _weft.RunBare("audit", "--since", "2020-01-01T00:00:00Z", "--verb", "put", "-o", "json");
        Assert.Equal(0, run.Exit);
        Assert.Equal(Documents.ResourceGroup.Id, JsonNode.Parse(run.Out)![0]!["id"]!.ToString());
    }

    private static AuditRecord Record(long number, string who) =>
        new("2026-11-22T10:00:00.000Z", number, "PUT", who, AuditCallerType.Principal);

    private void Serve(AuditRecord[] records, int pageSize = 100) =>
        _weft.Weftd.CannedResponses[Path] = request =>
        {
            _asked.Add(request.RequestUri!);
            var from = int.TryParse(HttpUtility.ParseQueryString(request.RequestUri!.Query)["$skipToken"], out var at)
                ? at
                : 0;
            var page = new JsonObject
            {
                ["value"] = new JsonArray([
                    .. records
                        .Skip(from)
                        .Take(pageSize)
                        .Select(r => (JsonNode)new JsonObject { ["properties"] = JsonNode.Parse(r.ToBytes()) }),
                ]),
            };
            if (from + pageSize < records.Length)
                page["nextLink"] =
                    $"https://weftd.example.org{Path}?api-version=2026-11-01&$skipToken={from + pageSize}";
            return FakeWeftd.Json(page);
        };
}
