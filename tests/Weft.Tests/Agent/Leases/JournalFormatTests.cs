using System.Text;
using Weft.Agent.Leases;

namespace Weft.Tests.Agent.Leases;

/// <summary>Which lines are a journal's, which are torn, and which are damage.</summary>
public sealed class JournalFormatTests
{
    private const string Wanted =
        """{"did":"releaseWanted","network":"n6","containerId":"a","interface":"net1","at":"2026-01-02T03:04:05+00:00"}""";

    private static readonly string Header = Line("""{"weftJournal":1}""");

    public static TheoryData<string> NoHeaders =>
        [
            "",
            "00000000",
            Header.TrimEnd(),
            "\n" + Header,
            "12345678\n",
            "00000000 \n",
            Line("null"),
            Line("[]"),
            Line("{}"),
            Line("""{"weftJournal":0}"""),
            Line("""{"weftJournal":2}"""),
        ];

    public static TheoryData<string> Damages =>
        [
            "\n",
            "1234567\n",
            "12345678\n",
            "00000000 \n",
            "00000000 []\n",
            Line("[]").Replace(' ', '_'),
            Line("null"),
            Line("{}"),
            Line("[null]"),
            Line("[{}]"),
            Line($"[{Wanted}]").Replace("net1", "net2", StringComparison.Ordinal),
            // Blocks that weren't written, and a line behind them that was.
            "\0\0" + Line("[]"),
            "\0\n" + Line("[]"),
            "\0\n\n",
        ];

    public static TheoryData<string> TornTails =>
        ["0", "00000000 [", Line("[]").TrimEnd(), "\0", "\0\0\0", "\0\n", "\0 []\n", "12\0 []\n", "\0\0[]\n\0\0\0"];

    [Fact]
    public void Writes_TheHeader() => Assert.Equal(Header, Encoding.UTF8.GetString(JournalFormat.Header()));

    [Fact]
    public void Counts_EntriesAndBytes()
    {
        var content = Header + Line($"[{Wanted},{Wanted}]") + Line("[]") + Line($"[{Wanted}]");
        var read = new List<JournalEntry>();
        Assert.Equal((content.Length, 3), Read(content, read));
        Assert.All(read, entry => Assert.Equal((JournalEntry.ReleaseWanted, "a"), (entry.Did, entry.ContainerId)));
        Assert.Equal(3, read.Count);
        Assert.Equal(Line($"[{Wanted},{Wanted},{Wanted}]"), Encoding.UTF8.GetString(JournalFormat.Line(read)));
    }

    [Theory]
    [MemberData(nameof(NoHeaders))]
    public void Refuses_WhatIsNoJournal(string content) => Assert.Throws<InvalidDataException>(() => Read(content, []));

    [Theory]
    [MemberData(nameof(Damages))]
    public void Refuses_WhatNoCrashLeaves(string damage) =>
        Assert.Throws<InvalidDataException>(() => Read(Header + damage, []));

    [Theory]
    [MemberData(nameof(TornTails))]
    public void Leaves_WhatACrashTore(string tail)
    {
        var whole = Header + Line($"[{Wanted}]");
        Assert.Equal((whole.Length, 1), Read(whole + tail, []));
    }

    [Fact]
    public void Refuses_AnEntry_ThatNobodyTakes() =>
        Assert.Throws<InvalidDataException>(() =>
            JournalFormat.Read(Encoding.UTF8.GetBytes(Header + Line($"[{Wanted}]")), _ => false)
        );

    private static (int Whole, int Entries) Read(string content, List<JournalEntry> into) =>
        JournalFormat.Read(
            Encoding.UTF8.GetBytes(content),
            entry =>
            {
                into.Add(entry);
                return true;
            }
        );

    /// <summary>A line as the specification has it: CRC-32C bit by bit, and not as the agent reckons it.</summary>
    private static string Line(string payload)
    {
        var sum = uint.MaxValue;
        foreach (var octet in Encoding.UTF8.GetBytes(payload))
        {
            sum ^= octet;
            for (var bit = 0; bit < 8; bit++)
                sum = (sum >> 1) ^ ((sum & 1) * 0x82F63B78);
        }

        return $"{~sum:x8} {payload}\n";
    }
}
