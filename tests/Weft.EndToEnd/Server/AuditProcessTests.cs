using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Runtime.Versioning;
using System.Text;
using System.Text.Json.Nodes;
using Weft.Contracts;

namespace Weft.EndToEnd.Server;

/// <summary>The record of who did what, over the lives of the process.</summary>
[SupportedOSPlatform("linux")]
public sealed class AuditProcessTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Says_WhatItRunsWith_AndRecordsStartsAndStops()
    {
        await using var weftd = await Weftd.Start("--log-level", "debug", "--audit-also", "reads");
        using var client = new HttpClient();
        Assert.Equal(200, (await weftd.SendRequest(client, "GET", "/subscriptions")).Status);
        Assert.Equal(0, await weftd.Stop());
        await weftd.Start();
        await weftd.Kill();
        await weftd.Start();
        Assert.Equal(0, await weftd.Stop());

        var started = weftd.Errors.First(line => line.Contains(" info started ", StringComparison.Ordinal));
        foreach (
            var word in new[]
            {
                " version=",
                $" data={weftd.Data} ",
                " listen=http://127.0.0.1:",
                "reservedAddresses:3",
            }
        )
            Assert.Contains(word, started, StringComparison.Ordinal);
        Assert.Contains(
            weftd.Errors,
            line =>
                line.Contains(
                    "debug request-served method=GET path=/subscriptions status=200 ",
                    StringComparison.Ordinal
                ) && line.Contains(" who=admin ", StringComparison.Ordinal)
        );
        var records = Records(weftd);
        Assert.Equal(["Start", "GET", "Stop", "Start", "Start", "Stop"], records.Select(r => r.Verb));
        Assert.Equal(
            [false, false, true],
            records.Where(r => r.Verb == "Start").Select(r => r.Detail!.ContainsKey("unclean"))
        );
        Assert.Equal(weftd.Data, records[0].Detail!["data"]);
        Assert.Equal("3", records[0].Detail!["reservedAddresses"]);
        Assert.Equal(Enumerable.Range(1, 6).Select(n => (long)n), records.Select(r => r.Number));
    }

    [Fact]
    public async Task Has_EveryAcknowledgedWrite_WheneverItIsKilled()
    {
        await using var weftd = await Weftd.Start();
        var acknowledged = new ConcurrentBag<string>();
        for (var life = 0; life < 10; life++)
        {
            using var over = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
            var before = acknowledged.Count;
            var work = Enumerable
                .Range(0, 8)
                .Select(i => Task.Run(() => Write(weftd, i, acknowledged, over.Token), Cancel))
                .ToArray();
            await Weft.Relay.Testing.Eventually.Holds(
                () => acknowledged.Count > before + 40,
                "writes are acknowledged"
            );
            await weftd.Kill();
            await over.CancelAsync();
            await Task.WhenAll(work);
            await weftd.Start();
        }

        var recorded = Records(weftd)
            .Where(r => r.Result == AuditResult.Succeeded)
            .Select(r => r.RequestId)
            .ToHashSet();
        Assert.DoesNotContain(acknowledged, id => !recorded.Contains(id));
        Assert.Equal(Records(weftd).Select(r => r.Number).Order(), Records(weftd).Select(r => r.Number));
    }

    /// <summary>Writes until the server is gone, and keeps the ids of what was acknowledged.</summary>
    private static async Task Write(Weftd weftd, int writer, ConcurrentBag<string> acknowledged, CancellationToken over)
    {
        using var client = new HttpClient();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", weftd.Token);
        var address = new Uri(weftd.Url, $"/subscriptions/s/resourceGroups/g{writer}?api-version=2021-04-01");
        try
        {
            for (var i = 0; ; i++)
            {
                var body = new JsonObject
                {
                    ["location"] = "lab",
                    ["tags"] = new JsonObject { ["n"] = $"{i}" },
                };
                using var content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
                using var answer = await client.PutAsync(address, content, over);
                if (answer.IsSuccessStatusCode)
                    acknowledged.Add(answer.Headers.GetValues("x-ms-request-id").Single());
            }
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            // The server was killed.
        }
    }

    private static List<AuditRecord> Records(Weftd weftd) =>
        [
            .. File.ReadLines(Path.Join(weftd.Data, "audit.log"))
                .Select(line => AuditRecord.Read(Encoding.UTF8.GetBytes(line)))
                .OfType<AuditRecord>(),
        ];
}
