using CsCheck;
using Weft.Addressing;

namespace Weft.Tests.Addressing;

internal static class Generators
{
    public static readonly Gen<UInt128> Number = Gen.Select(
        Gen.ULong,
        Gen.ULong,
        (high, low) => new UInt128(high, low)
    );

    public static readonly Gen<Address> V4 = Gen.UInt.Select(value => new Address(AddressFamily.IPv4, value));

    public static readonly Gen<Address> V6 = Number.Select(value => new Address(AddressFamily.IPv6, value));

    // Runs of zeros are where texts of IPv6 differ.
    public static readonly Gen<Address> SparseV6 = Gen.Select(
        Number,
        Number,
        (value, mask) => new Address(AddressFamily.IPv6, value & mask & (mask << 37))
    );

    public static readonly Gen<Address> Address = Gen.OneOf(V4, V6, SparseV6);

    public static readonly Gen<Prefix> Prefix = Address.SelectMany(address =>
        Gen.Int[0, address.Bits].Select(length => Weft.Addressing.Prefix.FromAddress(address, length))
    );
}
