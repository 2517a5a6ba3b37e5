using System.Buffers.Binary;
using System.Text;

namespace Weft.Agent.Linux.Netlink;

/// <summary>One attribute that was received.</summary>
/// <param name="type">Its type, without the flags.</param>
internal readonly ref struct NetlinkAttribute(ushort type, ReadOnlySpan<byte> value)
{
    /// <summary>Its type.</summary>
    public ushort Type { get; } = type;

    /// <summary>Its value.</summary>
    public ReadOnlySpan<byte> Value { get; } = value;

    /// <summary>The value as a number of 32 bits; 0 where it is shorter.</summary>
    public uint Number => Value.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(Value) : 0;

    /// <summary>The value as a number of 16 bits; 0 where it is shorter.</summary>
    public ushort Short => Value.Length >= 2 ? BinaryPrimitives.ReadUInt16LittleEndian(Value) : (ushort)0;

    /// <summary>The value as text, up to its zero byte.</summary>
    public string Text => Encoding.UTF8.GetString(Value.IndexOf((byte)0) is var end and >= 0 ? Value[..end] : Value);

    /// <summary>The attributes it holds.</summary>
    public NetlinkAttributes Inner => new(Value);
}

/// <summary>Walks attributes. What is cut short ends the walk: the kernel doesn't send such.</summary>
internal ref struct NetlinkAttributes(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>The attribute the walk is at.</summary>
    public NetlinkAttribute Current { get; private set; }

    /// <summary>For <c>foreach</c>.</summary>
    public readonly NetlinkAttributes GetEnumerator() => this;

    /// <summary>Steps to the next.</summary>
    public bool MoveNext()
    {
        if (_rest.Length < 4)
            return false;
        var length = BinaryPrimitives.ReadUInt16LittleEndian(_rest);
        if (length < 4 || length > _rest.Length)
            return false;
        // The upper two bits say "nested" and "network byte order".
        Current = new NetlinkAttribute(
            (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(_rest[2..]) & 0x3FFF),
            _rest[4..length]
        );
        _rest = _rest[Math.Min((length + 3) & ~3, _rest.Length)..];
        return true;
    }
}
