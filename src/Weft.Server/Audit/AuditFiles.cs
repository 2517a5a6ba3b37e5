using System.Collections.Immutable;
using System.Globalization;
using Weft.Contracts;

namespace Weft.Server.Audit;

/// <summary>The files of the log as readers see them: a line at a time, never a file whole.</summary>
internal static class AuditFiles
{
    /// <summary>A line is far shorter; what is longer is none of weftd's.</summary>
    public const int MaxLineBytes = 64 * 1024;

    /// <summary>The name of a file that was turned over.</summary>
    /// <param name="age">1 for the newest.</param>
    public static string NameOf(string path, int age) => string.Create(CultureInfo.InvariantCulture, $"{path}.{age}");

    /// <summary>All files that are there, the oldest first.</summary>
    public static ImmutableArray<string> List(string path, int keep) =>
        [.. Enumerable.Range(1, keep).Reverse().Select(age => NameOf(path, age)).Append(path).Where(File.Exists)];

    /// <summary>The first record of a file.</summary>
    /// <returns>Null where the file isn't there or has none.</returns>
    public static AuditRecord? FirstRecordOf(string path)
    {
        using var file = OpenOrNull(path);
        return file is null ? null : FirstRecordOf(file);
    }

    /// <summary>The first record of a file.</summary>
    public static AuditRecord? FirstRecordOf(FileStream file)
    {
        file.Position = 0;
        var bytes = new byte[MaxLineBytes];
        var rest = bytes.AsSpan(0, file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false));
        while (rest.IndexOf((byte)'\n') is >= 0 and var end)
        {
            if (AuditRecord.Read(rest[..end]) is { } record)
                return record;
            rest = rest[(end + 1)..];
        }

        return null;
    }

    /// <summary>The last record of a file.</summary>
    /// <returns>Null where the file isn't there or has none.</returns>
    public static AuditRecord? LastRecordOf(string path)
    {
        using var file = OpenOrNull(path);
        return file is null ? null : LastRecordOf(file);
    }

    /// <summary>The last record of a file.</summary>
    public static AuditRecord? LastRecordOf(FileStream file)
    {
        file.Position = Math.Max(0, file.Length - MaxLineBytes);
        var bytes = new byte[MaxLineBytes];
        var rest = bytes.AsSpan(0, file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false));
        while (rest.LastIndexOf((byte)'\n') is >= 0 and var end)
        {
            rest = rest[..end];
            if (AuditRecord.Read(rest[(rest.LastIndexOf((byte)'\n') + 1)..]) is { } record)
                return record;
        }

        return null;
    }

    /// <summary>Opens a file that may be turned over or gone.</summary>
    public static FileStream? OpenOrNull(string path)
    {
        try
        {
            return new FileStream(
                path,
                FileMode.Open,
                FileAccess.Read,
                FileShare.ReadWrite | FileShare.Delete,
                bufferSize: 1
            );
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }
}
