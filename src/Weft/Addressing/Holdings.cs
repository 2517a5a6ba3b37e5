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
    private object? _owner;
    private int _ipv4Count;
    private int _ipv6Count;

    private Holdings() { }

    /// <summary>How much of it each cluster and node holds.</summary>
    public HeldCounts Counts { get; private set; } = HeldCounts.Empty;

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
            foreach (var (at, holding) in AddressTree<Holding>.From(TreeOf(family), from))
            {
                var address = new Address(family, at);
                if (address != after)
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
            foreach (var (at, holding) in AddressTree<Holding>.Except(TreeOf(family), other.TreeOf(family)))
            {
                var lease = holding.LeaseOf(new Address(family, at));
                if (other.At(lease.Address)?.IsOf(lease.Holder.Id) != true)
                    yield return lease;
            }
        }
    }

    /// <summary>What holds an address.</summary>
    /// <returns>The record, or null.</returns>
    public Holding? At(Address address) => AddressTree<Holding>.Find(TreeOf(address.Family), address.Value);

    /// <summary>What a holder has.</summary>
    /// <returns>The record, or null.</returns>
    public Holding? Find(ReadOnlySpan<char> holderId)
    {
        foreach (var holding in HashTrie<Holding, HolderKey>.Find(_byHolder, Holding.HashOf(holderId)))
        {
            if (holding.IsOf(holderId))
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
    public ImmutableArray<Lease> LeasesOf(string holderId) => Find(holderId)?.Leases ?? [];

    /// <summary>The first address from one on that nobody holds. What is full is skipped whole.</summary>
    /// <returns>The address, or null.</returns>
    public Address? FirstFree(Address from, Address last) =>
        AddressTree<Holding>.FirstFree(TreeOf(from.Family), from.Value, last.Value) is { } free
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
        return open;
    }

    /// <summary>Ends editing.</summary>
    /// <returns>Itself, which doesn't change any more.</returns>
    public Holdings Close()
    {
        _owner = null;
        Counts.Close();
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
        var owner = _owner ?? throw new InvalidOperationException("these holdings are closed");
        if ((old ?? holding) is null || !TryReplaceHolder(owner, old, holding))
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

        ReplaceName(owner, old, holding);
        ReplaceOther(owner, old, holding);
        Count(old, -1);
        Count(holding, 1);
        CountOfHolders += (holding is null ? 0 : 1) - (old is null ? 0 : 1);
        return true;
    }

    private bool TryReplaceHolder(object owner, Holding? old, Holding? holding) =>
        old is null ? HashTrie<Holding, HolderKey>.TryAdd(ref _byHolder, owner, holding!) is null
        : holding is null ? HashTrie<Holding, HolderKey>.TryRemove(ref _byHolder, owner, old)
        : HashTrie<Holding, HolderKey>.TryReplace(ref _byHolder, owner, old, holding);

    private void ReplaceName(object owner, Holding? old, Holding? holding)
    {
        if (old is { NameHash: not 0 })
            _ = HashTrie<Holding, NameKey>.TryRemove(ref _byName, owner, old);
        if (holding is { NameHash: not 0 })
            _ = HashTrie<Holding, NameKey>.TryAdd(ref _byName, owner, holding);
    }

    private void ReplaceOther(object owner, Holding? old, Holding? holding)
    {
        if (old is not (null or PodHolding))
            _ = HashTrie<Holding, HolderKey>.TryRemove(ref _others, owner, old);
        if (holding is not (null or PodHolding))
            _ = HashTrie<Holding, HolderKey>.TryAdd(ref _others, owner, holding);
    }

    /// <returns>False where somebody has one of them; then none is added.</returns>
    private bool TryAddAddresses(object owner, Holding holding)
    {
        for (var i = 0; i < holding.Count; i++)
        {
            var address = holding.AddressAt(i);
            ref var tree = ref (address.Family == AddressFamily.IPv4 ? ref _ipv4 : ref _ipv6);
            if (AddressTree<Holding>.TryAdd(ref tree, owner, address.Value, holding) is null)
                continue;
            RemoveAddresses(owner, holding, i);
            return false;
        }

        return true;
    }

    private void RemoveAddresses(object owner, Holding holding, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var address = holding.AddressAt(i);
            ref var tree = ref (address.Family == AddressFamily.IPv4 ? ref _ipv4 : ref _ipv6);
            AddressTree<Holding>.Remove(ref tree, owner, address.Value);
        }
    }

    private void Count(Holding? holding, int sign)
    {
        if (holding is null)
            return;
        var held = FamilyCount.Of(holding);
        _ipv4Count += sign * held.IPv4;
        _ipv6Count += sign * held.IPv6;
        if (holding.Place is { } place)
            Counts.Add(place, held, sign);
    }

    private object? TreeOf(AddressFamily family) => family == AddressFamily.IPv4 ? _ipv4 : _ipv6;

    /// <summary>By holders: each is there once.</summary>
    private readonly struct HolderKey : IHashKey<Holding>
    {
        public static ulong HashOf(Holding item) => item.Hash;

        public static bool IsSame(Holding one, Holding other) => one.IsOfHolderOf(other);
    }

    /// <summary>By names: pods of one name stand together, and spread by their holders; a thousand may have one.</summary>
    private readonly struct NameKey : IHashKey<Holding>
    {
        public static ulong HashOf(Holding item) => ((ulong)item.NameHash << 32) | (item.Hash >> 32);

        public static bool IsSame(Holding one, Holding other) => ReferenceEquals(one, other);
    }
}
