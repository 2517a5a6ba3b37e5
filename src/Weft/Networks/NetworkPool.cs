using System.Globalization;
using Weft.Addressing;
using Weft.Networks.Blocks;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>
/// The pool of an L3 network in the store: one record per holder, in a partition of the network
/// (<see cref="LeaseChanges"/>).
/// </summary>
internal static class NetworkPool
{
    private const string ClaimPrefix = "leaseclaim:";

    /// <summary>
    /// How many rests that are over a decision ends: a batch gives up a quarter of it at most, so none stays for long.
    /// </summary>
    private const int MaxExpired = 4_096;

    /// <summary>The type of leases as resources.</summary>
    public static readonly ResourceType LeaseType = new("Weft.Ipam", "leases");

    /// <summary>What the counts of all networks together are kept under.</summary>
    public const string CountsName = "leasecounts";

    /// <summary>What the store's <see cref="LeaseClock"/> is kept under: a value that no commit changes.</summary>
    public const string ClockName = "leaseclock";

    /// <summary>The partition of a network's leases.</summary>
    public static string PartitionOf(ResourceId network)
    {
        return PartitionOf(network.Key);
    }

    /// <summary>The partition of a network's leases, by the network's id in lower case.</summary>
    public static string PartitionOf(string networkKey)
    {
        return $"{StoreKey.LeasePrefix}{networkKey}";
    }

    /// <summary>What a lease is called where it is named in a row; these names sort as addresses do.</summary>
    public static string KeyOf(ResourceId network, Address address)
    {
        return KeyOf(network.Key, address);
    }

    /// <summary>The same, by the network's id in lower case.</summary>
    public static string KeyOf(string networkKey, Address address)
    {
        // As many digits as the family's longest address has, so that text sorts as numbers do.
        var format = address.Family == AddressFamily.IPv4 ? "x8" : "x32";
        var digits = address.Value.ToString(format, CultureInfo.InvariantCulture);
        return string.Create(CultureInfo.InvariantCulture, $"{PartitionOf(networkKey)}|{(int)address.Family}-{digits}");
    }

    /// <summary>Reads what <see cref="KeyOf(ResourceId, Address)"/> has made.</summary>
    /// <returns>The network's id in lower case, and the address; null where the text is none.</returns>
    public static (string NetworkKey, Address Address)? ParseKey(string key)
    {
        var bar = key.IndexOf('|', StringComparison.Ordinal);
        if (bar < 0 || !key.StartsWith(StoreKey.LeasePrefix, StringComparison.Ordinal))
            return null;
        AddressFamily? family =
            key.AsSpan(bar + 1) is { Length: > 2 } rest && rest[1] == '-'
                ? rest[0] == '4'
                    ? AddressFamily.IPv4
                    : rest[0] == '6'
                        ? AddressFamily.IPv6
                        : null
                : null;
        return
            family is { } known
            && UInt128.TryParse(
                key.AsSpan(bar + 3),
                NumberStyles.AllowHexSpecifier,
                CultureInfo.InvariantCulture,
                out var value
            )
            && (known == AddressFamily.IPv6 || value <= uint.MaxValue)
            ? (key[StoreKey.LeasePrefix.Length..bar], new Address(known, value))
            : null;
    }

    /// <summary>The lease of an address, by what it is called.</summary>
    /// <returns>The lease, or null.</returns>
    public static Lease? FindLease(StoreState state, string key) =>
        ParseKey(key) is { } at && state.View(PartitionOf(at.NetworkKey)) is Holdings held
            ? held.LeaseOf(at.Address)
            : null;

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

    /// <summary>All records of all networks, in no order, each with its network's id in lower case.</summary>
    public static IEnumerable<(string NetworkKey, Holding Holding)> AllHoldings(StoreState state) =>
        state
            .ViewsUnder(StoreKey.LeasePrefix)
            .SelectMany(view =>
                ((Holdings)view.Value).All.Select(holding => (view.Key[StoreKey.LeasePrefix.Length..], holding))
            );

    /// <summary>How many addresses each cluster and node holds in all networks together.</summary>
    public static HeldCounts CountsOf(StoreState state) => state.View(CountsName) as HeldCounts ?? HeldCounts.Empty;

    /// <summary>The clock that rests are measured by.</summary>
    public static LeaseClock ClockOf(StoreState state) => state.View(ClockName) as LeaseClock ?? LeaseClock.Stopped;

    /// <summary>The pool of a network.</summary>
    /// <param name="limits">How much of each subnet is reserved.</param>
    public static AddressPool PoolOf(StoreState state, Row network, Limits limits)
    {
        var id = ResourceKind.IdOf(network);
        // An address that a running pod claims is nobody else's, even when who has it by the store gives it back.
        return PoolOf(
            state,
            ClaimsOn(state, id).Any() ? LeaseEdit.WithClaims(state, id).Holdings.Close() : HoldingsOf(state, id),
            network,
            limits
        );
    }

    /// <summary>The pool of a network where somebody holds what they hold by now.</summary>
    /// <inheritdoc cref="PoolOf(StoreState, Row, Limits)"/>
    public static AddressPool PoolOf(StoreState state, Holdings holdings, Row network, Limits limits)
    {
        var id = ResourceKind.IdOf(network);
        var spec = PoolSpec.Find(state, id);
        var rests = spec.Rules.RestsAt(limits.CoolDownSeconds, ClockOf(state).Now);
        if (holdings.IsOpen)
            rests.Expire(holdings, MaxExpired);
        return new AddressPool(id.Name, NetworkSubnets.Create(network, spec, limits), holdings)
        {
            Reservations = spec.Rules.Reservations,
            Choice = spec.Rules.Choice,
            Claims = spec.Rules.Claims,
            Rests = rests,
            Blocked = BlockBook.Of(state, id).ToBlocked(id),
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

    /// <summary>The end of the leases of some addresses.</summary>
    public static IEnumerable<Mutation> RemoveLeases(
        StoreState state,
        string networkKey,
        IEnumerable<Address> addresses
    )
    {
        var edit = new LeaseEdit(state, networkKey);
        foreach (var address in addresses)
            edit.Remove(address);
        return edit.ToMutations();
    }

    /// <summary>The end of all that a holder has; who holds it too goes on.</summary>
    public static IEnumerable<Mutation> RemoveHolder(StoreState state, string networkKey, string holderId)
    {
        var edit = new LeaseEdit(state, networkKey);
        if (edit.Holdings.Find(holderId) is { } held)
            edit.Replace(new HoldingChange(held, held.Without(holderId)));
        return edit.ToMutations();
    }

    /// <summary>The end of all leases of some holders.</summary>
    public static IEnumerable<Mutation> RemoveHoldings(
        StoreState state,
        ResourceId network,
        IEnumerable<Holding> holdings
    )
    {
        var edit = new LeaseEdit(state, network.Key);
        foreach (var holding in holdings)
            edit.Remove(holding);
        return edit.ToMutations();
    }

    private static string ClaimKeyOf(ResourceId network, Lease claim) =>
        $"{ClaimPrefix}{KeyOf(network, claim.Address)[StoreKey.LeasePrefix.Length..]}|{claim.Holder.Id}";
}
