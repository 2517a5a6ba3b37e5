using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Weft.Tests.Attachments.Formats;

/// <summary>
/// Frames byte for byte on an interface of a network namespace, by a packet socket (packet(7)). What each carries says
/// what it was sent as, so it is known at the other end whether the kernel left its tag in the frame or put it beside.
/// </summary>
internal sealed class FrameSocket : IDisposable
{
    private const int AfPacket = 17,
        SockRaw = 3,
        EverythingBigEndian = 0x0300,
        NewNet = 0x40000000,
        NoBuffers = 105,
        TryAgain = 11,
        SolSocket = 1,
        ReceiveTimeout = 20;

    private static readonly byte[] Marker = "weft-frame:"u8.ToArray();
    private readonly SafeSocketHandle _socket;

    private FrameSocket(SafeSocketHandle socket, byte[] mac) => (_socket, Mac) = (socket, mac);

    /// <summary>The interface's MAC address.</summary>
    public byte[] Mac { get; }

    /// <summary>
    /// Opens an interface. A socket stays in the namespace of the thread that opened it, so a thread goes there and
    /// ends.
    /// </summary>
    public static FrameSocket Open(string space, string name)
    {
        FrameSocket? wire = null;
        Exception? fault = null;
        var mac = ExternalTool
            .RunChecked("ip", "netns", "exec", space, "cat", $"/sys/class/net/{name}/address")
            .Trim()
            .Split(':')
            .Select(part => Convert.ToByte(part, 16))
            .ToArray();
        var index = int.Parse(
            ExternalTool.RunChecked("ip", "netns", "exec", space, "cat", $"/sys/class/net/{name}/ifindex"),
            System.Globalization.CultureInfo.InvariantCulture
        );
        var thread = new Thread(() =>
        {
            try
            {
                using (var file = File.OpenHandle($"/run/netns/{space}"))
                    ThrowOnError(SetNamespace(file, NewNet), "setns");
                var socket = new SafeSocketHandle(
                    ThrowOnError(Socket(AfPacket, SockRaw, EverythingBigEndian), "socket"),
                    true
                );
                // sockaddr_ll: family, protocol, interface, and 12 bytes that bind(2) doesn't read.
                var address = new byte[20];
                BinaryPrimitives.WriteUInt16LittleEndian(address, AfPacket);
                BinaryPrimitives.WriteUInt16LittleEndian(address.AsSpan(2), EverythingBigEndian);
                BinaryPrimitives.WriteInt32LittleEndian(address.AsSpan(4), index);
                ThrowOnError(Bind(socket, address, address.Length), "bind");
                var wait = new byte[16];
                BinaryPrimitives.WriteInt64LittleEndian(wait.AsSpan(8), 50_000);
                ThrowOnError(SetOption(socket, SolSocket, ReceiveTimeout, wait, wait.Length), "setsockopt");
                wire = new FrameSocket(socket, mac);
            }
            catch (Exception e) when (e is InvalidOperationException or IOException)
            {
                fault = e;
            }
        });
        thread.Start();
        thread.Join();
        return wire ?? throw new InvalidOperationException($"{name} of {space} can't be opened", fault);
    }

    /// <summary>Sends a frame.</summary>
    /// <param name="to">To which MAC address.</param>
    /// <param name="tag">The bytes between the addresses and the type: none for an untagged frame.</param>
    /// <param name="says">What it carries.</param>
    /// <returns>False where the kernel said at once that it was dropped.</returns>
    public bool Send(byte[] to, byte[] tag, string says)
    {
        // The type is one for local experiments (IEEE 802-2014 §9.2.4), so that no stack looks into it; 60 bytes are
        // the least of Ethernet.
        byte[] frame = [.. to, .. Mac, .. tag, 0x88, 0xb5, .. Marker, .. Encoding.ASCII.GetBytes(says), 0];
        Array.Resize(ref frame, Math.Max(frame.Length, 60));
        if (Write(_socket, frame, frame.Length) == frame.Length)
            return true;
        var fault = Marshal.GetLastPInvokeError();
        return fault == NoBuffers
            ? false
            : throw new InvalidOperationException($"a frame can't be sent: errno {fault}");
    }

    /// <summary>Collects what frames say until one says the last word, or nothing has come for a while.</summary>
    /// <param name="last">What the last one says, or null to wait for silence alone.</param>
    /// <param name="quiet">How long silence must be to count.</param>
    /// <returns>What they said.</returns>
    public HashSet<string> Receive(string? last, TimeSpan quiet)
    {
        var heard = new HashSet<string>(StringComparer.Ordinal);
        var silence = Stopwatch.StartNew();
        var all = Stopwatch.StartNew();
        var buffer = new byte[2048];
        while (
            silence.Elapsed < (last is null || heard.Contains(last) ? quiet : TimeSpan.FromSeconds(5))
            && all.Elapsed < TimeSpan.FromSeconds(20)
        )
        {
            var length = (int)Read(_socket, buffer, buffer.Length);
            if (length < 0 && Marshal.GetLastPInvokeError() is var fault and not TryAgain)
                throw new InvalidOperationException($"nothing can be received: errno {fault}");
            var at = length < 0 ? -1 : buffer.AsSpan(0, length).IndexOf(Marker);
            // A packet socket hears what it sends too.
            if (at < 0 || buffer.AsSpan(6, 6).SequenceEqual(Mac))
                continue;
            var text = buffer.AsSpan(at + Marker.Length, length - at - Marker.Length);
            heard.Add(Encoding.ASCII.GetString(text[..text.IndexOf((byte)0)]));
            silence.Restart();
        }

        return heard;
    }

    public void Dispose() => _socket.Dispose();

    private static int ThrowOnError(int result, string call) =>
        result >= 0 ? result : throw new InvalidOperationException($"{call}: errno {Marshal.GetLastPInvokeError()}");

    [DllImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static extern int SetNamespace(SafeFileHandle file, int type);

    [DllImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static extern int Socket(int family, int type, int protocol);

    [DllImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static extern int Bind(SafeHandle socket, byte[] address, int length);

    [DllImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static extern int SetOption(SafeHandle socket, int level, int name, byte[] value, int length);

    [DllImport("libc", EntryPoint = "write", SetLastError = true)]
    private static extern nint Write(SafeHandle socket, byte[] data, nint length);

    [DllImport("libc", EntryPoint = "read", SetLastError = true)]
    private static extern nint Read(SafeHandle socket, byte[] data, nint length);

    /// <summary>A descriptor of a socket that is closed as a file.</summary>
    internal sealed class SafeSocketHandle : SafeHandleMinusOneIsInvalid
    {
        public SafeSocketHandle(nint handle, bool owns)
            : base(owns) => SetHandle(handle);

        protected override bool ReleaseHandle() => Close(handle) == 0;

        [DllImport("libc", EntryPoint = "close")]
        private static extern int Close(nint descriptor);
    }
}
