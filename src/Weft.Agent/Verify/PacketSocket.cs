using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Weft.Agent.Verify;

/// <summary>How a frame left.</summary>
internal enum Sent
{
    /// <summary>It is on its way.</summary>
    Gone,

    /// <summary>The node itself dropped it: the egress hook answers so (ENOBUFS).</summary>
    Dropped,

    /// <summary>It is larger than the interface takes.</summary>
    TooLong,

    /// <summary>The interface is down.</summary>
    Down,
}

/// <summary>Whole Ethernet frames on one interface, in and out (packet(7)). It is of the namespace it was opened in.</summary>
internal sealed class PacketSocket : IDisposable
{
    private const int LargestFrame = 65_536;
    private const ushort AllProtocols = 0x0003;
    private const int VlanIsValid = 1 << 4;
    private const ushort TaggedFrame = 0x8100;
    private const int OutgoingPacket = 4;

    private readonly int _descriptor;
    private readonly byte[] _frame = new byte[LargestFrame];

    private readonly int _index;
    private bool _hearsEveryVlan;

    private PacketSocket(int descriptor, int index) => (_descriptor, _index) = (descriptor, index);

    /// <summary>Opens the socket.</summary>
    public static unsafe PacketSocket Open(int index)
    {
        var protocol = BinaryPrimitives.ReverseEndianness(AllProtocols);
        // With a protocol from the start it would hear every interface until it is bound to one.
        var descriptor = Sys.Socket(Sys.Packet, Sys.Raw | Sys.CloseOnExec, 0);
        if (descriptor < 0)
            throw Sys.Fault("open a packet socket (CAP_NET_RAW is needed)");
        var socket = new PacketSocket(descriptor, index);
        var address = stackalloc byte[20];
        new Span<byte>(address, 20).Clear();
        *(ushort*)address = Sys.Packet;
        *(ushort*)(address + 2) = protocol;
        *(int*)(address + 4) = index;
        var one = 1;
        if (Sys.Bind(descriptor, address, 20) == 0 && Sys.SetOption(descriptor, Sys.SolPacket, Sys.AuxiliaryData, &one, sizeof(int)) == 0)
        {
            // Neighbour advertisements to all nodes come in too where the interface has no IPv6 of its own.
            socket.Join(Sys.AllMulticast);
            return socket;
        }

        var fault = Sys.Fault("bind a packet socket");
        socket.Dispose();
        throw fault;
    }

    /// <summary>
    /// Has the card hand over frames of every VLAN, until the socket is closed. Cards drop those of VLANs that the node has no interface for
    /// (rx-vlan-filter), save while somebody hears everything.
    /// </summary>
    public void HearEveryVlan()
    {
        if (!_hearsEveryVlan)
            Join(Sys.Promiscuous);
        _hearsEveryVlan = true;
    }

    /// <summary>Sends a frame.</summary>
    /// <param name="frame">The frame, from the destination's MAC address on.</param>
    public unsafe Sent Send(ReadOnlySpan<byte> frame)
    {
        fixed (byte* bytes = frame)
        {
            if (Sys.Send(_descriptor, bytes, frame.Length, 0) >= 0)
                return Verify.Sent.Gone;
        }

        return Marshal.GetLastPInvokeError() switch
        {
            Sys.NoBuffers => Verify.Sent.Dropped,
            Sys.MessageTooLong => Verify.Sent.TooLong,
            Sys.NetworkDown => Verify.Sent.Down,
            _ => throw Sys.Fault("send a frame"),
        };
    }

    // What the card can't do changes nothing: then fewer frames come in.
    private unsafe void Join(ushort kind)
    {
        var membership = stackalloc byte[16];
        new Span<byte>(membership, 16).Clear();
        *(int*)membership = _index;
        *(ushort*)(membership + 4) = kind;
        _ = Sys.SetOption(_descriptor, Sys.SolPacket, Sys.AddMembership, membership, 16);
    }

    /// <summary>Waits for a frame that somebody else has sent.</summary>
    /// <param name="read">Makes something of a frame, without its tag, and the tag; null where it isn't the one.</param>
    /// <returns>What was made, or null when the time is over.</returns>
    public unsafe T? Receive<T>(TimeSpan wait, Func<ReadOnlyMemory<byte>, int?, T?> read)
        where T : class
    {
        var begun = Stopwatch.GetTimestamp();
        while (wait - Stopwatch.GetElapsedTime(begun) is { Ticks: > 0 } left)
        {
            var poll = new Sys.PollDescriptor { Descriptor = _descriptor, Events = Sys.PollIn };
            if (Sys.Poll(&poll, 1, (int)Math.Ceiling(left.TotalMilliseconds)) <= 0)
                continue;
            if (Next(out var vlan) is { Length: > 0 } frame && read(frame, vlan) is { } made)
                return made;
        }

        return null;
    }

    /// <inheritdoc/>
    public void Dispose() => _ = Sys.Close(_descriptor);

    private unsafe ReadOnlyMemory<byte> Next(out int? vlan)
    {
        vlan = null;
        var control = stackalloc byte[64];
        var from = stackalloc byte[20];
        nint length;
        fixed (byte* bytes = _frame)
        {
            var vector = new Sys.Vector { Bytes = bytes, Length = _frame.Length };
            var message = new Sys.MessageHeader { Name = from, NameLength = 20, Vectors = &vector, VectorCount = 1, ControlBytes = control, ControlLength = 64 };
            length = Sys.Receive(_descriptor, &message, 0);
            if (length < 14 || from[10] == OutgoingPacket)
                return default;
            // struct cmsghdr is a size_t and two ints; struct tpacket_auxdata has its status first and its tag 16 bytes on.
            if (message.ControlLength >= 36 && *(int*)(control + 8) == Sys.SolPacket && *(int*)(control + 12) == Sys.AuxiliaryData && (*(int*)(control + 16) & VlanIsValid) != 0)
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
