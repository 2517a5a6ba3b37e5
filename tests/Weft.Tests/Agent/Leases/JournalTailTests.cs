using System.Runtime.Versioning;
using CsCheck;
using Weft.Agent;
using Weft.Agent.Leases;
using Weft.Contracts;
using Weft.Files;

namespace Weft.Tests.Agent.Leases;

/// <summary>
/// What is noted and not synced: a killed agent finds all of it again, and a machine that stops may lose its end, but never
/// anything that was synced behind it.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class JournalTailTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weft-").FullName;
    private readonly StringWriter _log = new();
    private int _syncs;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string JournalPath => Path.Join(_folder, "journal");

    private string TailPath => $"{JournalPath}.tail";

    [Fact]
    public async Task Notes_WithoutASync_AndSyncsItWithTheNextEntry()
    {
        var table = new LeaseTable();
        await using var journal = Open(table);
        await journal.Append(Requested("a"));
        var before = _syncs;
        await journal.Note(Granted("a"));
        Assert.True(table.TryGet(LeaseParts.HolderOf("a"), out _));
        Assert.Equal(before, _syncs);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(TailPath));

        await journal.Append(Requested("b"));
        Assert.Equal(before + 1, _syncs);
        var line = (await File.ReadAllLinesAsync(JournalPath, Cancel))[^1];
        Assert.Contains("\"did\":\"granted\"", line, StringComparison.Ordinal);
        Assert.Contains("\"did\":\"requested\"", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Finds_WhatWasNoted_AfterAKill_AndForgetsNothingOfItAfterTheNext()
    {
        await using (var journal = Open(new LeaseTable()))
        {
            await journal.Append(Requested("a"));
            await journal.Note(Granted("a"));
            Kill();
        }

        Restore();
        await using (var journal = Open(new LeaseTable()))
        {
            // It goes on behind what it has found.
            await journal.Note(Granted("b"));
            Kill();
        }

        Restore();
        var table = new LeaseTable();
        await using (Open(table))
        {
            Assert.True(table.TryGet(LeaseParts.HolderOf("a"), out _));
            Assert.True(table.TryGet(LeaseParts.HolderOf("b"), out _));
        }
    }

    [Fact]
    public async Task Syncs_WhatIsNoted_BeforeItCloses()
    {
        await using (var journal = Open(new LeaseTable()))
            await journal.Note(Granted("a"));
        File.Delete(TailPath);
        var table = new LeaseTable();
        await using (Open(table))
            Assert.True(table.TryGet(LeaseParts.HolderOf("a"), out _));
    }

    [Fact]
    public async Task Syncs_WhatCantBeNoted()
    {
        await using var journal = Open(new LeaseTable());
        Directory.CreateDirectory(TailPath);
        var before = _syncs;
        await journal.Note(Granted("a"));
        Assert.Equal(before + 1, _syncs);
        Assert.Contains("journal-tail-not-written", _log.ToString(), StringComparison.Ordinal);
        Directory.Delete(TailPath);
    }

    [Fact]
    public async Task Syncs_OnceTooMuchIsNoted()
    {
        await using var journal = Open(new LeaseTable());
        var before = _syncs;
        for (var i = 0; i < 300; i++)
            await journal.Note(Granted($"c{i}"));
        Assert.Equal(before + 1, _syncs);
    }

    /// <summary>
    /// After power was cut the journal is as it was synced last, and the tail is any of what it ever was, cut or damaged
    /// anywhere. What is read back is a beginning of what happened, with all that was synced in it.
    /// </summary>
    [Fact]
    public async Task Reads_ABeginningOfWhatHappened_WithAllThatWasSynced_WhereverPowerIsCut() =>
        await Gen.Select(Gen.Bool.Array[1, 24], Gen.Int[0, 24], Gen.Int[0, 4096], Gen.Int[0, 1 << 20])
            .SampleAsync(
                async drawn =>
                {
                    var (durable, tailAt, cut, flip) = drawn;
                    var entries = durable.Select((_, i) => EntryOf(i)).ToList();
                    var (synced, main, tails) = await Live(entries, durable);
                    var tail = tails[Math.Min(tailAt, tails.Count - 1)];
                    tail = tail[..Math.Min(cut, tail.Length)];
                    if (tail.Length > 0 && flip < 1 << 19)
                        tail[flip % tail.Length] ^= 1;
                    await File.WriteAllBytesAsync(JournalPath, main, Cancel);
                    await File.WriteAllBytesAsync(TailPath, tail, Cancel);
                    var table = new LeaseTable();
                    await using (Open(table))
                    {
                        var found = Describe(table);
                        Assert.Contains(
                            Enumerable.Range(synced, entries.Count - synced + 1),
                            count => Describe(After(entries.Take(count))).SequenceEqual(found)
                        );
                    }
                },
                iter: 200,
                threads: 1
            );

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Lives through entries, each appended or noted.</summary>
    /// <returns>How many are synced; the journal as it is synced last; the tail as it was after each.</returns>
    private async Task<(int Synced, byte[] Main, List<byte[]> Tails)> Live(List<JournalEntry> entries, bool[] durable)
    {
        File.Delete(JournalPath);
        File.Delete(TailPath);
        var (synced, tails) = (0, new List<byte[]>());
        await using var journal = Open(new LeaseTable());
        var main = await File.ReadAllBytesAsync(JournalPath, Cancel);
        for (var i = 0; i < entries.Count; i++)
        {
            await (durable[i] ? journal.Append(entries[i]) : journal.Note(entries[i]));
            if (durable[i])
                (synced, main) = (i + 1, await File.ReadAllBytesAsync(JournalPath, Cancel));
            tails.Add(File.Exists(TailPath) ? await File.ReadAllBytesAsync(TailPath, Cancel) : []);
        }

        return (synced, main, tails);
    }

    /// <summary>Three holders live and end again and again.</summary>
    private static JournalEntry EntryOf(int number)
    {
        var container = $"c{number % 3}";
        return (number / 3 % 4) switch
        {
            0 => Requested(container),
            1 => Granted(container),
            2 => Entry(JournalEntry.ReleaseWanted, container) with { Want = number },
            _ => Entry(JournalEntry.Released, container) with { Want = number },
        };
    }

    private static LeaseTable After(IEnumerable<JournalEntry> entries)
    {
        var table = new LeaseTable();
        foreach (var entry in entries)
            Assert.True(table.Apply(entry));
        return table;
    }

    private static List<string> Describe(LeaseTable table) =>
        [
            .. table
                .Entries()
                .Select(entry => FormattableString.Invariant($"{entry.Did} {entry.ContainerId} {entry.Want}"))
                .Order(StringComparer.Ordinal),
        ];

    /// <summary>What the process has written stays; nothing that it does from now on does.</summary>
    private void Kill()
    {
        foreach (var path in (string[])[JournalPath, TailPath])
            File.Copy(path, $"{path}.killed", overwrite: true);
    }

    private void Restore()
    {
        foreach (var path in (string[])[JournalPath, TailPath])
            File.Move($"{path}.killed", path, overwrite: true);
    }

    private static JournalEntry Entry(string did, string container) =>
        JournalEntry.Create(did, LeaseParts.HolderOf(container), DateTimeOffset.UnixEpoch);

    private static JournalEntry Requested(string container) => Entry(JournalEntry.Requested, container);

    private static JournalEntry Granted(string container) =>
        Entry(JournalEntry.Granted, container) with
        {
            Lease = new PodLease([new LeasedAddress("10.20.6.4/24")], []),
        };

    private Journal Open(LeaseTable table) =>
        Journal.Open(
            JournalPath,
            table,
            AgentLog.Open(_log, TimeProvider.System),
            file =>
            {
                _syncs++;
                DurableFile.Sync(file);
            }
        );
}
