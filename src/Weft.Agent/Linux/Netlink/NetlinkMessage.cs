using System.Buffers.Binary;
using System.Text;

namespace Weft.Agent.Linux.Netlink;

/// <summary>A netlink request under construction: the fixed part of its type, then attributes.</summary>
/// <remarks>
/// Source: RFC 3549 §2.2; <c>linux/netlink.h</c>. Numbers are in the machine's order, which is little-endian wherever
/// the agent runs.
/// </remarks>
internal sealed class NetlinkMessage
{
    /// <summary>The length of <c>nlmsghdr</c>.</summary>
    public const int HeadLength = 16;

    /// <summary><c>NLM_F_CREATE | NLM_F_EXCL</c>: the object must be new.</summary>
    public const ushort New = 0x600;

    private const ushort Nested = 0x8000;

    private byte[] _bytes = new byte[512];
    private int _length;

    /// <summary>Begins a request.</summary>
    /// <param name="type">The message type, such as <c>RTM_NEWLINK</c>.</param>
    /// <param name="flags">Its flags beyond <c>NLM_F_REQUEST</c>.</param>
    /// <param name="fixedPart">The fixed part, such as an <c>ifinfomsg</c>.</param>
    public NetlinkMessage(ushort type, ushort flags, ReadOnlySpan<byte> fixedPart)
    {
        (Type, Flags) = (type, flags);
        _length = HeadLength;
        Append(fixedPart);
    }

    /// <summary>The message type.</summary>
    public ushort Type { get; }

    /// <summary>The flags beyond <c>NLM_F_REQUEST</c>.</summary>
    public ushort Flags { get; }

    /// <summary>Adds an attribute of raw bytes.</summary>
    public NetlinkMessage AddBytes(ushort type, ReadOnlySpan<byte> value)
    {
        Head(type, value.Length);
        Append(value);
        return this;
    }

    /// <summary>Adds a number of 32 bits.</summary>
    public NetlinkMessage AddNumber(ushort type, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return AddBytes(type, bytes);
    }

    /// <summary>Adds a number of 16 bits.</summary>
    public NetlinkMessage AddShort(ushort type, ushort value)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, value);
        return AddBytes(type, bytes);
    }

    /// <summary>Adds a text with the zero byte that the kernel wants behind it.</summary>
    public NetlinkMessage AddText(ushort type, string value) => AddBytes(type, Encoding.UTF8.GetBytes(value + "\0"));

    /// <summary>Adds an attribute that holds attributes.</summary>
    public NetlinkMessage AddNested(ushort type, Action<NetlinkMessage> fill)
    {
        var start = _length;
        Head((ushort)(type | Nested), 0);
        fill(this);
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(start), (ushort)(_length - start));
        return this;
    }

    /// <summary>The message as it is sent.</summary>
    public ReadOnlySpan<byte> ToBytes(ushort flags, uint sequence)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_bytes, _length);
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(4), Type);
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(6), flags);
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(8), sequence);
        return _bytes.AsSpan(0, _length);
    }

    private void Head(ushort type, int length)
    {
        Span<byte> head = stackalloc byte[4];
        BinaryPrimitives.WriteUInt16LittleEndian(head, (ushort)(length + 4));
        BinaryPrimitives.WriteUInt16LittleEndian(head[2..], type);
        Append(head);
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        var end = (_length + bytes.Length + 3) & ~3;
        if (end > _bytes.Length)
            Array.Resize(ref _bytes, Math.Max(end, _bytes.Length * 2));
        bytes.CopyTo(_bytes.AsSpan(_length));
        _bytes.AsSpan(_length + bytes.Length, end - _length - bytes.Length).Clear();
        _length = end;
    }
}
