using Weft.Contracts;

namespace Weft.Server.Audit;

/// <summary>
/// Reads the log in pages, over all files, while it is written. Memory is bounded by the page, and so is the work: a
/// page ends after so many bytes, whether it found something or not.
/// </summary>
/// <param name="path">The file that is written.</param>
/// <param name="keep">How many are kept besides.</param>
/// <param name="maxPageBytes">How many bytes of files a page is of. Default 4 MiB.</param>
internal sealed class AuditReader(string path, int keep, int maxPageBytes = 4 << 20)
{
    private const int ChunkBytes = 2 * AuditFiles.MaxLineBytes;

    /// <summary>Reads a page.</summary>
    /// <param name="from">Where; null for the oldest line.</param>
    /// <param name="top">The most records.</param>
    public AuditPage Read(AuditQuery query, AuditPosition? from, int top)
    {
        var records = new List<AuditRecord>();
        var at = from ?? default;
        long budget = maxPageBytes;
        while (records.Count < top && budget > 0)
        {
            using var file = OpenFrom(at, out var start);
            if (file is null)
                return new AuditPage(records, at, IsEnd: true);
            at = start;
            if (start.Offset == 0 && IsBefore(file, query.Since))
            {
                // Skipped whole; the one behind it begins with a greater number.
                at = start with
                {
                    Offset = file.Length,
                };
                continue;
            }

            var end = ReadFile(file, query, top, start.Offset, records, ref budget);
            // Nothing whole is left of it: the next round asks for the file behind it.
            if (end == start.Offset && !HasNewer(start.File))
                return new AuditPage(records, at, IsEnd: true);
            at = end == start.Offset ? new AuditPosition(start.File + 1, 0) : start with { Offset = end };
        }

        return new AuditPage(records, at, IsEnd: false);
    }

    /// <summary>
    /// Opens the file of a position, or the oldest one behind it. Asked anew for each file, because files may be turned
    /// over between two.
    /// </summary>
    private FileStream? OpenFrom(AuditPosition at, out AuditPosition start)
    {
        start = at;
        FileStream? found = null;
        foreach (var name in AuditFiles.List(path, keep))
        {
            var file = AuditFiles.OpenOrNull(name);
            if (file is null)
                continue;
            if (
                AuditFiles.FirstRecordOf(file) is not { } first
                || first.Number < at.File
                || (found is not null && first.Number >= start.File)
            )
            {
                file.Dispose();
                continue;
            }

            found?.Dispose();
            found = file;
            start = first.Number == at.File ? at : new AuditPosition(first.Number, 0);
        }

        return found;
    }

    private bool HasNewer(long number)
    {
        using var newer = OpenFrom(new AuditPosition(number + 1, 0), out _);
        return newer is not null;
    }

    private static bool IsBefore(FileStream file, DateTimeOffset? since) =>
        since is not null && AuditFiles.LastRecordOf(file) is { } last && AuditQuery.TimeOf(last) < since;

    /// <summary>Reads lines of one file.</summary>
    /// <returns>The offset behind the last line that was read.</returns>
    private static long ReadFile(
        FileStream file,
        AuditQuery query,
        int top,
        long offset,
        List<AuditRecord> records,
        ref long budget
    )
    {
        var chunk = new byte[ChunkBytes];
        while (budget > 0)
        {
            file.Position = offset;
            var read = file.ReadAtLeast(chunk, chunk.Length, throwOnEndOfStream: false);
            var used = ReadLines(chunk.AsSpan(0, read), query, top, records);
            // A line longer than any of ours is stepped over in pieces, none of which is a record.
            if (used == 0 && read == chunk.Length)
                used = read;
            offset += used;
            budget -= used;
            if (used == 0 || records.Count >= top)
                break;
        }

        return offset;
    }

    private static int ReadLines(ReadOnlySpan<byte> bytes, AuditQuery query, int top, List<AuditRecord> records)
    {
        var used = 0;
        while (records.Count < top && bytes[used..].IndexOf((byte)'\n') is >= 0 and var length)
        {
            if (AuditRecord.Read(bytes.Slice(used, length)) is { } record && query.Matches(record))
                records.Add(record);
            used += length + 1;
        }

        return used;
    }
}
