using System.Collections;
using System.Collections.Immutable;

namespace Weft.Addressing;

/// <summary>
/// A set of addresses of both families, kept as ranges in order that neither overlap nor touch. Its size is in ranges,
/// however many addresses they hold.
/// </summary>
internal sealed class AddressSet : IEquatable<AddressSet>, IEnumerable<AddressRange>
{
    /// <summary>No address at all.</summary>
    public static readonly AddressSet Empty = new([]);

    private readonly ImmutableArray<AddressRange> _ranges;

    private AddressSet(ImmutableArray<AddressRange> ranges) => _ranges = ranges;

    /// <summary>Whether nothing is in it.</summary>
    public bool IsEmpty => _ranges.IsEmpty;

    /// <summary>How many addresses are in it.</summary>
    public UInt128 Count => _ranges.Aggregate(UInt128.Zero, (sum, range) => sum + range.Count);

    /// <summary>A set of what ranges hold; order and repetition don't matter.</summary>
    public static AddressSet Create(params IEnumerable<AddressRange> ranges)
    {
        var merged = ImmutableArray.CreateBuilder<AddressRange>();
        foreach (var range in ranges.OrderBy(range => range.First))
        {
            if (merged.Count > 0 && merged[^1] is var before && Touches(before, range))
                merged[^1] = before with { Last = before.Last < range.Last ? range.Last : before.Last };
            else
                merged.Add(range);
        }

        return merged.Count == 0 ? Empty : new AddressSet(merged.ToImmutable());
    }

    /// <summary>Whether an address is in the set.</summary>
    public bool Contains(Address address) => RangeAt(address) is not null;

    /// <summary>The range of the set that an address is in.</summary>
    /// <returns>The range, or null where the address isn't in the set.</returns>
    public AddressRange? RangeOf(Address address) => RangeAt(address);

    /// <summary>How many addresses of a family are in it.</summary>
    public UInt128 CountOf(AddressFamily family) =>
        _ranges.Aggregate(UInt128.Zero, (sum, range) => range.Family == family ? sum + range.Count : sum);

    /// <summary>Whether all of a range is in the set.</summary>
    public bool Contains(AddressRange range) => RangeAt(range.First) is { } at && range.Last <= at.Last;

    /// <summary>The addresses of either set.</summary>
    public AddressSet Union(AddressSet other) =>
        other.IsEmpty ? this
        : IsEmpty ? other
        : Create(_ranges.Concat(other._ranges));

    /// <summary>The addresses of both sets.</summary>
    public AddressSet Intersect(AddressSet other)
    {
        var shared = ImmutableArray.CreateBuilder<AddressRange>();
        for (int i = 0, j = 0; i < _ranges.Length && j < other._ranges.Length; )
        {
            var (mine, its) = (_ranges[i], other._ranges[j]);
            if (mine.Overlaps(its))
                shared.Add(
                    new AddressRange(
                        mine.First < its.First ? its.First : mine.First,
                        mine.Last < its.Last ? mine.Last : its.Last
                    )
                );
            if (mine.Last < its.Last)
                i++;
            else
                j++;
        }

        return new AddressSet(shared.ToImmutable());
    }

    /// <summary>The addresses of this set that aren't in the other.</summary>
    public AddressSet Except(AddressSet other)
    {
        if (other.IsEmpty || IsEmpty)
            return this;
        var left = ImmutableArray.CreateBuilder<AddressRange>();
        var j = 0;
        foreach (var range in _ranges)
        {
            AddressRange? rest = range;
            while (j < other._ranges.Length && other._ranges[j].Last < range.First)
                j++;
            for (var k = j; rest is { } part && k < other._ranges.Length && other._ranges[k].Overlaps(part); k++)
            {
                var gone = other._ranges[k];
                if (part.First < gone.First)
                    left.Add(new AddressRange(part.First, Previous(gone.First)));
                rest = gone.Last < part.Last ? new AddressRange(Next(gone.Last), part.Last) : null;
            }

            if (rest is { } end)
                left.Add(end);
        }

        return new AddressSet(left.ToImmutable());
    }

    /// <summary>The ranges, as an array.</summary>
    public ImmutableArray<AddressRange> ToImmutableArray() => _ranges;

    /// <inheritdoc/>
    public bool Equals(AddressSet? other) => other is not null && _ranges.SequenceEqual(other._ranges);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as AddressSet);

    /// <inheritdoc/>
    public override int GetHashCode() => _ranges.Aggregate(17, (hash, range) => HashCode.Combine(hash, range));

    /// <inheritdoc/>
    public IEnumerator<AddressRange> GetEnumerator() => _ranges.AsEnumerable().GetEnumerator();

    /// <summary>The ranges with commas between them.</summary>
    /// <returns>Such as <c>10.20.6.17, 10.20.6.40-10.20.6.59</c>; empty for none.</returns>
    public override string ToString() => string.Join(", ", _ranges);

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private AddressRange? RangeAt(Address address)
    {
        var (low, high) = (0, _ranges.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var range = _ranges[middle];
            if (address < range.First)
                high = middle - 1;
            else if (range.Last < address)
                low = middle + 1;
            else
                return range;
        }

        return null;
    }

    /// <summary>Whether a range that begins no earlier than another overlaps with it or follows at once.</summary>
    private static bool Touches(AddressRange before, AddressRange range) =>
        before.Family == range.Family
        && (range.First <= before.Last || range.First.Value - before.Last.Value == UInt128.One);

    private static Address Next(Address address) => new(address.Family, address.Value + 1);

    private static Address Previous(Address address) => new(address.Family, address.Value - 1);
}
