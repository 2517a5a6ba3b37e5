using Microsoft.Extensions.Logging.Abstractions;
using Weft.Server.Storage;

namespace Weft.Tests.Server;

/// <summary>What was altered in the file isn't served.</summary>
public sealed class StoreDamageTests : IDisposable
{
    private readonly StoreFolder _folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Serves_NoFlippedBit()
    {
        var rows = await _folder.Fill();
        var content = await File.ReadAllBytesAsync(_folder.Store, Cancel);
        var refused = 0;
        foreach (var (offset, bit) in BitFlips.Draw(content, 60, seed: 4711))
        {
            using var flipped = _folder.Copy();
            await File.WriteAllBytesAsync(flipped.Store, BitFlips.Flip(content, offset, bit), Cancel);
            try
            {
                await using var store = SqliteStore.Open(flipped.Store);
                Assert.True(
                    rows.SequenceEqual(StoreFolder.Rows(store.Current)),
                    $"bit {bit} of byte {offset} is served"
                );
            }
            catch (IOException e)
            {
                refused++;
                Assert.DoesNotContain('\n', e.Message);
                Assert.Contains(flipped.Store, e.Message, StringComparison.Ordinal);
            }
        }

        Assert.InRange(refused, 30, 60);
    }

    [Theory]
    [InlineData(
        "UPDATE rows SET body = CAST(replace(CAST(body AS TEXT), '\"n\":107', '\"n\":108') AS BLOB) WHERE key = 't|007'"
    )]
    [InlineData("UPDATE rows SET body = CAST(body AS TEXT) WHERE key = 't|007'")]
    [InlineData("UPDATE rows SET revision = revision - 1 WHERE key = 't|007'")]
    [InlineData("UPDATE rows SET sum = sum + 1 WHERE key = 't|007'")]
    [InlineData("UPDATE rows SET body = x'' WHERE key = 't|007'")]
    public async Task Names_RowThatIsNotAsItWasCommitted(string change)
    {
        _ = await _folder.Fill();
        _folder.Execute(change);

        var refused = Assert.Throws<DamagedStoreException>(() => SqliteStore.Open(_folder.Store));

        Assert.Contains("'t|007'", refused.Message, StringComparison.Ordinal);
        Assert.Contains($"weftd restore FILE --data {_folder.Path}", refused.Message, StringComparison.Ordinal);
        var report = StoreReport.Check(_folder.Store);
        Assert.Contains(
            "'t|007'",
            Assert.Single(report.Faults, f => f.Contains("row '", StringComparison.Ordinal)),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("DELETE FROM rows WHERE key = 't|007'", "100 rows were committed, and 99 are there")]
    [InlineData("UPDATE head SET revision = revision + 1", "what the others amount to")]
    [InlineData("DELETE FROM head", "table head has 0 rows")]
    [InlineData("DROP TABLE rows", "aren't declared")]
    [InlineData("ALTER TABLE rows RENAME COLUMN body TO bodz", "aren't declared")]
    [InlineData("CREATE TABLE more(x)", "aren't declared")]
    public async Task Refuses_StoreThatIsNotWhole(string change, string because)
    {
        _ = await _folder.Fill();
        _folder.Execute(change);

        var refused = Assert.Throws<DamagedStoreException>(() => SqliteStore.Open(_folder.Store));

        Assert.Contains(because, refused.Message, StringComparison.Ordinal);
        Assert.False(StoreReport.Check(_folder.Store).IsWhole);
    }

    /// <summary>Each row is whole; together they are those of no commit.</summary>
    [Fact]
    public async Task Refuses_RowOfAnEarlierTime()
    {
        await using (var store = SqliteStore.Open(_folder.Store))
            _ = await StoreFolder.Put(store, 7);
        _folder.Execute("CREATE TABLE kept AS SELECT * FROM rows");
        _folder.Execute("PRAGMA writable_schema = 1", "UPDATE sqlite_schema SET sql = sql");
        using (var earlier = _folder.Copy())
        {
            _folder.Execute("DROP TABLE kept");
            await using (var store = SqliteStore.Open(_folder.Store))
                _ = await StoreFolder.Put(store, 107);
            _folder.Execute(
                $"ATTACH '{earlier.Store}' AS earlier",
                "INSERT OR REPLACE INTO rows SELECT * FROM earlier.kept"
            );
        }

        Assert.Contains(
            "of an earlier time",
            Assert.Throws<DamagedStoreException>(() => SqliteStore.Open(_folder.Store)).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Upgrades_FormatWithoutChecksums_AndLosesNothing()
    {
        var rows = await _folder.Fill();
        var revision = StoreReport.Check(_folder.Store).Revision;
        MakeFirstFormat(revision);
        Assert.Equal((1, true), (StoreReport.Check(_folder.Store).Format, StoreReport.Check(_folder.Store).IsWhole));

        await using (var store = SqliteStore.Open(_folder.Store))
        {
            Assert.Equal(rows, StoreFolder.Rows(store.Current));
            Assert.Equal(revision, store.Current.Revision);
            Assert.Equal(revision + 1, await StoreFolder.Put(store, 1));
        }

        var report = StoreReport.Check(_folder.Store);
        Assert.Equal((4, true, revision + 1), (report.Format, report.IsWhole, report.Revision));
    }

    [Theory]
    [InlineData("UPDATE rows SET body = CAST(body AS TEXT) WHERE key = 't|007'")]
    [InlineData("UPDATE rows SET body = x'7B' WHERE key = 't|007'")]
    [InlineData("UPDATE rows SET revision = 4711 WHERE key = 't|007'")]
    public async Task Refuses_ToUpgradeARowThatCanNotBeRead(string change)
    {
        _ = await _folder.Fill();
        MakeFirstFormat(StoreReport.Check(_folder.Store).Revision);
        _folder.Execute(change);

        Assert.Contains(
            "'t|007'",
            Assert.Throws<DamagedStoreException>(() => SqliteStore.Open(_folder.Store)).Message,
            StringComparison.Ordinal
        );
        Assert.Equal(1, StoreReport.Check(_folder.Store).Format);
    }

    [Fact]
    public async Task Finds_DamageWhileItServes()
    {
        _ = await _folder.Fill();
        await using var store = SqliteStore.Open(_folder.Store);
        _ = await StoreFolder.Put(store, 1);
        using var sweep = new StoreSweep(store, TimeProvider.System, NullLogger<StoreSweep>.Instance);
        Assert.Empty(await sweep.Sweep(Cancel));

        _folder.Execute(
            "UPDATE rows SET body = CAST(replace(CAST(body AS TEXT), 'a', 'b') AS BLOB) WHERE key = 't|026'",
            "DELETE FROM rows WHERE key = 't|030'"
        );

        var faults = await sweep.Sweep(Cancel);
        Assert.Contains(faults, fault => fault.Contains("'t|026' doesn't match", StringComparison.Ordinal));
        Assert.Contains(faults, fault => fault.Contains("'t|030' isn't in the file", StringComparison.Ordinal));
        Assert.DoesNotContain(faults, fault => fault.Contains("'t|031'", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Finds_NothingInAStoreThatIsWrittenMeanwhile()
    {
        _ = await _folder.Fill();
        await using var store = SqliteStore.Open(_folder.Store);
        using var sweep = new StoreSweep(store, TimeProvider.System, NullLogger<StoreSweep>.Instance);
        var sweeping = sweep.Sweep(Cancel);
        var written = 0;
        do _ = await StoreFolder.Put(store, 1000 + written++);
        while (!sweeping.IsCompleted || written < 20);

        Assert.Empty(await sweeping);
    }

    public void Dispose() => _folder.Dispose();

    private void MakeFirstFormat(long revision) =>
        _folder.Execute(
            "ALTER TABLE rows RENAME TO rows_2",
            "CREATE TABLE IF NOT EXISTS rows(key TEXT PRIMARY KEY, revision INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID",
            "INSERT INTO rows SELECT key, revision, body FROM rows_2",
            "DROP TABLE rows_2",
            "DROP TABLE leases",
            "DROP TABLE names",
            "DROP TABLE ended",
            "DROP TABLE head",
            "CREATE TABLE IF NOT EXISTS head(id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, revision INTEGER NOT NULL)",
            $"INSERT INTO head(id, format, revision) VALUES(1, 1, {revision})"
        );
}
