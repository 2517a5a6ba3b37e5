using System.Globalization;
using Weft.Addressing;

namespace Weft.Tests.Addressing;

public sealed class SubnetTests
{
    [Theory]
    [InlineData("10.20.6.0/24", "10.20.6.1", 3, "251", "10.20.6.4", "10.20.6.254")]
    [InlineData("10.20.6.0/29", "10.20.6.1", 3, "3", "10.20.6.4", "10.20.6.6")]
    [InlineData("0.0.0.0/0", "0.0.0.1", 3, "4294967291", "0.0.0.4", "255.255.255.254")]
    [InlineData("fd20::/64", "fd20::1", 3, "18446744073709551484", "fd20::4", "fd20::ffff:ffff:ffff:ffff")]
    [InlineData("fd20::/120", "fd20::1", 3, "252", "fd20::4", "fd20::ff")]
    [InlineData(
        "::/0",
        "::1",
        3,
        "340282366920938463463374607431768211452",
        "::4",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
    )]
    public void Leases_WhatIsBehindTheReserve(
        string prefix,
        string gateway,
        int reserved,
        string size,
        string first,
        string last
    )
    {
        var subnet = Of(prefix);
        Assert.Equal((gateway, reserved), (subnet.Gateway.ToString(), subnet.Reserved));
        Assert.Equal(size, subnet.Size.ToString(CultureInfo.InvariantCulture));
        Assert.Equal(
            (first, last),
            (subnet.LeasableRanges[0].First.ToString(), subnet.LeasableRanges[^1].Last.ToString())
        );
    }

    [Theory]
    [InlineData("10.20.6.0/30", 2, 0)]
    [InlineData("fd20::/126", 3, 0)]
    [InlineData("10.20.6.0/31", 1, 1)]
    [InlineData("fd20::/127", 1, 1)]
    [InlineData("10.20.6.5/32", 0, 1)]
    [InlineData("fd20::5/128", 0, 1)]
    public void Reserves_NoMoreThanATinySubnetHas(string prefix, int reserved, int size)
    {
        var subnet = Of(prefix);
        Assert.Equal((reserved, (UInt128)size), (subnet.Reserved, subnet.Size));
        Assert.Equal(size == 0, subnet.LeasableRanges.IsEmpty);
    }

    [Theory]
    [InlineData("10.20.6.0/31")]
    [InlineData("fd20::/127")]
    [InlineData("10.20.6.0/30")]
    [InlineData("10.20.6.0/24")]
    [InlineData("fd20::/64")]
    public void Keeps_TheGatewayForTheFabric(string prefix)
    {
        var subnet = Of(prefix);
        Assert.Contains("reserved", subnet.ReasonNotLeasable(subnet.Gateway), StringComparison.Ordinal);
        Assert.DoesNotContain(
            subnet.LeasableRanges,
            range => range.First <= subnet.Gateway && subnet.Gateway <= range.Last
        );
    }

    [Theory]
    [InlineData("10.20.6.0/24", "10.20.6.0", "network address")]
    [InlineData("10.20.6.0/24", "10.20.6.255", "broadcast address")]
    [InlineData("10.20.6.0/24", "10.20.6.1", "gateway")]
    [InlineData("10.20.6.0/24", "10.20.6.3", "first 3 usable")]
    [InlineData("10.20.6.0/24", "10.20.7.4", "isn't in 10.20.6.0/24")]
    [InlineData("10.20.6.0/24", "fd20::4", "isn't in 10.20.6.0/24")]
    [InlineData("fd20::/64", "fd20::", "network address")]
    [InlineData("fd20::/64", "fd20::3", "first 3 usable")]
    [InlineData("fd20::/64", "fd20::fdff:ffff:ffff:ff80", "RFC 2526")]
    [InlineData("fd20::/64", "fd20::fdff:ffff:ffff:ffff", "RFC 2526")]
    public void Objects_ToWhatIsNotItsToGive(string prefix, string address, string why)
    {
        var objection = Of(prefix).ReasonNotLeasable(Address.Parse(address).Value);
        Assert.Contains(why, objection, StringComparison.Ordinal);
        Assert.Contains(address, objection, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.20.6.0/24", "10.20.6.4")]
    [InlineData("10.20.6.0/24", "10.20.6.254")]
    [InlineData("fd20::/64", "fd20::4")]
    [InlineData("fd20::/64", "fd20::fdff:ffff:ffff:ff7f")]
    [InlineData("fd20::/64", "fd20::fe00:0:0:0")]
    [InlineData("fd20::/64", "fd20::ffff:ffff:ffff:ffff")]
    public void Gives_TheEdgesOfItsRanges(string prefix, string address) =>
        Assert.Null(Of(prefix).ReasonNotLeasable(Address.Parse(address).Value));

    private static Subnet Of(string prefix) => new(Prefix.Parse(prefix).Value, 3);
}
