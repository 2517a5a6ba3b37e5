using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Weft.Contracts;
using Weft.Server;
using Weft.Server.Audit;

namespace Weft.Tests.Server.Audit;

/// <summary>Reading the log in pages while it is written.</summary>
public sealed class AuditReaderTests : IAsyncLifetime
{
    private const int Keep = 20;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("weft-audit-");
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 11, 22, 10, 0, 0, TimeSpan.Zero));
    private AuditLog _log = null!;

    private string Log => Path.Join(_directory.FullName, "audit.log");

    public async ValueTask InitializeAsync()
    {
        _log = new AuditLog(
            new AuditFile(Log, new AuditServeOptions { MaxSize = 4000, Keep = Keep }),
            null,
            _clock,
            NullLogger<AuditLog>.Instance
        );
        await _log.StartAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _log.DisposeAsync();
        _directory.Delete(true);
    }

    [Fact]
    public async Task Reads_AcrossFilesThatAreTurnedOverMeanwhile()
    {
        await Write(100);
        var reader = new AuditReader(Log, Keep);
        AuditPosition? at = null;
        var numbers = new List<long>();
        for (var page = 0; page < 40; page++)
        {
            var read = reader.Read(new AuditQuery(), at, 7);
            numbers.AddRange(read.Records.Select(r => r.Number));
            at = read.Next;
            // Two files' worth goes in between two pages at first.
            if (page < 4)
                await Write(30);
        }

        Assert.Equal(Enumerable.Range(1, 220).Select(n => (long)n), numbers);
        Assert.True(Directory.GetFiles(_directory.FullName).Length > 5);
        var end = reader.Read(new AuditQuery(), at, 7);
        Assert.True(end.IsEnd);
        await Write(1);
        Assert.Equal(221, Assert.Single(reader.Read(new AuditQuery(), end.Next, 7).Records).Number);
    }

    [Fact]
    public async Task Goes_On_AtTheOldest_WhereAPlaceIsKeptNoLonger()
    {
        await Write(10);
        var reader = new AuditReader(Log, Keep);
        var first = reader.Read(new AuditQuery(), null, 5);
        await Write(1000);
        var oldest = reader.Read(new AuditQuery(), null, 1).Records[0].Number;
        Assert.True(oldest > 10);
        Assert.Equal(oldest, reader.Read(new AuditQuery(), first.Next, 5).Records[0].Number);
    }

    [Fact]
    public async Task Bounds_APage_ByBytes_WhetherItFindsSomethingOrNot()
    {
        await Write(200);
        var reader = new AuditReader(Log, Keep, maxPageBytes: 10_000);
        var nobody = new AuditQuery { Who = "nobody" };
        AuditPosition? at = null;
        var pages = 0;
        while (reader.Read(nobody, at, 100) is { IsEnd: false } page)
        {
            Assert.Empty(page.Records);
            Assert.NotEqual(at, page.Next);
            (at, pages) = (page.Next, pages + 1);
            Assert.InRange(pages, 0, 100);
        }

        Assert.InRange(pages, 2, 20);
    }

    [Fact]
    public async Task Passes_OverWhatIsNoRecord()
    {
        await Write(2);
        await File.AppendAllTextAsync(Log, "{\"half\n" + new string('x', 200_000) + "\n", Cancel);
        await File.AppendAllTextAsync(
            Log,
            """{"time":"2026-11-22T10:00:00.000Z","number":9,"verb":"GET","who":"x","callerType":"System"}""" + "\n",
            Cancel
        );
        Assert.Equal(
            [1L, 2L, 9L],
            new AuditReader(Log, Keep).Read(new AuditQuery(), null, 10).Records.Select(r => r.Number)
        );
    }

    [Fact]
    public async Task Finds_ByTime_OverAllFiles()
    {
        for (var i = 0; i < 60; i++)
        {
            await Write(1);
            _clock.Advance(TimeSpan.FromMinutes(1));
        }

        var start = new DateTimeOffset(2026, 11, 22, 10, 0, 0, TimeSpan.Zero);
        var query = new AuditQuery { Since = start.AddMinutes(50), Until = start.AddMinutes(52) };
        Assert.Equal([51L, 52L, 53L], new AuditReader(Log, Keep).Read(query, null, 10).Records.Select(r => r.Number));
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private async Task Write(int count)
    {
        for (var i = 0; i < count; i++)
            Assert.True(
                await _log.Append(
                    new AuditRecord(AuditRecord.Format(_clock.GetUtcNow()), 0, "PUT", "ann", AuditCallerType.Principal)
                    {
                        Id = i.ToString(CultureInfo.InvariantCulture),
                    }
                )
            );
    }
}
