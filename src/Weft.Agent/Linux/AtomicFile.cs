namespace Weft.Agent.Linux;

/// <summary>
/// A file that is either the old one or the new one, whenever the power goes: temporary, fsync, rename, fsync of the
/// directory.
/// </summary>
internal static class AtomicFile
{
    /// <summary>Read and write for the owner: what every file of the state directory has.</summary>
    public const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Replaces a file as a whole; returns once the new one is on the disk under its name.</summary>
    public static void Write(string path, ReadOnlySpan<byte> content, UnixFileMode mode)
    {
        Replace(path, content, mode);
        Libc.SyncDirectory(Path.GetDirectoryName(path)!);
    }

    /// <summary>The same, except that the caller syncs the directory: once for many files.</summary>
    public static void Replace(string path, ReadOnlySpan<byte> content, UnixFileMode mode)
    {
        var temporary = TemporaryOf(path);
        File.Delete(temporary);

        // Made anew and private, so that neither a link laid in its way nor an early reader gets the content.
        var made = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            Share = FileShare.None,
            BufferSize = 0,
            UnixCreateMode = Private,
        };
        using (var file = new FileStream(temporary, made))
        {
            file.Write(content);
            File.SetUnixFileMode(file.SafeFileHandle, mode);
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>
    /// The temporary name of a file: hidden and in the same directory, one per name, so that a crash leaves at most
    /// one.
    /// </summary>
    public static string TemporaryOf(string path) =>
        Path.Join(Path.GetDirectoryName(path), $".{Path.GetFileName(path)}.weft-new");
}
