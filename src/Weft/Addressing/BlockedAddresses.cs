namespace Weft.Addressing;

/// <summary>What is in blocks of one network (docs/specs/blocks.md): no central pick gives it away.</summary>
/// <param name="Network">The network's id in lower case.</param>
/// <param name="Addresses">All of it, free and held.</param>
/// <param name="Free">How many of it nobody holds, as of the owners' last reports.</param>
internal sealed record BlockedAddresses(string Network, AddressSet Addresses, FamilyCount Free)
{
    /// <summary>Nothing is in blocks.</summary>
    public static readonly BlockedAddresses None = new("", AddressSet.Empty, default);

    /// <summary>
    /// Says how many of a family are free in whose blocks, and what to do; for refusals, so it may look at each block. Nodes are
    /// named to their own cluster alone.
    /// </summary>
    public Func<AddressFamily, string?, string> DescribeFree { get; init; } = (_, _) => "";
}
