using System.Collections.Immutable;
using System.Text;

namespace Weft.Addressing;

/// <summary>
/// Who holds what in one network: one record per holder, found by its addresses, by its holder's id and by its pod's name,
/// and counted by cluster and node. A value; <see cref="Open"/> makes another of it that can be edited in place, until it
/// is closed.
/// </summary>
internal sealed partial class Holdings
{
    /// <summary>Nobody holds anything.</summary>
    public static readonly Holdings Empty = new();

    private object? _ipv4;
    private object? _ipv6;
    private object? _byHolder;
    private object? _byName;
    private object? _others;
    private object? _byFurther;
    private object? _byClaim;
    private object? _owner;
    private int _ipv4Count;
    private int _ipv6Count;

    private Holdings() { }

    /// <summary>How much of it each cluster and node holds.</summary>
    public HeldCounts Counts { get; private set; } = HeldCounts.Empty;

    /// <summary>What was given up and isn't picked again yet.</summary>
    public Resting Rests { get; private set; } = Resting.Empty;

    /// <summary>Whether they can be edited.</summary>
    public bool IsOpen => _owner is not null;

    /// <summary>Whether nothing is held, and nothing rests.</summary>
    public bool IsEmpty => CountOfHolders == 0 && Rests.IsEmpty;

    /// <summary>The most that were held at a time since weftd started.</summary>
    public FamilyCount HighWater { get; private set; }

    /// <summary>How many holders there are.</summary>
    public int CountOfHolders { get; private set; }

    /// <summary>All records, in no order.</summary>
    public IEnumerable<Holding> All => HashTrie<Holding, HolderKey>.All(_byHolder);

    /// <summary>The records of machines and nodes, and of what else isn't packed, in no order.</summary>
    public IEnumerable<Holding> Others => HashTrie<Holding, HolderKey>.All(_others);

    /// <summary>All leases, in the order of addresses: IPv4 first.</summary>
    public IEnumerable<Lease> Leases => LeasesAfter(null);

    /// <summary>How many addresses of a family are held.</summary>
    public int Count(AddressFamily family) => family == AddressFamily.IPv4 ? _ipv4Count : _ipv6Count;

    /// <summary>The leases behind an address, in the order of addresses.</summary>
    public IEnumerable<Lease> LeasesAfter(Address? after)
    {
        var families = new[] { AddressFamily.IPv4, AddressFamily.IPv6 }.Where(f => after is not { } a || f >= a.Family);
        foreach (var family in families)
        {
            var from = after is { } behind && behind.Family == family ? behind.Value : 0;
            foreach (var (at, item) in AddressTree<object>.From(TreeOf(family), from))
            {
                var address = new Address(family, at);
                if (address != after && item is Holding holding)
                    yield return holding.LeaseOf(address);
            }
        }
    }

    /// <summary>
    /// The leases that another doesn't have: of the same address and holder. In the order of addresses; it costs what differs.
    /// </summary>
    public IEnumerable<Lease> Except(Holdings other)
    {
        foreach (var family in (AddressFamily[])[AddressFamily.IPv4, AddressFamily.IPv6])
        {
            foreach (var (at, item) in AddressTree<object>.Except(TreeOf(family), other.TreeOf(family)))
            {
                if (item is not Holding holding)
                    continue;
                var lease = holding.LeaseOf(new Address(family, at));
                if (other.At(lease.Address)?.IsOf(lease.Holder.Id) != true)
                    yield return lease;
            }
        }
    }

    /// <summary>What holds an address.</summary>
    /// <returns>The record, or null.</returns>
    public Holding? At(Address address) => Find(address) as Holding;

    /// <summary>What rests at an address.</summary>
    /// <returns>It; null where it is held, or free.</returns>
    public Rest? RestAt(Address address) => Find(address) as Rest;

    /// <summary>What a holder has.</summary>
    /// <returns>The record, or null.</returns>
    public Holding? Find(ReadOnlySpan<char> holderId)
    {
        foreach (var holding in HashTrie<Holding, HolderKey>.Find(_byHolder, Holding.HashOf(holderId)))
        {
            if (holding.IsOf(holderId))
                return holding;
        }

        if (_byFurther is null)
            return null;
        foreach (var further in HashTrie<FurtherHolder, FurtherKey>.Find(_byFurther, Holding.HashOf(holderId)))
        {
            if (further.Holding.IsOf(holderId))
                return further.Holding;
        }

        return null;
    }

    /// <summary>What is held by the claim of a holder.</summary>
    /// <returns>The record; null where nothing is, or it has no claim.</returns>
    public Holding? FindClaim(Holder holder)
    {
        if (holder.Claim is null || _byClaim is null)
            return null;
        foreach (var holding in HashTrie<Holding, ClaimKey>.Find(_byClaim, LeaseOwner.HashOf(holder)))
        {
            if (LeaseOwner.IsSame(holding.Holder, holder))
                return holding;
        }

        return null;
    }

    /// <summary>What pods of a name have, however its letters are written, and maybe others of the same hash.</summary>
    /// <param name="name">The name without the namespace.</param>
    public IEnumerable<Holding> Named(string name) =>
        HashTrie<Holding, NameKey>.StartingWith(_byName, PodHolding.HashOfName(Encoding.UTF8.GetBytes(name)));

    /// <summary>The lease of an address.</summary>
    /// <returns>The lease, or null.</returns>
    public Lease? LeaseOf(Address address) => At(address)?.LeaseOf(address);

    /// <summary>The leases of a holder, IPv4 first.</summary>
    public ImmutableArray<Lease> LeasesOf(string holderId) =>
        Find(holderId) is not { } held ? []
        : held.FurtherHashes.IsEmpty ? held.Leases
        : held.LeasesAs(held.Holders.First(holder => holder.Id == holderId));

    /// <summary>The first address from one on that nobody holds and that doesn't rest. What is full is skipped whole.</summary>
    /// <returns>The address, or null.</returns>
    public Address? FirstFree(Address from, Address last) =>
        AddressTree<object>.FirstFree(TreeOf(from.Family), from.Value, last.Value) is { } free
            ? new Address(from.Family, free)
            : null;

    /// <summary>With one lease more; a lease of the same address is replaced.</summary>
    public Holdings With(Lease lease)
    {
        var next = Open();
        next.Put(lease);
        return next.Close();
    }

    /// <summary>Without the lease of an address; nothing changes where there is none.</summary>
    public Holdings Without(Address address)
    {
        if (At(address) is null)
            return this;
        var next = Open();
        next.Remove(address);
        return next.Close();
    }

    /// <summary>The same, to be edited in place by who has it; this one stays as it is.</summary>
    public Holdings Open()
    {
        var open = (Holdings)MemberwiseClone();
        open._owner = new object();
        open.Counts = Counts.Open(open._owner);
        open.Rests = Rests.Open(open._owner);
        return open;
    }

    /// <summary>Ends editing.</summary>
    /// <returns>Itself, which doesn't change any more.</returns>
    public Holdings Close()
    {
        _owner = null;
        Counts.Close();
        Rests.Close();
        return this;
    }

    /// <summary>Puts a lease, in an open one; a lease of the same address is replaced.</summary>
    public void Put(Lease lease)
    {
        Remove(lease.Address);
        var held = Find(lease.Holder.Id);
        Replace(held, Holding.Create(lease.Holder, held is null ? [lease] : held.Leases.Add(lease)));
    }

    /// <summary>Removes the lease of an address, in an open one.</summary>
    public void Remove(Address address)
    {
        if (At(address) is { } held)
            Replace(held, held.Without(address));
    }

    /// <summary>Puts one record of a holder in the place of another, in an open one.</summary>
    /// <param name="old">Its record here; null where it has none.</param>
    /// <param name="holding">Its next, whose addresses nobody else has; null where it is to have none.</param>
    /// <exception cref="InvalidOperationException">It isn't so.</exception>
    public void Replace(Holding? old, Holding? holding)
    {
        if (!TryReplace(old, holding))
            throw new InvalidOperationException("a record rests on what isn't so");
    }

    /// <summary>
    /// The same where nobody has changed the record meanwhile, or has its addresses. What is looked up for that is what is
    /// changed then.
    /// </summary>
    /// <returns>False where somebody has; then nothing is changed.</returns>
    public bool TryReplace(Holding? old, Holding? holding)
    {
        var owner = Token;
        if (
            (old ?? holding) is null
            || (holding is not null && HasOtherRecord(old, holding))
            || !TryReplaceHolder(owner, old, holding)
        )
            return false;
        if (old is not null)
            RemoveAddresses(owner, old, old.Count);
        if (holding is not null && !TryAddAddresses(owner, holding))
        {
            if (old is not null)
                _ = TryAddAddresses(owner, old);
            _ = TryReplaceHolder(owner, holding, old);
            return false;
        }

        if (old is not null)
            Unlink(owner, old);
        if (holding is not null)
            Link(owner, holding);
        CountOfHolders += (holding is null ? 0 : 1) - (old is null ? 0 : 1);
        return true;
    }

    /// <summary>Has rest what one record had and the next hasn't, in an open one.</summary>
    /// <param name="end">When it was given up.</param>
    public void BeginRest(Holding old, Holding? next, EndTime end)
    {
        for (var i = 0; i < old.Count; i++)
        {
            if (next?.Has(old.AddressAt(i)) != true)
                BeginRest(new Rest(old, old.AddressAt(i), end));
        }
    }

    /// <summary>Has an address rest, in an open one; nothing changes where somebody holds it.</summary>
    public void BeginRest(Rest rest)
    {
        if (At(rest.Address) is not null)
            return;
        if (RestAt(rest.Address) is { } earlier)
            Rests.Remove(earlier);
        Rests.Add(rest);
        AddressTree<object>.Set(ref TreeOf(rest.Address.Family), Token, rest.Address.Value, rest);
    }

    /// <summary>Ends a rest, in an open one: whoever asks may be given the address.</summary>
    public void EndRest(Rest rest)
    {
        Rests.Remove(rest);
        AddressTree<object>.Remove(ref TreeOf(rest.Address.Family), Token, rest.Address.Value);
    }

    private object Token => _owner ?? throw new InvalidOperationException("these holdings are closed");

    private object? Find(Address address) => AddressTree<object>.Find(TreeOf(address.Family), address.Value);

    private void Count(Holding holding, int sign)
    {
        var held = FamilyCount.Of(holding);
        _ipv4Count += sign * held.IPv4;
        _ipv6Count += sign * held.IPv6;
        HighWater = HighWater.Max(new FamilyCount(_ipv4Count, _ipv6Count));
        Counts.Add(holding, sign);
    }

    private ref object? TreeOf(AddressFamily family) => ref family == AddressFamily.IPv4 ? ref _ipv4 : ref _ipv6;
}
