using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Weft.Addressing;
using Weft.Contracts;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Server.Leases;

/// <summary>
/// What an answer about leases says of their network, put together once for as long as the rows of the network and its pool are the same.
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
        var (subnets, detects) = FormOf(network);
        return new PodLease([.. leases.Select(lease => SubnetOf(subnets, lease.Address).Render(lease))], [])
        {
            DetectsDuplicates = detects,
        }.ToBytes();
    }

    /// <summary>The same as a value of a larger answer.</summary>
    public void Write(Utf8JsonWriter json, ResourceId network, ImmutableArray<Lease> leases)
    {
        var (subnets, detects) = FormOf(network);
        json.WriteStartObject();
        json.WriteStartArray("addresses"u8);
        foreach (var lease in leases)
        {
            var (address, gateway) = SubnetOf(subnets, lease.Address).Render(lease);
            json.WriteStartObject();
            json.WriteString("address"u8, address);
            if (gateway is not null)
                json.WriteString("gateway"u8, gateway);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("routes"u8);
        json.WriteEndArray();
        if (detects is { } detection)
            json.WriteBoolean(PodLease.DetectionMember, detection);
        json.WriteEndObject();
    }

    /// <summary>A prefix that a lease outlived has the form of its family's first.</summary>
    private static LeasedSubnet SubnetOf(ImmutableArray<LeasedSubnet> subnets, Address address) =>
        subnets.FirstOrDefault(s => s.Holds(address)) ?? subnets.First(s => s.Prefix.Family == address.Family);

    private (ImmutableArray<LeasedSubnet> Subnets, bool? Detects) FormOf(ResourceId network)
    {
        var text = network.ToString();
        if (_known.TryGetValue(text, out var known) && IsToday(known))
            return (known.Subnets, known.Detects);
        var state = controlPlane.Store.Current;
        if (state.Get(StoreKey.ForResource(network)) is not { } row)
            return ([], null);
        var poolKey = StoreKey.ForResource(DeclaredPool.IdOf(network));
        var pool = state.Get(poolKey);
        var made = new Known(
            row,
            poolKey,
            pool,
            ResourceKind.IdOf(row),
            [.. NetworkSubnets.Create(state, row, controlPlane.Limits).Select(LeasedSubnet.Of)],
            pool is not null && ResourceKind.PropertiesOf(pool).Boolean(DeclaredPool.DetectionMember) ? true : null
        );
        // By no other spelling: of those a caller can make as many as they like.
        if (made.Id.ToString() == text)
            _known[text] = made;
        return (made.Subnets, made.Detects);
    }

    private bool IsToday(Known known)
    {
        var state = controlPlane.Store.Current;
        if (ReferenceEquals(state.RowsVersion, known.Rows))
            return true;
        if (
            !ReferenceEquals(state.Get(known.Row.Key), known.Row)
            || !ReferenceEquals(state.Get(known.PoolKey), known.Pool)
        )
            return false;
        known.Rows = state.RowsVersion;
        return true;
    }

    /// <param name="Pool">What the network's pool declares; null where it declares nothing.</param>
    private sealed record Known(
        Row Row,
        string PoolKey,
        Row? Pool,
        ResourceId Id,
        ImmutableArray<LeasedSubnet> Subnets,
        bool? Detects
    )
    {
        /// <summary>All rows as they were when it was last found to be true.</summary>
        public object? Rows { get; set; }
    }

    private sealed record LeasedSubnet(Prefix Prefix, string Length, string? Gateway)
    {
        public static LeasedSubnet Of(Subnet subnet) =>
            new(
                subnet.Prefix,
                string.Create(CultureInfo.InvariantCulture, $"/{subnet.Prefix.Length}"),
                subnet.Gateway?.ToString()
            );

        public bool Holds(Address address) => Prefix.Contains(address);

        public LeasedAddress Render(Lease lease) => new($"{lease.Address}{Length}", Gateway);
    }
}
