using CsCheck;
using Weft.Resources;

namespace Weft.Tests.Resources;

public sealed class SuggestionsTests
{
    private static readonly string[] Kinds =
    [
        "l2networks",
        "l3networks",
        "trunkednetworks",
        "nodes",
        "agents",
        "agentpools",
    ];

    private static Gen<string> Words => Gen.Char["abc"].Array[0, 8].Select(letters => new string(letters));

    [Theory]
    [InlineData("", "", 0)]
    [InlineData("abc", "abc", 0)]
    [InlineData("", "abc", 3)]
    [InlineData("abc", "", 3)]
    [InlineData("abc", "abd", 1)]
    [InlineData("abc", "ab", 1)]
    [InlineData("ab", "abc", 1)]
    [InlineData("abc", "acb", 1)]
    [InlineData("ba", "ab", 1)]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("netwroks", "networks", 1)]
    // Optimal string alignment: nothing that was swapped is touched again.
    [InlineData("ca", "abc", 3)]
    public void Counts_Slips(string a, string b, int slips)
    {
        Assert.Equal(slips, Suggestions.DamerauDistance(a, b));
        Assert.Equal(slips, Suggestions.DamerauDistance(b, a));
    }

    [Theory]
    [InlineData("", "", 0)]
    [InlineData("", "abc", 3)]
    [InlineData("abc", "ABC", 0)]
    [InlineData("abc", "abd", 1)]
    [InlineData("abc", "ab", 1)]
    [InlineData("abc", "bc", 1)]
    // Two that are swapped are two that are replaced.
    [InlineData("vlna", "vlan", 2)]
    [InlineData("kitten", "sitting", 3)]
    public void Counts_LettersToChange(string a, string b, int letters)
    {
        Assert.Equal(letters, EditDistance.Between(a, b));
        Assert.Equal(letters, EditDistance.Between(b, a));
    }

    [Fact]
    public void Counts_NoMoreThanTheLongerWord_AndNoneForTheSame() =>
        Gen.Select(Words, Words)
            .Sample(
                (a, b) =>
                {
                    var slips = Suggestions.DamerauDistance(a, b);
                    Assert.InRange(slips, Math.Abs(a.Length - b.Length), Math.Max(a.Length, b.Length));
                    Assert.Equal(a == b, slips == 0);
                }
            );

    [Theory]
    [InlineData("l3netwroks", new[] { "l3networks", "l2networks" })]
    [InlineData("L2NETWORKS", new[] { "l2networks", "l3networks" })]
    [InlineData("node", new[] { "nodes" })]
    [InlineData("agent", new[] { "agents", "agentpools" })]
    [InlineData("networks", new[] { "l2networks", "l3networks", "trunkednetworks" })]
    [InlineData("ag", new string[0])]
    [InlineData("xyz", new string[0])]
    public void Finds_TheNearestFirst_AndThreeAtMost(string word, string[] found) =>
        Assert.Equal(found, Suggestions.Find(word, Kinds));

    [Theory]
    [InlineData("ab", "abcd", false)]
    [InlineData("abcdef", "abcdxy", true)]
    [InlineData("abcdef", "abcxyz", false)]
    [InlineData("a", "b", true)]
    [InlineData("bcd", "abcdefghi", true)]
    [InlineData("bc", "abcdefghi", false)]
    public void Finds_WhatIsWithinAThirdOfItsLength_OrHoldsTheWord(string word, string name, bool found) =>
        Assert.Equal(found, Suggestions.Find(word, [name]).Count == 1);

    [Fact]
    public void Finds_ThreeAtMost_InOrderOfTheAlphabetWhereTheyAreEquallyNear() =>
        Assert.Equal(["a1", "a2", "a3"], Suggestions.Find("a", ["a4", "a3", "a2", "a1"]));
}
