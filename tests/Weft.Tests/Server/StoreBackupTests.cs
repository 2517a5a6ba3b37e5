using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Weft.Files;
using Weft.Fleet;
using Weft.Server.Storage;

namespace Weft.Tests.Server;

public sealed class StoreBackupTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 11, 29, 15, 0, 0, TimeSpan.Zero);
    private readonly StoreFolder _folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Target => _folder.File("copy.db");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Copies_AStoreThatIsWritten()
    {
        _ = await _folder.Fill();
        await using var store = SqliteStore.Open(_folder.Store);
        using var over = new CancellationTokenSource();
        var writing = Task.Run(
            async () =>
            {
                for (var i = 0; !over.IsCancellationRequested; i++)
                    _ = await StoreFolder.Put(store, i);
            },
            Cancel
        );

        var report = StoreBackup.Write(_folder.Store, Target, overwrite: false);

        await over.CancelAsync();
        await writing;
        Assert.True(report.IsWhole, string.Join("; ", report.Faults));
        Assert.Equal((100, false), (report.Rows, report.IsOpen));
        Assert.InRange(report.Revision, 120, store.Current.Revision);
        Assert.Equal(DurableFile.Private, File.GetUnixFileMode(Target));
        Assert.Equal(["copy.db"], Directory.GetFiles(_folder.Path, "copy*").Select(Path.GetFileName));
    }

    [Fact]
    public async Task Replaces_NoFileUnasked()
    {
        _ = await _folder.Fill();
        await File.WriteAllTextAsync(Target, "mine", Cancel);

        var refused = Assert.Throws<IOException>(() => StoreBackup.Write(_folder.Store, Target, overwrite: false));

        Assert.Contains("--force", refused.Message, StringComparison.Ordinal);
        Assert.Equal("mine", await File.ReadAllTextAsync(Target, Cancel));
        Assert.True(StoreBackup.Write(_folder.Store, Target, overwrite: true).IsWhole);
    }

    [Fact]
    public async Task Copies_NoDamage()
    {
        _ = await _folder.Fill();
        _folder.Execute("UPDATE rows SET revision = 1 WHERE key = 't|007'");

        var refused = Assert.Throws<DamagedStoreException>(() =>
            StoreBackup.Write(_folder.Store, Target, overwrite: false)
        );

        Assert.Contains("'t|007'", refused.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder.Path, "copy*"));
    }

    [Fact]
    public async Task Restores_WhatWasBackedUp_InANewEpoch()
    {
        var rows = await _folder.Fill();
        _ = StoreBackup.Write(_folder.Store, Target, overwrite: false);
        long newest;
        await using (var store = SqliteStore.Open(_folder.Store))
        {
            for (var i = 0; i < 10; i++)
                _ = await StoreFolder.Put(store, i);
            newest = store.Current.Revision;
        }

        using var data = DataDirectory.Lock(_folder.Path);
        var (report, before) = StoreRestore.Restore(data, Target, awaitsAgents: true, Now);

        Assert.Equal(newest + Epoch.RevisionBump, report.Revision);
        Assert.Equal($"{_folder.Store}.20261129T150000Z", before);
        Assert.Equal(newest, StoreReport.Check(before!).Revision);
        await using var restored = SqliteStore.Open(_folder.Store);
        Assert.Equal(rows, StoreFolder.Rows(restored.Current).Where(row => row.Item1 != Epoch.Key));
        var epoch = Epoch.Find(restored.Current)!;
        Assert.Equal((report.Epoch, true, "2026-11-29T15:00:00.0000000Z"), (epoch.Id, epoch.AwaitsAgents, epoch.Since));
        Assert.Matches("^[0-9a-f]{16}$", epoch.Id);
    }

    [Fact]
    public async Task Begins_AnotherEpochWithEachRestore()
    {
        _ = await _folder.Fill();
        _ = StoreBackup.Write(_folder.Store, Target, overwrite: false);
        using var data = DataDirectory.Lock(_folder.Path);
        var first = StoreRestore.Restore(data, Target, awaitsAgents: true, Now).Report;
        _ = StoreBackup.Write(_folder.Store, Target, overwrite: true);
        var (second, before) = StoreRestore.Restore(data, Target, awaitsAgents: false, Now);

        Assert.NotEqual(first.Epoch, second.Epoch);
        Assert.Equal(first.Revision + Epoch.RevisionBump, second.Revision);
        Assert.Equal(first.Rows, second.Rows);
        Assert.Equal($"{_folder.Store}.20261129T150000Z-2", before);
        Assert.True(StoreReport.Check(_folder.Store).IsWhole);
    }

    [Fact]
    public async Task Restores_CopyOfTheFilesOfAnOpenStore()
    {
        _ = await _folder.Fill(20);
        using var copy = new StoreFolder();
        await using (var store = SqliteStore.Open(_folder.Store))
        {
            _ = await StoreFolder.Put(store, 50);
            using var all = _folder.Copy();
            using var data = DataDirectory.Lock(copy.Path);
            var (report, before) = StoreRestore.Restore(data, all.Store, awaitsAgents: true, Now);
            Assert.Equal((21 + Epoch.RevisionBump, (string?)null), (report.Revision, before));
        }

        await using var restored = SqliteStore.Open(copy.Store);
        Assert.NotNull(restored.Current.Get("t|050"));
    }

    [Fact]
    public async Task Restores_NoDamage_AndChangesNothing()
    {
        _ = await _folder.Fill();
        _ = StoreBackup.Write(_folder.Store, Target, overwrite: false);
        var content = await File.ReadAllBytesAsync(Target, Cancel);
        content[^200] ^= 4;
        await File.WriteAllBytesAsync(Target, content, Cancel);
        var before = Directory.GetFiles(_folder.Path).Order(StringComparer.Ordinal).ToList();
        using (var data = DataDirectory.Lock(_folder.Path))
            Assert.Throws<DamagedStoreException>(() => StoreRestore.Restore(data, Target, awaitsAgents: true, Now));

        Assert.Equal(
            before,
            Directory
                .GetFiles(_folder.Path)
                .Where(f => !f.EndsWith("weftd.lock", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal)
        );
        await using var store = SqliteStore.Open(_folder.Store);
        Assert.Null(Epoch.Find(store.Current));
    }

    [Fact]
    public async Task Goes_OnWithoutWhatIsLost_WhenTold()
    {
        _ = await _folder.Fill(20);
        StoreFolder crashed;
        await using (var store = SqliteStore.Open(_folder.Store))
        {
            _ = await StoreFolder.Put(store, 1);
            crashed = _folder.Copy();
        }

        using var __ = crashed;
        File.Delete($"{crashed.Store}-wal");
        using (var data = DataDirectory.Lock(crashed.Path))
            Assert.True(StoreRestore.AcceptLoss(data, awaitsAgents: true, Now).IsWhole);

        await using var opened = SqliteStore.Open(crashed.Store);
        Assert.NotNull(Epoch.Find(opened.Current));
        Assert.Equal(21 + Epoch.RevisionBump, opened.Current.Revision);
    }

    [Fact]
    public async Task Keeps_TheNewestCopies()
    {
        _ = await _folder.Fill();
        var clock = new FakeTimeProvider(Now);
        using var schedule = new BackupSchedule(
            _folder.Store,
            new BackupOptions(TimeSpan.FromHours(1), 2),
            clock,
            NullLogger<BackupSchedule>.Instance
        );
        for (var i = 0; i < 4; i++)
        {
            _ = schedule.MakeCopy();
            clock.Advance(TimeSpan.FromHours(1));
        }

        Assert.Equal(
            ["weft-20261129T170000Z.db", "weft-20261129T180000Z.db"],
            Directory.GetFiles(schedule.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal)
        );
    }

    [Fact]
    public async Task Prints_WhatWasChecked()
    {
        _ = await _folder.Fill();

        var report = JsonNode.Parse(StoreReport.Check(_folder.Store).ToJson().ToJsonString())!;

        Assert.Equal(
            $$"""
            {"file":"{{_folder.Store}}","format":4,"revision":120,"rows":100,"epoch":null,
            "open":false,"whole":true,"faults":[],"loss":null}
            """.ReplaceLineEndings(""),
            report.ToJsonString()
        );
    }
}
