using System.Collections.Immutable;

namespace Weft.Resources;

/// <summary>
/// A value that follows from the rows of a partition, kept up to date row by row: the holdings of a pool, say.
/// </summary>
/// <param name="Covers">Whether a partition has such a value.</param>
/// <param name="Update">The value after a row was written (after is set), replaced (both are set) or removed (before is
/// set).</param>
internal sealed record MaterializedView(Func<string, bool> Covers, Func<object?, Row?, Row?, object?> Update)
{
    /// <summary>
    /// What one value of all partitions that it covers is asked for by; null, the default, where each partition has its own.
    /// </summary>
    public string? Name { get; init; }

    /// <summary>
    /// The names of the values that a row counts in, where these are several and not of its partition; null, the default,
    /// where they are one.
    /// </summary>
    public Func<Row, IReadOnlySet<string>>? NamesOf { get; init; }
}

/// <summary>The values beside the rows, while a commit changes them.</summary>
internal sealed class ViewValues(ImmutableDictionary<string, object> values)
{
    // One for the whole commit: what it has copied for one change it edits in place for the next.
    private readonly ImmutableDictionary<string, object>.Builder _values = values.ToBuilder();
    private readonly List<string> _changed = [];

    /// <summary>All of them, by now.</summary>
    public ImmutableDictionary<string, object> Values => _values.ToImmutable();

    /// <summary>The names of those that were set, some of them more than once.</summary>
    public IReadOnlyList<string> Changed => _changed;

    /// <summary>One of them; null where there is none of a name.</summary>
    public object? this[string name]
    {
        get => _values.GetValueOrDefault(name);
        set
        {
            if (value is null)
                _values.Remove(name);
            else
                _values[name] = value;
            Note(name);
        }
    }

    /// <summary>Says that what a name stands for has changed, also where there is no value beside it.</summary>
    public void Note(string name)
    {
        if (_changed.Count == 0 || !ReferenceEquals(_changed[^1], name))
            _changed.Add(name);
    }
}

/// <summary>
/// Everything that is stored, at one revision, as an immutable value. A commit makes the next state; readers keep the
/// one they have. Plans are made by making a next state that is never stored.
/// </summary>
internal sealed class StoreState
{
    private static readonly KeyComparer KeyOrder = new();
    private readonly ImmutableSortedSet<Row> _rows;
    private readonly ImmutableDictionary<string, PartitionVersion> _versions;
    private readonly ImmutableDictionary<string, object> _viewValues;
    private readonly ImmutableArray<MaterializedView> _views;
    private readonly DependencyTracker? _tracker;

    private StoreState(
        long revision,
        ImmutableSortedSet<Row> rows,
        ImmutableDictionary<string, PartitionVersion> changed,
        ImmutableDictionary<string, object> derived,
        ImmutableArray<MaterializedView> folds,
        DependencyTracker? tracker = null
    )
    {
        Revision = revision;
        _rows = rows;
        _versions = changed;
        _viewValues = derived;
        _views = folds;
        _tracker = tracker;
    }

    /// <summary>The revision: how many commits there have been.</summary>
    public long Revision { get; }

    /// <summary>All rows, as something to compare by reference: the same in two states where no row of them differs.</summary>
    public object RowsVersion => _rows;

    /// <summary>How many rows there are.</summary>
    public int Count => _rows.Count;

    /// <summary>A state without rows.</summary>
    /// <param name="folds">What is kept up to date beside the rows.</param>
    public static StoreState Empty(params ImmutableArray<MaterializedView> folds) =>
        new(
            0,
            ImmutableSortedSet.Create<Row>(KeyOrder),
            ImmutableDictionary<string, PartitionVersion>.Empty,
            ImmutableDictionary<string, object>.Empty,
            folds
        );

    /// <summary>The state of rows that were stored before.</summary>
    /// <param name="folds">What is kept up to date beside the rows.</param>
    /// <param name="packed">What partitions keep in forms of their own, by name; none by default.</param>
    public static StoreState FromRows(
        long revision,
        IEnumerable<Row> rows,
        ImmutableArray<MaterializedView> folds,
        ImmutableDictionary<string, object>? packed = null
    )
    {
        var all = ImmutableSortedSet.CreateRange(KeyOrder, rows);
        var changed = ImmutableDictionary.CreateBuilder<string, PartitionVersion>();
        var version = new PartitionVersion(revision);
        var state = new StoreState(
            revision,
            all,
            changed.ToImmutable(),
            ImmutableDictionary<string, object>.Empty,
            folds
        );
        var values = new ViewValues(packed ?? state._viewValues);
        foreach (var name in values.Values.Keys)
            changed[name] = version;
        foreach (var row in all)
        {
            var partition = StoreKey.PartitionOf(row.Key);
            values.Note(partition);
            state.UpdateViews(values, partition, null, row);
        }

        foreach (var name in values.Changed)
            changed[name] = version;
        return new StoreState(revision, all, changed.ToImmutable(), values.Values, folds);
    }

    /// <summary>One row.</summary>
    /// <returns>The row, or null.</returns>
    public Row? Get(string key)
    {
        var row = _rows.TryGetValue(new Row(key, 0, default), out var found) ? found : null;
        _tracker?.RecordRow(key, row);
        return row;
    }

    /// <summary>The rows whose keys begin with a text, in the order of keys.</summary>
    /// <param name="after">Only rows with keys behind this one; null for all.</param>
    public IEnumerable<Row> Range(string prefix, string? after = null)
    {
        _tracker?.RecordRange(prefix, RowsOf(prefix, null));
        return RowsOf(prefix, after);
    }

    private IEnumerable<Row> RowsOf(string prefix, string? after)
    {
        var at = _rows.IndexOf(new Row(after ?? prefix, 0, default));
        at =
            at < 0 ? ~at
            : after is null ? at
            : at + 1;
        for (; at < _rows.Count && _rows[at].Key.StartsWith(prefix, StringComparison.Ordinal); at++)
            yield return _rows[at];
    }

    /// <summary>The revision that last changed a partition: wrote, replaced or removed a row of it.</summary>
    /// <returns>0 if none did.</returns>
    public long LastRevisionOf(string partition) => _versions.GetValueOrDefault(partition)?.Revision ?? 0;

    /// <summary>
    /// What a partition is at: the same object in two states means that not a row of it differs between them, also
    /// where one of them is only imagined and its revision means nothing.
    /// </summary>
    /// <returns>A token to compare by reference; null if nothing was ever written there.</returns>
    public object? VersionOf(string partition) => _versions.GetValueOrDefault(partition);

    /// <summary>The same state, for a reader whose reads are tracked.</summary>
    /// <returns>The state; states that are made of it are not tracked.</returns>
    public StoreState TrackedBy(DependencyTracker tracker) =>
        new(Revision, _rows, _versions, _viewValues, _views, tracker);

    /// <summary>The value kept beside a partition, or under the name of a view of many.</summary>
    /// <returns>The value, or null where there are no rows or no view.</returns>
    public object? View(string partition)
    {
        var value = _viewValues.GetValueOrDefault(partition);
        _tracker?.RecordView(partition, value);
        return value;
    }

    /// <summary>The values whose names begin with a text, in no order; not for a tracked reader.</summary>
    public IEnumerable<KeyValuePair<string, object>> ViewsUnder(string prefix) =>
        _viewValues.Where(view => view.Key.StartsWith(prefix, StringComparison.Ordinal));

    /// <summary>The state after a commit.</summary>
    /// <param name="changes">What it writes and removes; at most one change per key counts, the last.</param>
    /// <exception cref="InvalidOperationException">What a change rests on isn't so in this state.</exception>
    public StoreState Next(IEnumerable<Mutation> changes) =>
        TryNext(changes) ?? throw new InvalidOperationException("a change rests on what isn't so in this state");

    /// <summary>The state after a commit; null where what a change rests on isn't so in this state.</summary>
    /// <inheritdoc cref="Next"/>
    public StoreState? TryNext(IEnumerable<Mutation> changes)
    {
        var revision = Revision + 1;
        var rows = _rows;
        var version = new PartitionVersion(revision);
        var values = new ViewValues(_viewValues);
        foreach (var mutation in changes)
        {
            if (mutation is PackedMutation packed)
            {
                if (!packed.TryApply(values))
                    return null;
                continue;
            }

            var before = rows.TryGetValue(new Row(mutation.Key, 0, default), out var found) ? found : null;
            var after = mutation.Bytes is { } bytes ? new Row(mutation.Key, revision, bytes) : null;
            if (before is not null)
                rows = rows.Remove(before);
            if (after is not null)
                rows = rows.Add(after);
            if (before is null && after is null)
                continue;
            var partition = StoreKey.PartitionOf(mutation.Key);
            values.Note(partition);
            UpdateViews(values, partition, before, after);
        }

        var versions = _versions.ToBuilder();
        foreach (var name in values.Changed)
            versions[name] = version;
        return new StoreState(revision, rows, versions.ToImmutable(), values.Values, _views);
    }

    private void UpdateViews(ViewValues values, string partition, Row? before, Row? after)
    {
        foreach (var view in _views.Where(view => view.Covers(partition)))
        {
            if (view.NamesOf is { } namesOf)
            {
                UpdateNamed(values, view, namesOf, before, after);
                continue;
            }

            var name = view.Name ?? partition;
            values[name] = view.Update(values[name], before, after);
        }
    }

    /// <summary>Updates the values that a row counts in, or counted in: those alone that it alters have changed.</summary>
    private static void UpdateNamed(
        ViewValues values,
        MaterializedView view,
        Func<Row, IReadOnlySet<string>> namesOf,
        Row? before,
        Row? after
    )
    {
        var (old, wanted) = (before is null ? null : namesOf(before), after is null ? null : namesOf(after));
        foreach (var name in (old ?? Enumerable.Empty<string>()).Union(wanted ?? Enumerable.Empty<string>()))
        {
            var was = values[name];
            var (left, come) = (
                old?.Contains(name) == true ? before : null,
                wanted?.Contains(name) == true ? after : null
            );
            if (view.Update(was, left, come) is var value && !ReferenceEquals(value, was))
                values[name] = value;
        }
    }

    private sealed class PartitionVersion(long revision)
    {
        public long Revision => revision;
    }

    private sealed class KeyComparer : IComparer<Row>
    {
        public int Compare(Row? x, Row? y) => string.CompareOrdinal(x!.Key, y!.Key);
    }
}
