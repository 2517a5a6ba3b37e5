using System.Collections.Immutable;
using System.Globalization;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>
/// The pool of an L3 network in the store: one row per lease, in a partition of the network. A row's key is its
/// address, so two commits that lease the same address can't both win, whoever decided them.
/// </summary>
internal static class NetworkPool
{
    private const string ClaimPrefix = "leaseclaim:";

    /// <summary>The type of leases as resources.</summary>
    public static readonly ResourceType LeaseType = new("Weft.Ipam", "leases");

    /// <summary>What keeps the holdings of every network up to date beside the rows.</summary>
    public static readonly MaterializedView HoldingsView = new(
        partition => partition.StartsWith(StoreKey.LeasePrefix, StringComparison.Ordinal),
        (holdings, before, after) =>
        {
            var held = holdings as Holdings ?? Holdings.Empty;
            if (before is not null)
                held = held.Without(LeaseOf(before).Address);
            return after is null ? held : held.With(LeaseOf(after));
        }
    );

    /// <summary>What keeps the counts of all networks together up to date beside the rows.</summary>
    public static readonly MaterializedView CountsView = new(
        HoldingsView.Covers,
        (counts, before, after) =>
        {
            var held = counts as HeldCounts ?? HeldCounts.Empty;
            if (before is not null)
                held = held.Without(LeaseOf(before));
            return after is null ? held : held.With(LeaseOf(after));
        }
    )
    {
        Name = "leasecounts",
    };

    /// <summary>The partition of a network's leases.</summary>
    public static string PartitionOf(ResourceId network)
    {
        return $"{StoreKey.LeasePrefix}{network.Key}";
    }

    /// <summary>The key of a lease; keys sort as addresses do.</summary>
    public static string KeyOf(ResourceId network, Address address)
    {
        // As many digits as the family's longest address has, so that text sorts as numbers do.
        var format = address.Family == AddressFamily.IPv4 ? "x8" : "x32";
        var digits = address.Value.ToString(format, CultureInfo.InvariantCulture);
        return string.Create(CultureInfo.InvariantCulture, $"{PartitionOf(network)}|{(int)address.Family}-{digits}");
    }

    /// <summary>Reads a lease.</summary>
    public static Lease LeaseOf(Row row)
    {
        return row.ReadAs(r => Lease.FromJson(r.Json));
    }

    /// <summary>Who holds what in a network.</summary>
    public static Holdings HoldingsOf(StoreState state, ResourceId network)
    {
        return state.View(PartitionOf(network)) as Holdings ?? Holdings.Empty;
    }

    /// <summary>
    /// Who holds what in a network, for a decision that doesn't stand if anybody takes or gives back meanwhile.
    /// </summary>
    public static Holdings HoldingsOf(ReadTransaction transaction, ResourceId network)
    {
        return transaction.View(PartitionOf(network)) as Holdings ?? Holdings.Empty;
    }

    /// <summary>How many addresses each cluster and node holds in all networks together.</summary>
    public static HeldCounts CountsOf(StoreState state) =>
        state.View(CountsView.Name!) as HeldCounts ?? HeldCounts.Empty;

    /// <summary>The pool of a network.</summary>
    /// <param name="limits">How much of each subnet is reserved.</param>
    public static AddressPool PoolOf(StoreState state, Row network, Limits limits)
    {
        var id = ResourceKind.IdOf(network);
        var spec = PoolSpec.Find(state, id);
        // An address that a running pod claims is nobody else's, even when who has it by the store gives it back.
        var holdings = ClaimsOn(state, id)
            .Aggregate(
                HoldingsOf(state, id),
                (held, claim) => held.LeaseOf(claim.Address) is null ? held.With(claim) : held
            );
        return new AddressPool(id.Name, NetworkSubnets.Create(network, spec, limits), holdings)
        {
            Reservations = spec.Rules.Reservations,
        };
    }

    /// <summary>
    /// The partition of claims on a network's addresses: what running pods hold by their agents' word, and another holder
    /// by the store (docs/specs/agent-api.md, "Registration").
    /// </summary>
    public static string ClaimPartitionOf(ResourceId network) => $"{ClaimPrefix}{network.Key}";

    /// <summary>The claims on a network's addresses.</summary>
    public static IEnumerable<Lease> ClaimsOn(StoreState state, ResourceId network) =>
        state.Range($"{ClaimPartitionOf(network)}|").Select(LeaseOf);

    /// <summary>The claims on all networks.</summary>
    public static IEnumerable<(ResourceId Network, Lease Claim)> AllClaims(StoreState state) =>
        state
            .Range($"{StoreKey.PartitionOf(L3Network.ResourceType)}|")
            .Select(ResourceKind.IdOf)
            .SelectMany(network => ClaimsOn(state, network).Select(claim => (network, claim)));

    /// <summary>The row to write for a claim.</summary>
    public static Mutation PutClaim(ResourceId network, Lease claim) =>
        Mutation.Put(ClaimKeyOf(network, claim), claim.ToJson());

    /// <summary>The row to remove of a claim; removing what isn't there is no fault.</summary>
    public static Mutation RemoveClaim(ResourceId network, Lease claim) => Mutation.Remove(ClaimKeyOf(network, claim));

    /// <summary>The rows to remove of a holder's claims.</summary>
    public static IEnumerable<Mutation> RemoveClaims(StoreState state, ResourceId network, Func<Holder, bool> of) =>
        ClaimsOn(state, network).Where(claim => of(claim.Holder)).Select(claim => RemoveClaim(network, claim));

    /// <summary>The rows to write for leases that began.</summary>
    public static ImmutableArray<Mutation> PutLeases(ResourceId network, IEnumerable<Lease> leases) =>
        [.. leases.Select(lease => Mutation.Put(KeyOf(network, lease.Address), lease.ToJson()))];

    /// <summary>The rows to write and remove where a holder has other leases than before.</summary>
    /// <returns>The changes; none where both are the same addresses.</returns>
    public static ImmutableArray<Mutation> ReplaceLeases(
        ResourceId network,
        ImmutableArray<Lease> held,
        ImmutableArray<Lease> got
    ) =>
        [
            .. RemoveLeases(network, held.Where(h => got.All(g => g.Address != h.Address))),
            .. PutLeases(network, got.Where(g => held.All(h => h.Address != g.Address))),
        ];

    /// <summary>The rows to remove for leases that ended.</summary>
    public static ImmutableArray<Mutation> RemoveLeases(ResourceId network, IEnumerable<Lease> leases) =>
        [.. leases.Select(lease => Mutation.Remove(KeyOf(network, lease.Address)))];

    private static string ClaimKeyOf(ResourceId network, Lease claim) =>
        $"{ClaimPrefix}{KeyOf(network, claim.Address)[StoreKey.LeasePrefix.Length..]}|{claim.Holder.Id}";
}
