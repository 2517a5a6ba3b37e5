using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace Weft.Addressing;

/// <summary>The two families of IP.</summary>
internal enum AddressFamily
{
    /// <summary>32 bits.</summary>
    IPv4 = 4,

    /// <summary>128 bits.</summary>
    IPv6 = 6,
}

/// <summary>One IP address as a number, so that the next one is <c>+ 1</c> and a /64 is never walked.</summary>
/// <remarks>Grammar: docs/specs/addressing.md. Text form of IPv6: RFC 5952.</remarks>
internal readonly record struct Address : IComparable<Address>
{
    private static readonly UInt128 MappedPrefix = (UInt128)0xFFFF << 32;

    /// <summary>An address of a family by number.</summary>
    /// <param name="value">The bits; for IPv4 at most 32 of them.</param>
    /// <exception cref="ArgumentOutOfRangeException">More than 32 bits for IPv4.</exception>
    public Address(AddressFamily family, UInt128 value)
    {
        if (family == AddressFamily.IPv4 && value > uint.MaxValue)
            throw new ArgumentOutOfRangeException(nameof(value), "an IPv4 address has 32 bits");
        Family = family;
        Value = value;
    }

    /// <summary>The family.</summary>
    public AddressFamily Family { get; }

    /// <summary>The bits, the network's first bit on top.</summary>
    public UInt128 Value { get; }

    /// <summary>The width of the family: 32 or 128.</summary>
    public int Bits => WidthOf(Family);

    /// <summary>The width of a family.</summary>
    public static int WidthOf(AddressFamily family) => family == AddressFamily.IPv4 ? 32 : 128;

    /// <summary>
    /// Reads an address strictly: four decimal numbers without leading zeros, or an IPv6 address without zone, port or
    /// brackets. An IPv4-mapped address (<c>::ffff:10.0.0.1</c>) is refused, because two spellings of one address are
    /// two holders of it.
    /// </summary>
    /// <param name="target">The member it came from, for the refusal.</param>
    /// <returns>The address, or a refusal that says what to write instead.</returns>
    public static Outcome<Address> Parse(string text, string? target = null)
    {
        if (TryParse(text, out var address, out var why))
            return address;
        return new Refusal(RefusalCode.InvalidMember, $"'{text}' is no IP address: {why}", target);
    }

    /// <summary>Reads an address strictly, without a refusal.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Address address)
    {
        address = default;
        return text is not null && TryParse(text, out address, out _);
    }

    /// <summary>Whether two are the same address: written out, for it is asked more often than anything.</summary>
    public bool Equals(Address other) => Value == other.Value && Family == other.Family;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine((ulong)(Value >> 64), (ulong)Value, (int)Family);

    /// <inheritdoc/>
    public int CompareTo(Address other) =>
        Family != other.Family ? Family.CompareTo(other.Family) : Value.CompareTo(other.Value);

    /// <summary>The text of RFC 5952 (IPv6) or dotted decimal (IPv4).</summary>
    /// <returns>The canonical text: equal addresses have equal texts.</returns>
    public override string ToString()
    {
        if (Family == AddressFamily.IPv4)
        {
            var v = (uint)Value;
            return string.Create(
                CultureInfo.InvariantCulture,
                $"{v >> 24}.{(v >> 16) & 255}.{(v >> 8) & 255}.{v & 255}"
            );
        }

        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, Value);
        return new IPAddress(bytes).ToString();
    }

    /// <summary>Whether one address comes before another; IPv4 comes before IPv6.</summary>
    public static bool operator <(Address left, Address right) => left.CompareTo(right) < 0;

    /// <summary>Whether one address comes after another.</summary>
    public static bool operator >(Address left, Address right) => left.CompareTo(right) > 0;

    /// <summary>Whether one address comes before another or equals it.</summary>
    public static bool operator <=(Address left, Address right) => left.CompareTo(right) <= 0;

    /// <summary>Whether one address comes after another or equals it.</summary>
    public static bool operator >=(Address left, Address right) => left.CompareTo(right) >= 0;

    internal static bool TryParse(string text, out Address address, out string why)
    {
        address = default;
        if (text.Contains(':', StringComparison.Ordinal))
            return TryParseV6(text, out address, out why);
        return TryParseV4(text, out address, out why);
    }

    private static bool TryParseV4(string text, out Address address, out string why)
    {
        address = default;
        why = "write four numbers from 0 to 255 with dots between them, such as 10.20.6.17";
        var parts = text.Split('.');
        if (parts.Length != 4)
            return false;
        UInt128 value = 0;
        foreach (var part in parts)
        {
            if (part.Length is 0 or > 3 || part.AsSpan().ContainsAnyExceptInRange('0', '9'))
                return false;
            if (part.Length > 1 && part[0] == '0')
            {
                why =
                    $"'{part}' has a leading zero, which some programs read as octal; write '{part.TrimStart('0').PadLeft(1, '0')}'";
                return false;
            }

            var number = int.Parse(part, CultureInfo.InvariantCulture);
            if (number > 255)
                return false;
            value = (value << 8) | (uint)number;
        }

        address = new Address(AddressFamily.IPv4, value);
        return true;
    }

    private static bool TryParseV6(string text, out Address address, out string why)
    {
        address = default;
        why = "write an IPv6 address such as 2001:db8::17, without zone, port or brackets";
        if (text.AsSpan().ContainsAny("%[]/ ") || !IPAddress.TryParse(text, out var parsed))
            return false;
        // What follows the last colon may be dotted, and is an IPv4 address then: without leading zeros, too.
        if (
            text.Contains('.', StringComparison.Ordinal)
            && !TryParseV4(text[(text.LastIndexOf(':') + 1)..], out _, out why)
        )
            return false;
        // What has a colon is IPv6, or no address.
        Span<byte> bytes = stackalloc byte[16];
        _ = parsed.TryWriteBytes(bytes, out _);
        var value = BinaryPrimitives.ReadUInt128BigEndian(bytes);
        if (value >> 32 == MappedPrefix >> 32)
        {
            why = $"it is an IPv4 address in IPv6 clothes; write '{new Address(AddressFamily.IPv4, (uint)value)}'";
            return false;
        }

        address = new Address(AddressFamily.IPv6, value);
        return true;
    }
}
