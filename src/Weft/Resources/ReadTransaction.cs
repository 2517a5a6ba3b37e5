using System.Collections.Immutable;

namespace Weft.Resources;

/// <summary>What a decision has looked at: rows by their revision, and partitions it has listed.</summary>
/// <param name="Revision">The revision of the state that was read.</param>
/// <param name="Rows">Each key that was read and the revision it had; 0 for a row that wasn't there.</param>
internal sealed record ReadSet(
    long Revision,
    IReadOnlyDictionary<string, long> Rows,
    IReadOnlyCollection<string> Partitions
)
{
    /// <summary>Having looked at nothing: a commit that never conflicts.</summary>
    public static readonly ReadSet Empty = new(0, ImmutableDictionary<string, long>.Empty, []);

    /// <summary>Having looked at just the rows that changes replace.</summary>
    public static ReadSet FromMutations(StoreState state, IEnumerable<Mutation> changes)
    {
        return new ReadSet(
            state.Revision,
            changes
                .Select(c => c.Key)
                .Distinct()
                .ToImmutableDictionary(key => key, key => state.Get(key)?.Revision ?? 0),
            []
        );
    }

    /// <summary>Whether all that was read is unchanged.</summary>
    /// <returns>False if a row changed, appeared or went, or if a listed partition changed.</returns>
    public bool IsUnchangedIn(StoreState state)
    {
        // Nothing at all has come since.
        if (state.Revision == Revision)
            return true;
        foreach (var (key, revision) in Rows)
        {
            if ((state.Get(key)?.Revision ?? 0) != revision)
                return false;
        }

        return Partitions.All(partition => state.LastRevisionOf(partition) <= Revision);
    }
}

/// <summary>
/// A state as a decision reads it. It remembers what was read, so that the commit can refuse if any of it has changed
/// since: that is what makes "no two networks overlap" true and not merely likely. For one decision, on one thread.
/// </summary>
internal sealed class ReadTransaction
{
    private readonly Dictionary<string, long> _rows = new(StringComparer.Ordinal);
    private readonly HashSet<string> _partitions = new(StringComparer.Ordinal);

    /// <summary>A transaction over a state.</summary>
    public ReadTransaction(StoreState state)
    {
        State = state;
    }

    /// <summary>The state itself, for reading that the decision doesn't rest on.</summary>
    public StoreState State { get; }

    /// <summary>What was read so far.</summary>
    /// <remarks>It grows with what is read later on: it is for the end of the decision.</remarks>
    public ReadSet ReadSet => new(State.Revision, _rows, _partitions);

    /// <summary>One row.</summary>
    /// <returns>The row, or null.</returns>
    public Row? Get(string key)
    {
        var row = State.Get(key);
        _rows[key] = row?.Revision ?? 0;
        return row;
    }

    /// <summary>The value kept beside a partition; the decision rests on the whole of it.</summary>
    /// <returns>The value, or null.</returns>
    public object? View(string partition)
    {
        _partitions.Add(partition);
        return State.View(partition);
    }

    /// <summary>All rows of a partition, in the order of their keys.</summary>
    public IEnumerable<Row> Range(string partition)
    {
        _partitions.Add(partition);
        return State.Range($"{partition}|");
    }

    /// <summary>One resource that isn't being deleted.</summary>
    /// <returns>The row, or null.</returns>
    public Row? Get(ResourceId id) =>
        Get(StoreKey.ForResource(id)) is { } row && !Provisioning.IsDeleting(row) ? row : null;

    /// <summary>All resources of a type that aren't being deleted.</summary>
    /// <param name="scope">Only those under this one; null for all.</param>
    /// <returns>The rows in the order of their ids.</returns>
    public IEnumerable<Row> List(ResourceType type, ResourceId? scope = null)
    {
        var partition = StoreKey.PartitionOf(type);
        _partitions.Add(partition);
        var prefix = scope is null ? $"{partition}|" : $"{partition}|{scope.Key}/";
        return State.Range(prefix).Where(row => !Provisioning.IsDeleting(row));
    }
}
