using System.Runtime.InteropServices;

namespace Weft.Agent.Linux;

/// <summary>The system calls of probing, with the numbers that Linux gives them on x86-64 and arm64 alike.</summary>
internal static partial class SystemCalls
{
    public const int Packet = 17;
    public const int Inet = 2;
    public const int Inet6 = 10;
    public const int Raw = 3;
    public const int Datagram = 2;
    public const int CloseOnExec = 0x80000;
    public const int SolPacket = 263;
    public const int AddMembership = 1;
    public const int AuxiliaryData = 8;
    public const ushort Promiscuous = 1;
    public const ushort AllMulticast = 2;
    public const int GetMtu = 0x8921;
    public const int NewNet = 0x40000000;
    public const short PollIn = 1;
    public const uint FlagUp = 0x1;
    public const uint FlagLowerUp = 0x10000;
    public const int NoBuffers = 105;
    public const int MessageTooLong = 90;
    public const int NetworkDown = 100;

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    public static partial int Socket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    public static unsafe partial int Bind(int descriptor, void* address, int length);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    public static unsafe partial int SetOption(int descriptor, int level, int name, void* value, int length);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    public static unsafe partial nint Send(int descriptor, void* bytes, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    public static unsafe partial nint Receive(int descriptor, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    public static unsafe partial int Poll(PollDescriptor* descriptors, nint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static unsafe partial int Control(int descriptor, nuint request, void* argument);

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    public static partial int SetNamespace(int descriptor, int type);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "getifaddrs", SetLastError = true)]
    public static unsafe partial int GetAddresses(InterfaceAddress** first);

    [LibraryImport("libc", EntryPoint = "freeifaddrs")]
    public static unsafe partial void FreeAddresses(InterfaceAddress* first);

    /// <summary>What the last call failed with, in words.</summary>
    public static IOException LastError(string what) =>
        new($"can't {what}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");

    /// <summary><c>struct pollfd</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    /// <summary><c>struct iovec</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct Vector
    {
        public void* Bytes;
        public nint Length;
    }

    /// <summary><c>struct msghdr</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public Vector* Vectors;
        public nint VectorCount;
        public void* ControlBytes;
        public nint ControlLength;
        public int Flags;
    }

    /// <summary><c>struct ifaddrs</c>, its first members.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct InterfaceAddress
    {
        public InterfaceAddress* Next;
        public byte* Name;
        public uint Flags;
        public byte* Address;
        public byte* Mask;
        public byte* Other;
        public void* Data;
    }
}
