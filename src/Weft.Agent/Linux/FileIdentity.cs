using System.Runtime.InteropServices;

namespace Weft.Agent.Linux;

/// <summary>What tells a file from the one that stood under its name before: replaced, or written over.</summary>
/// <param name="Size">Its length in bytes.</param>
/// <param name="Seconds">When it was written last, seconds since 1970.</param>
/// <param name="Nanoseconds">And nanoseconds behind them.</param>
internal readonly partial record struct FileIdentity(ulong Inode, ulong Size, long Seconds, uint Nanoseconds)
{
    // AT_FDCWD, and STATX_MTIME | STATX_INO | STATX_SIZE of linux/stat.h. Its struct is the same on every machine,
    // unlike that of stat(2).
    private const int CurrentDirectory = -100;
    private const uint Mask = 0x40 | 0x100 | 0x200;
    private const int InodeAt = 32;
    private const int SizeAt = 40;
    private const int WrittenAt = 112;

    /// <summary>The identity of a file; of a link, that of what it points to.</summary>
    /// <returns>The identity, or null where there is no such file.</returns>
    public static FileIdentity? Read(string path)
    {
        Span<byte> answer = stackalloc byte[256];
        return Statx(CurrentDirectory, path, 0, Mask, ref MemoryMarshal.GetReference(answer)) != 0
            ? null
            : new FileIdentity(
                MemoryMarshal.Read<ulong>(answer[InodeAt..]),
                MemoryMarshal.Read<ulong>(answer[SizeAt..]),
                MemoryMarshal.Read<long>(answer[WrittenAt..]),
                MemoryMarshal.Read<uint>(answer[(WrittenAt + 8)..])
            );
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, ref byte answer);
}
