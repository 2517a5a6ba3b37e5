using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>What the rows of a network and of its pool say of it, read once for as long as they are the same. For one thread.</summary>
internal sealed class PoolCache(ResourceId network)
{
    private readonly ResourceId _pool = DeclaredPool.IdOf(network);
    private (Row Network, Row? Pool, ImmutableArray<Subnet> Subnets, ImmutableArray<Reservation> Reservations)? _known;

    /// <summary>The network's pool, for a decision that doesn't stand if what it says changes meanwhile.</summary>
    /// <param name="holdings">Who holds what of it by now.</param>
    /// <param name="row">The network as the decision reads it.</param>
    /// <param name="limits">How much of each subnet is reserved where its pool doesn't say.</param>
    public AddressPool Get(ReadTransaction transaction, Holdings holdings, Row row, Limits limits)
    {
        var pool = transaction.Get(_pool);
        if (_known is not { } known || !ReferenceEquals(known.Network, row) || !ReferenceEquals(known.Pool, pool))
        {
            var spec = pool is null ? PoolSpec.Empty : PoolSpec.Read(pool);
            _known = known = (row, pool, NetworkSubnets.Create(row, spec, limits), spec.Rules.Reservations);
        }

        return new AddressPool(network.Name, known.Subnets, holdings) { Reservations = known.Reservations };
    }
}
