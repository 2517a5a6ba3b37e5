using System.Collections.Immutable;

namespace Weft.Addressing;

/// <summary>
/// A prefix as a pool sees it: which addresses are nobody's, which are the fabric's, and where the gateway is.
/// </summary>
internal sealed record Subnet
{
    /// <summary>A subnet of which nothing more is said.</summary>
    /// <param name="reserved">How many usable addresses at the start belong to the fabric.</param>
    public Subnet(Prefix prefix, int reserved)
        : this(prefix, PoolRules.Default with { Reserved = reserved }) { }

    /// <summary>A subnet by the rules of its pool.</summary>
    public Subnet(Prefix prefix, PoolRules rules)
    {
        Prefix = prefix;
        (First, Last) = UsableOf(prefix);
        Gateway = rules.GatewayOf(prefix, First);
        Reserved = CountReserved(rules.Reserved ?? 0);
        Anycast =
            prefix.Family == AddressFamily.IPv6 && prefix.Length == 64
                ? new AddressRange(
                    new Address(AddressFamily.IPv6, prefix.Network.Value | 0xfdffffffffffff80),
                    new Address(AddressFamily.IPv6, prefix.Network.Value | 0xfdffffffffffffff)
                )
                : null;
        var here = AddressSet.Create(AddressRange.FromPrefix(prefix));
        Exclusions = rules.Exclusions.Intersect(here);
        Ranges = rules.Ranges.Intersect(here);
        Kept = rules.Kept.Intersect(here);
        Leasable = FindLeasable();
        Size = Leasable.Count;
        Pickable = Leasable.Except(Kept);
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

    /// <summary>
    /// How many addresses from <see cref="First"/> on belong to the fabric; fewer than it was asked for where nothing
    /// would be left.
    /// </summary>
    public int Reserved { get; }

    /// <summary>
    /// The gateway, which the fabric's switches share: the first usable address unless the pool says another, or null
    /// where it says that there is none.
    /// </summary>
    public Address? Gateway { get; }

    /// <summary>The reserved anycast identifiers of a /64 (RFC 2526), or null.</summary>
    public AddressRange? Anycast { get; }

    /// <summary>What the pool excludes of it.</summary>
    public AddressSet Exclusions { get; }

    /// <summary>What alone is leased of it, but for what reservations keep; empty for all.</summary>
    public AddressSet Ranges { get; }

    /// <summary>What reservations keep of it.</summary>
    public AddressSet Kept { get; }

    /// <summary>How many addresses may be leased in all, those that are kept for somebody among them.</summary>
    public UInt128 Size { get; }

    /// <summary>The ranges that a free address is picked from, in order.</summary>
    public ImmutableArray<AddressRange> LeasableRanges => Pickable.ToImmutableArray();

    private AddressSet Leasable { get; }

    private AddressSet Pickable { get; }

    /// <summary>The first and the last usable address of a prefix.</summary>
    /// <remarks>
    /// RFC 3021 and RFC 6164: a point-to-point subnet has neither network nor broadcast address; one of its two ends is
    /// the fabric's.
    /// </remarks>
    public static (Address First, Address Last) UsableOf(Prefix prefix)
    {
        var isTiny = prefix.Length >= prefix.Network.Bits - 1;
        return (
            isTiny ? prefix.Network : new Address(prefix.Family, prefix.Network.Value + 1),
            isTiny || prefix.Family == AddressFamily.IPv6
                ? prefix.Last
                : new Address(prefix.Family, prefix.Last.Value - 1)
        );
    }

    /// <summary>Why an address can't be leased.</summary>
    /// <returns>The reason, or null where it can: by whom it is kept for, where it is kept.</returns>
    public string? ReasonNotLeasable(Address address) => FindObstacle(address)?.Reason;

    /// <summary>What an address is instead of one that can be leased.</summary>
    /// <returns>Null where it can be, by whom it is kept for, where it is kept.</returns>
    public AddressObstacle? FindObstacle(Address address)
    {
        if (!Prefix.Contains(address))
            return new(ObstacleKind.OutsidePrefix, $"{address} isn't in {Prefix}");
        if (address < First || address > Last)
            return new(
                ObstacleKind.Unusable,
                $"{address} is the {(address < First ? "network" : "broadcast")} address of {Prefix}"
            );
        if (address == Gateway && (address != First || Reserved == 1))
            return new(ObstacleKind.Gateway, $"{address} is the gateway of {Prefix}, and reserved for it");
        if (address.Value - First.Value < (UInt128)Reserved)
            return new(
                ObstacleKind.OfFabric,
                $"{address} is reserved: the first {Reserved} usable addresses of {Prefix} belong to the fabric"
                    + (Gateway is { } gateway ? $" ({gateway} is the gateway)" : "")
            );
        if (Anycast is { } anycast && anycast.Contains(address))
            return new(ObstacleKind.Anycast, $"{address} is a reserved anycast address (RFC 2526)");
        if (Exclusions.Contains(address))
            return new(ObstacleKind.Excluded, $"{address} is excluded by the pool of {Prefix}");
        return Leasable.Contains(address)
            ? null
            : new(ObstacleKind.OutsideRanges, $"{address} is in none of the pool's ranges of {Prefix}, {Ranges}");
    }

    /// <summary>Why some address of a range can't be leased.</summary>
    /// <returns>The reason for the first that can't; null where all can be, by whom they are kept for.</returns>
    public AddressObstacle? FindObstacle(AddressRange range) =>
        AddressSet.Create(range).Except(Leasable).ToImmutableArray() is [var first, ..]
            ? FindObstacle(first.First)
            : null;

    /// <summary>
    /// The number asked for, or what leaves one address to lease; the gateway at least where it is the first.
    /// </summary>
    private int CountReserved(int asked)
    {
        var isFirst = Gateway == First;
        var usable = Last.Value - First.Value + 1;
        // Where another address is the gateway, there are two at least.
        var most = usable - (UInt128)(isFirst || Gateway is null ? 1 : 2);
        return Math.Max(isFirst ? 1 : 0, (int)UInt128.Min(most, (UInt128)asked));
    }

    private AddressSet FindLeasable()
    {
        if (Last.Value - First.Value < (UInt128)Reserved)
            return AddressSet.Empty;
        var all = AddressSet.Create(
            new AddressRange(new Address(Prefix.Family, First.Value + (UInt128)Reserved), Last)
        );
        var taken = Anycast is { } anycast ? Exclusions.Union(AddressSet.Create(anycast)) : Exclusions;
        if (Gateway is { } gateway && gateway != First)
            taken = taken.Union(AddressSet.Create(new AddressRange(gateway, gateway)));
        var left = all.Except(taken);
        return Ranges.IsEmpty ? left : left.Intersect(Ranges.Union(Kept));
    }
}
