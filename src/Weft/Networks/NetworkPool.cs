using System.Collections.Immutable;
using System.Globalization;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>
/// The pool of an L3 network in the store: one row per lease, in a partition of the network. A row's key is its address, so two
/// commits that lease the same address can't both win, whoever decided them.
/// </summary>
public static class NetworkPool
{
    /// <summary>The type of leases as resources.</summary>
    public static readonly ResourceType LeaseType = new("Weft.Ipam", "leases");

    /// <summary>The type of pools as resources.</summary>
    public static readonly ResourceType PoolType = new("Weft.Ipam", "pools");

    /// <summary>What keeps the holdings of every network up to date beside the rows.</summary>
    public static readonly Fold HoldingsFold = new(partition => partition.StartsWith(StoreKey.Lease, StringComparison.Ordinal), (holdings, before, after) =>
    {
        var held = holdings as Holdings ?? Holdings.Empty;
        if (before is not null)
            held = held.Without(LeaseOf(before).Address);
        return after is null ? held : held.With(LeaseOf(after));
    });

    /// <summary>The partition of a network's leases.</summary>
    /// <param name="network">The network.</param>
    /// <returns>The partition.</returns>
    public static string PartitionOf(ResourceId network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return $"{StoreKey.Lease}{network.Key}";
    }

    /// <summary>The key of a lease; keys sort as addresses do.</summary>
    /// <param name="network">The network.</param>
    /// <param name="address">The address.</param>
    /// <returns>The key.</returns>
    public static string KeyOf(ResourceId network, Address address) => string.Create(
        CultureInfo.InvariantCulture, $"{PartitionOf(network)}|{(int)address.Family}-{address.Value.ToString(address.Family == AddressFamily.IPv4 ? "x8" : "x32", CultureInfo.InvariantCulture)}");

    /// <summary>Reads a lease.</summary>
    /// <param name="row">Its row.</param>
    /// <returns>The lease.</returns>
    public static Lease LeaseOf(Stored row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return row.As(r => Lease.Of(r.Json));
    }

    /// <summary>Who holds what in a network.</summary>
    /// <param name="image">What is stored.</param>
    /// <param name="network">The network.</param>
    /// <returns>The holdings.</returns>
    public static Holdings HoldingsOf(Image image, ResourceId network)
    {
        ArgumentNullException.ThrowIfNull(image);
        return image.Derived(PartitionOf(network)) as Holdings ?? Holdings.Empty;
    }

    /// <summary>Who holds what in a network, for a decision that doesn't stand if anybody takes or gives back meanwhile.</summary>
    /// <param name="seen">What is stored.</param>
    /// <param name="network">The network.</param>
    /// <returns>The holdings.</returns>
    public static Holdings HoldingsOf(Snapshot seen, ResourceId network)
    {
        ArgumentNullException.ThrowIfNull(seen);
        return seen.Derived(PartitionOf(network)) as Holdings ?? Holdings.Empty;
    }

    /// <summary>The pool of a network.</summary>
    /// <param name="image">What is stored.</param>
    /// <param name="network">The network's row.</param>
    /// <param name="limits">How much of each subnet is reserved.</param>
    /// <returns>The pool.</returns>
    public static AddressPool Of(Image image, Stored network, Limits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        var id = ResourceKind.IdOf(network);
        var subnets = L3Network.PrefixesOf(network).Select(prefix => new Subnet(prefix, limits.ReservedAddresses));
        return new AddressPool(id.Name, [.. subnets], HoldingsOf(image, id));
    }

    /// <summary>The rows to write for leases that began.</summary>
    /// <param name="network">The network.</param>
    /// <param name="leases">The leases.</param>
    /// <returns>The changes.</returns>
    public static ImmutableArray<Change> Begin(ResourceId network, IEnumerable<Lease> leases) =>
        [.. leases.Select(lease => Change.Put(KeyOf(network, lease.Address), lease.ToJson()))];

    /// <summary>The rows to write and remove where a holder has other leases than before.</summary>
    /// <param name="network">The network.</param>
    /// <param name="held">What it had.</param>
    /// <param name="got">What it has.</param>
    /// <returns>The changes; none where both are the same addresses.</returns>
    public static ImmutableArray<Change> Replace(ResourceId network, ImmutableArray<Lease> held, ImmutableArray<Lease> got) =>
    [
        .. End(network, held.Where(h => got.All(g => g.Address != h.Address))),
        .. Begin(network, got.Where(g => held.All(h => h.Address != g.Address))),
    ];

    /// <summary>The rows to remove for leases that ended.</summary>
    /// <param name="network">The network.</param>
    /// <param name="leases">The leases.</param>
    /// <returns>The changes.</returns>
    public static ImmutableArray<Change> End(ResourceId network, IEnumerable<Lease> leases) =>
        [.. leases.Select(lease => Change.Remove(KeyOf(network, lease.Address)))];
}
