using System.Text.RegularExpressions;
using Weft.Addressing;

namespace Weft.Tests.Addressing;

/// <summary>It becomes part of paths below /sys: what isn't one, to the letter, must not pass.</summary>
public sealed class PciAddressTests
{
    [Theory]
    [InlineData("0000:3b:00.0", true)]
    [InlineData("ffff:ff:1f.7", true)]
    [InlineData("09af:0a:10.3", true)]
    // Neither of them is more than 31 or 7 (PCI Local Bus 3.0, §3.2.2.3.1).
    [InlineData("0000:3b:20.0", false)]
    [InlineData("0000:3b:/0.0", false)]
    [InlineData("0000:3b:00.8", false)]
    [InlineData("0000:3b:00./", false)]
    // Letters in upper case, and what is no digit.
    [InlineData("0000:3B:00.0", false)]
    [InlineData("000g:3b:00.0", false)]
    [InlineData("0000:3b:0g.0", false)]
    [InlineData("../.:3b:00.0", false)]
    // Separators in other places, and none.
    [InlineData("0000.3b:00.0", false)]
    [InlineData("0000:3b.00.0", false)]
    [InlineData("0000:3b:00:0", false)]
    [InlineData("0000/3b/00/0", false)]
    // Shorter and longer.
    [InlineData("", false)]
    [InlineData("3b:00.0", false)]
    [InlineData("0000:3b:00.", false)]
    [InlineData("0000:3b:00.00", false)]
    [InlineData("0000:3b:00.0\n", false)]
    [InlineData("0000:3b:00.0/..", false)]
    public void Knows_WhatSysfsNames(string text, bool isOne)
    {
        Assert.Equal(isOne, PciAddress.IsValid(text));
        Assert.Equal(isOne, Regex.IsMatch(text, PciAddress.Pattern.Replace("$", "\\z", StringComparison.Ordinal)));
    }
}
