using System.Globalization;
using System.Text;
using Weft.Files;

namespace Weft.Server.Storage;

/// <summary>
/// A data directory that is this process's alone: two servers on one would each believe their own state. The kernel
/// holds the lock, on the directory itself: no file that somebody may remove stands for it, and it goes with the
/// process.
/// </summary>
internal sealed class DataDirectory : IDisposable
{
    private const UnixFileMode Owner = DurableFile.Private | UnixFileMode.UserExecute;
    private readonly DirectoryHandle _handle;
    private readonly FileStream _lockFile;

    private DataDirectory(DirectoryHandle handle, FileStream lockFile, string path) =>
        (_handle, _lockFile, Path) = (handle, lockFile, path);

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>The store in it.</summary>
    public string Store => System.IO.Path.Combine(Path, StoreFiles.StoreName);

    /// <summary>Locks a directory, and makes it where there is none (mode 0700).</summary>
    /// <exception cref="IOException">Another process has it; the message names it.</exception>
    public static DataDirectory Lock(string path)
    {
        Directory.CreateDirectory(path, Owner);
        File.SetUnixFileMode(path, Owner);
        var handle = DirectoryHandle.Open(path);
        try
        {
            if (!handle.TryLock())
                throw InUse(path, handle.FindHolder());
            return new DataDirectory(handle, OpenLockFile(path), path);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _lockFile.Dispose();
        _handle.Dispose();
    }

    /// <summary>
    /// The file that weftd of earlier versions locks, and no other: they must be kept out too. It names the process, for
    /// people.
    /// </summary>
    private static FileStream OpenLockFile(string path)
    {
        var file = System.IO.Path.Combine(path, "weftd.lock");
        FileStream opened;
        try
        {
            opened = new FileStream(
                file,
                new FileStreamOptions
                {
                    Mode = FileMode.OpenOrCreate,
                    Access = FileAccess.ReadWrite,
                    Share = FileShare.None,
                    UnixCreateMode = DurableFile.Private,
                }
            );
        }
        catch (IOException e) when (e is not (FileNotFoundException or DirectoryNotFoundException))
        {
            throw InUse(path, null, e);
        }

        try
        {
            opened.SetLength(0);
            RandomAccess.Write(opened.SafeFileHandle, Encoding.ASCII.GetBytes($"{Environment.ProcessId}\n"), 0);
        }
        catch (IOException)
        {
            // A full disk, say, which can still be read and served. The lock is the kernel's, and names the process too.
        }

        return opened;
    }

    private static IOException InUse(string path, int? process, Exception? cause = null)
    {
        var (who, how) = process is { } id
            ? (string.Create(CultureInfo.InvariantCulture, $" (process {id})"), $"stop it (kill {id})")
            : ("", "stop it");
        return new IOException($"another weftd works on {path}{who}; {how}, or name another --data", cause);
    }
}
