using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text;

namespace Weft.Cni;

/// <summary>Another program, started and waited for.</summary>
/// <remarks>
/// Its stdin and stdout are files in memory rather than pipes: neither side can block on the other, a program that
/// doesn't read its input does no harm, and one that leaves a child of its own behind doesn't hold us. Not
/// <c>System.Diagnostics.Process</c>, for the reasons of <see cref="SystemCalls"/>.
/// </remarks>
internal static unsafe partial class ChildProcess
{
    private const uint CloseOnExec = 1; // MFD_CLOEXEC
    private const int ReadOnlyFile = 0x80000; // O_RDONLY | O_CLOEXEC
    private const int FromStart = 0; // SEEK_SET
    private const int Executable = 1; // X_OK

    /// <summary>Room for <c>posix_spawn_file_actions_t</c>: 80 bytes in glibc and in musl.</summary>
    private const int FileActionsSize = 256;

    private delegate void PointersAction(byte** texts);

    /// <summary>The name that this program was started by: <c>argv[0]</c> without its folder.</summary>
    /// <returns>The name, or <c>weft-ipam</c> where the system doesn't say.</returns>
    internal static string ReadProgramName()
    {
        var file = Open("/proc/self/cmdline", ReadOnlyFile);
        if (file < 0)
            return "weft-ipam";
        var buffer = new byte[4096];
        var count = (int)SystemCalls.Read(file, buffer);
        _ = SystemCalls.Close(file);
        var text = buffer.AsSpan(0, Math.Max(0, count));
        var end = text.IndexOf((byte)0);
        var first = text[..(end < 0 ? text.Length : end)];
        return Encoding.UTF8.GetString(first[(first.LastIndexOf((byte)'/') + 1)..]);
    }

    /// <summary>Whether a file can be started.</summary>
    /// <returns>True if it is there and executable.</returns>
    internal static bool IsExecutable(string file) => Access(file, Executable) == 0;

    /// <summary>Runs a program to its end.</summary>
    internal static bool TryRun(
        string file,
        IReadOnlyList<(string Name, string Value)> changed,
        ReadOnlyMemory<byte> input,
        [NotNullWhen(true)] out PluginExit? run,
        [NotNullWhen(false)] out string? why
    )
    {
        (run, why) = (null, null);
        var (from, to) = (MemoryFile("stdin", CloseOnExec), MemoryFile("stdout", CloseOnExec));
        try
        {
            if (from < 0 || to < 0 || !StandardStreams.TryWrite(from, input.Span) || Seek(from, 0, FromStart) < 0)
                why = SystemCalls.LastErrorText;
            else if (Start(file, changed, from, to) is var child && child <= 0)
                why = Marshal.GetPInvokeErrorMessage(-child);
            else
                run = new PluginExit(WaitForExit(child), ReadAll(to));
        }
        finally
        {
            _ = SystemCalls.Close(from);
            _ = SystemCalls.Close(to);
        }

        return run is not null;
    }

    /// <summary>Starts a program.</summary>
    /// <returns>Its process id, or the negative errno.</returns>
    private static int Start(string file, IReadOnlyList<(string Name, string Value)> changed, int from, int to)
    {
        var actions = stackalloc byte[FileActionsSize];
        if (InitActions(actions) is not 0 and var failed)
            return -failed;
        _ = AddDup2(actions, from, 0);
        _ = AddDup2(actions, to, StandardStreams.Output);
        int child = 0,
            error = 0;
        WithPointers(
            [file],
            arguments =>
                WithPointers(
                    BuildEnvironment(changed),
                    environment => error = Spawn(out child, file, actions, null, arguments, environment)
                )
        );
        _ = DestroyActions(actions);
        return error == 0 ? child : -error;
    }

    private static List<string> BuildEnvironment(IReadOnlyList<(string Name, string Value)> changed)
    {
        var all = new List<string>();
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            if (!changed.Any(c => c.Name == (string)variable.Key))
                all.Add($"{variable.Key}={variable.Value}");
        }

        all.AddRange(changed.Select(c => $"{c.Name}={c.Value}"));
        return all;
    }

    /// <summary>Texts as C has them: an array of pointers with a null at its end.</summary>
    private static void WithPointers(List<string> texts, PointersAction use)
    {
        var pointers = stackalloc byte*[texts.Count + 1];
        for (var i = 0; i < texts.Count; i++)
            pointers[i] = (byte*)Marshal.StringToCoTaskMemUTF8(texts[i]);
        pointers[texts.Count] = null;
        use(pointers);
        for (var i = 0; i < texts.Count; i++)
            Marshal.FreeCoTaskMem((nint)pointers[i]);
    }

    /// <summary>
    /// Waits for a child's end: its exit status, or 128 and the signal that killed it, as shells say it.
    /// </summary>
    private static int WaitForExit(int child)
    {
        int status;
        while (WaitFor(child, out status, 0) < 0 && SystemCalls.LastError == SystemCalls.Interrupted)
        {
            // A signal came before the child's end; it is simply waited for again.
        }

        var signal = status & 0x7f;
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal;
    }

    private static byte[] ReadAll(int file)
    {
        _ = Seek(file, 0, FromStart);
        using var all = new MemoryStream();
        var buffer = new byte[8192];
        while (SystemCalls.Read(file, buffer) is > 0 and var count)
            all.Write(buffer, 0, (int)count);
        return all.ToArray();
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "access", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Access(string path, int mode);

    [LibraryImport(
        "libc",
        EntryPoint = "memfd_create",
        SetLastError = true,
        StringMarshalling = StringMarshalling.Utf8
    )]
    private static partial int MemoryFile(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial nint Seek(int file, nint offset, int whence);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    private static partial int WaitFor(int child, out int status, int options);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    private static partial int InitActions(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    private static partial int AddDup2(byte* actions, int from, int to);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    private static partial int DestroyActions(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Spawn(
        out int child,
        string file,
        byte* actions,
        void* attributes,
        byte** arguments,
        byte** environment
    );
}
