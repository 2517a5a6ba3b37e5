using System.IO.Pipes;
using System.Runtime.Versioning;
using System.Text;
using CsCheck;
using Microsoft.Win32.SafeHandles;
using Weft.Agent;
using Weft.Agent.Leases;
using Weft.Contracts;
using Weft.Files;
using Weft.Resources;

namespace Weft.Tests.Agent.Leases;

[SupportedOSPlatform("linux")]
public sealed class JournalTests : IDisposable
{
    private static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly string _folder = Directory.CreateTempSubdirectory("weft-").FullName;
    private readonly StringWriter _log = new();

    private string JournalPath => Path.Join(_folder, "journal");

    [Fact]
    public async Task Cuts_TornTail_WhereverItWasTorn()
    {
        var (content, ends) = await Written([GrantedEntry("a", 1), ReleaseWantedEntry("a", 1), GrantedEntry("b", 2)]);
        for (var cut = ends[0]; cut <= content.Length; cut++)
        {
            await File.WriteAllBytesAsync(JournalPath, content[..cut], TestContext.Current.CancellationToken);
            var table = await ReadBack();
            Assert.Equal(cut >= ends[3], table.TryGet(HolderOf("b"), out _));
            Assert.Equal(cut >= ends[2], table.ReleaseNumberOf(HolderOf("a")) == 1);
            Assert.Equal(cut >= ends[1] && cut < ends[2], table.TryGet(HolderOf("a"), out _));
            Assert.Equal(ends.Last(end => end <= cut), new FileInfo(JournalPath).Length);
        }
    }

    [Fact]
    public async Task Cuts_Tail_WhoseBlocksNeverReachedTheDisk()
    {
        var (content, ends) = await Written([GrantedEntry("a", 1), GrantedEntry("b", 2)]);
        content.AsSpan(ends[1], 20).Clear();
        await File.WriteAllBytesAsync(
            JournalPath,
            [.. content, .. new byte[100]],
            TestContext.Current.CancellationToken
        );
        var table = await ReadBack();
        Assert.True(table.TryGet(HolderOf("a"), out _));
        Assert.False(table.TryGet(HolderOf("b"), out _));
        Assert.Equal(ends[1], new FileInfo(JournalPath).Length);
    }

    [Fact]
    public async Task Goes_OnAfterACutTail()
    {
        var (content, ends) = await Written([GrantedEntry("a", 1), GrantedEntry("b", 2)]);
        await File.WriteAllBytesAsync(JournalPath, content[..(ends[2] - 3)], TestContext.Current.CancellationToken);
        await using (var journal = Open(new LeaseTable()))
            await journal.Append(GrantedEntry("c", 3));
        var table = await ReadBack();
        Assert.True(table.TryGet(HolderOf("a"), out _));
        Assert.True(table.TryGet(HolderOf("c"), out _));
        Assert.False(table.TryGet(HolderOf("b"), out _));
    }

    [Fact]
    public async Task Refuses_DamageInTheMiddle_AtEveryByte()
    {
        var (content, ends) = await Written([GrantedEntry("a", 1), GrantedEntry("b", 2)]);
        for (var at = 0; at < ends[1]; at++)
        {
            var damaged = content.ToArray();
            damaged[at] ^= 0x11;
            await File.WriteAllBytesAsync(JournalPath, damaged, TestContext.Current.CancellationToken);
            var refusal = Assert.Throws<StartupException>(() => Open(new LeaseTable()));
            Assert.Contains("is damaged", refusal.Message, StringComparison.Ordinal);
            Assert.Equal(damaged, await File.ReadAllBytesAsync(JournalPath, TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public async Task Refuses_MiddleThatReadsAsZeros()
    {
        var (content, ends) = await Written([GrantedEntry("a", 1), GrantedEntry("b", 2)]);
        content.AsSpan(ends[0], ends[1] - ends[0]).Clear();
        await File.WriteAllBytesAsync(JournalPath, content, TestContext.Current.CancellationToken);
        Assert.Throws<StartupException>(() => Open(new LeaseTable()));
    }

    [Fact]
    public async Task Refuses_LastLineThatIsCorrupt()
    {
        var (content, ends) = await Written([GrantedEntry("a", 1)]);
        content[ends[0] + 30] ^= 0x01;
        await File.WriteAllBytesAsync(JournalPath, content, TestContext.Current.CancellationToken);
        Assert.Throws<StartupException>(() => Open(new LeaseTable()));
    }

    [Fact]
    public async Task Refuses_AnotherVersion()
    {
        var later = Encoding.ASCII.GetBytes("""{"weftJournal":4,"file":"0011"}""");
        await File.WriteAllBytesAsync(
            JournalPath,
            JournalLine.Write(Crc32C.Of(later), later),
            TestContext.Current.CancellationToken
        );
        Assert.Contains(
            "it is of version 4, and this agent knows the versions up to 3",
            Assert.Throws<StartupException>(() => Open(new LeaseTable())).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Refuses_Entries_WhileTheDiskFails_AndRecovers()
    {
        // What fsync(2) refuses is a pipe here and a disk in life (Weft.EndToEnd/Faults): the kernel's answer goes one way.
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        using var unsyncable = new SafeFileHandle(pipe.SafePipeHandle.DangerousGetHandle(), ownsHandle: false);
        var fails = false;
        void Sync(SafeFileHandle file) => DurableFile.Sync(fails ? unsyncable : file);

        var table = new LeaseTable();
        await using (var journal = Open(table, Sync))
        {
            await journal.Append(GrantedEntry("a", 1));
            fails = true;
            await Assert.ThrowsAsync<IOException>(() => journal.Append(GrantedEntry("b", 2)));
            await Assert.ThrowsAsync<IOException>(() => journal.Append(ReleaseWantedEntry("a", 1)));
            await Assert.ThrowsAsync<IOException>(journal.EnsureWritable);
            Assert.False(journal.IsHealthy);
            Assert.True(table.TryGet(HolderOf("a"), out _));
            Assert.False(table.TryGet(HolderOf("b"), out _));
            fails = false;
            await journal.EnsureWritable();
            Assert.True(journal.IsHealthy);
            await journal.Append(GrantedEntry("c", 3));
        }

        var again = await ReadBack();
        Assert.True(again.TryGet(HolderOf("a"), out _));
        Assert.False(again.TryGet(HolderOf("b"), out _));
        Assert.True(again.TryGet(HolderOf("c"), out _));
    }

    [Fact]
    public async Task Compacts_WhenMostIsDead_AndForgetsNothing()
    {
        var table = new LeaseTable();
        await using (var journal = Open(table, compactFrom: 64))
        {
            await journal.Append(GrantedEntry("stays", 1));
            await journal.Append(ReleaseWantedEntry("waits", 1));
            for (var i = 2; i < 400; i++)
                await Task.WhenAll(
                    journal.Append(GrantedEntry($"c{i}", i)),
                    journal.Append(ReleaseWantedEntry($"c{i}", i)),
                    journal.Append(ReleasedEntry($"c{i}", i))
                );
        }

        Assert.InRange(new FileInfo(JournalPath).Length, 1, 30_000);
        var again = await ReadBack();
        Assert.Equal(Dump(table), Dump(again));
        Assert.True(again.TryGet(HolderOf("stays"), out _));
        Assert.Equal([HolderOf("waits")], again.PendingReleases());
    }

    [Fact]
    public void Keeps_AcknowledgedEntries_WhateverHappensAndWhereverItIsCut() =>
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 2], Gen.Int[1, 6])
            .Array[1, 30]
            .SelectMany(steps => Gen.Int[0, 100_000].Select(cut => (steps, cut)))
            .Sample(sample => RunHistory(sample.steps, sample.cut).GetAwaiter().GetResult(), iter: 300, threads: 1);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>
    /// Writes some entries, tears the file anywhere at or behind the last acknowledged byte of some moment, and reads
    /// it back.
    /// </summary>
    private async Task<bool> RunHistory((int Holder, int Did, int Lease)[] steps, int cut)
    {
        File.Delete(JournalPath);
        var table = new LeaseTable();
        var states = new List<(long Length, string Said)>();
        await using (var journal = Open(table, _ => { }, compactFrom: 12))
        {
            states.Add((new FileInfo(JournalPath).Length, Dump(table)));
            foreach (var (holder, did, lease) in steps)
            {
                var before = states[^1].Length;
                var container = $"c{holder}";
                await journal.Append(
                    did switch
                    {
                        0 => GrantedEntry(container, lease),
                        1 => ReleaseWantedEntry(container, table.NextReleaseNumber()),
                        _ => ReleasedEntry(container, table.ReleaseNumberOf(HolderOf(container)) ?? 0),
                    }
                );
                var length = new FileInfo(JournalPath).Length;

                // A new file took the old one's place by a rename: cuts of the old one are past.
                if (length <= before)
                    states.Clear();
                states.Add((length, Dump(table)));
            }
        }

        var content = await File.ReadAllBytesAsync(JournalPath);
        var torn = states[0].Length + (cut % (content.Length - states[0].Length + 1));
        await File.WriteAllBytesAsync(JournalPath, content[..(int)torn]);
        var acknowledged = states.Last(state => state.Length <= torn).Said;
        return Dump(await ReadBack()) == acknowledged;
    }

    private static LeaseHolder HolderOf(string container) =>
        new(ResourceId.Parse(AgentHarness.Network).Value, container, "net1");

    private static JournalEntry GrantedEntry(string container, int address) =>
        JournalEntry.Create(
            JournalEntry.Granted,
            HolderOf(container),
            At,
            new PodLease([new LeasedAddress($"10.0.{address >> 8}.{address & 255}/16")], [])
        );

    private static JournalEntry ReleaseWantedEntry(string container, long want) =>
        JournalEntry.Create(JournalEntry.ReleaseWanted, HolderOf(container), At, want: want);

    private static JournalEntry ReleasedEntry(string container, long want) =>
        JournalEntry.Create(JournalEntry.Released, HolderOf(container), At, want: want);

    private static string Dump(LeaseTable table) =>
        table.Count == 0
            ? ""
            : string.Join(
                '\n',
                Encoding.UTF8.GetString(
                    JournalFormat.Line([.. table.Entries().OrderBy(e => e.ContainerId)], default).Line
                )
            );

    private Journal Open(LeaseTable table, Action<SafeFileHandle>? sync = null, int compactFrom = 1024) =>
        Journal.Open(JournalPath, table, AgentLog.Open(_log, TimeProvider.System), sync, compactFrom);

    private async Task<LeaseTable> ReadBack()
    {
        var table = new LeaseTable();
        await using var journal = Open(table);
        return table;
    }

    /// <summary>A journal with one line per entry: its bytes, and where the header and each line end.</summary>
    private async Task<(byte[] Content, int[] Ends)> Written(JournalEntry[] entries)
    {
        var ends = new List<int>();
        await using (var journal = Open(new LeaseTable()))
        {
            ends.Add((int)new FileInfo(JournalPath).Length);
            foreach (var entry in entries)
            {
                await journal.Append(entry);
                ends.Add((int)new FileInfo(JournalPath).Length);
            }
        }

        return (await File.ReadAllBytesAsync(JournalPath), [.. ends]);
    }
}
