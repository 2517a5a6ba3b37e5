using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Weft.Agent.Linux;

/// <summary>How a frame left.</summary>
internal enum SendResult
{
    /// <summary>It is on its way.</summary>
    Sent,

    /// <summary>The node itself dropped it: the egress hook answers so (ENOBUFS).</summary>
    Dropped,

    /// <summary>It is larger than the interface takes.</summary>
    TooLong,

    /// <summary>The interface is down.</summary>
    Down,
}

/// <summary>
/// Whole Ethernet frames on one interface, in and out (packet(7)). It is of the namespace it was opened in.
/// </summary>
internal sealed class PacketSocket : IDisposable
{
    private const int MaxFrameLength = 65_536;
    private const ushort AllProtocols = 0x0003;
    private const int VlanIsValid = 1 << 4;
    private const ushort TaggedFrame = 0x8100;
    private const int OutgoingPacket = 4;

    private readonly int _descriptor;
    private readonly byte[] _frame = new byte[MaxFrameLength];

    private readonly int _index;
    private bool _receivesAllVlans;

    private PacketSocket(int descriptor, int index) => (_descriptor, _index) = (descriptor, index);

    /// <summary>Opens the socket.</summary>
    public static unsafe PacketSocket Open(int index)
    {
        var protocol = BinaryPrimitives.ReverseEndianness(AllProtocols);
        // With a protocol from the start it would hear every interface until it is bound to one.
        var descriptor = SystemCalls.Socket(SystemCalls.Packet, SystemCalls.Raw | SystemCalls.CloseOnExec, 0);
        if (descriptor < 0)
            throw SystemCalls.LastError("open a packet socket (CAP_NET_RAW is needed)");
        var socket = new PacketSocket(descriptor, index);
        var address = stackalloc byte[20];
        new Span<byte>(address, 20).Clear();
        *(ushort*)address = SystemCalls.Packet;
        *(ushort*)(address + 2) = protocol;
        *(int*)(address + 4) = index;
        var one = 1;
        if (
            SystemCalls.Bind(descriptor, address, 20) == 0
            && SystemCalls.SetOption(descriptor, SystemCalls.SolPacket, SystemCalls.AuxiliaryData, &one, sizeof(int))
                == 0
        )
        {
            // Neighbour advertisements to all nodes come in too where the interface has no IPv6 of its own.
            socket.Join(SystemCalls.AllMulticast);
            return socket;
        }

        var fault = SystemCalls.LastError("bind a packet socket");
        socket.Dispose();
        throw fault;
    }

    /// <summary>
    /// Has the card hand over frames of every VLAN, until the socket is closed. Cards drop those of VLANs that the node
    /// has no interface for (rx-vlan-filter), save while somebody hears everything.
    /// </summary>
    public void ReceiveAllVlans()
    {
        if (!_receivesAllVlans)
            Join(SystemCalls.Promiscuous);
        _receivesAllVlans = true;
    }

    /// <summary>Sends a frame.</summary>
    /// <param name="frame">The frame, from the destination's MAC address on.</param>
    public unsafe SendResult Send(ReadOnlySpan<byte> frame)
    {
        fixed (byte* bytes = frame)
        {
            if (SystemCalls.Send(_descriptor, bytes, frame.Length, 0) >= 0)
                return SendResult.Sent;
        }

        return Marshal.GetLastPInvokeError() switch
        {
            SystemCalls.NoBuffers => SendResult.Dropped,
            SystemCalls.MessageTooLong => SendResult.TooLong,
            SystemCalls.NetworkDown => SendResult.Down,
            _ => throw SystemCalls.LastError("send a frame"),
        };
    }

    // What the card can't do changes nothing: then fewer frames come in.
    private unsafe void Join(ushort kind)
    {
        var membership = stackalloc byte[16];
        new Span<byte>(membership, 16).Clear();
        *(int*)membership = _index;
        *(ushort*)(membership + 4) = kind;
        _ = SystemCalls.SetOption(_descriptor, SystemCalls.SolPacket, SystemCalls.AddMembership, membership, 16);
    }

    /// <summary>Waits for a frame that somebody else has sent.</summary>
    /// <param name="read">Makes something of a frame, without its tag, and the tag; null where it isn't the
    /// one.</param>
    /// <returns>What was made, or null when the time is over.</returns>
    public unsafe T? Receive<T>(TimeSpan wait, Func<ReadOnlyMemory<byte>, int?, T?> read)
        where T : class
    {
        var begun = Stopwatch.GetTimestamp();
        while (wait - Stopwatch.GetElapsedTime(begun) is { Ticks: > 0 } left)
        {
            var poll = new SystemCalls.PollDescriptor { Descriptor = _descriptor, Events = SystemCalls.PollIn };
            if (SystemCalls.Poll(&poll, 1, (int)Math.Ceiling(left.TotalMilliseconds)) <= 0)
                continue;
            if (Next(out var vlan) is { Length: > 0 } frame && read(frame, vlan) is { } made)
                return made;
        }

        return null;
    }

    /// <inheritdoc/>
    public void Dispose() => _ = SystemCalls.Close(_descriptor);

    private unsafe ReadOnlyMemory<byte> Next(out int? vlan)
    {
        vlan = null;
        var control = stackalloc byte[64];
        var from = stackalloc byte[20];
        nint length;
        fixed (byte* bytes = _frame)
        {
            var vector = new SystemCalls.Vector { Bytes = bytes, Length = _frame.Length };
            var message = new SystemCalls.MessageHeader
            {
                Name = from,
                NameLength = 20,
                Vectors = &vector,
                VectorCount = 1,
                ControlBytes = control,
                ControlLength = 64,
            };
            length = SystemCalls.Receive(_descriptor, &message, 0);
            if (length < 14 || from[10] == OutgoingPacket)
                return default;
            // struct cmsghdr is a size_t and two ints; struct tpacket_auxdata has its status first and its tag 16 bytes
            // on.
            if (
                message.ControlLength >= 36
                && *(int*)(control + 8) == SystemCalls.SolPacket
                && *(int*)(control + 12) == SystemCalls.AuxiliaryData
                && (*(int*)(control + 16) & VlanIsValid) != 0
            )
                vlan = *(ushort*)(control + 16 + 16) & 0xfff;
        }

        // A tag that no driver and no kernel has taken off is still in the frame.
        if (vlan is null && length >= 18 && BinaryPrimitives.ReadUInt16BigEndian(_frame.AsSpan(12)) == TaggedFrame)
        {
            vlan = BinaryPrimitives.ReadUInt16BigEndian(_frame.AsSpan(14)) & 0xfff;
            _frame.AsSpan(0, 12).CopyTo(_frame.AsSpan(4));
            return _frame.AsMemory(4, (int)length - 4);
        }

        return _frame.AsMemory(0, (int)length);
    }
}
