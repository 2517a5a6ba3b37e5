using System.Buffers.Binary;
using System.Diagnostics;
using Microsoft.Data.Sqlite;
using Weft.Resources;
using Weft.Server.Storage;
using Weft.Storage;

namespace Weft.Tests.Server;

public sealed class SqliteStoreTests : StoreConformance
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("weft-store-");

    private string File => Path.Join(_directory.FullName, "weft.db");

    private protected override IResourceStore CreateStore() => SqliteStore.Open(File);

    [Fact]
    public async Task Reads_SameState_WhenReopened()
    {
        for (var i = 0; i < 50; i++)
            _ = await Store.Commit(
                ReadSet.Empty,
                [
                    Body($"t|{i % 17}", i),
                    Body($"u|{i}", i),
                    .. LeaseMutations(i % 23, i % 7),
                    Mutation.Remove($"u|{i - 3}"),
                ],
                Cancel
            );
        var before = Store.Current;

        await Reopen(CreateStore);

        Assert.Equal(before.Revision, Store.Current.Revision);
        Assert.Equal(before.Count, Store.Current.Count);
        Assert.Equal(Rows(before), Rows(Store.Current));
        AssertDerived(Store.Current);
        Assert.Equal(before.Revision + 1, await Put("t|more", 1));
    }

    [Fact]
    public async Task Keeps_Phantoms_Out_AfterReopening()
    {
        _ = await Put("t|a", 1);
        await Reopen(CreateStore);
        var transaction = new ReadTransaction(Store.Current);
        Assert.NotNull(transaction.Get("t|a"));

        Assert.NotNull(await Store.Commit(transaction.ReadSet, [Body("t|b", 1)], Cancel));
    }

    [Fact]
    public async Task Refuses_FileOfNewerFormat()
    {
        await Store.DisposeAsync();
        Execute("UPDATE head SET format = 5");

        var refused = Assert.Throws<IOException>(() => SqliteStore.Open(File));

        Assert.Contains(File, refused.Message, StringComparison.Ordinal);
        Assert.Contains("format 5", refused.Message, StringComparison.Ordinal);
        Assert.Contains("newer weftd", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_InvalidFile()
    {
        await Store.DisposeAsync();
        foreach (var file in _directory.GetFiles())
            file.Delete();
        await System.IO.File.WriteAllTextAsync(File, new string('x', 8192), Cancel);

        Assert.Contains(
            File,
            Assert.Throws<DamagedStoreException>(() => SqliteStore.Open(File)).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Writes_ManyCommits_InFewTransactions()
    {
        const int Commits = 512;
        // The first one marks the file as open, and the log begins anew behind it.
        _ = await Put("t|first", 1);
        var before = Transactions();
        await Task.WhenAll(Enumerable.Range(0, Commits).Select(i => Put($"t|{i}", i).AsTask()));

        Assert.Equal(Commits + 1, Store.Current.Revision);
        Assert.InRange(Transactions() - before, 1, Commits / 4);
    }

    [Fact]
    public async Task Refuses_LaterOfTwo_InOneBatch()
    {
        var transaction = new ReadTransaction(Store.Current);
        _ = transaction.Get("t|one");
        var answers = await Task.WhenAll(
            Enumerable.Range(0, 100).Select(i => Store.Commit(transaction.ReadSet, [Body("t|one", i)], Cancel).AsTask())
        );

        var winner = Assert.Single(Enumerable.Range(0, 100), i => answers[i] is not null);
        Assert.Equal(winner, Number("t|one"));
        Assert.Equal(1, Store.Current.Revision);
    }

    [Fact]
    public async Task Goes_On_AfterCommitThatIsAFault()
    {
        _ = await Assert.ThrowsAnyAsync<ArgumentException>(() =>
            Put("a key without a partition", 1).AsTask().WaitAsync(TimeSpan.FromSeconds(10), Cancel)
        );

        Assert.Equal(1, await Put("t|a", 1));
        Assert.Equal(1, Store.Current.Count);
    }

    [Fact]
    public async Task Refuses_Commit_WhenClosed_AndClosesTwice()
    {
        await Store.DisposeAsync();
        await Store.DisposeAsync();

        _ = await Assert.ThrowsAsync<IOException>(() => Put("t|a", 1).AsTask());
    }

    [Fact]
    public async Task Refuses_Commit_WhenDiskIsFull_AndGoesOnWhenThereIsRoom()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root may mount a small disk");
        var mount = Directory.CreateDirectory(Path.Join(_directory.FullName, "disk")).FullName;
        Assert.SkipUnless(
            await Run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mount) == 0,
            "mounting isn't allowed here"
        );
        try
        {
            await Reopen(() => SqliteStore.Open(Path.Join(mount, "weft.db")));
            _ = await Put("t|kept", 1);
            var refusals = 0;
            for (var i = 0; i < 100 && refusals == 0; i++)
            {
                var before = Store.Current;
                try
                {
                    _ = await Store.Commit(ReadSet.Empty, [Large("t|a"), Large($"t|{i}"), Body("t|count", i)], Cancel);
                }
                catch (IOException)
                {
                    refusals++;
                    Assert.Same(before, Store.Current);
                }
            }

            Assert.Equal(1, refusals);
            var last = Store.Current;
            Assert.Equal(0, await Run("mount", "-o", "remount,size=16m", mount));
            Assert.Equal(last.Revision + 1, await Store.Commit(ReadSet.Empty, [Large("t|after")], Cancel));
            await Reopen(() => SqliteStore.Open(Path.Join(mount, "weft.db")));
            Assert.Equal(last.Revision + 1, Store.Current.Revision);
            Assert.Equal(last.Count + 1, Store.Current.Count);
            Assert.Equal(1, Number("t|kept"));
            Assert.Equal(last.Get("t|count")!.Json.Integer("n"), Number("t|count"));
        }
        finally
        {
            await Store.DisposeAsync();
            _ = await Run("umount", mount);
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _directory.Delete(true);
    }

    private static Mutation Large(string key) =>
        new(key, System.Text.Encoding.UTF8.GetBytes($"\"{new string('x', 60_000)}\""));

    private static IEnumerable<(string, long, string)> Rows(StoreState state) =>
        state.Range("").Select(row => (row.Key, row.Revision, System.Text.Encoding.UTF8.GetString(row.Bytes.Span)));

    /// <summary>
    /// How many transactions the write-ahead log holds: the frames that carry a database size end one (SQLite file
    /// format §4.1).
    /// </summary>
    private int Transactions()
    {
        using var log = new FileStream($"{File}-wal", FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[log.Length];
        log.ReadExactly(bytes);
        if (bytes.Length < 32)
            return 0;
        var page = BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(8));
        var ends = 0;
        for (var at = 32; at + 24 + page <= bytes.Length; at += 24 + page)
            // Frames of an earlier round have other salts than the header.
            ends +=
                BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at + 4)) != 0
                && bytes.AsSpan(at + 8, 8).SequenceEqual(bytes.AsSpan(16, 8))
                    ? 1
                    : 0;
        return ends;
    }

    private void Execute(string text)
    {
        using var connection = new SqliteConnection($"Data Source={File};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = text;
        _ = command.ExecuteNonQuery();
    }

    private static async Task<int> Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        await process.WaitForExitAsync(Cancel);
        return process.ExitCode;
    }
}
