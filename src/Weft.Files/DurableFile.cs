using Microsoft.Win32.SafeHandles;

namespace Weft.Files;

/// <summary>
/// A file that is either the old one or the new one, whenever the power goes: temporary, fsync, rename, fsync of the
/// directory. Nothing returns before its bytes are on the disk, and a disk that didn't take them is an error.
/// </summary>
internal static class DurableFile
{
    /// <summary>Read and write for the owner.</summary>
    public const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Replaces a file as a whole; returns once the new one is on the disk under its name.</summary>
    /// <param name="temporary">As for <see cref="Replace"/>.</param>
    /// <exception cref="IOException">The disk did not take it.</exception>
    public static void Write(string path, ReadOnlySpan<byte> content, UnixFileMode mode, string? temporary = null)
    {
        Replace(path, content, mode, temporary);
        SyncDirectory(DirectoryOf(path));
    }

    /// <summary>The same, except that the caller syncs the directory: once for many files.</summary>
    /// <param name="temporary">
    /// Where it stands meanwhile; <see cref="TemporaryOf"/> by default. Where several processes write one file, each
    /// has a name of its own.
    /// </param>
    /// <exception cref="IOException">The disk did not take it; the old file stands.</exception>
    public static void Replace(string path, ReadOnlySpan<byte> content, UnixFileMode mode, string? temporary = null)
    {
        temporary ??= TemporaryOf(path);
        try
        {
            using (var file = Create(temporary))
            {
                file.Write(content);
                File.SetUnixFileMode(file.SafeFileHandle, mode);
                Sync(file.SafeFileHandle);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>
    /// A file for its owner alone, made anew: so neither a link laid in its way nor an early reader gets what is
    /// written to it.
    /// </summary>
    public static FileStream Create(string path)
    {
        File.Delete(path);
        return new FileStream(
            path,
            new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                Share = FileShare.None,
                BufferSize = 0,
                UnixCreateMode = Private,
            }
        );
    }

    /// <summary>Returns once all that was written to the file is on the disk.</summary>
    /// <exception cref="IOException">The disk did not take it: what it holds of the file is not known.</exception>
    public static void Sync(SafeFileHandle file) => SyncCalls.Sync(file);

    /// <summary>Returns once the entries of a directory are on the disk.</summary>
    /// <exception cref="IOException">The disk did not take it.</exception>
    public static void SyncDirectory(string path) => SyncCalls.SyncDirectory(path);

    /// <summary>
    /// The temporary name of a file: hidden and in the same directory, one per name, so that a crash leaves at most
    /// one.
    /// </summary>
    public static string TemporaryOf(string path) =>
        Path.Join(DirectoryOf(path), $".{Path.GetFileName(path)}.weft-new");

    private static string DirectoryOf(string path) => Path.GetDirectoryName(Path.GetFullPath(path))!;
}
