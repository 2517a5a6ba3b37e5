using System.Runtime.InteropServices;
using System.Text;

namespace Weft.Cni;

/// <summary>The few calls of Linux that the plugin lives on, numbers as on x64 and arm64 alike.</summary>
/// <remarks>
/// Not <c>System.Console</c>, <c>FileStream</c> and <c>Socket</c>: they set up encodings, signal handlers, strategies
/// and a thread for what is one read, one question and one write. On an ADD that is a third of the time, and we start
/// for every pod.
/// </remarks>
internal static partial class SystemCalls
{
    /// <summary>ENOENT: there is no such file.</summary>
    internal const int NoSuchFile = 2;

    /// <summary>O_RDONLY | O_CLOEXEC.</summary>
    internal const int ReadOnly = 0x80000;

    /// <summary>O_WRONLY | O_CLOEXEC.</summary>
    internal const int WriteOnly = ReadOnly | 1;

    /// <summary>CLONE_NEWNET.</summary>
    internal const int NetworkNamespace = 0x40000000;

    /// <summary>EINTR: a signal came before the call did anything; it is simply made again.</summary>
    internal const int Interrupted = 4;

    /// <summary>EAGAIN: a time-out ran out.</summary>
    internal const int TimedOut = 11;

    /// <summary>SO_RCVTIMEO.</summary>
    internal const int ReceiveTimeout = 20;

    /// <summary>
    /// SO_SNDTIMEO. Linux applies it to connect(2) as well, which blocks while the listener's backlog is full.
    /// </summary>
    internal const int SendTimeout = 21;

    /// <summary>The room for a path in <c>sockaddr_un</c>, its closing zero included.</summary>
    internal const int MaxPathLength = 108;

    private const int Unix = 1; // AF_UNIX
    private const int Stream = 1 | 0x80000; // SOCK_STREAM | SOCK_CLOEXEC
    private const int SocketLevel = 1; // SOL_SOCKET
    private const int NoSignal = 0x4000; // MSG_NOSIGNAL: an agent that went is an error, not the end of us by SIGPIPE.
    private const short Readable = 1; // POLLIN; errors and hang-ups are reported unasked

    /// <summary>errno of the last call, meaningful where it returned less than 0.</summary>
    internal static int LastError => Marshal.GetLastPInvokeError();

    /// <summary>What the system says to <see cref="LastError"/>.</summary>
    internal static string LastErrorText => Marshal.GetPInvokeErrorMessage(LastError);

    /// <summary>Makes a unix stream socket.</summary>
    /// <returns>The descriptor, or less than 0.</returns>
    internal static int OpenSocket() => Socket(Unix, Stream, 0);

    /// <summary>Connects a socket to a path.</summary>
    /// <param name="path">The path, shorter than <see cref="MaxPathLength"/>.</param>
    internal static int Connect(int socket, string path)
    {
        Span<byte> address = stackalloc byte[sizeof(ushort) + MaxPathLength];
        address.Clear();
        MemoryMarshal.Write(address, (ushort)Unix);
        Encoding.UTF8.GetBytes(path, address[sizeof(ushort)..^1]);
        return Connect(socket, in MemoryMarshal.GetReference(address), address.Length);
    }

    /// <summary>Sets one of the two time-outs.</summary>
    /// <param name="which"><see cref="ReceiveTimeout"/> or <see cref="SendTimeout"/>.</param>
    /// <param name="time">How long; 0 would mean for ever.</param>
    internal static unsafe int SetTimeout(int socket, int which, TimeSpan time)
    {
        var value = new TimeValue
        {
            Seconds = (nint)time.TotalSeconds,
            Microseconds = (nint)(time.Ticks % TimeSpan.TicksPerSecond / 10),
        };
        return SetOption(socket, SocketLevel, which, in value, sizeof(TimeValue));
    }

    /// <summary>Sends some of a text.</summary>
    /// <returns>How many bytes went, or less than 0.</returns>
    internal static nint Send(int socket, ReadOnlySpan<byte> text) =>
        Send(socket, in MemoryMarshal.GetReference(text), (nuint)text.Length, NoSignal);

    /// <summary>Reads what there is.</summary>
    /// <returns>How many bytes came, 0 at the end, or less.</returns>
    internal static nint Read(int descriptor, Span<byte> room) =>
        Read(descriptor, ref MemoryMarshal.GetReference(room), (nuint)room.Length);

    /// <summary>Writes some of a text.</summary>
    /// <returns>How many bytes went, or less than 0.</returns>
    internal static nint Write(int descriptor, ReadOnlySpan<byte> text) =>
        Write(descriptor, in MemoryMarshal.GetReference(text), (nuint)text.Length);

    /// <summary>Waits until there is something to read, or an end.</summary>
    /// <param name="time">How long at most.</param>
    /// <returns>1, 0 where nothing came, or less.</returns>
    internal static int WaitForInput(int descriptor, TimeSpan time)
    {
        var watch = new PollDescriptor { Descriptor = descriptor, Events = Readable };
        return Poll(ref watch, 1, (int)time.TotalMilliseconds);
    }

    /// <summary>Closes a descriptor; Linux has closed it whatever it answers.</summary>
    [LibraryImport("libc", EntryPoint = "close")]
    internal static partial int Close(int descriptor);

    /// <summary>Opens a file that is there.</summary>
    /// <param name="flags"><see cref="ReadOnly"/> or <see cref="WriteOnly"/>.</param>
    /// <returns>The descriptor, or less than 0.</returns>
    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Open(string path, int flags);

    /// <summary>Puts this thread into the namespace of a descriptor.</summary>
    /// <param name="kind"><see cref="NetworkNamespace"/>.</param>
    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    internal static partial int SetNamespace(int descriptor, int kind);

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int Socket(int domain, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static partial int Connect(int socket, in byte address, int length);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetOption(int socket, int level, int option, in TimeValue value, int length);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(int socket, in byte buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(int descriptor, ref byte buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int descriptor, in byte buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref PollDescriptor watch, nuint count, int milliseconds);

    /// <summary><c>struct timeval</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct TimeValue
    {
        internal nint Seconds;
        internal nint Microseconds;
    }

    /// <summary><c>struct pollfd</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        internal int Descriptor;
        internal short Events;
        internal short ReturnedEvents;
    }
}
