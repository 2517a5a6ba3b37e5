using System.Collections.Immutable;

namespace Weft.Resources;

/// <summary>What a decision has looked at: rows by their revision, and partitions it has listed.</summary>
/// <param name="Revision">The revision of the image that was looked at.</param>
/// <param name="Rows">Each key that was read and the revision it had; 0 for a row that wasn't there.</param>
public sealed record Seen(long Revision, ImmutableDictionary<string, long> Rows, ImmutableHashSet<string> Partitions)
{
    /// <summary>Having looked at nothing: a commit that never conflicts.</summary>
    public static readonly Seen Nothing = new(0, ImmutableDictionary<string, long>.Empty, []);

    /// <summary>Having looked at just the rows that changes replace.</summary>
    public static Seen Of(Image image, IEnumerable<Change> changes)
    {
        return new Seen(image.Revision, changes.Select(c => c.Key).Distinct().ToImmutableDictionary(key => key, key => image.Get(key)?.Revision ?? 0), []);
    }

    /// <summary>Whether all that was seen is still so.</summary>
    /// <returns>False if a row changed, appeared or went, or if a listed partition changed.</returns>
    public bool StillHolds(Image now)
    {
        return Rows.All(row => (now.Get(row.Key)?.Revision ?? 0) == row.Value)
            && Partitions.All(partition => now.LastChange(partition) <= Revision);
    }
}

/// <summary>
/// An image as a decision reads it. It remembers what was read, so that the commit can refuse if any of it has changed since:
/// that is what makes "no two networks overlap" true and not merely likely. For one decision, on one thread.
/// </summary>
public sealed class Snapshot
{
    private readonly Dictionary<string, long> _rows = new(StringComparer.Ordinal);
    private readonly HashSet<string> _partitions = new(StringComparer.Ordinal);

    /// <summary>A snapshot of an image.</summary>
    public Snapshot(Image image)
    {
        Image = image;
    }

    /// <summary>The image itself, for reading that the decision doesn't rest on.</summary>
    public Image Image { get; }

    /// <summary>What was read so far.</summary>
    public Seen Seen => new(Image.Revision, _rows.ToImmutableDictionary(StringComparer.Ordinal), _partitions.ToImmutableHashSet(StringComparer.Ordinal));

    /// <summary>One row.</summary>
    /// <returns>The row, or null.</returns>
    public Stored? Get(string key)
    {
        var row = Image.Get(key);
        _rows[key] = row?.Revision ?? 0;
        return row;
    }

    /// <summary>The value kept beside a partition; the decision rests on the whole of it.</summary>
    /// <returns>The value, or null.</returns>
    public object? Derived(string partition)
    {
        _partitions.Add(partition);
        return Image.Derived(partition);
    }

    /// <summary>One resource that isn't being deleted.</summary>
    /// <returns>The row, or null.</returns>
    public Stored? Get(ResourceId id) => Get(StoreKey.Of(id)) is { } row && !Provisioning.IsDeleting(row) ? row : null;

    /// <summary>All resources of a type that aren't being deleted.</summary>
    /// <param name="scope">Only those under this one; null for all.</param>
    /// <returns>The rows in the order of their ids.</returns>
    public IEnumerable<Stored> List(ResourceType type, ResourceId? scope = null)
    {
        var partition = StoreKey.PartitionOf(type);
        _partitions.Add(partition);
        var prefix = scope is null ? $"{partition}|" : $"{partition}|{scope.Key}/";
        return Image.Range(prefix).Where(row => !Provisioning.IsDeleting(row));
    }
}
