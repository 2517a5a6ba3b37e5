using System.Collections.Immutable;

namespace Weft.Addressing;

/// <summary>What of several is of a family; asked for each lease, so without enumerators.</summary>
internal static class FamilySelection
{
    private static readonly ImmutableArray<AddressFamily> OnlyIPv4 = [AddressFamily.IPv4];
    private static readonly ImmutableArray<AddressFamily> OnlyIPv6 = [AddressFamily.IPv6];
    private static readonly ImmutableArray<AddressFamily> BothFamilies = [AddressFamily.IPv4, AddressFamily.IPv6];

    /// <summary>The families that have a subnet, IPv4 first.</summary>
    /// <param name="subnets">Those of IPv4 first.</param>
    public static ImmutableArray<AddressFamily> Of(ImmutableArray<Subnet> subnets) =>
        subnets.IsEmpty ? []
        : subnets[^1].Prefix.Family == AddressFamily.IPv4 ? OnlyIPv4
        : subnets[0].Prefix.Family == AddressFamily.IPv6 ? OnlyIPv6
        : BothFamilies;

    /// <summary>The first lease of a family; null where there is none.</summary>
    public static Lease? Of(this ImmutableArray<Lease> leases, AddressFamily family)
    {
        foreach (var lease in leases)
        {
            if (lease.Address.Family == family)
                return lease;
        }

        return null;
    }

    /// <summary>The first address of a family; null where there is none.</summary>
    public static Address? Of(this ImmutableArray<Address> addresses, AddressFamily family)
    {
        foreach (var address in addresses)
        {
            if (address.Family == family)
                return address;
        }

        return null;
    }

    /// <summary>The first reservation that keeps addresses of a family for a holder; null where there is none.</summary>
    public static Reservation? Of(this ImmutableArray<Reservation> reservations, AddressFamily family, Holder holder)
    {
        foreach (var reservation in reservations)
        {
            if (reservation.IsFor(holder) && reservation.Addresses.Any(range => range.Family == family))
                return reservation;
        }

        return null;
    }
}
