using System.Collections.Immutable;
using System.Globalization;
using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Fleet.Reclaim;

/// <summary>What one interface of a pod holds of a network.</summary>
/// <param name="Leases">One of each family at most; not empty.</param>
/// <param name="IsSuperseded">Whether the same pod has a newer lease here for the same interface in another sandbox.</param>
internal sealed record HeldAddresses(
    ResourceId Network,
    ResourceId Cluster,
    string ContainerId,
    string Interface,
    ImmutableArray<Lease> Leases,
    bool IsSuperseded
)
{
    /// <summary>The holder.</summary>
    public Holder Holder => Leases[0].Holder;

    /// <summary>Since when the newest of the leases is held; the first instant where that can't be read.</summary>
    public DateTimeOffset Since =>
        Leases.Max(lease =>
            DateTimeOffset.TryParse(
                lease.Since,
                CultureInfo.InvariantCulture,
                DateTimeStyles.AssumeUniversal,
                out var since
            )
                ? since
                : DateTimeOffset.MinValue
        );

    /// <summary>What tells these leases from later ones of the same holder.</summary>
    public string Key => $"{Network.Key}|{Holder.Id}|{string.Join(',', Leases.Select(lease => lease.Since))}";

    /// <summary>What pods hold of a network, the oldest first.</summary>
    public static IReadOnlyList<HeldAddresses> In(StoreState state, ResourceId network)
    {
        var all = NetworkPool
            .HoldingsOf(state, network)
            .All.SelectMany(holding => holding.Holders.Select(holder => Read(network, holding.LeasesAs(holder))))
            .OfType<HeldAddresses>()
            .OrderBy(held => held.Since)
            .ToList();
        var newest = all.Where(held => held.Holder.PodUid is not null)
            .GroupBy(held => (held.Cluster.Key, held.Holder.PodUid, held.Interface))
            .ToDictionary(group => group.Key, group => group.Last().Holder.Id);
        return
        [
            .. all.Select(held =>
                held with
                {
                    IsSuperseded =
                        newest.TryGetValue((held.Cluster.Key, held.Holder.PodUid, held.Interface), out var last)
                        && last != held.Holder.Id,
                }
            ),
        ];
    }

    /// <summary>What one holder has of a network, without a look at the others.</summary>
    /// <returns>Null where it has nothing, or is no pod's.</returns>
    public static HeldAddresses? Find(StoreState state, ResourceId network, string holderId) =>
        NetworkPool.HoldingsOf(state, network).LeasesOf(holderId) is { IsEmpty: false } leases
            ? Read(network, leases)
            : null;

    private static HeldAddresses? Read(ResourceId network, ImmutableArray<Lease> leases) =>
        AddressClaims.PodInterfaceOf(leases[0].Holder) is var (container, name)
        && ResourceId.TryParse(leases[0].Holder.Cluster, out var cluster)
            ? new HeldAddresses(network, cluster, container, name, leases, false)
            : null;
}
