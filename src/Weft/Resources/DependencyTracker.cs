namespace Weft.Resources;

/// <summary>
/// What a rendering has read of a state, row by row: as long as all of it is the same in another state, the rendering
/// is the same there. Rows are immutable, so "the same" is the same object, and asking costs a comparison for each
/// partition, and of one that has changed for each row that was read. Written by one rendering on one thread; asked by
/// many.
/// </summary>
internal sealed class DependencyTracker
{
    private readonly Dictionary<string, PartitionReads> _reads = new(StringComparer.Ordinal);
    private bool _readsAcrossPartitions;

    /// <summary>Whether everything that was read is the same in another state.</summary>
    /// <param name="before">The state that was read, or one that this was true of.</param>
    /// <returns>False where a row that was read has changed or gone, or one has come that would have been
    /// read.</returns>
    public bool IsUnchanged(StoreState before, StoreState state)
    {
        if (_readsAcrossPartitions)
            return ReferenceEquals(before, state);
        // A commit of leases alone, as most are, changes no row: then values beside them are all there is to compare.
        var areRowsSame = ReferenceEquals(before.RowsVersion, state.RowsVersion);
        foreach (var (partition, part) in _reads)
        {
            if (
                !(areRowsSame && part.View is null)
                && !ReferenceEquals(before.VersionOf(partition), state.VersionOf(partition))
                && !part.IsUnchangedIn(state, partition)
            )
                return false;
        }

        return true;
    }

    /// <summary>
    /// The topics of what was read, as <see cref="Watcher"/> takes them. Values beside partitions are left out: they hold
    /// leases, and those of machines and nodes change together with a row that was read.
    /// </summary>
    public IEnumerable<string> Topics =>
        _readsAcrossPartitions ? [""] : _reads.Values.SelectMany(part => part.Rows.Keys.Concat(part.Ranges.Keys));

    internal void RecordRow(string key, Row? row) => ReadsOf(StoreKey.PartitionOf(key)).Rows[key] = row;

    internal void RecordRange(string prefix, IEnumerable<Row> rows)
    {
        // A range over several partitions has no version to compare: any other state is another one to it.
        if (!prefix.Contains('|', StringComparison.Ordinal))
        {
            _readsAcrossPartitions = true;
            return;
        }

        var part = ReadsOf(StoreKey.PartitionOf(prefix));
        if (!part.Ranges.ContainsKey(prefix))
            part.Ranges[prefix] = [.. rows];
    }

    internal void RecordView(string partition, object? value) => ReadsOf(partition).View = [value];

    private PartitionReads ReadsOf(string partition)
    {
        if (!_reads.TryGetValue(partition, out var part))
            _reads[partition] = part = new PartitionReads();
        return part;
    }

    private sealed class PartitionReads
    {
        public Dictionary<string, Row?> Rows { get; } = new(StringComparer.Ordinal);

        public Dictionary<string, Row[]> Ranges { get; } = new(StringComparer.Ordinal);

        /// <summary>The value beside the partition, in a list of one; null where it wasn't read.</summary>
        public object?[]? View { get; set; }

        public bool IsUnchangedIn(StoreState state, string partition)
        {
            foreach (var (key, row) in Rows)
            {
                if (!ReferenceEquals(state.Get(key), row))
                    return false;
            }

            foreach (var (prefix, rows) in Ranges)
            {
                if (!state.Range(prefix).SequenceEqual(rows, ReferenceEqualityComparer.Instance))
                    return false;
            }

            return View is null || ReferenceEquals(state.View(partition), View[0]);
        }
    }
}
