using CsCheck;
using Weft.Addressing;

namespace Weft.Tests.Addressing;

public sealed class AddressSetTests
{
    // Small numbers of both families, so that ranges overlap and touch; the oracle is a set of single addresses.
    private static readonly Gen<AddressRange> Range = Gen.Select(Gen.Bool, Gen.UInt[0, 40], Gen.UInt[0, 6])
        .Select(r =>
        {
            var family = r.Item1 ? AddressFamily.IPv4 : AddressFamily.IPv6;
            return new AddressRange(new Address(family, r.Item2), new Address(family, r.Item2 + r.Item3));
        });

    private static readonly Gen<List<AddressRange>> Ranges = Range.List[0, 8];

    [Fact]
    public void Behaves_AsASetOfSingleAddresses() =>
        Gen.Select(Ranges, Ranges)
            .Sample(
                (left, right) =>
                {
                    var (a, b) = (AddressSet.Create(left), AddressSet.Create(right));
                    var (x, y) = (Singles(left), Singles(right));
                    AssertSame(x, a);
                    AssertSame([.. x.Union(y)], a.Union(b));
                    AssertSame([.. x.Intersect(y)], a.Intersect(b));
                    AssertSame([.. x.Except(y)], a.Except(b));
                    Assert.Equal(x.SetEquals(y), a.Equals(b));
                    Assert.False(a.Equals(null));
                    Assert.All(right, range => Assert.Equal(Singles([range]).IsSubsetOf(x), a.Contains(range)));
                }
            );

    [Theory]
    [InlineData("10.0.0.5", "10.0.0.5")]
    [InlineData("10.0.0.5-10.0.0.9", "10.0.0.5-10.0.0.9")]
    [InlineData("10.0.0.8/30", "10.0.0.8-10.0.0.11")]
    [InlineData("fd00::-fd00::f", "fd00::-fd00::f")]
    [InlineData("::/0", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    public void Reads_AddressesRangesAndPrefixes(string text, string written) =>
        Assert.Equal(written, AddressRange.Parse(text).Value.ToString());

    [Theory]
    [InlineData("10.0.0.9-10.0.0.5", "'10.0.0.5-10.0.0.9'")]
    [InlineData("10.0.0.5-fd00::1", "two families")]
    [InlineData("10.0.0.5-10.0.0.9/24", "no length")]
    [InlineData("10.0.0.9/24", "'10.0.0.0/24'")]
    [InlineData("10.0.0.5-", "four numbers")]
    [InlineData("10.0.0.5 - 10.0.0.9", "four numbers")]
    [InlineData("1-2-3", "10.20.6.40-10.20.6.59")]
    [InlineData("010.0.0.5", "octal")]
    public void Refuses_WhatIsNoRange_WithWhatToWrite(string text, string says)
    {
        var refusal = AddressRange.Parse(text, "properties.ranges[0]").Refusal!;
        Assert.Equal("properties.ranges[0]", refusal.Target);
        Assert.Contains(says, refusal.Message, StringComparison.Ordinal);
    }

    private static HashSet<Address> Singles(IEnumerable<AddressRange> ranges) =>
        [
            .. ranges.SelectMany(range =>
                Enumerable
                    .Range(0, (int)range.Count)
                    .Select(i => new Address(range.Family, range.First.Value + (UInt128)i))
            ),
        ];

    private static void AssertSame(HashSet<Address> expected, AddressSet set)
    {
        var ranges = set.ToImmutableArray();
        Assert.Equal(expected.Order(), Singles(ranges).Order());
        Assert.Equal((UInt128)expected.Count, set.Count);
        // Neither overlapping nor touching: equal sets are equal lists of ranges.
        Assert.Equal(set, AddressSet.Create(expected.Select(address => new AddressRange(address, address))));
        Assert.All(expected, address => Assert.True(set.Contains(address)));
        Assert.False(set.Contains(new Address(AddressFamily.IPv4, 1000)));
    }
}
