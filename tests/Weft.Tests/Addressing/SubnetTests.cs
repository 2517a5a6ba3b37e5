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
        Assert.Equal((gateway, reserved), (subnet.Gateway.ToString()!, subnet.Reserved));
        Assert.Equal(size, subnet.Size.ToString(CultureInfo.InvariantCulture));
        Assert.Equal(
            (first, last),
            (subnet.LeasableRanges[0].First.ToString(), subnet.LeasableRanges[^1].Last.ToString())
        );
    }

    [Theory]
    [InlineData("10.20.6.0/29", 8, 5, "10.20.6.6")]
    [InlineData("10.20.6.0/30", 3, 1, "10.20.6.2")]
    [InlineData("fd20::/126", 3, 2, "fd20::3")]
    [InlineData("10.20.6.0/31", 3, 1, "10.20.6.1")]
    [InlineData("fd20::/127", 3, 1, "fd20::1")]
    [InlineData("10.20.6.0/24", 0, 1, "10.20.6.2-10.20.6.254")]
    [InlineData("10.20.6.0/31", 0, 1, "10.20.6.1")]
    [InlineData("10.20.6.5/32", 3, 1, "")]
    [InlineData("fd20::5/128", 0, 1, "")]
    public void Reserves_TheGatewayAlways_AndNoMoreThanLeavesOneAddress(
        string prefix,
        int asked,
        int reserved,
        string leasable
    )
    {
        var subnet = new Subnet(Prefix.Parse(prefix).Value, asked);
        Assert.Equal((reserved, leasable), (subnet.Reserved, string.Join(',', subnet.LeasableRanges)));
        Assert.Equal(leasable.Length == 0, subnet.Size == 0);
    }

    [Theory]
    [InlineData("10.20.6.0/30", "10.20.6.2", 3, 0, "10.20.6.1")]
    [InlineData("10.20.6.0/29", "10.20.6.6", 1, 1, "10.20.6.2-10.20.6.5")]
    [InlineData("10.20.6.0/29", "10.20.6.4", 1, 1, "10.20.6.2-10.20.6.3,10.20.6.5-10.20.6.6")]
    [InlineData("10.20.6.0/29", "None", 0, 0, "10.20.6.1-10.20.6.6")]
    [InlineData("10.20.6.0/31", "None", 3, 1, "10.20.6.1")]
    [InlineData("10.20.6.0/31", "None", 0, 0, "10.20.6.0-10.20.6.1")]
    [InlineData("10.20.6.5/32", "None", 3, 0, "10.20.6.5")]
    [InlineData("fd20::5/128", "None", 0, 0, "fd20::5")]
    public void Leases_BesideAGatewayThatIsChosen(
        string prefix,
        string gateway,
        int asked,
        int reserved,
        string leasable
    )
    {
        var isNone = !Address.TryParse(gateway, out var address);
        var rules = new PoolRules
        {
            Reserved = asked,
            HasNoGateway = isNone,
            Gateways = isNone ? [] : [address],
        };
        var subnet = new Subnet(Prefix.Parse(prefix).Value, rules);
        Assert.Equal(isNone ? null : address, subnet.Gateway);
        Assert.Equal((reserved, leasable), (subnet.Reserved, string.Join(',', subnet.LeasableRanges)));
        if (!isNone)
            Assert.Contains("the gateway", subnet.ReasonNotLeasable(address), StringComparison.Ordinal);
    }

    [Fact]
    public void Leases_RangesWithoutWhatIsExcluded_AndWhatIsKeptBesides()
    {
        var rules = new PoolRules
        {
            Reserved = 3,
            Exclusions = Set("10.20.6.20-10.20.6.29", "10.9.0.0/16"),
            Ranges = Set("10.20.6.16/28", "10.20.6.100"),
            Reservations = [new Reservation("db", Set("10.20.6.31", "10.20.6.50"))],
        };
        var subnet = new Subnet(Prefix.Parse("10.20.6.0/24").Value, rules);
        Assert.Equal("10.20.6.16-10.20.6.19,10.20.6.30,10.20.6.100", string.Join(',', subnet.LeasableRanges));
        Assert.Equal(8, (int)subnet.Size);
        Assert.Contains("excluded", subnet.ReasonNotLeasable(Parse("10.20.6.20")), StringComparison.Ordinal);
        Assert.Contains(
            "none of the pool's ranges of 10.20.6.0/24, 10.20.6.16-10.20.6.31, 10.20.6.100",
            subnet.ReasonNotLeasable(Parse("10.20.6.40")),
            StringComparison.Ordinal
        );
        // It isn't picked; who may have it is for the pool to say.
        Assert.Null(subnet.ReasonNotLeasable(Parse("10.20.6.50")));
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
        var gateway = subnet.Gateway!.Value;
        Assert.Contains("reserved", subnet.ReasonNotLeasable(gateway), StringComparison.Ordinal);
        Assert.DoesNotContain(subnet.LeasableRanges, range => range.Contains(gateway));
    }

    [Theory]
    [InlineData("0.0.0.0/0", "0.0.0.0/0 overlaps with 0.0.0.0/8, this network (RFC 791) and 127.0.0.0/8, loopback")]
    [InlineData("::/0", "ff00::/8, multicast")]
    [InlineData("127.0.0.0/8", "127.0.0.0/8 is in 127.0.0.0/8, loopback")]
    [InlineData("127.1.2.0/24", "127.1.2.0/24 is in 127.0.0.0/8, loopback")]
    [InlineData("0.0.0.0/24", "this network")]
    [InlineData("169.254.0.0/16", "link-local")]
    [InlineData("168.0.0.0/7", "168.0.0.0/7 overlaps with 169.254.0.0/16, link-local")]
    [InlineData("224.0.0.0/4", "multicast")]
    [InlineData("239.1.0.0/16", "multicast")]
    [InlineData("255.255.255.255/32", "limited broadcast")]
    // An end of it, and no broadcast address that is never leased.
    [InlineData("255.255.255.254/31", "limited broadcast")]
    [InlineData("::/126", "loopback")]
    [InlineData("::1/128", "loopback")]
    [InlineData("fe80::/64", "link-local")]
    [InlineData("ff02::/64", "multicast")]
    public void Says_WhyNothingCanBeLeasedOfASpecialPrefix(string prefix, string says) =>
        Assert.Contains(says, SpecialPurpose.ReasonNotLeasable(Prefix.Parse(prefix).Value), StringComparison.Ordinal);

    [Theory]
    [InlineData("10.0.0.0/8")]
    [InlineData("100.64.0.0/10")]
    [InlineData("192.0.2.0/24")]
    [InlineData("255.255.255.0/24")]
    [InlineData("255.255.255.252/30")]
    [InlineData("255.0.0.0/8")]
    [InlineData("::10:0/120")]
    [InlineData("100::/64")]
    [InlineData("2001:db8::/64")]
    [InlineData("fd00::/8")]
    public void Leases_OfWhatHostsTakeForANetwork(string prefix) =>
        Assert.Null(SpecialPurpose.ReasonNotLeasable(Prefix.Parse(prefix).Value));

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
    [InlineData(0, "10.20.6.1 is the gateway of 10.20.6.0/24, and reserved for it")]
    [InlineData(1, "10.20.6.1 is the gateway of 10.20.6.0/24, and reserved for it")]
    [InlineData(2, "10.20.6.1 is reserved: the first 2 usable addresses of 10.20.6.0/24 belong to the fabric")]
    public void Calls_TheFirstAddressTheGateway_WhereTheFabricHasNoOther(int reserved, string says) =>
        Assert.StartsWith(
            says,
            new Subnet(Prefix.Parse("10.20.6.0/24").Value, reserved).ReasonNotLeasable(Parse("10.20.6.1")),
            StringComparison.Ordinal
        );

    [Theory]
    [InlineData("10.20.6.4-10.20.6.254", null)]
    [InlineData("10.20.6.7", null)]
    [InlineData("10.20.6.2-10.20.6.9", "10.20.6.2 is reserved")]
    [InlineData("10.20.6.250-10.20.6.255", "10.20.6.255 is the broadcast address")]
    [InlineData("10.20.6.254-10.20.7.9", "10.20.6.255 is the broadcast address")]
    [InlineData("10.20.7.0-10.20.7.9", "10.20.7.0 isn't in 10.20.6.0/24")]
    public void Objects_ToARange_ForTheFirstThatIsNotItsToGive(string range, string? says)
    {
        var obstacle = Of("10.20.6.0/24").FindObstacle(AddressRange.Parse(range).Value);
        if (says is null)
            Assert.Null(obstacle);
        else
            Assert.StartsWith(says, obstacle?.Reason, StringComparison.Ordinal);
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

    private static Address Parse(string text) => Address.Parse(text).Value;

    private static AddressSet Set(params string[] ranges) =>
        AddressSet.Create(ranges.Select(range => AddressRange.Parse(range).Value));

    private static Subnet Of(string prefix) => new(Prefix.Parse(prefix).Value, 3);
}
