using System.Runtime.Versioning;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Weft.Agent;
using Weft.Agent.Leases;
using Weft.Contracts;
using Weft.Files;

namespace Weft.Tests.Agent.Leases;

/// <summary>What the journal does with its file: when it is synced, written anew, and what lies in its way.</summary>
[SupportedOSPlatform("linux")]
public sealed class JournalDiskTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly string _folder = Directory.CreateTempSubdirectory("weft-").FullName;
    private readonly LeaseTable _table = new();
    private readonly List<long> _synced = [];
    private readonly StringWriter _log = new();

    private string JournalPath => Path.Join(_folder, "journal");

    private string Temporary => DurableFile.TemporaryOf(JournalPath);

    private long Length => new FileInfo(JournalPath).Length;

    [Fact]
    public async Task Syncs_AllThatItHasWritten_AndNothingElse()
    {
        var expected = new List<long>();
        await using (var journal = Open())
        {
            expected.Add(Length);
            await journal.Append(Granted("a"));
            expected.Add(Length);
            Assert.Same(Task.CompletedTask, journal.EnsureWritable());
        }

        // Nothing is cut off what is whole, and it takes entries at once.
        await using (var journal = Open())
            Assert.True(journal.IsHealthy);
        Assert.Equal(expected, _synced);
        Assert.Equal("", _log.ToString());

        await File.AppendAllTextAsync(JournalPath, "torn", TestContext.Current.CancellationToken);
        await using (Open())
            Assert.Equal([.. expected, Length], _synced);
        Assert.Contains("journal-tail-cut", _log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Proves_ThatTheDiskTakesMore_AndLeavesNothing()
    {
        await using var journal = Open();
        await journal.ProveWritable();
        Assert.Equal([Length, 64 * 1024], _synced);
        Assert.Equal([JournalPath], Directory.EnumerateFileSystemEntries(_folder));
    }

    /// <summary>A disk that is all but full takes one entry and not the next: what is said of it must not follow that.</summary>
    [Fact]
    public async Task Says_TheSame_UntilTheDiskHasRoom()
    {
        await using var disk = await SmallDisk.Mount();
        await using var journal = Journal.Open(
            Path.Join(disk.Path, "journal"),
            _table,
            AgentLog.Open(_log, TimeProvider.System)
        );
        await journal.ProveWritable();
        disk.Fill();
        await Assert.ThrowsAsync<IOException>(journal.ProveWritable);
        // Enough for the journal to be written anew, and for some entries.
        disk.Free(pages: 4);
        for (var i = 0; i < 10; i++)
        {
            await Assert.ThrowsAsync<IOException>(journal.ProveWritable);
            await Assert.ThrowsAsync<IOException>(journal.EnsureWritable);
            await Assert.ThrowsAsync<IOException>(() => journal.Append(Granted($"c{i}")));
        }

        Assert.Equal(["filler", "journal"], new DirectoryInfo(disk.Path).EnumerateFiles().Select(f => f.Name).Order());
        disk.Free();
        await journal.ProveWritable();
        await journal.Append(Granted("a"));
        Assert.True(_table.TryGet(HolderOf("a"), out _));
    }

    [Fact]
    public async Task Waits_ForWhatIsBeingWritten_BeforeItCloses()
    {
        using var go = new ManualResetEventSlim();
        var journal = Open(() =>
        {
            if (_synced.Count == 2)
                go.Wait(Limit);
        });
        var appending = journal.Append(Granted("a"));
        var closing = journal.DisposeAsync();
        Assert.False(closing.IsCompleted);
        go.Set();
        await closing.AsTask().WaitAsync(Limit, TestContext.Current.CancellationToken);
        await appending;
        Assert.Empty(Descriptors());
        await Assert.ThrowsAsync<IOException>(() => journal.Append(Granted("b")));
        Assert.True(_table.TryGet(HolderOf("a"), out _));
        Assert.False(_table.TryGet(HolderOf("b"), out _));
    }

    [Fact]
    public async Task Writes_AtMost256Entries_AsOneLine()
    {
        using var go = new ManualResetEventSlim();
        var writing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var journal = Open(() =>
        {
            if (_synced.Count == 2 && writing.TrySetResult())
                go.Wait(Limit);
        });
        List<Task> appends = [journal.Append(Granted("first"))];
        await writing.Task;
        appends.AddRange(Enumerable.Range(0, 257).Select(i => journal.Append(Granted($"c{i}"))));
        go.Set();
        await Task.WhenAll(appends);
        var lines = await File.ReadAllLinesAsync(JournalPath, TestContext.Current.CancellationToken);
        Assert.Equal([0, 1, 256, 1], lines.Select(line => line.Split("\"granted\"").Length - 1));
    }

    [Theory]
    [InlineData(6, 0, 6)] // as many as are looked at, and all of them dead
    [InlineData(1, 2, 8)] // four times as many as are alive
    public async Task IsWrittenAnew_OnceMostIsDead(int compactFrom, int alive, int after)
    {
        await using var journal = Open(compactFrom: compactFrom);
        for (var i = 0; i < alive; i++)
            await journal.Append(Granted($"c{i}"));
        var entries = alive;
        for (long before = 0; before < Length && entries < 100; entries++)
        {
            before = Length;
            await journal.Append(Met());
        }

        Assert.Equal(after, entries);
        var written = await File.ReadAllBytesAsync(JournalPath, TestContext.Current.CancellationToken);
        Assert.Equal(WrittenAnew(written), written);
        Assert.Equal([JournalPath], Descriptors());
    }

    [Fact]
    public async Task IsWrittenAnew_WhateverACrashHasLeft_AndForItsOwnerOnly()
    {
        await File.WriteAllTextAsync(Temporary, "left", TestContext.Current.CancellationToken);
        await using (var journal = Open())
            await journal.Append(Granted("a"));
        Assert.Equal([JournalPath], Directory.EnumerateFileSystemEntries(_folder));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(JournalPath));
    }

    [Fact]
    public async Task Refuses_Entries_WhileItCantBeWrittenAnew_AndLosesNone()
    {
        await using var journal = Open(compactFrom: 1);
        await journal.Append(Granted("a"));
        await journal.Append(Granted("b"));

        // The new file can't take the place of a directory. What was appended before that is found out is on the disk.
        File.Delete(JournalPath);
        Directory.CreateDirectory(JournalPath);
        for (var i = 2; i < 8; i++)
            await journal.Append(Met());
        Assert.False(journal.IsHealthy);
        Assert.Contains("journal-not-compacted", _log.ToString(), StringComparison.Ordinal);
        await Assert.ThrowsAsync<IOException>(journal.EnsureWritable);
        await Assert.ThrowsAsync<IOException>(() => journal.Append(Granted("c")));
        Assert.False(_table.TryGet(HolderOf("c"), out _));

        Directory.Delete(JournalPath);
        await journal.EnsureWritable();
        Assert.True(journal.IsHealthy);
        var written = await File.ReadAllBytesAsync(JournalPath, TestContext.Current.CancellationToken);
        Assert.Equal(WrittenAnew(written), written);
    }

    [Fact]
    public async Task Goes_On_InTheOldFile_WhileNoNewOneCanBeMade()
    {
        await using (var journal = Open(compactFrom: 1))
        {
            Directory.CreateDirectory(Temporary);
            await journal.Append(Met());
            Assert.Contains("journal-not-compacted", _log.ToString(), StringComparison.Ordinal);
            Assert.True(journal.IsHealthy);
            await journal.Append(Granted("a"));
        }

        var table = new LeaseTable();
        await using (Journal.Open(JournalPath, table, AgentLog.Open(_log, TimeProvider.System)))
            Assert.True(table.TryGet(HolderOf("a"), out _));
    }

    [Fact]
    public void Refuses_ToStart_WhereItCantBeMade()
    {
        Directory.CreateDirectory(Temporary);
        AssertUnusable(JournalPath);
        File.WriteAllText(JournalPath, "");
        AssertUnusable(Path.Join(JournalPath, "journal"));

        void AssertUnusable(string path) =>
            Assert.Contains(
                "can't be used",
                Assert.Throws<StartupException>(() => Journal.Open(path, _table, NullLogger.Instance)).Message,
                StringComparison.Ordinal
            );
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static LeaseHolder HolderOf(string container) => LeaseParts.HolderOf(container);

    private static JournalEntry Granted(string container) =>
        JournalEntry.Create(
            JournalEntry.Granted,
            HolderOf(container),
            DateTimeOffset.UnixEpoch,
            new PodLease([new LeasedAddress("10.20.6.4/24")], [])
        );

    /// <summary>An entry that leaves nothing in the table.</summary>
    private static JournalEntry Met() =>
        JournalEntry.Create(JournalEntry.Released, HolderOf("gone"), DateTimeOffset.UnixEpoch, want: 0);

    /// <summary>What a file that was written anew holds, behind the header that it has itself.</summary>
    private byte[] WrittenAnew(byte[] content)
    {
        var header = content[..(Array.IndexOf(content, (byte)'\n') + 1)];
        if (_table.Count == 0)
            return header;
        var end = new JournalChain(Convert.ToUInt32(Encoding.ASCII.GetString(header[..8]), 16), 0);
        return [.. header, .. JournalFormat.Line(_table.Entries(), end).Line];
    }

    /// <summary>What this process has open in the journal's folder.</summary>
    private IEnumerable<string> Descriptors() =>
        new DirectoryInfo("/proc/self/fd")
            .EnumerateFileSystemInfos()
            .Select(descriptor => descriptor.LinkTarget)
            .OfType<string>()
            .Where(target => target.StartsWith(_folder, StringComparison.Ordinal));

    /// <summary>A journal that tells how long its file is whenever it is synced.</summary>
    private Journal Open(Action? onSync = null, int compactFrom = 1024) =>
        Journal.Open(
            JournalPath,
            _table,
            AgentLog.Open(_log, TimeProvider.System),
            file =>
            {
                _synced.Add(RandomAccess.GetLength(file));
                DurableFile.Sync(file);
                onSync?.Invoke();
            },
            compactFrom
        );
}
