using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Weft.Addressing;

/// <summary>A subnet: the network address and how many leading bits it fixes.</summary>
/// <remarks>Grammar: docs/specs/addressing.md.</remarks>
internal readonly record struct Prefix
{
    private Prefix(Address network, int length) => (Network, Length) = (network, length);

    /// <summary>The first address, all host bits zero.</summary>
    public Address Network { get; }

    /// <summary>How many leading bits are fixed: 0 to 32 for IPv4, 0 to 128 for IPv6.</summary>
    public int Length { get; }

    /// <summary>The family.</summary>
    public AddressFamily Family => Network.Family;

    /// <summary>The last address, all host bits one (the broadcast address of an IPv4 subnet).</summary>
    public Address Last => new(Family, Network.Value | HostMask(Family, Length));

    /// <summary>The prefix of a given length that an address lies in.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length is not of the family.</exception>
    public static Prefix FromAddress(Address address, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, address.Bits);
        return new Prefix(new Address(address.Family, address.Value & ~HostMask(address.Family, length)), length);
    }

    /// <summary>
    /// Reads a prefix strictly: an address by the rules of <see cref="Address.Parse"/>, a slash, and a length without
    /// sign or leading zero. Host bits are refused, with the prefix that was probably meant.
    /// </summary>
    /// <param name="text">The text, such as <c>10.20.6.0/24</c>.</param>
    /// <param name="target">The member it came from, for the refusal.</param>
    /// <returns>The prefix, or a refusal that says what to write instead.</returns>
    public static Outcome<Prefix> Parse(string text, string? target = null)
    {
        Refusal No(string why) => new(RefusalCode.InvalidMember, $"'{text}' is no prefix: {why}", target);

        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
            return No("it has no length; write it as 10.20.6.0/24");
        if (!Address.TryParse(text[..slash], out var address, out var why))
            return No(why);
        var digits = text[(slash + 1)..];
        if (
            digits.Length is 0 or > 3
            || digits.AsSpan().ContainsAnyExceptInRange('0', '9')
            || (digits.Length > 1 && digits[0] == '0')
            || int.Parse(digits, CultureInfo.InvariantCulture) is var length && length > address.Bits
        )
            return No($"its length must be a number from 0 to {address.Bits}");
        var prefix = FromAddress(address, length);
        if (prefix.Network != address)
            return No($"{address} has host bits set; the network of length {length} is '{prefix}'");
        return prefix;
    }

    /// <summary>Reads a prefix strictly, without a refusal.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Prefix prefix)
    {
        prefix = default;
        return text is not null && Parse(text).TryGet(out prefix, out _);
    }

    /// <summary>Whether an address lies in the prefix.</summary>
    /// <returns>False also for an address of the other family.</returns>
    public bool Contains(Address address) => address.Family == Family && Network <= address && address <= Last;

    /// <summary>Whether another prefix lies wholly in this one.</summary>
    public bool Contains(Prefix other) => other.Length >= Length && Contains(other.Network);

    /// <summary>Whether two prefixes share an address.</summary>
    public bool Overlaps(Prefix other) => Contains(other) || other.Contains(this);

    /// <summary>The canonical text; equal prefixes have equal texts.</summary>
    /// <returns>Such as <c>2001:db8:6::/64</c>.</returns>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Network}/{Length}");

    private static UInt128 HostMask(AddressFamily family, int length)
    {
        var host = Address.WidthOf(family) - length;
        return host == 128 ? UInt128.MaxValue : (UInt128.One << host) - 1;
    }
}
