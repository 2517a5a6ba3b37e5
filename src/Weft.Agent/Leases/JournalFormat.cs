using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Weft.Files;

namespace Weft.Agent.Leases;

/// <summary>
/// The journal's lines: eight hexadecimal digits of CRC-32C, a blank, JSON, a newline. All that is synced at once is
/// one line, so that whatever a crash leaves of it is the end of the file, whichever of its blocks reached the disk.
/// </summary>
internal static class JournalFormat
{
    private const int Checksum = 8;

    private static JournalJson Json => JournalJson.Default;

    /// <summary>The first line.</summary>
    public static byte[] Header() =>
        Line(JsonSerializer.SerializeToUtf8Bytes(new JournalHeader(JournalHeader.Current), Json.JournalHeader));

    /// <summary>One line of entries.</summary>
    public static byte[] Line(IReadOnlyList<JournalEntry> entries) =>
        Line(JsonSerializer.SerializeToUtf8Bytes(entries, Json.IReadOnlyListJournalEntry));

    /// <summary>Reads a journal.</summary>
    /// <param name="apply">Takes each entry in; false where it isn't one.</param>
    /// <returns>How many bytes are whole lines, and how many entries they hold; what follows them is a torn
    /// tail.</returns>
    /// <exception cref="InvalidDataException">Something is wrong that no crash explains.</exception>
    public static (int Whole, int Entries) Read(ReadOnlySpan<byte> content, Func<JournalEntry, bool> apply)
    {
        var at = ReadHeader(content);
        var count = 0;
        for (var rest = content[at..]; !rest.IsEmpty; rest = content[at..])
        {
            var newline = rest.IndexOf((byte)'\n');
            if (newline == -1 || Payload(rest[..newline]) is not { } payload)
            {
                if (IsTorn(rest, newline))
                    break;
                throw new InvalidDataException(
                    $"the line at byte {at} is damaged, and what follows it shows that no crash did it"
                );
            }

            foreach (var entry in Parse(payload, Json.IReadOnlyListJournalEntry, $"the line at byte {at}"))
            {
                if (entry is null || !apply(entry))
                    throw new InvalidDataException(
                        $"the line at byte {at} holds an entry that this version doesn't know"
                    );
                count++;
            }

            at += newline + 1;
        }

        return (at, count);
    }

    private static byte[] Line(byte[] payload)
    {
        var line = new byte[Checksum + 1 + payload.Length + 1];
        Encoding.ASCII.GetBytes(Crc32C.Of(payload).ToString("x8", CultureInfo.InvariantCulture), line);
        line[Checksum] = (byte)' ';
        payload.CopyTo(line, Checksum + 1);
        line[^1] = (byte)'\n';
        return line;
    }

    /// <summary>The header came to be with the file, by a rename: there is no crash that leaves half of it.</summary>
    private static int ReadHeader(ReadOnlySpan<byte> content)
    {
        var newline = content.IndexOf((byte)'\n');
        if (newline == -1 || Payload(content[..newline]) is not { } payload)
            throw new InvalidDataException("its first line is no journal's");
        var header = Parse(payload, Json.JournalHeader, "its first line");
        if (header.WeftJournal != JournalHeader.Current)
            throw new InvalidDataException(
                $"it is of version {header.WeftJournal}, and this agent knows version {JournalHeader.Current}"
            );
        return newline + 1;
    }

    private static T Parse<T>(byte[] payload, JsonTypeInfo<T> type, string line)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(payload, type)
                ?? throw new InvalidDataException($"{line} holds null, which is none of a journal's");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{line} is none of a journal's: {e.Message}", e);
        }
    }

    /// <summary>
    /// A crash leaves the last line without its end, or with blocks that were never written and read as zeros. A last
    /// line that is whole but for its checksum was acknowledged and has rotted since; to drop it would be to forget a
    /// lease.
    /// </summary>
    private static bool IsTorn(ReadOnlySpan<byte> rest, int newline)
    {
        if (newline == -1)
            return true;
        var line = rest[..newline];
        var lastZero = line.LastIndexOf((byte)0);
        return lastZero >= 0
            && Payload(line[(lastZero + 1)..]) is null
            && !rest[(newline + 1)..].ContainsAnyExcept((byte)0);
    }

    private static byte[]? Payload(ReadOnlySpan<byte> line) =>
        line.Length > Checksum
        && line[Checksum] == ' '
        && uint.TryParse(line[..Checksum], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var sum)
        && sum == Crc32C.Of(line[(Checksum + 1)..])
            ? line[(Checksum + 1)..].ToArray()
            : null;
}
