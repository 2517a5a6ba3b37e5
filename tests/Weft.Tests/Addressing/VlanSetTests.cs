using CsCheck;
using Weft.Addressing;

namespace Weft.Tests.Addressing;

public sealed class VlanSetTests
{
    [Theory]
    [InlineData("606", "606")]
    [InlineData("606,700-710", "606,700-710")]
    [InlineData(" 606 , 700-710 ", "606,700-710")]
    [InlineData("3,1,2", "1-3")]
    [InlineData("1-4094", "1-4094")]
    [InlineData("5-5,5", "5")]
    [InlineData("1-3,2-6", "1-6")]
    public void Writes_RangesInOrder(string text, string canonical) =>
        Assert.Equal(canonical, VlanSet.Parse(text).Value.ToString());

    [Theory]
    [InlineData("", "''")]
    [InlineData("0", "'0'")]
    [InlineData("4095", "'4095'")]
    [InlineData("606,", "''")]
    [InlineData("606,,607", "''")]
    [InlineData("710-700", "'710-700'")]
    [InlineData("700-", "'700-'")]
    [InlineData("-700", "'-700'")]
    [InlineData("1-2-3", "'1-2-3'")]
    [InlineData("700 - 710", "'700 - 710'")]
    [InlineData("+7", "'+7'")]
    [InlineData("0606", "'0606'")]
    [InlineData("600,00,601", "'00'")]
    [InlineData("99999999999", "'99999999999'")]
    [InlineData("6o6", "'6o6'")]
    [InlineData("0x10", "'0x10'")]
    [InlineData("1-4095", "'1-4095'")]
    public void Refuses_PartThatIsNoVlan_AndNamesIt(string text, string part)
    {
        var refusal = VlanSet.Parse(text, "properties.vlans").Refusal!;
        Assert.Equal((RefusalCode.InvalidMember, "properties.vlans"), (refusal.Code, refusal.Target));
        Assert.StartsWith($"{part} is no VLAN", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Reads_WhatItWrites() =>
        Sets.Sample(set => set.Count == 0 || VlanSet.Parse(set.ToString()).Value.Equals(set));

    [Fact]
    public void Keeps_TheLawsOfSets() =>
        Gen.Select(Sets, Sets)
            .Sample(
                (a, b) =>
                {
                    var (union, except) = (a.Union(b), a.Except(b));
                    Assert.Equal(a.AsEnumerable().Union(b).Order(), union);
                    Assert.Equal(a.AsEnumerable().Except(b).Order(), except);
                    Assert.Equal(union.Count, except.Count + b.Count);
                    Assert.Equal(a.Union(b), b.Union(a));
                    Assert.Equal(a.Union(b).GetHashCode(), b.Union(a).GetHashCode());
                }
            );

    [Theory]
    [InlineData(0)]
    [InlineData(4095)]
    [InlineData(-1)]
    public void Throws_WhereANumberIsNoVlan(int vlan) =>
        Assert.All(
            new Func<object>[] { () => VlanSet.Create([1, vlan]), () => VlanSet.Create(vlan) },
            create => Assert.Throws<ArgumentOutOfRangeException>(create)
        );

    [Theory]
    [InlineData(606, true)]
    [InlineData(699, false)]
    [InlineData(700, true)]
    [InlineData(705, true)]
    [InlineData(710, true)]
    [InlineData(711, false)]
    public void Contains_RangesWithBothEnds(int vlan, bool contains) =>
        Assert.Equal(contains, VlanSet.Parse("606,700-710").Value.Contains(vlan));

    [Fact]
    public void Equals_SetsOfTheSameVlansAlone()
    {
        Assert.True(VlanSet.Create([606, 607]).Equals(VlanSet.Parse("606-607").Value));
        Assert.False(VlanSet.Create([606, 607]).Equals(VlanSet.Create(606)));
        Assert.False(VlanSet.Empty.Equals(null));
    }

    private static Gen<VlanSet> Sets => Gen.Int[1, 4094].HashSet[0, 40].Select(VlanSet.Create);
}
