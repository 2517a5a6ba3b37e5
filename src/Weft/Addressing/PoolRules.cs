using System.Collections.Immutable;

namespace Weft.Addressing;

/// <summary>What is said of a network's pool beyond its prefixes. Nothing said: the defaults.</summary>
/// <remarks>Source: docs/specs/addressing.md, "Pools that say more".</remarks>
internal sealed record PoolRules
{
    /// <summary>Nothing said.</summary>
    public static readonly PoolRules Default = new();

    /// <summary>How many usable addresses at the start of each prefix are the fabric's; null for the site's number.</summary>
    public int? Reserved { get; init; }

    /// <summary>The gateways, at most one in a prefix; the first usable address of a prefix that has none of them.</summary>
    public ImmutableArray<Address> Gateways { get; init; } = [];

    /// <summary>Whether prefixes have no gateway where none is named for them.</summary>
    public bool HasNoGateway { get; init; }

    /// <summary>What is never leased.</summary>
    public AddressSet Exclusions { get; init; } = AddressSet.Empty;

    /// <summary>What alone is leased of prefixes that have some of it; what reservations keep may be outside.</summary>
    public AddressSet Ranges { get; init; } = AddressSet.Empty;

    /// <summary>Which free address a pod is given. Default: the next.</summary>
    public PoolChoice Choice { get; init; }

    /// <summary>How long an address cools before another is given it; null for the site's number.</summary>
    public int? CoolDownSeconds { get; init; }

    /// <summary>Whether what cools is given where nothing else is free. Default: yes.</summary>
    public bool ReusesCooling { get; init; } = true;

    /// <summary>The pods that find their addresses again (<see cref="PodPattern"/>).</summary>
    public ImmutableArray<string> StickyPods { get; init; } = [];

    /// <summary>Pods whose names say their claim (<see cref="PodPattern.ClaimOf"/>).</summary>
    public ImmutableArray<string> Claims { get; init; } = [];

    /// <summary>For how long these are kept for a pod that is gone.</summary>
    public int StickySeconds { get; init; } = RestRules.DefaultKeepSeconds;

    /// <summary>What is kept for somebody.</summary>
    public ImmutableArray<Reservation> Reservations
    {
        get;
        init
        {
            field = value;
            Kept = AddressSet.Create(value.SelectMany(reservation => reservation.Addresses));
        }
    } = [];

    /// <summary>All that reservations keep.</summary>
    public AddressSet Kept { get; private init; } = AddressSet.Empty;

    /// <summary>How long what was given up rests.</summary>
    /// <param name="coolDownSeconds">The site's number.</param>
    /// <param name="now">The time, by the store's <see cref="LeaseClock"/>, in milliseconds.</param>
    public RestRules RestsAt(int coolDownSeconds, long now) =>
        new()
        {
            Now = now,
            CoolDown = 1_000L * (CoolDownSeconds ?? coolDownSeconds),
            ReusesCooling = ReusesCooling,
            StickyPods = StickyPods,
            Keep = 1_000L * StickySeconds,
        };

    /// <summary>The gateway of a prefix, or null where it has none.</summary>
    /// <param name="standard">The gateway where nothing is said.</param>
    public Address? GatewayOf(Prefix prefix, Address standard)
    {
        foreach (var gateway in Gateways)
        {
            if (prefix.Contains(gateway))
                return gateway;
        }

        return HasNoGateway ? null : standard;
    }
}
