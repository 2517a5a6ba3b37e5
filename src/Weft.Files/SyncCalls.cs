using System.Reflection;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Weft.Files;

/// <summary>
/// The three calls that .NET has no honest form of. `FileStream.Flush(true)` and `RandomAccess.FlushToDisk` call fsync
/// and drop what it answers: with EIO or ENOSPC they return as if the bytes were on the disk.
/// </summary>
internal static partial class SyncCalls
{
    // O_RDONLY | O_CLOEXEC, the same number on x86-64 and arm64; O_DIRECTORY differs between them and isn't needed.
    private const int ReadOnlyCloseOnExec = 0x80000;
    private const int Interrupted = 4;
    private const int InvalidArgument = 22;

    // Looked up as every C program looks it up, in all that is loaded and in load order, and not in one library by
    // name: so what is laid over the C library (LD_PRELOAD: a disk that fails, a tracer) is laid over this too.
    static SyncCalls() => NativeLibrary.SetDllImportResolver(typeof(SyncCalls).Assembly, Resolve);

    /// <summary>Returns once all that was written to the file is on the disk.</summary>
    /// <exception cref="IOException">The disk did not take it: what it holds of the file is not known.</exception>
    public static void Sync(SafeFileHandle file)
    {
        int error;
        do error = Sync(file.DangerousGetHandle()) == 0 ? 0 : Marshal.GetLastPInvokeError();
        while (error == Interrupted);
        GC.KeepAlive(file);
        if (error != 0)
            throw new IOException($"can't sync the file: {Marshal.GetPInvokeErrorMessage(error)}");
    }

    /// <summary>Returns once the entries of a directory are on the disk.</summary>
    /// <exception cref="IOException">The disk did not take it.</exception>
    public static void SyncDirectory(string path)
    {
        var descriptor = Open(path, ReadOnlyCloseOnExec);
        if (descriptor < 0)
            throw Error("open", path, Marshal.GetLastPInvokeError());
        try
        {
            // A file system that has no sync of directories says so by EINVAL, and keeps their entries in another way.
            if (Sync(descriptor) != 0 && Marshal.GetLastPInvokeError() is var error and not InvalidArgument)
                throw Error("sync", path, error);
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    private static IOException Error(string what, string path, int error) =>
        new($"can't {what} the directory '{path}': {Marshal.GetPInvokeErrorMessage(error)}");

    private static nint Resolve(string library, Assembly assembly, DllImportSearchPath? path) =>
        library == "libc" ? NativeLibrary.GetMainProgramHandle() : 0;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(nint descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(nint descriptor);
}
