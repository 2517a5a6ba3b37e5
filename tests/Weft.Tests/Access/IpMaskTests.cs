using Weft.Access;

namespace Weft.Tests.Access;

public sealed class IpMaskTests
{
    [Theory]
    [InlineData("10.0.0.0/8", "10.0.0.0/8")]
    [InlineData("192.0.2.7", "192.0.2.7/32")]
    [InlineData("0.0.0.0/0", "0.0.0.0/0")]
    [InlineData("::/0", "::/0")]
    [InlineData("2001:DB8::/32", "2001:db8::/32")]
    [InlineData("::1", "::1/128")]
    [InlineData("::7f00:1", "::127.0.0.1/128")]
    public void Reads_AddressOrPrefix(string text, string meant) =>
        Assert.Equal(
            meant,
            IpMask.Parse(text).Value.ToString().Replace("::7f00:1", "::127.0.0.1", StringComparison.Ordinal)
        );

    [Theory]
    [InlineData("010.0.0.0/8", "leading zero")]
    [InlineData("10/8", "four numbers")]
    [InlineData("10.0.0.0/08", "length")]
    [InlineData("10.0.0.0/+8", "length")]
    [InlineData("10.0.0.0/33", "from 0 to 32")]
    [InlineData("10.0.0.0/", "length")]
    [InlineData("2001:db8::/129", "from 0 to 128")]
    [InlineData("10.0.0.8/8", "'10.0.0.0/8'")]
    [InlineData("2001:db8::1/32", "'2001:db8::/32'")]
    [InlineData("127.1", "four numbers")]
    [InlineData("0x7f.0.0.1", "four numbers")]
    [InlineData("2130706433", "four numbers")]
    [InlineData(" 10.0.0.0/8", "four numbers")]
    [InlineData("10.0.0.0/8 ", "length")]
    [InlineData("fe80::1%eth0", "without zone")]
    [InlineData("[::1]", "without zone")]
    [InlineData("::ffff:10.0.0.0/104", "write '10.0.0.0/8'")]
    [InlineData("::ffff:10.1.2.3/104", "write '10.0.0.0/8'")]
    [InlineData("::ffff:192.0.2.7", "write '192.0.2.7'")]
    [InlineData("::ffff:c000:207/128", "write '192.0.2.7/32'")]
    [InlineData("::ffff:0:0/96", "write '0.0.0.0/0'")]
    [InlineData("any", "four numbers")]
    [InlineData("", "four numbers")]
    public void Refuses_WhatCouldBeReadInTwoWays(string text, string because)
    {
        var refusal = IpMask.Parse(text, "properties.ipRules[0].ipMask").Refusal!;
        Assert.Equal((RefusalCode.InvalidMember, "properties.ipRules[0].ipMask"), (refusal.Code, refusal.Target));
        Assert.Contains(because, refusal.Message, StringComparison.Ordinal);
    }
}
