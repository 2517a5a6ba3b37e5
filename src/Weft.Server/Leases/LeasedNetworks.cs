using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using Weft.Addressing;
using Weft.Contracts;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Server.Leases;

/// <summary>
/// What an answer about leases says of their network, put together once for as long as the network's row is the same.
/// </summary>
internal sealed class LeasedNetworks(ControlPlane controlPlane)
{
    private readonly ConcurrentDictionary<string, Known> _known = new(StringComparer.Ordinal);

    /// <summary>A network that is there, by its id as it was made.</summary>
    /// <returns>Null where nobody has leased of it yet, or it is spelt in another way.</returns>
    public ResourceId? Find(string id) => _known.TryGetValue(id, out var known) && IsToday(known) ? known.Id : null;

    /// <summary>The answer to a pod that was given addresses.</summary>
    public byte[] Render(ResourceId network, ImmutableArray<Lease> leases)
    {
        var subnets = SubnetsOf(network);
        return new PodLease(
            [.. leases.Select(lease => subnets.First(s => s.Holds(lease.Address)).Render(lease))],
            []
        ).ToBytes();
    }

    private ImmutableArray<LeasedSubnet> SubnetsOf(ResourceId network)
    {
        var text = network.ToString();
        if (_known.TryGetValue(text, out var known) && IsToday(known))
            return known.Subnets;
        if (controlPlane.Store.Current.Get(StoreKey.ForResource(network)) is not { } row)
            return [];
        var pool = NetworkPool.PoolOf(Holdings.Empty, row, controlPlane.Limits);
        var made = new Known(row, ResourceKind.IdOf(row), [.. pool.Subnets.Select(LeasedSubnet.Of)]);
        // By no other spelling: of those a caller can make as many as they like.
        if (made.Id.ToString() == text)
            _known[text] = made;
        return made.Subnets;
    }

    private bool IsToday(Known known) => ReferenceEquals(controlPlane.Store.Current.Get(known.Row.Key), known.Row);

    private sealed record Known(Row Row, ResourceId Id, ImmutableArray<LeasedSubnet> Subnets);

    private sealed record LeasedSubnet(Prefix Prefix, string Length, string Gateway)
    {
        public static LeasedSubnet Of(Subnet subnet) =>
            new(
                subnet.Prefix,
                string.Create(CultureInfo.InvariantCulture, $"/{subnet.Prefix.Length}"),
                subnet.Gateway.ToString()
            );

        public bool Holds(Address address) => Prefix.Contains(address);

        public LeasedAddress Render(Lease lease) => new($"{lease.Address}{Length}", Gateway);
    }
}
