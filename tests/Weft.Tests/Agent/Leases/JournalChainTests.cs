using System.Runtime.Versioning;
using System.Text;
using Weft.Agent;
using Weft.Agent.Leases;
using Weft.Contracts;
using Weft.Files;
using Weft.Resources;

namespace Weft.Tests.Agent.Leases;

/// <summary>
/// What somebody, or a file system, does to whole lines of a real journal: each such line is right in itself, and only
/// its neighbours tell.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class JournalChainTests : IDisposable
{
    private const int Lines = 12;

    private readonly string _folder = Directory.CreateTempSubdirectory("weft-").FullName;
    private readonly StringWriter _log = new();

    private string JournalPath => Path.Join(_folder, "journal");

    /// <summary>But for the last one: a journal that ends before it is what a crash before it leaves.</summary>
    [Fact]
    public async Task Finds_EachLineThatWasRemoved()
    {
        var lines = await Write();
        for (var at = 1; at < lines.Count - 1; at++)
            AssertRefused(lines.Where((_, i) => i != at), $"it is line {at + 1}, and line {at} is missing before it");
        AssertRefused(lines.Skip(1), "its first line is no journal's");
        Assert.Equal(Lines - 1, await CountWith(lines.SkipLast(1)));
    }

    [Fact]
    public async Task Finds_EachLineThatWasDoubled()
    {
        var lines = await Write();
        for (var at = 1; at < lines.Count; at++)
            AssertRefused(
                [.. lines.Take(at + 1), .. lines.Skip(at)],
                $"it is line {at}, which stands before line {at + 1}"
            );
    }

    [Fact]
    public async Task Finds_EveryTwoLinesThatWereSwapped()
    {
        var lines = await Write();
        for (var one = 1; one < lines.Count; one++)
        {
            for (var other = one + 1; other < lines.Count; other++)
            {
                var swapped = lines.ToArray();
                (swapped[one], swapped[other]) = (swapped[other], swapped[one]);
                AssertRefused(swapped, $"it is line {other}, and line {one} is missing before it");
            }
        }
    }

    [Fact]
    public async Task Finds_EachBitThatWasFlipped()
    {
        var lines = await Write(3);
        var content = string.Concat(lines);
        // All that a crash may have cut off are the bytes of a last line without its end.
        for (var bit = 0; bit < 8 * (content.Length - 1); bit++)
        {
            var flipped = Encoding.ASCII.GetBytes(content);
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            await File.WriteAllBytesAsync(JournalPath, flipped, TestContext.Current.CancellationToken);
            // A zero byte in the last line could be a block that never reached the disk.
            if (flipped[bit / 8] != 0)
                Assert.Throws<StartupException>(Open);
        }
    }

    /// <summary>A line of the same number, and right in itself, of the file that stood here before.</summary>
    [Fact]
    public async Task Finds_EachLineOfAnEarlierTime()
    {
        var earlier = await Write();
        File.Delete(JournalPath);
        var lines = await Write();
        for (var at = 0; at < lines.Count; at++)
            AssertRefused(
                lines.Select((line, i) => i == at ? earlier[i] : line),
                "it is damaged, of an earlier time, or doesn't belong behind the line before it"
            );
    }

    [Fact]
    public async Task Reads_AJournalOfVersion1_AndWritesItAnew()
    {
        var entries = Enumerable.Range(1, 3).Select(Granted).ToList();
        static byte[] Alone(byte[] json) => JournalLine.Write(Crc32C.Of(json), json);
        byte[] old =
        [
            .. Alone(Encoding.ASCII.GetBytes("""{"weftJournal":1}""")),
            .. entries.SelectMany(entry => Alone(JsonOf(entry))),
        ];
        await File.WriteAllBytesAsync(JournalPath, [.. old, .. "0123"u8], TestContext.Current.CancellationToken);

        await using (var journal = Open())
        {
            Assert.True(journal.IsHealthy);
            await journal.Append(Granted(4));
        }

        var lines = await File.ReadAllLinesAsync(JournalPath, TestContext.Current.CancellationToken);
        Assert.Contains("\"weftJournal\":3", lines[0], StringComparison.Ordinal);
        Assert.Equal(4, await CountWith(lines.Select(line => line + "\n")));

        // It is the same journal whichever way it came: what of version 1 is damaged is refused as before.
        old[^20] ^= 1;
        await File.WriteAllBytesAsync(JournalPath, old, TestContext.Current.CancellationToken);
        Assert.Throws<StartupException>(Open);
    }

    /// <summary>Its lines are tied as today's; an agent of before would not know today's entries in it.</summary>
    [Fact]
    public async Task Reads_AJournalOfVersion2_AndWritesItAnew()
    {
        var header = Encoding.ASCII.GetBytes("""{"weftJournal":2,"file":"00112233"}""");
        var end = new JournalChain(Crc32C.Of(header), 0);
        var (line, _) = JournalFormat.Line([Granted(1)], end);
        await File.WriteAllBytesAsync(
            JournalPath,
            [.. JournalLine.Write(Crc32C.Of(header), header), .. line],
            TestContext.Current.CancellationToken
        );
        await using (var journal = Open())
            Assert.True(journal.IsHealthy);
        var lines = await File.ReadAllLinesAsync(JournalPath, TestContext.Current.CancellationToken);
        Assert.Contains("\"weftJournal\":3", lines[0], StringComparison.Ordinal);
        Assert.Equal(1, await CountWith(lines.Select(text => text + "\n")));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static JournalEntry Granted(int number) =>
        JournalEntry.Create(
            JournalEntry.Granted,
            new LeaseHolder(ResourceId.Parse(AgentHarness.Network).Value, $"c{number}", "net1"),
            DateTimeOffset.UnixEpoch,
            new PodLease([new LeasedAddress($"10.0.0.{number}/16")], [])
        );

    private static byte[] JsonOf(JournalEntry entry)
    {
        var text = Encoding.UTF8.GetString(JournalFormat.Line([entry], default).Line);
        return Encoding.UTF8.GetBytes(text[text.IndexOf('[', StringComparison.Ordinal)..].TrimEnd());
    }

    private Journal Open() => Open(new LeaseTable());

    private Journal Open(LeaseTable table) =>
        Journal.Open(JournalPath, table, AgentLog.Open(_log, TimeProvider.System));

    /// <summary>A journal of a line for each entry, as lines with their ends; the first one is the header.</summary>
    private async Task<List<string>> Write(int count = Lines)
    {
        await using (var journal = Open())
        {
            for (var number = 1; number <= count; number++)
                await journal.Append(Granted(number));
        }

        var lines = await File.ReadAllLinesAsync(JournalPath, TestContext.Current.CancellationToken);
        Assert.Equal(count + 1, lines.Length);
        return [.. lines.Select(line => line + "\n")];
    }

    private async Task<int> CountWith(IEnumerable<string> lines)
    {
        await File.WriteAllTextAsync(JournalPath, string.Concat(lines), TestContext.Current.CancellationToken);
        var table = new LeaseTable();
        await using var journal = Open(table);
        return table.Count;
    }

    private void AssertRefused(IEnumerable<string> lines, string reason)
    {
        var content = string.Concat(lines);
        File.WriteAllText(JournalPath, content);
        var refusal = Assert.Throws<StartupException>(Open);
        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
        Assert.Equal(content, File.ReadAllText(JournalPath));
    }
}
