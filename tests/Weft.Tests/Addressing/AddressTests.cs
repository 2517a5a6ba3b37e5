using CsCheck;
using Weft.Addressing;

namespace Weft.Tests.Addressing;

public sealed class AddressTests
{
    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("10.20.6.17")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("2001:db8::17")]
    [InlineData("fe80::1")]
    [InlineData("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    public void Reads_CanonicalText(string text) => Assert.Equal(text, Address.Parse(text).Value.ToString());

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("10.20.6")]
    [InlineData("10.20.6.17.1")]
    [InlineData("10.20.6.256")]
    [InlineData("10.20.6.1000")]
    [InlineData("10.20.6.-1")]
    [InlineData("10.20.6.+1")]
    [InlineData("10.20.6.")]
    [InlineData(".10.20.6")]
    [InlineData("10..6.17")]
    [InlineData(" 10.20.6.17")]
    [InlineData("10.20.6.17 ")]
    [InlineData("10.20.6.17\n")]
    [InlineData("10.20.6.0x11")]
    [InlineData("169090600")]
    [InlineData("0xa.1.2.3")]
    [InlineData("10.20.6.17/24")]
    [InlineData("10.20.6.١٧")]
    [InlineData("10.20.6.17:80")]
    public void Refuses_TextThatIsNoIPv4Address(string text) => Assert.False(Address.TryParse(text, out _), text);

    [Theory]
    [InlineData(":")]
    [InlineData(":::")]
    [InlineData("1::2::3")]
    [InlineData("1:2:3:4:5:6:7")]
    [InlineData("1:2:3:4:5:6:7:8:9")]
    [InlineData("12345::")]
    [InlineData("00001::")]
    [InlineData("g::1")]
    [InlineData("fe80::1%eth0")]
    [InlineData("fe80::1%2")]
    [InlineData("[::1]")]
    [InlineData("[::1]:80")]
    [InlineData(" ::1")]
    [InlineData("::1 ")]
    [InlineData("::1\n")]
    [InlineData("::1\t")]
    [InlineData("::1/128")]
    [InlineData(":1")]
    [InlineData("1:")]
    [InlineData("::10.0.0.256")]
    [InlineData("::10.0.0.010")]
    [InlineData("::0x1")]
    [InlineData("::\0")]
    public void Refuses_TextThatIsNoIPv6Address(string text) => Assert.False(Address.TryParse(text, out _), text);

    [Theory]
    [InlineData("010.20.6.17", "'10'")]
    [InlineData("10.20.06.17", "'6'")]
    [InlineData("10.20.6.00", "'0'")]
    [InlineData("10.20.6.000", "'0'")]
    public void Refuses_LeadingZeros_AndSaysWhatToWrite(string text, string instead)
    {
        var refusal = Address.Parse(text, "properties.x").Refusal!;
        Assert.Equal(RefusalCode.InvalidMember, refusal.Code);
        Assert.Equal("properties.x", refusal.Target);
        Assert.Contains($"'{text}'", refusal.Message, StringComparison.Ordinal);
        Assert.Contains($"write {instead}", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("::FFFF:a00:1")]
    [InlineData("0:0:0:0:0:ffff:10.0.0.1")]
    public void Refuses_MappedAddress_AndSaysWhatToWrite(string text) =>
        Assert.Contains("write '10.0.0.1'", Address.Parse(text).Refusal!.Message, StringComparison.Ordinal);

    // RFC 5952, sections 4 and 2.
    [Theory]
    [InlineData("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1")]
    [InlineData("2001:0db8::0001", "2001:db8::1")]
    [InlineData("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1")]
    [InlineData("2001:DB8::ABCD", "2001:db8::abcd")]
    [InlineData("2001:0:0:1:0:0:0:1", "2001:0:0:1::1")]
    [InlineData("0:0:0:0:0:0:0:0", "::")]
    [InlineData("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0")]
    [InlineData("fd20:0:0:606:0:0:0:40", "fd20:0:0:606::40")]
    public void Writes_TextOfRfc5952(string text, string canonical) =>
        Assert.Equal(canonical, Address.Parse(text).Value.ToString());

    [Fact]
    public void Reads_WhatItWrites() =>
        Generators.Address.Sample(address =>
            address.Value >> 32 == 0xFFFF && address.Family == AddressFamily.IPv6
            || Address.Parse(address.ToString()).Value == address
        );

    [Fact]
    public void Sorts_ByFamilyThenByNumber()
    {
        string[] sorted = ["0.0.0.1", "10.0.0.9", "10.0.0.10", "255.0.0.0", "::", "::2", "::10", "2001:db8::"];
        Assert.Equal(
            sorted,
            sorted.Reverse().Select(text => Address.Parse(text).Value).Order().Select(a => a.ToString())
        );
    }

    [Fact]
    public void Throws_WhereIPv4HasMoreThan32Bits() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new Address(AddressFamily.IPv4, UInt128.One << 32));
}
