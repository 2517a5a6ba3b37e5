using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>A decision about the leases of one network while it is made: what was, what is by now, and the change from one to
/// the other. For one thread.</summary>
internal sealed class LeaseEdit
{
    private readonly string _network;
    private readonly Holdings _before;
    private readonly List<HoldingChange> _changes = [];
    private readonly EndTime _end = new();

    // Of almost no network there is one.
    private HashSet<Address>? _claimed;

    /// <summary>Begins with what is held in a state.</summary>
    /// <param name="networkKey">The network's id in lower case.</param>
    public LeaseEdit(StoreState state, string networkKey)
    {
        _network = networkKey;
        _before = state.View(NetworkPool.PartitionOf(networkKey)) as Holdings ?? Holdings.Empty;
        Holdings = _before.Open();
    }

    /// <summary>
    /// Begins with what is held in a state, where addresses that running pods claim are nobody else's either, even when who has
    /// them by the store gives them back.
    /// </summary>
    public static LeaseEdit WithClaims(StoreState state, ResourceId network)
    {
        var edit = new LeaseEdit(state, network.Key);
        // Of almost no network there ever was one.
        if (state.VersionOf(NetworkPool.ClaimPartitionOf(network)) is null)
            return edit;
        foreach (
            var claim in NetworkPool.ClaimsOn(state, network).Where(claim => edit.Holdings.At(claim.Address) is null)
        )
        {
            edit.Holdings.Put(claim);
            (edit._claimed ??= []).Add(claim.Address);
        }

        return edit;
    }

    /// <summary>Who holds what by now.</summary>
    public Holdings Holdings { get; }

    /// <summary>The network's id in lower case.</summary>
    public string NetworkKey => _network;

    /// <summary>All records as if they were new: whoever has none of them yet needs no more.</summary>
    public ImmutableArray<HoldingChange> Records =>
        [.. Holdings.All.Select(holding => new HoldingChange(null, holding))];

    /// <summary>Whether running pods claim addresses that are held by nobody else.</summary>
    public bool HasClaims => _claimed is not null;

    /// <summary>Whether nothing has changed.</summary>
    public bool IsEmpty => _changes.Count == 0;

    /// <summary>How many records have changed.</summary>
    public int Count => _changes.Count;

    /// <summary>Puts one record in the place of another.</summary>
    public void Replace(HoldingChange change)
    {
        Holdings.Replace(change.Old, change.New);
        if (change.Old is { } old)
            Holdings.BeginRest(old, change.New, _end);
        _changes.Add(change);
    }

    /// <summary>Leases an address to a holder, whoever had it.</summary>
    public void Put(Lease lease)
    {
        Remove(lease.Address);
        var held = Holdings.Find(lease.Holder.Id);
        Replace(new HoldingChange(held, Holding.Create(lease.Holder, [.. held?.Leases ?? [], lease])));
    }

    /// <summary>Ends the lease of an address; where there is none nothing changes.</summary>
    public void Remove(Address address)
    {
        if (Holdings.At(address) is { } held)
            Replace(new HoldingChange(held, held.Without(address)));
    }

    /// <summary>Ends everything that a holder has.</summary>
    public void Remove(Holding held) => Replace(new HoldingChange(held, null));

    /// <summary>The change, for the commit; nothing may be decided with it any more.</summary>
    /// <returns>One; none where nothing has changed.</returns>
    public IEnumerable<Mutation> ToMutations()
    {
        var after = Holdings.Close();
        if (IsEmpty)
            return [];
        if (_claimed is null)
            return [new LeaseChanges(_network, [.. _changes]) { Outcome = (_before, after), End = _end }];
        ImmutableArray<HoldingChange> changes = [.. WithoutClaims()];
        return changes.IsEmpty ? [] : [new LeaseChanges(_network, changes)];
    }

    /// <summary>The changes of what is stored: what is held by a claim alone isn't.</summary>
    private IEnumerable<HoldingChange> WithoutClaims()
    {
        foreach (var id in _changes.Select(change => (change.New ?? change.Old)!.Holder.Id).Distinct())
        {
            var (old, now) = (_before.Find(id), Holdings.Find(id));
            var before = old?.Leases ?? [];
            var leases = (now?.Leases ?? []).RemoveAll(lease =>
                _claimed!.Contains(lease.Address) && before.All(held => held.Address != lease.Address)
            );
            if (!leases.SequenceEqual(before))
                yield return new HoldingChange(old, leases.IsEmpty ? null : Holding.Create(now!.Holder, leases));
        }
    }
}
