using System.Collections.Immutable;

namespace Weft.Addressing;

/// <summary>
/// A prefix as a pool sees it: which addresses are nobody's, which are the fabric's, and where the gateway is.
/// </summary>
internal sealed record Subnet
{
    /// <summary>A subnet.</summary>
    /// <param name="reserved">How many usable addresses at the start belong to the fabric.</param>
    public Subnet(Prefix prefix, int reserved)
    {
        Prefix = prefix;
        var bits = prefix.Network.Bits;
        // RFC 3021 and RFC 6164: a point-to-point subnet has neither network nor broadcast address; one of its two ends
        // is the fabric's.
        var tiny = prefix.Length >= bits - 1;
        First = tiny ? prefix.Network : new Address(prefix.Family, prefix.Network.Value + 1);
        Last =
            tiny || prefix.Family == AddressFamily.IPv6
                ? prefix.Last
                : new Address(prefix.Family, prefix.Last.Value - 1);
        var room = Last.Value - First.Value;
        Reserved =
            tiny ? Math.Min((int)room, reserved)
            : room < (UInt128)reserved ? (int)room + 1
            : reserved;
        Anycast =
            prefix.Family == AddressFamily.IPv6 && prefix.Length == 64
                ? (
                    new Address(AddressFamily.IPv6, prefix.Network.Value | 0xfdffffffffffff80),
                    new Address(AddressFamily.IPv6, prefix.Network.Value | 0xfdffffffffffffff)
                )
                : null;
    }

    /// <summary>The prefix.</summary>
    public Prefix Prefix { get; }

    /// <summary>
    /// The first usable address: behind the network address, or behind the subnet-router anycast address (RFC 4291
    /// §2.6.1).
    /// </summary>
    public Address First { get; }

    /// <summary>The last usable address: before the broadcast address of IPv4.</summary>
    public Address Last { get; }

    /// <summary>How many addresses from <see cref="First"/> on belong to the fabric.</summary>
    public int Reserved { get; }

    /// <summary>The gateway: the first usable address, which the fabric's switches share.</summary>
    public Address Gateway => First;

    /// <summary>The reserved anycast identifiers of a /64 (RFC 2526), or null.</summary>
    public (Address First, Address Last)? Anycast { get; }

    /// <summary>How many addresses may be leased in all.</summary>
    public UInt128 Size => Last.Value - First.Value + 1 - (UInt128)Reserved - (Anycast is null ? 0 : (UInt128)128);

    /// <summary>The ranges that may be leased from, in order.</summary>
    public ImmutableArray<(Address First, Address Last)> LeasableRanges
    {
        get
        {
            if (Size == 0)
                return [];
            var first = new Address(Prefix.Family, First.Value + (UInt128)Reserved);
            return Anycast is not { } anycast
                ? [(first, Last)]
                :
                [
                    (first, new Address(Prefix.Family, anycast.First.Value - 1)),
                    (new Address(Prefix.Family, anycast.Last.Value + 1), Last),
                ];
        }
    }

    /// <summary>Why an address can't be leased.</summary>
    /// <returns>The reason, or null where it can.</returns>
    public string? ReasonNotLeasable(Address address)
    {
        if (!Prefix.Contains(address))
            return $"{address} isn't in {Prefix}";
        if (address < First || address > Last)
            return address < First
                ? $"{address} is the network address of {Prefix}"
                : $"{address} is the broadcast address of {Prefix}";
        if (address.Value - First.Value < (UInt128)Reserved)
            return $"{address} is reserved: the first {Reserved} usable addresses of {Prefix} belong to the fabric "
                + $"({First} is the gateway)";
        return Anycast is { } anycast && address >= anycast.First && address <= anycast.Last
            ? $"{address} is a reserved anycast address (RFC 2526)"
            : null;
    }
}
