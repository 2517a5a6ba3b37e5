using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Networks.Blocks;

/// <summary>
/// The blocks of one network, or of one agent: a value that is kept as rows come and go, so that no pick looks at each block.
/// </summary>
internal sealed record BlockBook(ImmutableSortedDictionary<string, AddressBlock> ById)
{
    /// <summary>No blocks.</summary>
    public static readonly BlockBook Empty = new(
        ImmutableSortedDictionary.Create<string, AddressBlock>(StringComparer.Ordinal)
    );

    /// <summary>How many owners one text names.</summary>
    private const int MaxNamed = 5;

    /// <summary>All that is in one of them.</summary>
    public AddressSet Addresses { get; private init; } = AddressSet.Empty;

    /// <summary>How many addresses of them nobody holds, as of their owners' last reports.</summary>
    public FamilyCount Free { get; private init; }

    /// <summary>Whether two of them have an address in common, as a restore may leave them.</summary>
    public bool HasOverlap { get; private init; }

    /// <summary>The blocks, in the order of their ids.</summary>
    public IEnumerable<AddressBlock> Blocks => ById.Values;

    /// <summary>The blocks of a network, or of an agent.</summary>
    public static BlockBook Of(StoreState state, ResourceId owner) =>
        state.View(AddressBlock.ViewOf(owner)) as BlockBook ?? Empty;

    /// <summary>The same, for a decision that doesn't stand if one of them comes, goes or changes meanwhile.</summary>
    public static BlockBook Of(ReadTransaction transaction, ResourceId owner) =>
        transaction.View(AddressBlock.ViewOf(owner)) as BlockBook ?? Empty;

    /// <summary>The value after a row has come, changed or gone.</summary>
    public static object? Update(object? value, Row? before, Row? after)
    {
        var book = value as BlockBook ?? Empty;
        if (before is not null)
            book = book.Without(AddressBlock.Of(before));
        if (after is not null)
            book = book.With(AddressBlock.Of(after));
        return book.ById.IsEmpty ? null : book;
    }

    /// <summary>The blocks that an address is in.</summary>
    public IEnumerable<AddressBlock> At(Address address) =>
        Addresses.Contains(address) ? Blocks.Where(block => block.Addresses.Contains(address)) : [];

    /// <summary>What a pool must know of it.</summary>
    public BlockedAddresses ToBlocked(ResourceId network) =>
        ById.IsEmpty
            ? BlockedAddresses.None
            : new BlockedAddresses(network.Key, Addresses, Free)
            {
                DescribeFree = (family, cluster) => Describe(family, cluster, network.Name),
            };

    private string Describe(AddressFamily family, string? cluster, string network)
    {
        var shares = Blocks
            .Where(block => block.Free.Of(family) > 0)
            .GroupBy(block =>
                block.Agent.Parent!.ToString().Equals(cluster, StringComparison.OrdinalIgnoreCase)
                    ? block.Node
                    : "other clusters"
            )
            .Select(group => (Node: group.Key, Free: group.Sum(block => block.Free.Of(family))))
            .OrderByDescending(share => share.Free)
            .ToList();
        var more = shares.Count > MaxNamed ? $" and {shares.Count - MaxNamed} nodes more" : "";
        return $"{shares.Sum(share => share.Free)} are free there ("
            + $"{string.Join(", ", shares.Take(MaxNamed).Select(share => $"{share.Free} of {share.Node}"))}{more}), and come back once "
            + $"their agents are within reach; weft ipam blocks {network} says more";
    }

    private BlockBook With(AddressBlock block) =>
        this with
        {
            ById = ById.SetItem(block.Id, block),
            HasOverlap = HasOverlap || !Addresses.Intersect(block.Addresses).IsEmpty,
            Addresses = Addresses.Union(block.Addresses),
            Free = Free.Plus(block.Free, 1),
        };

    private BlockBook Without(AddressBlock block)
    {
        var left = ById.Remove(block.Id);
        return this with
        {
            ById = left,
            // What another has too stays in.
            Addresses = HasOverlap
                ? AddressSet.Create(left.Values.SelectMany(other => other.Addresses))
                : Addresses.Except(block.Addresses),
            Free = Free.Plus(block.Free, -1),
        };
    }
}
