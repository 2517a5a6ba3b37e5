using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Weft.Relay.Server.Authorization;
using Weft.Server.Relays;

namespace Weft.Tests.Server;

public sealed class RelayAuditLogTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("weft-audit-");

    private string Log => Path.Join(_directory.FullName, "relay-audit.log");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Writes_OneLineOfJson_ForEachEvent()
    {
        await using (var audit = await Started())
        {
            audit.Write(
                Event(RelayEventKind.SessionClosed) with
                {
                    Key = "send",
                    Rule = "no network rules",
                    Status = 1000,
                    Reason = "line\nfeed \"quoted\"",
                    BytesUp = 5,
                    BytesDown = 7,
                    Duration = TimeSpan.FromSeconds(3),
                }
            );
        }

        var line = JsonNode.Parse(Assert.Single(await File.ReadAllLinesAsync(Log, Cancel)))!;
        Assert.Equal(
            ("SessionClosed", "site-a/camera", "Sender", "10.0.0.1", 5, 7, 3000),
            (
                line["event"]!.ToString(),
                line["connection"]!.ToString(),
                line["role"]!.ToString(),
                line["source"]!.ToString(),
                line["bytesUp"]!.GetValue<int>(),
                line["bytesDown"]!.GetValue<int>(),
                line["milliseconds"]!.GetValue<int>()
            )
        );
        Assert.Equal("line\nfeed \"quoted\"", line["reason"]!.ToString());
    }

    [Fact]
    public async Task Rotates_TheFile_AndKeepsTheNewest()
    {
        await using (var audit = await Started(largest: 2000))
        {
            for (var i = 0; i < 100; i++)
                audit.Write(Event(RelayEventKind.ListenerConnected) with { Reason = $"number {i}" });
        }

        Assert.Equal(
            ["relay-audit.log", "relay-audit.log.1", "relay-audit.log.2", "relay-audit.log.3", "relay-audit.log.4"],
            _directory.GetFiles().Select(f => f.Name).Order(StringComparer.Ordinal)
        );
        Assert.All(
            _directory.GetFiles(),
            file => Assert.True(file.Length < 2300, $"{file.Name} has {file.Length} bytes")
        );
        var newest = new[] { ".1", "" }.SelectMany(end => File.ReadAllLines(Log + end)).ToList();
        Assert.EndsWith("\"number 99\"}", newest[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Counts_DroppedLines()
    {
        var audit = new RelayAuditLog(Log, TimeProvider.System, NullLogger<RelayAuditLog>.Instance);
        // Nobody drains yet: what doesn't fit is dropped at once, and nobody waits.
        for (var i = 0; i < 20_000; i++)
            audit.Write(Event(RelayEventKind.ListenerGone));
        await audit.StartAsync(Cancel);
        await audit.DisposeAsync();
        var lines = await File.ReadAllLinesAsync(Log, Cancel);
        var dropped = lines
            .Select(line => JsonNode.Parse(line)!)
            .Single(line => line["event"]!.ToString() == "Dropped");
        Assert.Equal(20_000, lines.Length - 1 + dropped["lines"]!.GetValue<int>());
    }

    /// <summary>One line for a source and interval, with the first refusal of it and how many there were.</summary>
    [Fact]
    public async Task Sums_RefusalsOfStrangers_BySource()
    {
        var clock = new FakeTimeProvider();
        await using var audit = await Started(clock: clock);
        audit.Write(Stranger("10.0.0.1", 1) with { Connection = string.Concat(Enumerable.Repeat("\U0001F600", 500)) });
        for (var i = 2; i <= 1000; i++)
            audit.Write(Stranger("10.0.0.1", i));
        // One that has expired is no token either; one that is for something else is.
        audit.Write(Stranger("10.0.0.2", 1) with { Key = "send" });
        audit.Write(Event(RelayEventKind.Refused) with { Key = "send", Status = 403 });
        clock.Advance(RelayAuditLog.SumInterval);
        var lines = await Read(3);
        Assert.Equal(
            ["10.0.0.1 403 1", "10.0.0.1 401 1000", "10.0.0.2 401 1"],
            lines.Select(line => $"{line["source"]} {line["status"]} {line["count"] ?? 1}")
        );
        Assert.Equal(("t-1", "no token"), (lines[1]["tracking"]!.ToString(), lines[1]["reason"]!.ToString()));
        Assert.Equal(128, lines[1]["connection"]!.ToString().Length);

        audit.Write(Stranger("10.0.0.1", 2000));
        clock.Advance(RelayAuditLog.SumInterval);
        Assert.Equal("t-2000", (await Read(4))[^1]["tracking"]!.ToString());
    }

    /// <summary>What 10,000 requests of as many strangers leave, each with the longest path: less than 64 KiB.</summary>
    [Fact]
    public async Task Bounds_WhatStrangersWrite()
    {
        var clock = new FakeTimeProvider();
        await using var audit = await Started(clock: clock);
        var path = new string('x', 2000);
        for (var i = 0; i < 10_000; i++)
            audit.Write(Stranger($"10.{i / 250}.{i % 250}.1", i) with { Connection = path });
        clock.Advance(RelayAuditLog.SumInterval);
        var lines = await Read(StrangerRefusals.MaxSources + 1);
        Assert.True(new FileInfo(Log).Length <= 64 * 1024, $"{new FileInfo(Log).Length} bytes");
        Assert.Equal(10_000, lines.Sum(line => line["count"]!.GetValue<long>()));
        Assert.Null(lines[^1]["source"]);
    }

    /// <summary>
    /// However long they go on, a day of it is a sixty-fourth of a file; none is lost, and the history stays.
    /// </summary>
    [Fact]
    public async Task Keeps_StrangersToTheirShareOfADay()
    {
        var clock = new FakeTimeProvider();
        long counted = 0;
        await using (var audit = await Started(clock: clock))
        {
            for (var minute = 0; minute < 23 * 60; minute++)
            {
                for (var i = 0; i < 40; i++, counted++)
                    audit.Write(Stranger($"10.0.{i}.1", i));
                clock.Advance(RelayAuditLog.SumInterval);
            }

            await Eventually.Holds(() => File.Exists(Log) && new FileInfo(Log).Length > 1_000_000, "the share is used");
            clock.Advance(TimeSpan.FromHours(1));
            audit.Write(Event(RelayEventKind.ListenerGone));
        }

        Assert.InRange(new FileInfo(Log).Length, 1_000_000, 1_060_000);
        var sums = (await File.ReadAllLinesAsync(Log, Cancel)).Select(line => JsonNode.Parse(line)!["count"]);
        Assert.Equal(counted, sums.Sum(count => count?.GetValue<long>() ?? 0));
    }

    /// <summary>Senders that need no token are written one by one, while their own share lasts.</summary>
    [Fact]
    public async Task Bounds_WhatAnonymousSendersWrite()
    {
        var clock = new FakeTimeProvider();
        await using (var audit = await Started(clock: clock))
        {
            var request = Event(RelayEventKind.RequestEnded) with { Reason = new string('x', 60_000) };
            for (var i = 0; i < 400; i++)
                audit.Write(request);
            audit.Write(request with { Key = "send" });
        }

        var lines = (await File.ReadAllLinesAsync(Log, Cancel)).Select(line => JsonNode.Parse(line)!).ToList();
        Assert.InRange(new FileInfo(Log).Length, 16_000_000, 17_000_000);
        Assert.Equal("send", lines[^2]["key"]!.ToString());
        Assert.Equal(
            ("Dropped", 402 - lines.Count),
            (lines[^1]["event"]!.ToString(), lines[^1]["lines"]!.GetValue<int>())
        );
    }

    private async Task<List<JsonNode>> Read(int count)
    {
        var lines = new List<JsonNode>();
        await Eventually.Holds(
            () =>
            {
                if (!File.Exists(Log))
                    return false;
                lines =
                [
                    .. File.ReadAllLines(Log).Where(line => line.EndsWith('}')).Select(line => JsonNode.Parse(line)!),
                ];
                return lines.Count >= count;
            },
            $"{count} lines"
        );
        Assert.Equal(count, lines.Count);
        return lines;
    }

    private static RelayEvent Stranger(string source, int number) =>
        new(
            RelayEventKind.Refused,
            "weft/nowhere",
            ClientRole.Sender,
            "",
            new(IPAddress.Parse(source), 1),
            $"t-{number}"
        )
        {
            Status = 401,
            Reason = "no token",
        };

    public void Dispose() => _directory.Delete(true);

    private async Task<RelayAuditLog> Started(long largest = 64 * 1024 * 1024, TimeProvider? clock = null)
    {
        var audit = new RelayAuditLog(Log, clock ?? TimeProvider.System, NullLogger<RelayAuditLog>.Instance, largest);
        await audit.StartAsync(Cancel);
        return audit;
    }

    private static RelayEvent Event(RelayEventKind kind) =>
        new(
            kind,
            "site-a/camera",
            ClientRole.Sender,
            "",
            new IPEndPoint(IPAddress.Parse("::ffff:10.0.0.1"), 4711),
            "t-1"
        );
}
