namespace Weft.Resources;

/// <summary>
/// What a drawing has read of an image, row by row: as long as all of it is the same in another image, the drawing is the same there. Rows are
/// immutable, so "the same" is the same object, and asking costs a comparison for each partition, and of one that has changed for each row
/// that was read. Written by one drawing on one thread; asked by many.
/// </summary>
public sealed class Footprint
{
    private readonly Dictionary<string, Part> _parts = new(StringComparer.Ordinal);
    private bool _hasReadAcross;

    /// <summary>Whether everything that was read is the same in another image.</summary>
    /// <param name="before">The image that was read, or one that this was true of.</param>
    /// <returns>False where a row that was read has changed or gone, or one has come that would have been read.</returns>
    public bool IsSameIn(Image before, Image now)
    {
        if (_hasReadAcross)
            return ReferenceEquals(before, now);
        foreach (var (partition, part) in _parts)
        {
            if (!ReferenceEquals(before.VersionOf(partition), now.VersionOf(partition)) && !part.IsSameIn(now, partition))
                return false;
        }

        return true;
    }

    internal void Read(string key, Stored? row) => Of(StoreKey.PartitionOf(key)).Rows[key] = row;

    internal void ReadRange(string prefix, IEnumerable<Stored> rows)
    {
        // A range over several partitions has no version to compare: any other image is another one to it.
        if (!prefix.Contains('|', StringComparison.Ordinal))
        {
            _hasReadAcross = true;
            return;
        }

        var part = Of(StoreKey.PartitionOf(prefix));
        if (!part.Ranges.ContainsKey(prefix))
            part.Ranges[prefix] = [.. rows];
    }

    internal void ReadDerived(string partition, object? value) => Of(partition).Derived = [value];

    private Part Of(string partition)
    {
        if (!_parts.TryGetValue(partition, out var part))
            _parts[partition] = part = new Part();
        return part;
    }

    private sealed class Part
    {
        public Dictionary<string, Stored?> Rows { get; } = new(StringComparer.Ordinal);

        public Dictionary<string, Stored[]> Ranges { get; } = new(StringComparer.Ordinal);

        /// <summary>The value beside the partition, in a list of one; null where it wasn't read.</summary>
        public object?[]? Derived { get; set; }

        public bool IsSameIn(Image now, string partition)
        {
            foreach (var (key, row) in Rows)
            {
                if (!ReferenceEquals(now.Get(key), row))
                    return false;
            }

            foreach (var (prefix, rows) in Ranges)
            {
                if (!now.Range(prefix).SequenceEqual(rows, ReferenceEqualityComparer.Instance))
                    return false;
            }

            return Derived is null || ReferenceEquals(now.Derived(partition), Derived[0]);
        }
    }
}
