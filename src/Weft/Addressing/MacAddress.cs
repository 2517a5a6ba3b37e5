using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Weft.Addressing;

/// <summary>In which ways a reader takes a MAC address beyond pairs of hex digits with colons between them.</summary>
[Flags]
internal enum MacAddressNotations
{
    /// <summary><c>02:00:5e:00:53:01</c>, in upper or lower case.</summary>
    Colons = 0,

    /// <summary><c>02-00-5e-00-53-01</c> too (IEEE 802-2014 §8.1).</summary>
    Dashes = 1,

    /// <summary>Colons and dashes in one text too.</summary>
    MixedSeparators = 2,

    /// <summary><c>0200.5e00.5301</c> too, as switches write it.</summary>
    Words = 4,

    /// <summary>One line feed behind it too.</summary>
    LineFeed = 8,
}

/// <summary>A MAC address of six bytes (EUI-48) as a number.</summary>
internal readonly record struct MacAddress : IComparable<MacAddress>
{
    /// <summary>Its canonical text, as a schema says it.</summary>
    public const string CanonicalPattern = "^([0-9a-f]{2}:){5}[0-9a-f]{2}$";

    private const int ByteCount = 6;
    private const int PairsLength = 17;
    private const int WordsLength = 14;

    // 02: locally administered and not a group address (IEEE 802-2014 §8.2).
    private const byte LocallyAdministered = 0x02;

    private readonly ulong _value;

    private MacAddress(ulong value) => _value = value;

    /// <summary>Whether it is all zeros: what hardware has that was never given one.</summary>
    public bool IsZero => _value == 0;

    /// <summary>Whether it is a group's address, which no interface can have (IEEE 802-2014 §8.2).</summary>
    public bool IsMulticast => ((_value >> 40) & 1) == 1;

    /// <summary>
    /// The link-local address that the kernel makes of it: <c>fffe</c> in the middle and the second bit turned
    /// (RFC 4291, appendix A).
    /// </summary>
    public Address LinkLocalAddress
    {
        get
        {
            var vendor = (_value >> 24) ^ ((ulong)LocallyAdministered << 16);
            var identifier = (vendor << 40) | (0xFFFEUL << 24) | (_value & 0xFF_FFFF);
            return new Address(AddressFamily.IPv6, ((UInt128)0xFE80 << 112) | identifier);
        }
    }

    /// <summary>An address that nobody has given: locally administered, and the same whenever it is computed.</summary>
    /// <param name="seed">What tells its interface from every other.</param>
    public static MacAddress FromSeed(string seed)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(seed));
        return FromBytes([LocallyAdministered, .. hash.AsSpan(0, ByteCount - 1)]);
    }

    /// <summary>An address of six bytes.</summary>
    /// <exception cref="ArgumentException">There are more or fewer.</exception>
    public static MacAddress FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != ByteCount)
            throw new ArgumentException("a MAC address has six bytes", nameof(bytes));
        return new MacAddress(
            ((ulong)BinaryPrimitives.ReadUInt16BigEndian(bytes) << 32)
                | BinaryPrimitives.ReadUInt32BigEndian(bytes[2..])
        );
    }

    /// <summary>Reads an address.</summary>
    /// <param name="notations">What is taken beyond colons.</param>
    /// <param name="why">What to write instead; null where it is one.</param>
    public static bool TryParse(
        [NotNullWhen(true)] string? text,
        MacAddressNotations notations,
        out MacAddress address,
        [NotNullWhen(false)] out string? why
    )
    {
        var isAddress = TryRead(text, notations, out var value);
        address = new MacAddress(value);
        why = isAddress ? null : "write it as 02:00:5e:00:53:01";
        return isAddress;
    }

    /// <summary>A hardware address as people write it, whatever its length: InfiniBand's has 20 bytes.</summary>
    public static string Format(ReadOnlySpan<byte> hardwareAddress)
    {
        var text = new StringBuilder(hardwareAddress.Length * 3);
        foreach (var value in hardwareAddress)
            text.Append(text.Length == 0 ? "" : ":").Append(value.ToString("x2", CultureInfo.InvariantCulture));
        return text.ToString();
    }

    /// <summary>Its six bytes, in the order in which they are sent.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, _value);
        return bytes[^ByteCount..];
    }

    /// <inheritdoc/>
    public int CompareTo(MacAddress other) => _value.CompareTo(other._value);

    /// <summary>The canonical text: equal addresses have equal texts.</summary>
    /// <returns>Six bytes in lower-case hex, with colons between them.</returns>
    public override string ToString() => Format(ToBytes());

    /// <summary>Whether one address comes before another.</summary>
    public static bool operator <(MacAddress left, MacAddress right) => left.CompareTo(right) < 0;

    /// <summary>Whether one address comes after another.</summary>
    public static bool operator >(MacAddress left, MacAddress right) => left.CompareTo(right) > 0;

    /// <summary>Whether one address comes before another or equals it.</summary>
    public static bool operator <=(MacAddress left, MacAddress right) => left.CompareTo(right) <= 0;

    /// <summary>Whether one address comes after another or equals it.</summary>
    public static bool operator >=(MacAddress left, MacAddress right) => left.CompareTo(right) >= 0;

    private static bool TryRead(ReadOnlySpan<char> text, MacAddressNotations notations, out ulong value)
    {
        if (notations.HasFlag(MacAddressNotations.LineFeed) && text is [.., '\n'])
            text = text[..^1];
        value = 0;
        return text.Length switch
        {
            PairsLength => TryReadGroups(text, 2, SeparatorsOf(text[2], notations), out value),
            WordsLength when notations.HasFlag(MacAddressNotations.Words) => TryReadGroups(text, 4, ".", out value),
            _ => false,
        };
    }

    private static string SeparatorsOf(char first, MacAddressNotations notations) =>
        notations.HasFlag(MacAddressNotations.MixedSeparators) ? ":-"
        : notations.HasFlag(MacAddressNotations.Dashes) && first == '-' ? "-"
        : ":";

    private static bool TryReadGroups(ReadOnlySpan<char> text, int digits, string separators, out ulong value)
    {
        var read = 0UL;
        value = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (i % (digits + 1) == digits)
            {
                if (!separators.Contains(text[i], StringComparison.Ordinal))
                    return false;
            }
            else
            {
                if (!char.IsAsciiHexDigit(text[i]))
                    return false;
                read = (read << 4) | HexDigitOf(text[i]);
            }
        }

        value = read;
        return true;
    }

    private static uint HexDigitOf(char digit) =>
        (uint)(char.IsAsciiDigit(digit) ? digit - '0' : char.ToLowerInvariant(digit) - 'a' + 10);
}
