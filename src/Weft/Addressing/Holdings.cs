using System.Collections.Immutable;
using System.Numerics;

namespace Weft.Addressing;

/// <summary>
/// Who holds what in one network: one fact, kept under three keys (by address, by holder, and as one bit per address in
/// words of 64, which is how a free one is found without walking) and counted by cluster and node. Immutable; made from
/// leases and never stored.
/// </summary>
internal sealed class Holdings
{
    /// <summary>Nobody holds anything.</summary>
    public static readonly Holdings Empty = new(
        ImmutableDictionary<Address, Lease>.Empty,
        ImmutableDictionary<string, ImmutableArray<Address>>.Empty,
        ImmutableDictionary<(AddressFamily Family, UInt128 Word), ulong>.Empty,
        0,
        HeldCounts.Empty
    );

    private readonly ImmutableDictionary<Address, Lease> _byAddress;
    private readonly ImmutableDictionary<string, ImmutableArray<Address>> _byHolder;
    private readonly ImmutableDictionary<(AddressFamily Family, UInt128 Word), ulong> _bitmap;
    private readonly int _ipv4Count;

    private Holdings(
        ImmutableDictionary<Address, Lease> byAddress,
        ImmutableDictionary<string, ImmutableArray<Address>> byHolder,
        ImmutableDictionary<(AddressFamily Family, UInt128 Word), ulong> words,
        int v4,
        HeldCounts counts
    )
    {
        _byAddress = byAddress;
        _byHolder = byHolder;
        _bitmap = words;
        _ipv4Count = v4;
        Counts = counts;
    }

    /// <summary>How much of it each cluster and node holds.</summary>
    public HeldCounts Counts { get; }

    /// <summary>All leases, in no order.</summary>
    public IEnumerable<Lease> Leases => _byAddress.Values;

    /// <summary>How many addresses of a family are held.</summary>
    public int Count(AddressFamily family) => family == AddressFamily.IPv4 ? _ipv4Count : _byAddress.Count - _ipv4Count;

    /// <summary>The lease of an address.</summary>
    /// <returns>The lease, or null.</returns>
    public Lease? LeaseOf(Address address) => _byAddress.GetValueOrDefault(address);

    /// <summary>The leases of a holder, IPv4 first.</summary>
    /// <returns>At most one per family.</returns>
    public ImmutableArray<Lease> LeasesOf(string holderId) =>
        _byHolder.TryGetValue(holderId, out var addresses) ? [.. addresses.Select(a => _byAddress[a])] : [];

    /// <summary>With one lease more; a lease of the same address is replaced.</summary>
    public Holdings With(Lease lease)
    {
        var rest = _byAddress.ContainsKey(lease.Address) ? Without(lease.Address) : this;
        var held = rest._byHolder.TryGetValue(lease.Holder.Id, out var addresses) ? addresses : [];
        var (word, bit) = BitOf(lease.Address);
        return new Holdings(
            rest._byAddress.Add(lease.Address, lease),
            rest._byHolder.SetItem(lease.Holder.Id, [.. held.Append(lease.Address).Order()]),
            rest._bitmap.SetItem(word, rest._bitmap.GetValueOrDefault(word) | bit),
            rest._ipv4Count + (lease.Address.Family == AddressFamily.IPv4 ? 1 : 0),
            rest.Counts.With(lease)
        );
    }

    /// <summary>Without the lease of an address; nothing changes where there is none.</summary>
    public Holdings Without(Address address)
    {
        if (!_byAddress.TryGetValue(address, out var lease))
            return this;
        var held = _byHolder[lease.Holder.Id].Remove(address);
        var (word, bit) = BitOf(address);
        var left = _bitmap[word] & ~bit;
        return new Holdings(
            _byAddress.Remove(address),
            held.IsEmpty ? _byHolder.Remove(lease.Holder.Id) : _byHolder.SetItem(lease.Holder.Id, held),
            left == 0 ? _bitmap.Remove(word) : _bitmap.SetItem(word, left),
            _ipv4Count - (address.Family == AddressFamily.IPv4 ? 1 : 0),
            Counts.Without(lease)
        );
    }

    /// <summary>The first address from one on that nobody holds. Words that are full are skipped whole.</summary>
    /// <returns>The address, or null.</returns>
    public Address? FirstFree(Address from, Address last)
    {
        for (var at = from.Value; at <= last.Value; )
        {
            var taken = _bitmap.GetValueOrDefault((from.Family, at >> 6));
            var free = ~taken & (ulong.MaxValue << (int)(at & 63));
            if (free != 0)
            {
                var found = ((at >> 6) << 6) + (UInt128)BitOperations.TrailingZeroCount(free);
                return found <= last.Value ? new Address(from.Family, found) : null;
            }

            var next = ((at >> 6) + 1) << 6;
            if (next <= at)
                return null;
            at = next;
        }

        return null;
    }

    private static ((AddressFamily Family, UInt128 Word) Word, ulong Bit) BitOf(Address address) =>
        ((address.Family, address.Value >> 6), 1UL << (int)(address.Value & 63));
}
