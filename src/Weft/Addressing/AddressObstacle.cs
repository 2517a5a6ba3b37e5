namespace Weft.Addressing;

/// <summary>What an address is instead of one that can be leased.</summary>
internal enum ObstacleKind
{
    /// <summary>It is in no prefix of the network.</summary>
    OutsidePrefix,

    /// <summary>The network or broadcast address of its prefix.</summary>
    Unusable,

    /// <summary>The gateway.</summary>
    Gateway,

    /// <summary>One of those at the start of the prefix that are the fabric's.</summary>
    OfFabric,

    /// <summary>An anycast address that every router of an IPv6 /64 may have.</summary>
    Anycast,

    /// <summary>Excluded by the pool.</summary>
    Excluded,

    /// <summary>Outside of the ranges of the pool.</summary>
    OutsideRanges,

    /// <summary>Kept by a reservation for another, or for nobody.</summary>
    Kept,

    /// <summary>In a block of some agent, which alone gives it.</summary>
    InBlock,
}

/// <summary>Why an address can't be leased.</summary>
/// <param name="Reason">A sentence that names the address.</param>
internal sealed record AddressObstacle(ObstacleKind Kind, string Reason);
