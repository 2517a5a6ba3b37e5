using System.Collections.Immutable;

namespace Weft.Addressing;

/// <summary>
/// What one holder has in one network: the record that is stored. Never changed, only replaced, so the same object in two
/// states means that nothing of it differs.
/// </summary>
internal abstract class Holding
{
    private static readonly Comparer<Lease> ByAddress = Comparer<Lease>.Create(
        (one, other) => one.Address.CompareTo(other.Address)
    );

    /// <summary>A hash of the holder's id; another one in each process.</summary>
    public ulong Hash => HolderPlace.Spread(IdHash);

    /// <summary>The cluster and node that it counts for; null where it belongs to no cluster.</summary>
    public abstract HolderPlace? Place { get; }

    /// <summary>The node that it is on, or null where that isn't known.</summary>
    public virtual string? Node => Place?.Node;

    /// <summary>The node that one of its holders is on, or null where that isn't known.</summary>
    public string? NodeOf(string holderId) =>
        FurtherHashes.IsEmpty ? Node : Holders.FirstOrDefault(holder => holder.Id == holderId)?.Node;

    /// <summary>A hash of the pod's name; 0 where it has none.</summary>
    public uint NameHash { get; protected init; }

    /// <summary>How many addresses it has; at least one.</summary>
    public abstract int Count { get; }

    /// <summary>Who holds it, as people and the API are told.</summary>
    public abstract Holder Holder { get; }

    /// <summary>Hashes of the ids of those who hold it with the first; none but for a live migration.</summary>
    public virtual ImmutableArray<ulong> FurtherHashes => [];

    /// <summary>Where those are who hold it with the first.</summary>
    public virtual ImmutableArray<HolderPlace> FurtherPlaces => [];

    /// <summary>Where the store keeps the record, which is the store's own to say; 0 where it doesn't yet.</summary>
    public int StoreId { get; set; }

    /// <summary>What <see cref="Hash"/> is spread of.</summary>
    protected uint IdHash { get; init; }

    /// <summary>Its leases, in the order of addresses: IPv4 first.</summary>
    public ImmutableArray<Lease> Leases
    {
        get
        {
            var holder = Holder;
            var leases = ImmutableArray.CreateBuilder<Lease>(Count);
            for (var i = 0; i < Count; i++)
                leases.Add(new Lease(AddressAt(i), holder, MethodAt(i), SinceAt(i)));
            return leases.MoveToImmutable();
        }
    }

    /// <summary>What a holder has.</summary>
    /// <param name="leases">At least one.</param>
    public static Holding Create(Holder holder, ImmutableArray<Lease> leases)
    {
        leases = leases.Sort(ByAddress);
        return (Holding?)PodHolding.TryCreate(holder, leases) ?? new OtherHolding(holder, leases);
    }

    /// <summary>A hash of a holder's id; another one in each process.</summary>
    public static ulong HashOf(ReadOnlySpan<char> holderId) => HolderPlace.Spread(IdHashOf(holderId));

    /// <summary>Whether it is a holder's.</summary>
    public abstract bool IsOf(ReadOnlySpan<char> holderId);

    /// <summary>Whether another record is of the same holder.</summary>
    public virtual bool IsOfHolderOf(Holding other) => IsOf(other.Holder.Id);

    /// <summary>Whether a word may stand in what its holder is called by; asked of a million, so false soon where it can't.</summary>
    /// <param name="known">What was found of places so far.</param>
    public virtual bool MayBeCalled(string word, Dictionary<HolderPlace, bool> known) => true;

    /// <summary>One of its addresses.</summary>
    public abstract Address AddressAt(int index);

    /// <summary>How it came to one of its addresses.</summary>
    public abstract LeaseMethod MethodAt(int index);

    /// <summary>Since when it has one of its addresses, RFC 3339.</summary>
    public abstract string SinceAt(int index);

    /// <summary>Whether it has an address.</summary>
    public bool Has(Address address)
    {
        for (var i = 0; i < Count; i++)
        {
            if (AddressAt(i) == address)
                return true;
        }

        return false;
    }

    /// <summary>All who hold it, each without the others.</summary>
    public ImmutableArray<Holder> Holders =>
        Holder is { With.IsEmpty: false } first ? [first with { With = [] }, .. first.With] : [Holder];

    /// <summary>Its leases as those of one of its holders alone.</summary>
    public ImmutableArray<Lease> LeasesAs(Holder holder) =>
        [.. Leases.Select(lease => lease with { Holder = holder, Since = holder.Joined ?? lease.Since })];

    /// <summary>The same with one holder more.</summary>
    public Holding With(Holder holder) => Create(Holder with { With = Holder.With.Add(holder) }, Leases);

    /// <summary>The same without one of its holders; null where it has no other.</summary>
    public Holding? Without(string holderId)
    {
        var left = Holders.RemoveAll(holder => holder.Id == holderId);
        return left.IsEmpty ? null : Create(left[0] with { With = left.RemoveAt(0), Joined = null }, LeasesAs(left[0]));
    }

    /// <summary>
    /// What has ended where one record stands in the place of another: of each address that it gives up, and of each holder
    /// that leaves. Records of one holder, with an address of each family at most.
    /// </summary>
    public static IEnumerable<Holding> Ended(Holding? old, Holding? next)
    {
        if (old is null)
            yield break;
        if (next is null && old is PodHolding)
        {
            yield return old;
            yield break;
        }

        foreach (var holder in old.Holders)
        {
            var stays = next is not null && next.IsOf(holder.Id);
            var left = old.LeasesAs(holder).RemoveAll(lease => stays && next!.Has(lease.Address));
            while (!left.IsEmpty)
            {
                ImmutableArray<Lease> one = [.. left.DistinctBy(lease => lease.Address.Family)];
                yield return Create(holder with { Joined = null }, one);
                left = left.RemoveRange(one);
            }
        }
    }

    /// <summary>The lease of one of its addresses.</summary>
    public Lease LeaseOf(Address address)
    {
        for (var i = 0; i < Count; i++)
        {
            if (AddressAt(i) == address)
                return new Lease(address, Holder, MethodAt(i), SinceAt(i));
        }

        throw new ArgumentException($"{address} isn't held by it", nameof(address));
    }

    /// <summary>The 32 bits that a holder's id is found by.</summary>
    protected static uint IdHashOf(ReadOnlySpan<char> holderId) => (uint)string.GetHashCode(holderId);

    /// <summary>The same holder's without an address; null where it has no other.</summary>
    public Holding? Without(Address address) =>
        Leases.RemoveAll(lease => lease.Address == address) is { IsEmpty: false } left ? Create(Holder, left) : null;
}

/// <summary>Of a machine or a node, and of whatever the packed form has no room for: as it is.</summary>
internal sealed class OtherHolding : Holding
{
    private readonly ImmutableArray<Lease> _leases;

    /// <param name="leases">At least one.</param>
    public OtherHolding(Holder holder, ImmutableArray<Lease> leases)
    {
        (Holder, _leases) = (holder, leases);
        IdHash = IdHashOf(holder.Id);
        Place = holder.Cluster is { } cluster ? HolderPlace.Shared(cluster, holder.Node, "") : null;
        FurtherHashes = [.. holder.With.Select(other => HashOf(other.Id))];
        FurtherPlaces =
        [
            .. holder
                .With.Where(other => other.Cluster is not null)
                .Select(other => HolderPlace.Shared(other.Cluster!, other.Node, "")),
        ];
    }

    /// <inheritdoc/>
    public override HolderPlace? Place { get; }

    /// <inheritdoc/>
    public override int Count => _leases.Length;

    /// <inheritdoc/>
    public override Holder Holder { get; }

    /// <inheritdoc/>
    public override string? Node => Holder.Node;

    /// <inheritdoc/>
    public override ImmutableArray<ulong> FurtherHashes { get; }

    /// <inheritdoc/>
    public override ImmutableArray<HolderPlace> FurtherPlaces { get; }

    /// <inheritdoc/>
    public override bool IsOf(ReadOnlySpan<char> holderId)
    {
        if (holderId.SequenceEqual(Holder.Id))
            return true;
        foreach (var other in Holder.With)
        {
            if (holderId.SequenceEqual(other.Id))
                return true;
        }

        return false;
    }

    /// <inheritdoc/>
    public override Address AddressAt(int index) => _leases[index].Address;

    /// <inheritdoc/>
    public override LeaseMethod MethodAt(int index) => _leases[index].Method;

    /// <inheritdoc/>
    public override string SinceAt(int index) => _leases[index].Since;
}
