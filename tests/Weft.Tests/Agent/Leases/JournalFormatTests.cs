using System.Text;
using Weft.Agent.Leases;

namespace Weft.Tests.Agent.Leases;

/// <summary>Which lines are a journal's, which are torn, and which are damage; in both versions of the format.</summary>
public sealed class JournalFormatTests
{
    private const string Wanted =
        """{"did":"releaseWanted","network":"n6","containerId":"a","interface":"net1","at":"2026-01-02T03:04:05+00:00"}""";

    private static readonly string OldHeader = Alone("""{"weftJournal":1}""");
    private static readonly string Header = Alone("""{"weftJournal":3,"file":"00112233"}""");

    public static TheoryData<string> NoHeaders =>
        [
            "",
            "00000000",
            Header.TrimEnd(),
            "\n" + Header,
            "12345678\n",
            "00000000 \n",
            Alone("null"),
            Alone("[]"),
            Alone("{}"),
            Alone("""{"weftJournal":0}"""),
            Alone("""{"weftJournal":4}"""),
        ];

    public static TheoryData<string> Damages =>
        [
            "\n",
            "1234567\n",
            "12345678\n",
            "00000000 \n",
            "00000000 []\n",
            "00000000 1\n",
            "00000000 1 []\n",
            Alone("[]"),
            Chain("[]").Replace(' ', '_'),
            Chain("null"),
            Chain("{}"),
            Chain("[null]"),
            Chain("[{}]"),
            Chain($"[{Wanted}]").Replace("net1", "net2", StringComparison.Ordinal),
            // Of another file.
            Lines(1, 0, "[]"),
            // Blocks that weren't written, and a line behind them that was.
            "\0\0" + Chain("[]"),
            "\0\n" + Chain("[]"),
            "\0\n\n",
        ];

    public static TheoryData<string> TornTails =>
        ["0", "00000000 1 [", Chain("[]").TrimEnd(), "\0", "\0\0\0", "\0\n", "\0 []\n", "12\0 []\n", "\0\0[]\n\0\0\0"];

    [Fact]
    public void Begins_EachFileWithAnIdOfItsOwn()
    {
        var (line, end) = JournalFormat.Header();
        var (text, sum) = (Encoding.UTF8.GetString(line), Convert.ToUInt32(Encoding.UTF8.GetString(line[..8]), 16));
        Assert.Equal(new JournalChain(sum, 0), end);
        Assert.Equal(Alone(text[9..].TrimEnd()), text);
        Assert.Matches("""^[0-9a-f]{8} \{"weftJournal":3,"file":"[0-9a-f]{16}"\}\n\z""", text);
        Assert.NotEqual(line, JournalFormat.Header().Line);
    }

    [Fact]
    public void Counts_EntriesAndBytes()
    {
        var content = Header + Chain($"[{Wanted},{Wanted}]", "[]", $"[{Wanted}]");
        var read = new List<JournalEntry>();
        var (whole, entries, end) = Read(content, read);
        Assert.Equal((content.Length, 3, 3L), (whole, entries, end!.Value.Number));
        Assert.All(read, entry => Assert.Equal((JournalEntry.ReleaseWanted, "a"), (entry.Did, entry.ContainerId)));
        Assert.Equal(3, read.Count);
        var next = Encoding.UTF8.GetString(JournalFormat.Line(read, end.Value).Line);
        Assert.Equal(Lines(end.Value.Checksum, 3, $"[{Wanted},{Wanted},{Wanted}]"), next);
    }

    [Fact]
    public void Reads_WhatAnEarlierAgentWrote()
    {
        var content = OldHeader + Alone($"[{Wanted},{Wanted}]") + Alone("[]");
        Assert.Equal(new JournalContent(content.Length, 2, null), Read(content + "00000000 [", []));
        Assert.Equal(new JournalContent(content.Length, 2, null), Read(content + "12\0 []\n", []));
        Assert.Throws<InvalidDataException>(() => Read(content + "00000000 []\n", []));
        Assert.Throws<InvalidDataException>(() => Read(content + "\0\0" + Alone("[]"), []));
        Assert.Throws<InvalidDataException>(() => Read(content + Chain("[]"), []));
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
        var whole = Header + Chain($"[{Wanted}]");
        var (length, entries, _) = Read(whole + tail, []);
        Assert.Equal((whole.Length, 1), (length, entries));
    }

    [Fact]
    public void Refuses_AnEntry_ThatNobodyTakes() =>
        Assert.Throws<InvalidDataException>(() =>
            JournalFormat.Read(Encoding.UTF8.GetBytes(Header + Chain($"[{Wanted}]")), _ => false)
        );

    private static JournalContent Read(string content, List<JournalEntry> into) =>
        JournalFormat.Read(
            Encoding.UTF8.GetBytes(content),
            entry =>
            {
                into.Add(entry);
                return true;
            }
        );

    /// <summary>A line as the specification has it: CRC-32C bit by bit, and not as the agent reckons it.</summary>
    private static string Alone(string payload) => $"{SumOf(Encoding.UTF8.GetBytes(payload)):x8} {payload}\n";

    /// <summary>Lines that follow <see cref="Header"/>.</summary>
    private static string Chain(params string[] payloads) => Lines(Convert.ToUInt32(Header[..8], 16), 0, payloads);

    private static string Lines(uint before, long number, params string[] payloads)
    {
        var text = new StringBuilder();
        foreach (var payload in payloads)
        {
            var rest = $"{++number} {payload}";
            before = SumOf([.. BitConverter.GetBytes((ulong)before), .. Encoding.UTF8.GetBytes(rest)]);
            text.Append($"{before:x8} {rest}\n");
        }

        return text.ToString();
    }

    private static uint SumOf(byte[] bytes)
    {
        var sum = uint.MaxValue;
        foreach (var octet in bytes)
        {
            sum ^= octet;
            for (var bit = 0; bit < 8; bit++)
                sum = (sum >> 1) ^ ((sum & 1) * 0x82F63B78);
        }

        return ~sum;
    }
}
