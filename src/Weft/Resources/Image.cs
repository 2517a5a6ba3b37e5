using System.Collections.Immutable;

namespace Weft.Resources;

/// <summary>A value that follows from the rows of a partition, kept up to date row by row: the holdings of a pool, say.</summary>
/// <param name="Covers">Whether a partition has such a value.</param>
/// <param name="Next">The value after a row was written (after is set), replaced (both are set) or removed (before is set).</param>
public sealed record Fold(Func<string, bool> Covers, Func<object?, Stored?, Stored?, object?> Next);

/// <summary>
/// Everything that is stored, at one revision, as an immutable value. A commit makes the next image; readers keep the one they have.
/// Plans are made by making a next image that is never stored.
/// </summary>
public sealed class Image
{
    private static readonly ByKey Order = new();
    private readonly ImmutableSortedSet<Stored> _rows;
    private readonly ImmutableDictionary<string, PartitionVersion> _changed;
    private readonly ImmutableDictionary<string, object> _derived;
    private readonly ImmutableArray<Fold> _folds;
    private readonly Footprint? _footprint;

    private Image(
        long revision, ImmutableSortedSet<Stored> rows, ImmutableDictionary<string, PartitionVersion> changed,
        ImmutableDictionary<string, object> derived, ImmutableArray<Fold> folds, Footprint? footprint = null)
    {
        Revision = revision;
        _rows = rows;
        _changed = changed;
        _derived = derived;
        _folds = folds;
        _footprint = footprint;
    }

    /// <summary>The revision: how many commits there have been.</summary>
    public long Revision { get; }

    /// <summary>How many rows there are.</summary>
    public int Count => _rows.Count;

    /// <summary>An image without rows.</summary>
    /// <param name="folds">What is kept up to date beside the rows.</param>
    public static Image Empty(params ImmutableArray<Fold> folds) => new(
        0, ImmutableSortedSet.Create<Stored>(Order), ImmutableDictionary<string, PartitionVersion>.Empty, ImmutableDictionary<string, object>.Empty, folds);

    /// <summary>The image of rows that were stored before.</summary>
    /// <param name="folds">What is kept up to date beside the rows.</param>
    public static Image Of(long revision, IEnumerable<Stored> rows, ImmutableArray<Fold> folds)
    {
        var all = ImmutableSortedSet.CreateRange(Order, rows);
        var changed = ImmutableDictionary.CreateBuilder<string, PartitionVersion>();
        var version = new PartitionVersion(revision);
        var image = new Image(revision, all, changed.ToImmutable(), ImmutableDictionary<string, object>.Empty, folds);
        var derived = image._derived;
        foreach (var row in all)
        {
            var partition = StoreKey.PartitionOf(row.Key);
            changed[partition] = version;
            derived = image.Folded(derived, partition, null, row);
        }

        return new Image(revision, all, changed.ToImmutable(), derived, folds);
    }

    /// <summary>One row.</summary>
    /// <returns>The row, or null.</returns>
    public Stored? Get(string key)
    {
        var row = _rows.TryGetValue(new Stored(key, 0, default), out var found) ? found : null;
        _footprint?.Read(key, row);
        return row;
    }

    /// <summary>The rows whose keys begin with a text, in the order of keys.</summary>
    /// <param name="after">Only rows with keys behind this one; null for all.</param>
    public IEnumerable<Stored> Range(string prefix, string? after = null)
    {
        _footprint?.ReadRange(prefix, RowsOf(prefix, null));
        return RowsOf(prefix, after);
    }

    private IEnumerable<Stored> RowsOf(string prefix, string? after)
    {
        var at = _rows.IndexOf(new Stored(after ?? prefix, 0, default));
        at = at < 0 ? ~at : after is null ? at : at + 1;
        for (; at < _rows.Count && _rows[at].Key.StartsWith(prefix, StringComparison.Ordinal); at++)
            yield return _rows[at];
    }

    /// <summary>The revision that last changed a partition: wrote, replaced or removed a row of it.</summary>
    /// <returns>0 if none did.</returns>
    public long LastChange(string partition) => _changed.GetValueOrDefault(partition)?.Revision ?? 0;

    /// <summary>
    /// What a partition is at: the same object in two images means that not a row of it differs between them, also where one of them
    /// is only imagined and its revision means nothing.
    /// </summary>
    /// <returns>A token to compare by reference; null if nothing was ever written there.</returns>
    public object? VersionOf(string partition) => _changed.GetValueOrDefault(partition);

    /// <summary>The same image, for a reader whose reading is written down.</summary>
    /// <returns>The image; images that are made of it are not watched.</returns>
    public Image Observed(Footprint footprint) => new(Revision, _rows, _changed, _derived, _folds, footprint);

    /// <summary>The value kept beside a partition.</summary>
    /// <returns>The value, or null where there are no rows or no fold.</returns>
    public object? Derived(string partition)
    {
        var value = _derived.GetValueOrDefault(partition);
        _footprint?.ReadDerived(partition, value);
        return value;
    }

    /// <summary>The image after a commit.</summary>
    /// <param name="changes">What it writes and removes; at most one change per key counts, the last.</param>
    public Image Next(IEnumerable<Change> changes)
    {
        var revision = Revision + 1;
        var rows = _rows;
        var version = new PartitionVersion(revision);
        var changed = _changed;
        var derived = _derived;
        foreach (var change in changes)
        {
            var before = rows.TryGetValue(new Stored(change.Key, 0, default), out var found) ? found : null;
            var after = change.Bytes is { } bytes ? new Stored(change.Key, revision, bytes) : null;
            if (before is not null)
                rows = rows.Remove(before);
            if (after is not null)
                rows = rows.Add(after);
            if (before is null && after is null)
                continue;
            var partition = StoreKey.PartitionOf(change.Key);
            changed = changed.SetItem(partition, version);
            derived = Folded(derived, partition, before, after);
        }

        return new Image(revision, rows, changed, derived, _folds);
    }

    private ImmutableDictionary<string, object> Folded(
        ImmutableDictionary<string, object> derived, string partition, Stored? before, Stored? after)
    {
        foreach (var fold in _folds)
        {
            if (!fold.Covers(partition))
                continue;
            var next = fold.Next(derived.GetValueOrDefault(partition), before, after);
            return next is null ? derived.Remove(partition) : derived.SetItem(partition, next);
        }

        return derived;
    }

    private sealed class PartitionVersion(long revision)
    {
        public long Revision => revision;
    }

    private sealed class ByKey : IComparer<Stored>
    {
        public int Compare(Stored? x, Stored? y) => string.CompareOrdinal(x!.Key, y!.Key);
    }
}
