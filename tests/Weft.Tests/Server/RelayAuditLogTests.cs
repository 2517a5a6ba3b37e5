using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
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
            audit.Write(Event(RelayEventKind.Refused));
        await audit.StartAsync(Cancel);
        await audit.DisposeAsync();
        var lines = await File.ReadAllLinesAsync(Log, Cancel);
        var dropped = lines
            .Select(line => JsonNode.Parse(line)!)
            .Single(line => line["event"]!.ToString() == "Dropped");
        Assert.Equal(20_000, lines.Length - 1 + dropped["lines"]!.GetValue<int>());
    }

    public void Dispose() => _directory.Delete(true);

    private async Task<RelayAuditLog> Started(long largest = 64 * 1024 * 1024)
    {
        var audit = new RelayAuditLog(Log, TimeProvider.System, NullLogger<RelayAuditLog>.Instance, largest);
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
