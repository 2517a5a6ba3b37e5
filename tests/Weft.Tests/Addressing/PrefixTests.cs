using CsCheck;
using Weft.Addressing;

namespace Weft.Tests.Addressing;

public sealed class PrefixTests
{
    [Theory]
    [InlineData("0.0.0.0/0")]
    [InlineData("10.20.6.0/24")]
    [InlineData("10.20.6.4/31")]
    [InlineData("10.20.6.5/32")]
    [InlineData("::/0")]
    [InlineData("2001:db8:6::/64")]
    [InlineData("2001:db8::2/127")]
    [InlineData("::1/128")]
    public void Reads_CanonicalText(string text) => Assert.Equal(text, Prefix.Parse(text).Value.ToString());

    [Theory]
    [InlineData("10.20.6.1/24", "10.20.6.0/24")]
    [InlineData("10.20.6.255/31", "10.20.6.254/31")]
    [InlineData("10.20.6.1/0", "0.0.0.0/0")]
    [InlineData("::1/126", "::/126")]
    [InlineData("2001:db8::1/127", "2001:db8::/127")]
    [InlineData("2001:db8:6::1/64", "2001:db8:6::/64")]
    public void Refuses_HostBits_AndSuggestsThePrefix(string text, string meant)
    {
        var refusal = Prefix.Parse(text, "properties.p").Refusal!;
        Assert.Equal((RefusalCode.InvalidMember, "properties.p"), (refusal.Code, refusal.Target));
        Assert.Contains($"'{text}'", refusal.Message, StringComparison.Ordinal);
        Assert.Contains($"'{meant}'", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/24")]
    [InlineData("10.20.6.0")]
    [InlineData("10.20.6.0/")]
    [InlineData("10.20.6.0/33")]
    [InlineData("10.20.6.0/-1")]
    [InlineData("10.20.6.0/+24")]
    [InlineData("10.20.6.0/024")]
    [InlineData("10.20.6.0/00")]
    [InlineData("10.20.6.0/ 24")]
    [InlineData("10.20.6.0/24 ")]
    [InlineData(" 10.20.6.0/24")]
    [InlineData("10.20.6.0 /24")]
    [InlineData("10.20.6.0/24/24")]
    [InlineData("10.20.6.0/255.255.255.0")]
    [InlineData("10.20.6.0/999999999999")]
    [InlineData("10.20.6.0/٢٤")]
    [InlineData("10.20.06.0/24")]
    [InlineData("2001:db8::/129")]
    [InlineData("2001:db8::/999")]
    [InlineData("[2001:db8::]/64")]
    [InlineData("fe80::%eth0/64")]
    [InlineData("::ffff:10.0.0.0/120")]
    [InlineData("10.20.6.0\\24")]
    public void Refuses_TextThatIsNoPrefix(string text)
    {
        Assert.False(Prefix.TryParse(text, out _), text);
        Assert.Contains($"'{text}'", Prefix.Parse(text).Refusal!.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.20.6.0", "it has no length")]
    [InlineData("/24", "write four numbers")]
    [InlineData("10.20.6/24", "write four numbers")]
    [InlineData("10.20.6.0/33", "a number from 0 to 32")]
    [InlineData("2001:db8::/129", "a number from 0 to 128")]
    public void Says_WhichPartIsNone(string text, string says) =>
        Assert.Contains(says, Prefix.Parse(text).Refusal!.Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("10.20.6.1", -1)]
    [InlineData("10.20.6.1", 33)]
    [InlineData("2001:db8::1", -1)]
    [InlineData("2001:db8::1", 129)]
    public void Throws_WhereALengthIsNotOfTheFamily(string address, int length) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Prefix.FromAddress(Address.Parse(address).Value, length));

    [Fact]
    public void Reads_WhatItWrites() =>
        Generators.Prefix.Sample(prefix =>
            prefix.Network.Value >> 32 == 0xFFFF && prefix.Family == AddressFamily.IPv6
            || Prefix.Parse(prefix.ToString()).Value == prefix
        );

    [Fact]
    public void Contains_ItsEndsAndNotItsNeighbours() =>
        Generators.Prefix.Sample(prefix =>
            prefix.Contains(prefix.Network)
            && prefix.Contains(prefix.Last)
            && (prefix.Network.Value == 0 || !prefix.Contains(new Address(prefix.Family, prefix.Network.Value - 1)))
            && (
                prefix.Last.Value == Top(prefix.Family)
                || !prefix.Contains(new Address(prefix.Family, prefix.Last.Value + 1))
            )
        );

    [Fact]
    public void Overlaps_OnlyIfOneContainsAnEndOfTheOther() =>
        Gen.Select(Generators.Prefix, Generators.Prefix)
            .Sample(
                (a, b) =>
                    a.Overlaps(b) == b.Overlaps(a) && a.Overlaps(b) == (a.Contains(b.Network) || b.Contains(a.Network))
            );

    [Theory]
    [InlineData("10.0.0.0/8", "10.20.6.0/24", true)]
    [InlineData("10.20.6.0/24", "10.0.0.0/8", true)]
    [InlineData("10.20.6.0/25", "10.20.6.128/25", false)]
    [InlineData("0.0.0.0/0", "::/0", false)]
    [InlineData("::/0", "2001:db8::/32", true)]
    public void Tells_WhetherTwoOverlap(string left, string right, bool overlap) =>
        Assert.Equal(overlap, Prefix.Parse(left).Value.Overlaps(Prefix.Parse(right).Value));

    private static UInt128 Top(AddressFamily family) => family == AddressFamily.IPv4 ? uint.MaxValue : UInt128.MaxValue;
}
