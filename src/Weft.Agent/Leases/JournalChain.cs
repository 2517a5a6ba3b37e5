using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Weft.Files;

namespace Weft.Agent.Leases;

/// <summary>
/// Where a journal ends, so that its next line can be tied to it: a line's checksum covers that of the line before it.
/// A line that was removed, doubled, moved or brought from an earlier time therefore fits nowhere.
/// </summary>
/// <param name="Checksum">The last line's.</param>
/// <param name="Number">The last line's; 0 is the header's.</param>
internal readonly record struct JournalChain(uint Checksum, long Number)
{
    /// <summary>A line that comes next, and where the journal ends then.</summary>
    public (byte[] Line, JournalChain End) Append(ReadOnlySpan<byte> json)
    {
        var number = Number + 1;
        byte[] rest = [.. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{number} ")), .. json];
        var sum = SumOf(rest);
        return (JournalLine.Write(sum, rest), new JournalChain(sum, number));
    }

    /// <summary>Takes the next line in.</summary>
    /// <param name="line">The line without its newline.</param>
    /// <param name="json">What it holds; empty where it isn't the next one.</param>
    /// <returns>Where the journal ends then; null where it isn't the next one.</returns>
    public JournalChain? Follow(ReadOnlySpan<byte> line, out byte[] json)
    {
        json = [];
        if (
            !JournalLine.TrySplit(line, out var sum, out var rest)
            || sum != SumOf(rest)
            || NumberOf(rest, out var length) != Number + 1
        )
            return null;
        json = rest[length..].ToArray();
        return new JournalChain(sum, Number + 1);
    }

    /// <summary>Why a line isn't the next one, as far as its own number tells.</summary>
    public string Describe(ReadOnlySpan<byte> line)
    {
        var number = JournalLine.TrySplit(line, out _, out var rest) ? NumberOf(rest, out _) : null;
        var expected = Number + 1;
        return number switch
        {
            null => "it is damaged",
            _ when number > expected => string.Create(
                CultureInfo.InvariantCulture,
                $"it is line {number}, and line {expected} is missing before it"
            ),
            _ when number < expected => string.Create(
                CultureInfo.InvariantCulture,
                $"it is line {number}, which stands before line {expected}: it was doubled or moved"
            ),
            _ => "it is damaged, of an earlier time, or doesn't belong behind the line before it",
        };
    }

    /// <summary>Whether a text has the form of a line, whatever its checksum says: a crash leaves none by accident.</summary>
    public static bool HasForm(ReadOnlySpan<byte> line) =>
        JournalLine.TrySplit(line, out _, out var rest) && NumberOf(rest, out _) is not null;

    private uint SumOf(ReadOnlySpan<byte> rest) => ~Crc32C.Append(Crc32C.Append(Crc32C.Begin, Checksum), rest);

    private static long? NumberOf(ReadOnlySpan<byte> rest, out int length)
    {
        length = 0;
        if (!Utf8Parser.TryParse(rest, out long number, out var digits) || rest.Length <= digits || rest[digits] != ' ')
            return null;
        length = digits + 1;
        return number;
    }
}
