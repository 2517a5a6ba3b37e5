using System.Buffers;
using System.Globalization;
using System.Text;
using Weft.Files;

namespace Weft.Agent.Leases;

/// <summary>A line of a journal: eight hexadecimal digits of a checksum, a blank, the rest, a newline.</summary>
internal static class JournalLine
{
    private const int Checksum = 8;

    // Lower case alone: the parser would take the other too, and a digit with a flipped bit for the same.
    private static readonly SearchValues<byte> Digits = SearchValues.Create("0123456789abcdef"u8);

    /// <summary>Writes a line.</summary>
    public static byte[] Write(uint sum, ReadOnlySpan<byte> rest)
    {
        var line = new byte[Checksum + 1 + rest.Length + 1];
        Encoding.ASCII.GetBytes(sum.ToString("x8", CultureInfo.InvariantCulture), line);
        line[Checksum] = (byte)' ';
        rest.CopyTo(line.AsSpan(Checksum + 1));
        line[^1] = (byte)'\n';
        return line;
    }

    /// <summary>Takes a line apart.</summary>
    /// <param name="line">The line without its newline.</param>
    /// <returns>False where it has another form.</returns>
    public static bool TrySplit(ReadOnlySpan<byte> line, out uint sum, out ReadOnlySpan<byte> rest)
    {
        sum = 0;
        rest = default;
        if (
            line.Length <= Checksum
            || line[Checksum] != ' '
            || line[..Checksum].ContainsAnyExcept(Digits)
            || !uint.TryParse(line[..Checksum], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out sum)
        )
            return false;
        rest = line[(Checksum + 1)..];
        return true;
    }

    /// <summary>What a line holds that is tied to no other: the first one, and those of version 1.</summary>
    /// <returns>Null where its checksum is another's.</returns>
    public static byte[]? ReadAlone(ReadOnlySpan<byte> line) =>
        TrySplit(line, out var sum, out var rest) && sum == Crc32C.Of(rest) ? rest.ToArray() : null;
}
