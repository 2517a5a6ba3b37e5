using System.Buffers.Binary;
using Weft.Addressing;
using AddressFamily = Weft.Addressing.AddressFamily;

namespace Weft.Agent.Verification;

/// <summary>
/// The frames that probes are made of. Sources: RFC 826 and 5227 (ARP), RFC 4861 and 4862 (neighbour discovery), RFC
/// 792 and 4443 (echo).
/// </summary>
internal static class Frames
{
    public const ushort Arp = 0x0806;
    public const ushort IPv4 = 0x0800;
    public const ushort IPv6 = 0x86dd;
    private const ushort Tagged = 0x8100;
    private const byte Icmp = 1;
    private const byte IcmpV6 = 58;
    private const byte Fragment = 44;
    private const byte EchoV4 = 8;
    private const byte EchoV6 = 128;
    private const byte EchoReplyV6 = 129;
    private const byte Solicitation = 135;
    private const byte Advertisement = 136;

    private static readonly byte[] Broadcast = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

    /// <summary>
    /// An ARP request; with no sender's address it is a probe, which fills nobody's cache (RFC 5227 §1.1).
    /// </summary>
    public static byte[] ArpRequest(ReadOnlySpan<byte> mac, Address? sender, Address target, int? vlan)
    {
        var frame = Ethernet(Broadcast, mac, Arp, vlan, 46, out var at);
        byte[] head = [0, 1, 8, 0, 6, 4, 0, 1];
        head.CopyTo(frame, at);
        mac.CopyTo(frame.AsSpan(at + 8));
        Write(sender ?? new Address(AddressFamily.IPv4, 0), frame.AsSpan(at + 14));
        Write(target, frame.AsSpan(at + 24));
        return frame;
    }

    /// <summary>
    /// A neighbour solicitation; without a source it is duplicate address detection's (RFC 4862 §5.4.2).
    /// </summary>
    public static byte[] NeighbourSolicitation(ReadOnlySpan<byte> mac, Address? source, Address target, int? vlan)
    {
        var low = (uint)(target.Value & 0xffffff);
        byte[] to = [0x33, 0x33, 0xff, (byte)(low >> 16), (byte)(low >> 8), (byte)low];
        // The solicited-node address of the target (RFC 4291 §2.7.1).
        var group = new Address(AddressFamily.IPv6, ((UInt128)0xff02 << 112) | 0x1ff000000 | low);
        var length = source is null ? 24 : 32;
        var frame = Ethernet(to, mac, IPv6, vlan, 40 + length, out var at);
        var body = HeaderV6(frame.AsSpan(at), source ?? new Address(AddressFamily.IPv6, 0), group, length);
        body[0] = Solicitation;
        Write(target, body[8..]);
        if (source is not null)
        {
            // The option of the source's link-layer address: type 1, one unit of eight bytes.
            (body[24], body[25]) = (1, 1);
            mac.CopyTo(body[26..]);
        }

        ChecksumV6(frame.AsSpan(at, 40 + length), body);
        return frame;
    }

    /// <summary>An echo request that fills a packet of a size, and must not be cut.</summary>
    public static byte[] EchoRequest(
        ReadOnlySpan<byte> mac,
        ReadOnlySpan<byte> to,
        Address source,
        Address target,
        int size,
        ushort identifier,
        ushort sequence
    )
    {
        var isV4 = target.Family == AddressFamily.IPv4;
        var frame = Ethernet(to, mac, isV4 ? IPv4 : IPv6, null, size, out var at);
        var packet = frame.AsSpan(at, size);
        var body = isV4 ? HeaderV4(packet, source, target) : HeaderV6(packet, source, target, size - 40);
        body[0] = isV4 ? EchoV4 : EchoV6;
        BinaryPrimitives.WriteUInt16BigEndian(body[4..], identifier);
        BinaryPrimitives.WriteUInt16BigEndian(body[6..], sequence);
        if (isV4)
            BinaryPrimitives.WriteUInt16BigEndian(body[2..], Checksum(body, 0));
        else
            ChecksumV6(packet, body);
        return frame;
    }

    /// <summary>
    /// The MAC address of whoever says in a frame that an address is theirs, or null where the frame says no such
    /// thing.
    /// </summary>
    public static byte[]? ParseOwner(ReadOnlySpan<byte> frame, Address target)
    {
        var type = BinaryPrimitives.ReadUInt16BigEndian(frame[12..]);
        var packet = frame[14..];
        if (type == Arp && target.Family == AddressFamily.IPv4)
        {
            // A reply, or anything else that its sender says it is the address's.
            return packet.Length >= 28 && packet[6] == 0 && packet[7] is 1 or 2 && Read4(packet[14..]) == target
                ? packet.Slice(8, 6).ToArray()
                : null;
        }

        return IsAdvertisement(type, packet) && Read6(packet[48..]) == target
            ? ReadTargetMac(packet[64..]) ?? frame.Slice(6, 6).ToArray()
            : null;
    }

    // A neighbour advertisement; its hop limit says that no router has touched it.
    private static bool IsAdvertisement(ushort type, ReadOnlySpan<byte> packet) =>
        type == IPv6 && packet.Length >= 64 && packet[6] == IcmpV6 && packet[7] == 255 && packet[40] == Advertisement;

    // The option of the target's link-layer address: type 2 (RFC 4861 §4.6.1).
    private static byte[]? ReadTargetMac(ReadOnlySpan<byte> options)
    {
        while (options.Length >= 8 && options[1] > 0)
        {
            if (options[0] == 2)
                return options.Slice(2, 6).ToArray();
            options = options.Length >= options[1] * 8 ? options[(options[1] * 8)..] : [];
        }

        return null;
    }

    /// <summary>What a frame says to an echo request of ours.</summary>
    public static EchoReply? ParseEchoReply(
        ReadOnlySpan<byte> frame,
        Address target,
        ushort identifier,
        ushort sequence,
        int size
    )
    {
        var type = BinaryPrimitives.ReadUInt16BigEndian(frame[12..]);
        var packet = frame[14..];
        if (type == IPv4 && target.Family == AddressFamily.IPv4 && packet.Length >= 28 && packet[9] == Icmp)
            return ParseEchoReplyV4(packet, target, identifier, sequence, size);
        return type == IPv6 && target.Family == AddressFamily.IPv6 && packet.Length >= 48
            ? ParseEchoReplyV6(packet, target, identifier, sequence, size)
            : null;
    }

    private static EchoReply? ParseEchoReplyV4(
        ReadOnlySpan<byte> packet,
        Address target,
        ushort identifier,
        ushort sequence,
        int size
    )
    {
        var body = packet[((packet[0] & 0xf) * 4)..];
        if (body.Length < 8)
            return null;
        // Fragmentation needed (RFC 1191 §4): what was refused is behind the header.
        if (body[0] == 3 && body[1] == 4 && body.Length >= 36 && IsOurs(body[28..], identifier, sequence))
            return new EchoReply(false, BinaryPrimitives.ReadUInt16BigEndian(body[6..]));
        if (body[0] != 0 || !IsOurs(body, identifier, sequence) || Read4(packet[12..]) != target)
            return null;
        // A reply in fragments came by a way that is too narrow.
        var isFragment = (BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & 0x3fff) != 0;
        return new EchoReply(!isFragment && BinaryPrimitives.ReadUInt16BigEndian(packet[2..]) == size, null);
    }

    private static EchoReply? ParseEchoReplyV6(
        ReadOnlySpan<byte> packet,
        Address target,
        ushort identifier,
        ushort sequence,
        int size
    )
    {
        if (IsFragmentOfReply(packet) && IsOurs(packet[48..], identifier, sequence))
            return new EchoReply(false, null);
        if (packet[6] != IcmpV6)
            return null;
        // Packet too big (RFC 4443 §3.2).
        if (packet[40] == 2 && packet.Length >= 96 && IsOurs(packet[88..], identifier, sequence))
            return new EchoReply(false, (int)BinaryPrimitives.ReadUInt32BigEndian(packet[44..]));
        return packet[40] == EchoReplyV6 && IsOurs(packet[40..], identifier, sequence) && Read6(packet[8..]) == target
            ? new EchoReply(BinaryPrimitives.ReadUInt16BigEndian(packet[4..]) + 40 == size, null)
            : null;
    }

    // A fragment header (RFC 8200 §4.5) in front of a reply.
    private static bool IsFragmentOfReply(ReadOnlySpan<byte> packet) =>
        packet[6] == Fragment && packet[40] == IcmpV6 && packet.Length >= 56 && packet[48] == EchoReplyV6;

    private static bool IsOurs(ReadOnlySpan<byte> icmp, ushort identifier, ushort sequence) =>
        BinaryPrimitives.ReadUInt16BigEndian(icmp[4..]) == identifier
        && BinaryPrimitives.ReadUInt16BigEndian(icmp[6..]) == sequence;

    private static byte[] Ethernet(
        ReadOnlySpan<byte> to,
        ReadOnlySpan<byte> from,
        ushort type,
        int? vlan,
        int payload,
        out int at
    )
    {
        at = vlan is null ? 14 : 18;
        // 60 bytes are the least an Ethernet frame has, its checksum aside (IEEE 802.3 §3.2.8).
        var frame = new byte[Math.Max(60, at + payload)];
        to.CopyTo(frame);
        from.CopyTo(frame.AsSpan(6));
        if (vlan is { } tag)
        {
            BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), Tagged);
            BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(14), (ushort)tag);
        }

        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(at - 2), type);
        return frame;
    }

    /// <summary>Writes the header in front of an ICMP message that fills a packet; it must not be cut.</summary>
    private static Span<byte> HeaderV4(Span<byte> packet, Address source, Address target)
    {
        packet[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(packet[2..], (ushort)packet.Length);
        // Don't fragment (RFC 791 §3.1).
        (packet[6], packet[8], packet[9]) = (0x40, 64, Icmp);
        Write(source, packet[12..]);
        Write(target, packet[16..]);
        BinaryPrimitives.WriteUInt16BigEndian(packet[10..], Checksum(packet[..20], 0));
        return packet[20..];
    }

    /// <summary>
    /// Writes the header in front of an ICMPv6 message; its hop limit of 255 says that no router has touched it.
    /// </summary>
    private static Span<byte> HeaderV6(Span<byte> packet, Address source, Address target, int length)
    {
        packet[0] = 0x60;
        BinaryPrimitives.WriteUInt16BigEndian(packet[4..], (ushort)length);
        (packet[6], packet[7]) = (IcmpV6, 255);
        Write(source, packet[8..]);
        Write(target, packet[24..]);
        return packet.Slice(40, length);
    }

    private static void ChecksumV6(ReadOnlySpan<byte> packet, Span<byte> body)
    {
        // The pseudo-header of RFC 8200 §8.1: both addresses, the length and the protocol.
        uint sum = (uint)body.Length + IcmpV6;
        for (var i = 8; i < 40; i += 2)
            sum += BinaryPrimitives.ReadUInt16BigEndian(packet[i..]);
        BinaryPrimitives.WriteUInt16BigEndian(body[2..], Checksum(body, sum));
    }

    private static ushort Checksum(ReadOnlySpan<byte> bytes, uint sum)
    {
        for (var i = 0; i + 1 < bytes.Length; i += 2)
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        if (bytes.Length % 2 == 1)
            sum += (uint)bytes[^1] << 8;
        while (sum >> 16 != 0)
            sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~sum;
    }

    private static void Write(Address address, Span<byte> to)
    {
        if (address.Family == AddressFamily.IPv4)
            BinaryPrimitives.WriteUInt32BigEndian(to, (uint)address.Value);
        else
            BinaryPrimitives.WriteUInt128BigEndian(to, address.Value);
    }

    private static Address Read4(ReadOnlySpan<byte> from) =>
        new(AddressFamily.IPv4, BinaryPrimitives.ReadUInt32BigEndian(from));

    private static Address Read6(ReadOnlySpan<byte> from) =>
        new(AddressFamily.IPv6, BinaryPrimitives.ReadUInt128BigEndian(from));
}

/// <summary>What became of an echo request.</summary>
/// <param name="IsComplete">Whether it came back whole and in one piece.</param>
/// <param name="Mtu">The MTU that a router on the way named; null where none did.</param>
internal sealed record EchoReply(bool IsComplete, int? Mtu);
