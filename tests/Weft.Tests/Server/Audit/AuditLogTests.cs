using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Weft.Contracts;
using Weft.Server;
using Weft.Server.Audit;

namespace Weft.Tests.Server.Audit;

/// <summary>The file of records and its writer.</summary>
public sealed class AuditLogTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("weft-audit-");
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 11, 22, 10, 0, 0, TimeSpan.Zero));

    private string Log => Path.Join(_directory.FullName, "audit.log");

    public void Dispose() => _directory.Delete(true);

    [Fact]
    public async Task Appends_WholeLines_InTheOrderOfTheirNumbers_WhoeverWritesAtOnce()
    {
        await using (var log = await Started(Log))
        {
            var written = await Task.WhenAll(Enumerable.Range(0, 500).Select(i => log.Append(Record($"{i}"))));
            Assert.All(written, Assert.True);
        }

        Assert.Equal(Enumerable.Range(1, 500).Select(n => (long)n), Read(Log).Select(r => r.Number));
        await using var next = await Started(Log);
        Assert.Equal(500, next.LastBefore!.Number);
        Assert.True(await next.Append(Record("after")));
        Assert.Equal(501, Read(Log)[^1].Number);
    }

    [Fact]
    public async Task Rotates_BySizeAndAge()
    {
        var options = new AuditServeOptions
        {
            MaxSize = 1000,
            MaxAge = TimeSpan.FromHours(1),
            Keep = 2,
        };
        await using var log = await Started(Log, options);
        for (var i = 0; i < 20; i++)
            Assert.True(await log.Append(Record($"{i}")));
        Assert.Equal(
            ["audit.log", "audit.log.1", "audit.log.2"],
            _directory.GetFiles().Select(file => file.Name).Order(StringComparer.Ordinal)
        );
        Assert.All(_directory.GetFiles(), file => Assert.InRange(file.Length, 1, 1000));
        Assert.All(
            _directory.GetFiles(),
            file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, file.UnixFileMode)
        );
        Assert.Equal(20, Read(Log)[^1].Number);

        var first = Read(Log)[0].Number;
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.True(await log.Append(Record("old")));
        Assert.Equal(first, Read($"{Log}.1")[0].Number);
        Assert.Equal(21, Assert.Single(Read(Log)).Number);
    }

    [Fact]
    public async Task Ends_ALineThatACrashHasCut()
    {
        await using (var log = await Started(Log))
            Assert.True(await log.Append(Record("whole")));
        await File.AppendAllTextAsync(Log, """{"time":"2026-11-22T10:0""", TestContext.Current.CancellationToken);
        await using (var log = await Started(Log))
        {
            Assert.Equal(1, log.LastBefore!.Number);
            Assert.True(await log.Append(Record("next")));
        }

        Assert.Equal([1L, 2L], Read(Log).Select(r => r.Number));
        Assert.Equal(3, File.ReadLines(Log).Count());
    }

    [Fact]
    public async Task Makes_AFileAnew_ThatSomebodyMovedAway()
    {
        await using var log = await Started(Log);
        Assert.True(await log.Append(Record("1")));
        File.Move(Log, $"{Log}.moved");
        await Eventually.Holds(
            () =>
            {
                _clock.Advance(TimeSpan.FromSeconds(1));
                return File.Exists(Log);
            },
            "the file is there again"
        );
        Assert.True(await log.Append(Record("2")));
        Assert.Equal(2, Assert.Single(Read(Log)).Number);
    }

    [Fact]
    public async Task Keeps_WhatTheDiskRefused_AndAppendsItLater()
    {
        await using var disk = await SmallDisk.Mount();
        var path = Path.Join(disk.Path, "audit.log");
        await using var log = await Started(path);
        var sent = 0;
        Assert.True(await log.Append(Record($"{++sent}")));
        disk.Fill();
        while (await log.Append(Record($"{++sent}")))
            Assert.InRange(sent, 0, 1000);
        Assert.NotNull(log.Fault);
        Assert.False(await log.Append(Record($"{++sent}")));
        // Nothing of a line that has no room stays behind.
        Assert.EndsWith(
            "\n",
            await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken),
            StringComparison.Ordinal
        );

        disk.Free();
        await Eventually.Holds(
            () =>
            {
                _clock.Advance(TimeSpan.FromSeconds(1));
                return log.Fault is null;
            },
            "the log is written again"
        );
        Assert.True(await log.Append(Record($"{++sent}")));
        Assert.Equal(Enumerable.Range(1, sent).Select(n => $"{n}"), Read(path).Select(r => r.Id));
        Assert.Equal(Enumerable.Range(1, sent).Select(n => (long)n), Read(path).Select(r => r.Number));
    }

    [Fact]
    public async Task Counts_WhatFindsNoPlace_WhileTheDiskIsFull()
    {
        await using var disk = await SmallDisk.Mount();
        var path = Path.Join(disk.Path, "audit.log");
        await using var log = await Started(path);
        disk.Fill();
        while (await log.Append(Record(new string('x', 1000))))
            Assert.Null(log.Fault);
        for (var i = 0; i < 30_000; i++)
            log.Enqueue(Record(new string('y', 1000)));
        disk.Free();
        // The disk itself has room for less than what waits: it is made larger.
        Assert.True(await disk.Grow());
        await Eventually.Holds(
            () =>
            {
                _clock.Advance(TimeSpan.FromSeconds(1));
                return log.Fault is null && Kept() + Read(path).Sum(r => r.Verb == "Drop" ? r.Count : 0) == 30_000;
            },
            "all that was dropped is said"
        );
        Assert.InRange(Kept(), 1, 25_000);

        int Kept() => Read(path).Count(r => r.Id?[0] == 'y');
    }

    private async Task<AuditLog> Started(string path, AuditServeOptions? options = null)
    {
        var log = new AuditLog(
            new AuditFile(path, options ?? new AuditServeOptions()),
            null,
            _clock,
            NullLogger<AuditLog>.Instance
        );
        await log.StartAsync(TestContext.Current.CancellationToken);
        return log;
    }

    private AuditRecord Record(string id) =>
        new(AuditRecord.Format(_clock.GetUtcNow()), 0, "PUT", "ann", AuditCallerType.Principal) { Id = id };

    private static List<AuditRecord> Read(string path) =>
        [
            .. File.ReadLines(path)
                .Select(l => AuditRecord.Read(System.Text.Encoding.UTF8.GetBytes(l)))
                .OfType<AuditRecord>(),
        ];
}
