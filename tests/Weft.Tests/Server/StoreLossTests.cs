using Weft.Server.Storage;

namespace Weft.Tests.Server;

/// <summary>Commits that were acknowledged and went with a file are missed.</summary>
public sealed class StoreLossTests : IDisposable
{
    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Refuses_StoreWhoseLogWasRemovedAfterACrash()
    {
        using var crashed = await Crash();
        File.Delete($"{crashed.Store}-wal");

        var refused = Assert.Throws<DamagedStoreException>(() => SqliteStore.Open(crashed.Store));

        Assert.Contains("has lost commits", refused.Message, StringComparison.Ordinal);
        Assert.Contains($"{crashed.Store}-wal is missing", refused.Message, StringComparison.Ordinal);
        Assert.Contains($"weftd check --accept-loss --data {crashed.Path}", refused.Message, StringComparison.Ordinal);
        Assert.NotNull(StoreReport.Check(crashed.Store).Loss);
    }

    [Fact]
    public async Task Refuses_CopyOfTheFileAlone()
    {
        using var crashed = await Crash();
        using var copy = new StoreFolder();
        File.Copy(crashed.Store, copy.Store);

        Assert.Contains(
            "it was not closed",
            Assert.Throws<DamagedStoreException>(() => SqliteStore.Open(copy.Store)).Message,
            StringComparison.Ordinal
        );
    }

    /// <summary>SQLite ends its recovery at the first frame whose checksum is wrong, and says nothing.</summary>
    [Fact]
    public async Task Refuses_StoreWhoseLogIsDamaged()
    {
        using var crashed = await Crash();
        var log = await File.ReadAllBytesAsync($"{crashed.Store}-wal", TestContext.Current.CancellationToken);
        log[100] ^= 1;
        await File.WriteAllBytesAsync($"{crashed.Store}-wal", log, TestContext.Current.CancellationToken);
        var file = await File.ReadAllBytesAsync(crashed.Store, TestContext.Current.CancellationToken);

        Assert.Contains(
            "was acknowledged",
            Assert.Throws<DamagedStoreException>(() => SqliteStore.Open(crashed.Store)).Message,
            StringComparison.Ordinal
        );
        // What is refused is left as it was met: somebody may still save something of it.
        Assert.Equal(log, await File.ReadAllBytesAsync($"{crashed.Store}-wal", TestContext.Current.CancellationToken));
        Assert.Equal(file, await File.ReadAllBytesAsync(crashed.Store, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Refuses_EarlierFileInThePlaceOfTheStore()
    {
        _ = await _folder.Fill(20);
        using var earlier = _folder.Copy();
        await using (var store = SqliteStore.Open(_folder.Store))
            _ = await StoreFolder.Put(store, 1);
        File.Copy(earlier.Store, _folder.Store, overwrite: true);

        Assert.Contains(
            "revision 21 was acknowledged",
            Assert.Throws<DamagedStoreException>(() => SqliteStore.Open(_folder.Store)).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Opens_WhatAProcessLeavesThatIsKilled()
    {
        using var crashed = await Crash();

        await using var store = SqliteStore.Open(crashed.Store);

        Assert.Equal(21, store.Current.Revision);
    }

    /// <summary>Another program of SQLite's may take the log in after a crash; nothing is lost by it.</summary>
    [Fact]
    public async Task Opens_StoreWhoseLogAnotherProgramHasTakenIn()
    {
        using var crashed = await Crash();
        crashed.Execute("SELECT count(*) FROM rows");
        Assert.False(File.Exists($"{crashed.Store}-wal"));

        await using var store = SqliteStore.Open(crashed.Store);

        Assert.Equal(21, store.Current.Revision);
    }

    [Fact]
    public async Task Opens_ClosedStoreWithoutTheFilesBesideIt()
    {
        var rows = await _folder.Fill(20);
        Assert.False(File.Exists($"{_folder.Store}-wal"));
        File.Delete(RevisionFile.PathOf(_folder.Store));

        await using var store = SqliteStore.Open(_folder.Store);

        Assert.Equal(rows, StoreFolder.Rows(store.Current));
    }

    [Theory]
    [InlineData("admin.token", false)]
    [InlineData("relay.key", false)]
    [InlineData("admin.token", true)]
    [InlineData("weft.db-revision", false)]
    [InlineData("weft.db-wal", false)]
    public void Refuses_ToBeginWithNothingBesideWhatAServerLeaves(string trace, bool isEmptyFile)
    {
        File.WriteAllText(_folder.File(trace), "0000000000000000007 1\n");
        if (isEmptyFile)
            File.WriteAllText(_folder.Store, "");

        var refused = Assert.Throws<DamagedStoreException>(() => SqliteStore.Open(_folder.Store));

        Assert.Contains(trace, refused.Message, StringComparison.Ordinal);
        Assert.Contains(isEmptyFile ? "is empty" : "is missing", refused.Message, StringComparison.Ordinal);
        Assert.Equal(isEmptyFile, File.Exists(_folder.Store));
    }

    /// <summary>A store of 21 commits as it is in the midst of its life.</summary>
    private async Task<StoreFolder> Crash()
    {
        _ = await _folder.Fill(20);
        await using var store = SqliteStore.Open(_folder.Store);
        _ = await StoreFolder.Put(store, 1);
        return _folder.Copy();
    }
}
