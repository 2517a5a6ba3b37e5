using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>
/// What changes of the leases of one network: holders' records, each replaced as a whole. It rests on those records being the
/// ones that the decision saw, and on nobody else having the addresses: so two commits that lease one address can't both win.
/// </summary>
/// <param name="NetworkKey">The network's id in lower case.</param>
/// <param name="Changes">In the order in which they are made.</param>
internal sealed record LeaseChanges(string NetworkKey, ImmutableArray<HoldingChange> Changes)
    : PackedMutation(NetworkPool.PartitionOf(NetworkKey))
{
    /// <inheritdoc/>
    public override int Count => Changes.Length;

    /// <inheritdoc/>
    /// <remarks>Of addresses that somebody gives up, to others or to who holds them too: who waits, waits for the end of a lease.</remarks>
    public override IEnumerable<string> Topics =>
        Changes
            .SelectMany(change => Holding.Ended(change.Old, change.New))
            .SelectMany(AddressesOf)
            .Select(address => NetworkPool.KeyOf(NetworkKey, address));

    /// <summary>
    /// What was decided on and what comes of it, where all of that is this change: a commit on the same needn't make it
    /// again. Null where that isn't known.
    /// </summary>
    public (Holdings Before, Holdings After)? Outcome { get; init; }

    /// <summary>When what it ends has ended: filled in by the commit.</summary>
    public EndTime End { get; init; } = new();

    /// <summary>
    /// The same of the counts of all networks: those without and with this change, and with others of the same commit that
    /// come behind it. Null where they are to be counted.
    /// </summary>
    public (HeldCounts Before, HeldCounts After)? Counts { get; init; }

    /// <inheritdoc/>
    public override bool TryApply(ViewValues values)
    {
        var before = values[Partition] as Holdings ?? Holdings.Empty;
        Holdings after;
        if (Outcome is { } known && ReferenceEquals(known.Before, before))
            after = known.After;
        else if (!TryReplace(before, out after))
            return false;
        End.Set(values[NetworkPool.ClockName] as LeaseClock ?? LeaseClock.Stopped);
        values[Partition] = after.IsEmpty ? null : after;
        var counts = values[NetworkPool.CountsName] as HeldCounts ?? HeldCounts.Empty;
        values[NetworkPool.CountsName] =
            Counts is { } sum && ReferenceEquals(sum.Before, counts) ? sum.After : AddTo(counts);
        return true;
    }

    private HeldCounts AddTo(HeldCounts before)
    {
        var counts = before.Open(new object());
        foreach (var (old, holding) in Changes)
            counts.Replace(old, holding);
        return counts.Close();
    }

    /// <inheritdoc/>
    /// <remarks>What one gives up and another is given in the same step ends now.</remarks>
    public override (PackedMutation? Left, ImmutableArray<string> Ends) WithoutEnds()
    {
        var taken = Changes.SelectMany(change => AddressesOf(change.New)).ToHashSet();
        var (rest, ends) = (new List<HoldingChange>(), ImmutableArray.CreateBuilder<string>());
        foreach (var (old, holding) in Changes)
        {
            var ended = (old?.Leases ?? []).RemoveAll(lease => taken.Contains(lease.Address));
            ends.AddRange(ended.Select(lease => NetworkPool.KeyOf(NetworkKey, lease.Address)));
            var left =
                ended.IsEmpty ? holding
                : ended.Length == old!.Count && holding is null ? old
                : Holding.Create((holding ?? old).Holder, [.. holding?.Leases ?? [], .. ended]);
            if (!ReferenceEquals(old, left))
                rest.Add(new HoldingChange(old, left));
        }

        return (rest.Count == 0 ? null : new LeaseChanges(NetworkKey, [.. rest]), ends.ToImmutable());
    }

    private static IEnumerable<Address> AddressesOf(Holding? holding) =>
        Enumerable.Range(0, holding?.Count ?? 0).Select(i => holding!.AddressAt(i));

    private bool TryReplace(Holdings before, out Holdings after)
    {
        after = before.Open();
        foreach (var (old, holding) in Changes)
        {
            if (!after.TryReplace(old, holding))
                return false;
            if (old is not null)
                after.BeginRest(old, holding, End);
        }

        after.Close();
        return true;
    }
}
