using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Weft.Server.Storage;

/// <summary>A directory as a descriptor: .NET opens files alone.</summary>
internal sealed partial class DirectoryHandle : IDisposable
{
    // O_RDONLY | O_CLOEXEC, the same number on x86-64 and arm64; O_DIRECTORY differs between them and isn't needed.
    private const int ReadOnlyCloseOnExec = 0x80000;

    // LOCK_EX | LOCK_NB of flock(2).
    private const int ExclusiveAtOnce = 6;
    private const int WouldBlock = 11;
    private readonly SafeFileHandle _handle;
    private readonly string _path;

    private DirectoryHandle(SafeFileHandle handle, string path) => (_handle, _path) = (handle, path);

    /// <summary>Opens a directory.</summary>
    /// <exception cref="IOException">It can't be opened.</exception>
    public static DirectoryHandle Open(string path)
    {
        var handle = Open(path, ReadOnlyCloseOnExec);
        if (!handle.IsInvalid)
            return new DirectoryHandle(handle, path);
        handle.Dispose();
        throw LastError("open", path);
    }

    /// <summary>Locks it until it is disposed of, or the process ends in whatever way.</summary>
    /// <returns>False where another process has it.</returns>
    /// <exception cref="IOException">The file system knows no locks.</exception>
    public bool TryLock()
    {
        if (Lock(_handle, ExclusiveAtOnce) == 0)
            return true;
        return Marshal.GetLastPInvokeError() == WouldBlock ? false : throw LastError("lock", _path);
    }

    /// <summary>The process that has it locked.</summary>
    /// <returns>Null where the kernel doesn't say.</returns>
    public int? FindHolder()
    {
        // "ino:\t123" of proc(5), and "1: FLOCK  ADVISORY  WRITE 4711 08:01:123 0 EOF" of it.
        var inode = File.ReadLines($"/proc/self/fdinfo/{_handle.DangerousGetHandle()}")
            .FirstOrDefault(line => line.StartsWith("ino:", StringComparison.Ordinal))
            ?[4..].Trim();
        return File.ReadLines("/proc/locks")
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(words =>
                words is [_, "FLOCK", _, _, _, var file, ..] && file.EndsWith($":{inode}", StringComparison.Ordinal)
            )
            .Select(words => int.TryParse(words[4], out var process) && process > 0 ? process : (int?)null)
            .FirstOrDefault();
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private static IOException LastError(string what, string path) =>
        new($"can't {what} the directory '{path}': {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Lock(SafeFileHandle descriptor, int operation);
}
