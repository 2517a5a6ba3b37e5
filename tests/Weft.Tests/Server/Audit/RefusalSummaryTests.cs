using System.Globalization;
using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Weft.Contracts;
using Weft.Relay.Server.Authorization;
using Weft.Server;
using Weft.Server.Audit;

namespace Weft.Tests.Server.Audit;

/// <summary>Who is refused again and again pushes nothing out of the files.</summary>
public sealed class RefusalSummaryTests : IAsyncLifetime
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("weft-audit-");
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 11, 22, 10, 0, 0, TimeSpan.Zero));
    private AuditLog _log = null!;
    private RefusalSummary _summary = null!;

    private string Log => Path.Join(_directory.FullName, "audit.log");

    public async ValueTask InitializeAsync()
    {
        _log = new AuditLog(new AuditFile(Log, new AuditServeOptions()), null, _clock, NullLogger<AuditLog>.Instance);
        await _log.StartAsync(TestContext.Current.CancellationToken);
        var throttle = new RefusalThrottle(new RefusalThrottleOptions(5, default, default, 1), _clock);
        _summary = new RefusalSummary(_log, throttle, _clock);
    }

    public async ValueTask DisposeAsync()
    {
        _summary.Dispose();
        await _log.DisposeAsync();
        _directory.Delete(true);
    }

    [Theory]
    [InlineData(1, 10_000)]
    [InlineData(30, 10_000)]
    [InlineData(10_000, 10_000)]
    [InlineData(10_000, 1_000_000)]
    public async Task Keeps_StrangersWithinTheirBudget(int sources, int requests)
    {
        // An hour of it, as evenly as can be.
        const int Rounds = 240;
        for (var round = 0; round < Rounds; round++)
        {
            for (var i = round * requests / Rounds; i < (round + 1) * requests / Rounds; i++)
            {
                var source = new IPAddress([10, 0, (byte)(i % sources >> 8), (byte)(i % sources)]);
                Assert.False(_summary.Admit(Stranger(source), source));
            }

            _clock.Advance(RefusalSummary.Interval);
            _summary.Flush();
        }

        _summary.Flush(isLast: true);
        var records = await Written();
        Assert.Equal(requests, records.Sum(r => r.Count));
        Assert.InRange(new FileInfo(Log).Length, 1, 64 * 1024);
        if (sources > RefusalSummary.MaxSources)
            Assert.Contains(records, r => r is { Who: "others", From: null });
    }

    [Fact]
    public async Task Names_EachSource_WithTheFirstAndTheLastTime()
    {
        var (one, other) = (IPAddress.Parse("2001:db8::1"), IPAddress.Parse("2001:db8::2"));
        _summary.Admit(Stranger(one), one);
        _clock.Advance(TimeSpan.FromSeconds(2));
        // Of the same 64 bits, so of the same machine for all that anybody knows.
        _summary.Admit(Stranger(other), other);
        _summary.Flush();

        var sum = Assert.Single(await Written());
        Assert.Equal(
            (2L, "2026-11-22T10:00:00.000Z", "2026-11-22T10:00:02.000Z", "[2001:db8::1]:40000"),
            (sum.Count, sum.First, sum.Last, sum.From)
        );
    }

    [Fact]
    public async Task Sums_KnownCallers_BeyondTheirAllowance()
    {
        var own = 0;
        for (var i = 0; i < 1000; i++)
        {
            if (_summary.Admit(Refused("ann"), IPAddress.Loopback))
                own++;
        }

        Assert.Equal(30, own);
        Assert.True(_summary.Admit(Refused("bob"), IPAddress.Loopback));
        _summary.Flush();
        var sum = Assert.Single(await Written());
        Assert.Equal(("ann", 970L, "AuthorizationFailed"), (sum.Who, sum.Count, sum.Code));
        _clock.Advance(TimeSpan.FromSeconds(10));
        Assert.True(_summary.Admit(Refused("ann"), IPAddress.Loopback));
        Assert.False(_summary.Admit(Refused("ann"), IPAddress.Loopback));
    }

    private async Task<List<AuditRecord>> Written()
    {
        // What was put in before it is in the file when this is.
        Assert.True(await _log.Append(Refused("last")));
        return
        [
            .. File.ReadLines(Log)
                .Select(line => AuditRecord.Read(System.Text.Encoding.UTF8.GetBytes(line))!)
                .Where(record => record.Who != "last"),
        ];
    }

    private AuditRecord Stranger(IPAddress source) =>
        Refused("stranger") with
        {
            CallerType = AuditCallerType.Stranger,
            From = string.Create(CultureInfo.InvariantCulture, $"{new IPEndPoint(source, 40000)}"),
            Id = "/subscriptions/5be00000-0000-4000-8000-0000000005a0/resourceGroups/site",
            Status = 401,
        };

    private AuditRecord Refused(string who) =>
        new(AuditRecord.Format(_clock.GetUtcNow()), 0, "GET", who, AuditCallerType.Principal)
        {
            Result = AuditResult.Refused,
            Code = "AuthorizationFailed",
        };
}
