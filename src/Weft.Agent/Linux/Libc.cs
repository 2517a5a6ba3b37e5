using System.Runtime.InteropServices;

namespace Weft.Agent.Linux;

/// <summary>What .NET has no call for: making a rename durable by syncing the directory it happened in.</summary>
internal static partial class Libc
{
    // O_RDONLY | O_CLOEXEC, the same number on x86-64 and arm64; O_DIRECTORY differs between them and isn't needed.
    private const int ReadOnlyCloseOnExec = 0x80000;

    /// <summary>Returns once the entries of a directory are on the disk.</summary>
    /// <exception cref="IOException">The disk did not take it.</exception>
    public static void SyncDirectory(string path)
    {
        var descriptor = Open(path, ReadOnlyCloseOnExec);
        if (descriptor < 0)
            throw LastError("open", path);
        try
        {
            if (Sync(descriptor) != 0)
                throw LastError("sync", path);
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    private static IOException LastError(string what, string path) =>
        new($"can't {what} the directory '{path}': {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
