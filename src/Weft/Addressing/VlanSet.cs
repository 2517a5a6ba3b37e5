using System.Collections;
using System.Collections.Immutable;
using System.Globalization;

namespace Weft.Addressing;

/// <summary>A set of VLAN ids, kept as ranges in order.</summary>
/// <remarks>A VLAN id is 1 to 4094: 0 means "priority only" and 4095 is reserved (IEEE 802.1Q-2022 §9.6).</remarks>
internal sealed class VlanSet : IEquatable<VlanSet>, IEnumerable<int>
{
    /// <summary>The lowest VLAN id.</summary>
    public const int Lowest = 1;

    /// <summary>The highest VLAN id.</summary>
    public const int Highest = 4094;

    /// <summary>No VLAN at all.</summary>
    public static readonly VlanSet Empty = new([]);

    private readonly ImmutableArray<(int First, int Last)> _ranges;

    private VlanSet(ImmutableArray<(int First, int Last)> ranges) => _ranges = ranges;

    /// <summary>How many VLANs are in the set.</summary>
    public int Count => _ranges.Sum(r => r.Last - r.First + 1);

    /// <summary>Whether a number is a VLAN id at all.</summary>
    /// <returns>True from 1 to 4094.</returns>
    public static bool IsVlan(long vlan) => vlan is >= Lowest and <= Highest;

    /// <summary>A set of one id.</summary>
    /// <param name="vlan">The id, from 1 to 4094.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is none.</exception>
    public static VlanSet Create(int vlan) =>
        IsVlan(vlan)
            ? new VlanSet([(vlan, vlan)])
            : throw new ArgumentOutOfRangeException(nameof(vlan), vlan, "a VLAN id is 1 to 4094");

    /// <summary>A set of the given ids; order and repetition do not matter.</summary>
    /// <param name="vlans">Ids from 1 to 4094.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is none.</exception>
    public static VlanSet Create(IEnumerable<int> vlans)
    {
        var ranges = ImmutableArray.CreateBuilder<(int First, int Last)>();
        foreach (var vlan in vlans.Distinct().Order())
        {
            if (!IsVlan(vlan))
                throw new ArgumentOutOfRangeException(nameof(vlans), vlan, "a VLAN id is 1 to 4094");
            if (ranges.Count > 0 && ranges[^1].Last == vlan - 1)
                ranges[^1] = (ranges[^1].First, vlan);
            else
                ranges.Add((vlan, vlan));
        }

        return new VlanSet(ranges.ToImmutable());
    }

    /// <summary>Reads ids and ranges without leading zeros: <c>606,700-710</c>.</summary>
    /// <param name="text">The text; blanks around commas are let pass.</param>
    /// <param name="target">The member it came from, for the refusal.</param>
    /// <returns>The set, or a refusal that names the part at fault.</returns>
    public static Outcome<VlanSet> Parse(string text, string? target = null)
    {
        var vlans = new List<int>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var ends = part.Split('-');
            if (ends.Length > 2 || !TryVlan(ends[0], out var first) || !TryVlan(ends[^1], out var last) || last < first)
                return new Refusal(
                    RefusalCode.InvalidMember,
                    $"'{part}' is no VLAN id or range; write 1 to 4094, or 700-710",
                    target
                );
            vlans.AddRange(Enumerable.Range(first, last - first + 1));
        }

        return Create(vlans);
    }

    /// <summary>Whether a VLAN is in the set.</summary>
    public bool Contains(int vlan) => _ranges.Any(r => r.First <= vlan && vlan <= r.Last);

    /// <summary>The VLANs of both sets.</summary>
    public VlanSet Union(VlanSet other) => Create(this.Concat(other));

    /// <summary>The VLANs of this set that are not in the other.</summary>
    public VlanSet Except(VlanSet other)
    {
        return Create(this.Where(v => !other.Contains(v)));
    }

    /// <inheritdoc/>
    public IEnumerator<int> GetEnumerator()
    {
        foreach (var (first, last) in _ranges)
        {
            for (var vlan = first; vlan <= last; vlan++)
                yield return vlan;
        }
    }

    /// <inheritdoc/>
    public bool Equals(VlanSet? other) => other is not null && _ranges.SequenceEqual(other._ranges);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as VlanSet);

    /// <inheritdoc/>
    public override int GetHashCode() => _ranges.Aggregate(17, (hash, range) => HashCode.Combine(hash, range));

    /// <summary>The canonical text: <c>606,700-710</c>, empty for no VLAN.</summary>
    /// <returns>The text that <see cref="Parse"/> reads.</returns>
    public override string ToString() =>
        string.Join(
            ',',
            _ranges.Select(r =>
                r.First == r.Last
                    ? r.First.ToString(CultureInfo.InvariantCulture)
                    : string.Create(CultureInfo.InvariantCulture, $"{r.First}-{r.Last}")
            )
        );

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static bool TryVlan(string text, out int vlan) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out vlan) && IsVlan(vlan) && text[0] != '0';
}
