using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Weft.Files;

namespace Weft.Agent.Leases;

/// <summary>What was found in a journal.</summary>
/// <param name="Whole">How many bytes are whole lines; what follows them is a torn tail.</param>
/// <param name="Entries">How many entries they hold.</param>
/// <param name="End">Where the next line goes; null for a journal of an earlier version, which is written on in no way.</param>
internal readonly record struct JournalContent(int Whole, int Entries, JournalChain? End);

/// <summary>
/// The journal's lines (docs/specs/agent.md, "Journal"). All that is synced at once is one line, so that whatever a
/// crash leaves of it is the end of the file, whichever of its blocks reached the disk.
/// </summary>
internal static class JournalFormat
{
    private const int FileIdLength = 8;

    private static JournalJson Json => JournalJson.Default;

    /// <summary>The first line of a new file, and where the next one goes.</summary>
    /// <remarks>Its id makes a line of another file, an earlier one too, fit nowhere in this one.</remarks>
    public static (byte[] Line, JournalChain End) Header()
    {
        var header = new JournalHeader(
            JournalHeader.Current,
            Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(FileIdLength))
        );
        var json = JsonSerializer.SerializeToUtf8Bytes(header, Json.JournalHeader);
        var sum = Crc32C.Of(json);
        return (JournalLine.Write(sum, json), new JournalChain(sum, 0));
    }

    /// <summary>One line of entries, and where the next one goes.</summary>
    public static (byte[] Line, JournalChain End) Line(IReadOnlyList<JournalEntry> entries, JournalChain end) =>
        end.Append(JsonSerializer.SerializeToUtf8Bytes(entries, Json.IReadOnlyListJournalEntry));

    /// <summary>Reads a journal.</summary>
    /// <param name="apply">Takes each entry in; false where it isn't one.</param>
    /// <exception cref="InvalidDataException">Something is wrong that no crash explains.</exception>
    public static JournalContent Read(ReadOnlySpan<byte> content, Func<JournalEntry, bool> apply)
    {
        var (at, end, isCurrent) = ReadHeader(content);
        var count = 0;
        for (var rest = content[at..]; !rest.IsEmpty; rest = content[at..])
        {
            var newline = rest.IndexOf((byte)'\n');
            if (newline == -1)
                break;
            if (ReadLine(rest[..newline], ref end) is not { } json)
            {
                if (IsTorn(rest, newline, isChained: end is not null))
                    break;
                throw new InvalidDataException(
                    $"the line at byte {at} can't be taken: {end?.Describe(rest[..newline]) ?? "it is damaged"}; "
                        + "no crash leaves such a line"
                );
            }

            foreach (var entry in Parse(json, Json.IReadOnlyListJournalEntry, $"the line at byte {at}"))
            {
                if (entry is null || !apply(entry))
                    throw new InvalidDataException(
                        $"the line at byte {at} holds an entry that this version doesn't know"
                    );
                count++;
            }

            at += newline + 1;
        }

        return new JournalContent(at, count, isCurrent ? end : null);
    }

    /// <summary>Reads what is noted behind a journal that ends somewhere, up to the first line that doesn't follow.</summary>
    /// <returns>The entries, how many bytes their lines have, and where the last one ends.</returns>
    /// <exception cref="InvalidDataException">A line that follows holds no entries.</exception>
    public static (IReadOnlyList<JournalEntry> Entries, int Length, JournalChain End) ReadTail(
        ReadOnlySpan<byte> content,
        JournalChain end
    )
    {
        var entries = new List<JournalEntry>();
        var at = 0;
        while (
            content[at..].IndexOf((byte)'\n') is >= 0 and var newline
            && end.Follow(content.Slice(at, newline), out var json) is { } next
        )
        {
            entries.AddRange(Parse(json, Json.IReadOnlyListJournalEntry, $"what is noted at byte {at}"));
            (at, end) = (at + newline + 1, next);
        }

        return (entries, at, end);
    }

    /// <param name="end">Where the journal ends; null in one of version 1.</param>
    private static byte[]? ReadLine(ReadOnlySpan<byte> line, ref JournalChain? end)
    {
        if (end is not { } before)
            return JournalLine.ReadAlone(line);
        if (before.Follow(line, out var json) is not { } next)
            return null;
        end = next;
        return json;
    }

    /// <summary>The header came to be with the file, by a rename: there is no crash that leaves half of it.</summary>
    private static (int Length, JournalChain? End, bool IsCurrent) ReadHeader(ReadOnlySpan<byte> content)
    {
        var newline = content.IndexOf((byte)'\n');
        if (newline == -1 || JournalLine.ReadAlone(content[..newline]) is not { } json)
            throw new InvalidDataException("its first line is no journal's");
        var header = Parse(json, Json.JournalHeader, "its first line");
        return header.WeftJournal switch
        {
            JournalHeader.Unchained => (newline + 1, null, false),
            JournalHeader.WithoutRequests or JournalHeader.Current => (
                newline + 1,
                new JournalChain(Crc32C.Of(json), 0),
                header.WeftJournal == JournalHeader.Current
            ),
            _ => throw new InvalidDataException(
                $"it is of version {header.WeftJournal}, and this agent knows the versions up to {JournalHeader.Current}"
            ),
        };
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
    private static bool IsTorn(ReadOnlySpan<byte> rest, int newline, bool isChained)
    {
        var line = rest[..newline];
        var lastZero = line.LastIndexOf((byte)0);
        return lastZero >= 0
            && !IsWhole(line[(lastZero + 1)..], isChained)
            && !rest[(newline + 1)..].ContainsAnyExcept((byte)0);
    }

    /// <summary>Whether what stands behind zeros is a line of its own: then the zeros are no crash's.</summary>
    private static bool IsWhole(ReadOnlySpan<byte> line, bool isChained) =>
        isChained ? JournalChain.HasForm(line) : JournalLine.ReadAlone(line) is not null;
}
