using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Weft.Agent.Linux.Netlink;

/// <summary>
/// A netlink socket for requests and their answers. It belongs to the network namespace of the thread that opened it,
/// for good. One request at a time.
/// </summary>
/// <remarks>Source: netlink(7), rtnetlink(7).</remarks>
internal sealed partial class NetlinkSocket : IDisposable
{
    /// <summary><c>NETLINK_ROUTE</c>.</summary>
    public const int Route = 0;

    /// <summary><c>NETLINK_NETFILTER</c>.</summary>
    public const int Netfilter = 12;

    private const int NetlinkFamily = 16,
        RawCloseOnExec = 0x80003,
        SolSocket = 1,
        ReceiveTimeout = 20,
        ReceiveBuffer = 8,
        SolNetlink = 270;
    private const int AddMembership = 1,
        CapAcknowledge = 10,
        ExtendedAcknowledge = 11,
        StrictCheck = 12;
    private const ushort IsRequest = 1,
        WantsAcknowledge = 4,
        IsDump = 0x300,
        WasInterrupted = 0x10,
        IsCapped = 0x100,
        HasTexts = 0x200;
    private const ushort TypeError = 2,
        TypeDone = 3;
    private const int PeekAndMeasure = 0x22,
        ErrorInterrupted = 4,
        ErrorAgain = 11;

    private readonly SafeSocketHandle _handle;
    private readonly Lock _gate = new();
    private byte[] _buffer = new byte[64 << 10];
    private uint _sequence;

    private NetlinkSocket(SafeSocketHandle handle) => _handle = handle;

    /// <summary>
    /// How many requests that change something were sent. A pass over what is right already adds nothing to it.
    /// </summary>
    public int Writes { get; private set; }

    /// <summary>Opens a socket in the thread's network namespace.</summary>
    /// <exception cref="NetlinkException">There is none to be had.</exception>
    public static NetlinkSocket Open(int protocol)
    {
        var handle = Create(protocol);
        foreach (var option in (int[])[CapAcknowledge, ExtendedAcknowledge, StrictCheck])
            _ = SetOption((int)handle.DangerousGetHandle(), SolNetlink, option, 1, 4);
        return new NetlinkSocket(handle);
    }

    /// <summary>Opens a socket that hears of changes.</summary>
    /// <returns>A socket whose every message says that something has changed.</returns>
    /// <exception cref="NetlinkException">There is none to be had.</exception>
    public static Socket Listen(int protocol, params ReadOnlySpan<int> groups)
    {
        var handle = Create(protocol);
        foreach (var group in groups)
        {
            if (SetOption((int)handle.DangerousGetHandle(), SolNetlink, AddMembership, group, 4) < 0)
                throw new NetlinkException($"listening to netlink group {group}", Marshal.GetLastPInvokeError());
        }

        _ = SetOption((int)handle.DangerousGetHandle(), SolSocket, ReceiveBuffer, 1 << 20, 4);
        return new Socket(handle);
    }

    /// <summary>Sends a request that changes something, and waits until the kernel has taken it.</summary>
    /// <param name="what">What it does, for the message of a refusal.</param>
    /// <exception cref="NetlinkException">The kernel refused it.</exception>
    public void Execute(NetlinkMessage message, string what)
    {
        lock (_gate)
        {
            Writes++;
            Send(message, (ushort)(IsRequest | WantsAcknowledge | message.Flags), what);
            while (!Receive(what, false, (_, _) => { }, out _)) { }
        }
    }

    /// <summary>Asks for all objects of a kind.</summary>
    /// <param name="what">What is asked for, for the message of a refusal.</param>
    /// <param name="take">Is given the type and the fixed part with the attributes of each.</param>
    /// <exception cref="NetlinkException">The kernel refused it.</exception>
    public void Dump(NetlinkMessage message, string what, Action<ushort, ReadOnlySpan<byte>> take)
    {
        lock (_gate)
        {
            // What changed while it was listed may be there twice or not at all: it is listed again, and what it gave
            // is given once.
            for (var attempt = 0; ; attempt++)
            {
                var parts = new List<(ushort Type, byte[] Body)>();
                Send(message, (ushort)(IsRequest | IsDump | message.Flags), what);
                bool interrupted = false,
                    done = false;
                while (!done)
                {
                    done = Receive(what, true, (type, body) => parts.Add((type, body.ToArray())), out var now);
                    interrupted |= now;
                }

                if (interrupted && attempt < 10)
                    continue;
                foreach (var (type, body) in parts)
                    take(type, body);
                return;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private static SafeSocketHandle Create(int protocol)
    {
        var descriptor = OpenSocket(NetlinkFamily, RawCloseOnExec, protocol);
        if (descriptor < 0)
            throw new NetlinkException("opening a netlink socket", Marshal.GetLastPInvokeError());
        var handle = new SafeSocketHandle(descriptor, ownsHandle: true);
        // sockaddr_nl: the family, and zeros, by which the kernel chooses the port.
        Span<byte> address = stackalloc byte[12];
        BinaryPrimitives.WriteUInt16LittleEndian(address, NetlinkFamily);
        if (Bind((int)descriptor, address, 12) < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            handle.Dispose();
            throw new NetlinkException("binding a netlink socket", error);
        }

        // The kernel answers at once; a request that it never answers must not stop the agent for good.
        Span<long> seconds = [10, 0];
        _ = SetTime((int)descriptor, SolSocket, ReceiveTimeout, seconds, 16);
        return handle;
    }

    private void Send(NetlinkMessage message, ushort flags, string what)
    {
        var bytes = message.ToBytes(flags, ++_sequence);
        while (SendTo((int)_handle.DangerousGetHandle(), bytes, bytes.Length, 0) < 0)
        {
            if (Marshal.GetLastPInvokeError() is not ErrorInterrupted and var error)
                throw new NetlinkException(what, error);
        }
    }

    /// <summary>Reads one datagram; true once it held the end of the answer.</summary>
    private bool Receive(string what, bool isDump, Action<ushort, ReadOnlySpan<byte>> take, out bool interrupted)
    {
        interrupted = false;
        var rest = Datagram(what);
        while (rest.Length >= NetlinkMessage.HeadLength)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(rest);
            if (length < NetlinkMessage.HeadLength || length > rest.Length)
                throw new NetlinkException(what, 5, "the kernel's answer is cut short");
            var type = BinaryPrimitives.ReadUInt16LittleEndian(rest[4..]);
            var flags = BinaryPrimitives.ReadUInt16LittleEndian(rest[6..]);
            var isOurs = BinaryPrimitives.ReadUInt32LittleEndian(rest[8..]) == _sequence;
            var body = rest[NetlinkMessage.HeadLength..length];
            rest = rest[Math.Min((length + 3) & ~3, rest.Length)..];
            // An answer to a request that was given up is still in the queue.
            if (!isOurs)
                continue;
            interrupted |= (flags & WasInterrupted) != 0;
            if (type is TypeError or TypeDone)
            {
                var error = body.Length >= 4 ? -BinaryPrimitives.ReadInt32LittleEndian(body) : 0;
                return error <= 0
                    ? true
                    : throw new NetlinkException(
                        what,
                        error,
                        type == TypeError ? KernelMessage(body, flags, error) : null
                    );
            }

            if (isDump)
                take(type, body);
        }

        return false;
    }

    private ReadOnlySpan<byte> Datagram(string what)
    {
        var descriptor = (int)_handle.DangerousGetHandle();
        while (true)
        {
            var length = ReceiveFrom(descriptor, _buffer, 0, PeekAndMeasure);
            if (length > _buffer.Length)
                _buffer = new byte[length * 2];
            if (length >= 0)
                length = ReceiveFrom(descriptor, _buffer, _buffer.Length, 0);
            if (length >= 0)
                return _buffer.AsSpan(0, (int)length);
            if (Marshal.GetLastPInvokeError() is not ErrorInterrupted and var error)
                throw new NetlinkException(
                    what,
                    error,
                    error == ErrorAgain ? "the kernel has not answered for 10 s" : null
                );
        }
    }

    /// <summary>
    /// The kernel's own words behind an error (<c>NLMSGERR_ATTR_MSG</c>), which say more than the number.
    /// </summary>
    private static string? KernelMessage(ReadOnlySpan<byte> body, ushort flags, int error)
    {
        if ((flags & HasTexts) == 0 || body.Length < 4 + NetlinkMessage.HeadLength)
            return null;
        var request =
            (flags & IsCapped) != 0
                ? NetlinkMessage.HeadLength
                : (BinaryPrimitives.ReadInt32LittleEndian(body[4..]) + 3) & ~3;
        if (body.Length <= 4 + request)
            return null;
        foreach (var attribute in new NetlinkAttributes(body[(4 + request)..]))
        {
            if (attribute.Type == 1)
                return $"{attribute.Text.TrimEnd('.')} ({Marshal.GetPInvokeErrorMessage(error)})";
        }

        return null;
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial nint OpenSocket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int Bind(int descriptor, ReadOnlySpan<byte> address, int length);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetOption(int descriptor, int level, int option, in int value, int length);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetTime(int descriptor, int level, int option, ReadOnlySpan<long> value, int length);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint SendTo(int descriptor, ReadOnlySpan<byte> bytes, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint ReceiveFrom(int descriptor, Span<byte> bytes, nint length, int flags);
}
