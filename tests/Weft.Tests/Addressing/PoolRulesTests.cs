using System.Collections.Immutable;
using System.Globalization;
using Weft.Addressing;

namespace Weft.Tests.Addressing;

/// <summary>Pools that say more than their prefixes.</summary>
public sealed class PoolRulesTests
{
    private const string Now = "2026-11-22T10:00:00Z";
    private const string Cluster = "/subscriptions/s/resourcegroups/g/providers/p/clusters/east";

    [Fact]
    public void Picks_FromTheFirstPrefixWithRoom_InOrder()
    {
        var pool = Pool(new PoolRules { Reserved = 3 }, "10.0.1.0/29", "10.0.0.0/29", "fd00::/64");
        var held = Enumerable.Range(0, 6).Select(i => Held(pool = Acquire(pool, $"h{i}"), $"h{i}")).ToList();
        Assert.Equal(
            ["10.0.1.4", "10.0.1.5", "10.0.1.6", "10.0.0.4", "10.0.0.5", "10.0.0.6"],
            held.Select(addresses => addresses[0])
        );
        Assert.All(held, addresses => Assert.Equal(2, addresses.Length));
        var refusal = pool.Acquire(Holder("x"), [], Now).Refusal!;
        Assert.Equal(RefusalCode.AddressPoolExhausted, refusal.Code);
        Assert.Contains("in 10.0.1.0/29 and 10.0.0.0/29: all 6 are held", refusal.Message, StringComparison.Ordinal);

        Assert.Equal("10.0.1.5", Held(Acquire(pool.Release("h1").Next, "x"), "x")[0]);
    }

    [Fact]
    public void Gives_AnAddressThatIsAskedFor_OfAnyPrefix()
    {
        var pool = Pool(new PoolRules { Reserved = 3 }, "10.0.1.0/29", "10.0.0.0/29");
        var got = pool.Acquire(Holder("a"), [Parse("10.0.0.5")], Now).Value;
        Assert.Equal("10.0.0.5", got.Leases.Single().Address.ToString());
        var outside = pool.Acquire(Holder("a"), [Parse("10.0.2.5")], Now).Refusal!;
        Assert.Contains("10.0.1.0/29 or in 10.0.0.0/29", outside.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Counts_WhatIsFree_AsTakingAllOfItDoes()
    {
        var rules = new PoolRules
        {
            Reserved = 1,
            Exclusions = Set("10.0.0.20-10.0.0.25"),
            Ranges = Set("10.0.0.10-10.0.0.30", "10.0.1.0/28"),
            Gateways = [Parse("10.0.1.9")],
            Reservations =
            [
                new Reservation("nobody", Set("10.0.0.12-10.0.0.13", "10.0.0.200")),
                new Reservation("mine", Set("10.0.0.14-10.0.0.15")) { Owner = "vm" },
            ],
        };
        var pool = Pool(rules, "10.0.0.0/24", "10.0.1.0/24");
        var free = pool.FreeCount(AddressFamily.IPv4);
        Assert.Equal(free, pool.FreeCount(pool.Subnets[0]) + pool.FreeCount(pool.Subnets[1]));

        pool = pool.Acquire(new Holder("machine:vm#n6", "virtual machine vm"), [], Now).Value.Next;
        Assert.Equal("10.0.0.14", pool.Holdings.Leases.Single().Address.ToString());
        pool = pool.Acquire(new Holder("machine:vm#n7", "virtual machine vm"), [], Now).Value.Next;
        Assert.NotNull(pool.Holdings.LeaseOf(Parse("10.0.0.15")));
        Assert.Equal(free, pool.FreeCount(AddressFamily.IPv4));
        Assert.Equal(free, pool.FreeCount(pool.Subnets[0]) + pool.FreeCount(pool.Subnets[1]));
        var taken = 0;
        for (; pool.Acquire(Holder($"h{taken}"), [], Now).TryGet(out var got, out _); taken++)
            pool = got.Next;

        Assert.Equal((UInt128)taken, free);
        Assert.Equal(0, (int)pool.FreeCount(AddressFamily.IPv4));
        var refusal = pool.Acquire(Holder("x"), [], Now).Refusal!;
        Assert.Contains(
            "are held, 3 are kept by reservations, 477 more are excluded",
            refusal.Message,
            StringComparison.Ordinal
        );
    }

    /// <summary>Rules that came later take nothing away; what is free never falls below nothing.</summary>
    [Theory]
    [InlineData("10.0.0.0/29")]
    [InlineData("10.0.0.0/29 10.0.1.0/29")]
    public void Counts_NothingFree_WhereMoreIsHeldThanThereIsNow(string prefixes)
    {
        var before = Pool(new PoolRules { Reserved = 1 }, prefixes.Split(' '));
        foreach (var holder in (string[])["a", "b", "c"])
            before = Acquire(before, holder);
        var narrowed = new PoolRules { Reserved = 1, Ranges = Set("10.0.0.2-10.0.0.3", "10.0.1.6") };
        var pool = Pool(narrowed, prefixes.Split(' ')) with { Holdings = before.Holdings };

        Assert.Equal((2, 3), ((int)pool.Subnets[0].Size, pool.CountHeld(pool.Subnets[0])));
        Assert.Equal(0, (int)pool.FreeCount(pool.Subnets[0]));
        if (pool.Subnets.Length > 1)
            Assert.Equal(1, (int)pool.FreeCount(pool.Subnets[1]));
    }

    [Fact]
    public void Gives_WhatIsKept_ToWhomItIsKeptFor_AndToNobodyElse()
    {
        var rules = new PoolRules
        {
            Reserved = 3,
            Reservations =
            [
                new Reservation("upf", Set("10.0.0.4", "fd00::4")) { Owner = Cluster, Pod = "core/upf-0" },
                new Reservation("printer", Set("10.0.0.5")),
            ],
        };
        var pool = Pool(rules, "10.0.0.0/24", "fd00::/64");
        Assert.Equal(["10.0.0.6", "fd00::5"], Held(Acquire(pool, "a"), "a"));
        Assert.True(pool.Keeps(Pod("c1", "core/upf-0"), AddressFamily.IPv6));
        Assert.False(pool.Keeps(Pod("c1", "core/upf-1"), AddressFamily.IPv6));
        foreach (var asked in (string[])["10.0.0.4", "10.0.0.5"])
        {
            var refusal = pool.Acquire(Holder("a"), [Parse(asked)], Now).Refusal!;
            Assert.Equal((RefusalCode.AddressNotUsable, asked), (refusal.Code, refusal.Target));
            Assert.Contains("kept by the reservation", refusal.Message, StringComparison.Ordinal);
        }

        var first = pool.Acquire(Pod("c1", "core/upf-0"), [], Now).Value;
        Assert.Equal(
            [("10.0.0.4", LeaseMethod.Static), ("fd00::4", LeaseMethod.Static)],
            first.Leases.Select(lease => (lease.Address.ToString(), lease.Method))
        );
        Assert.Equal(["10.0.0.6", "fd00::5"], Held(first.Next.Acquire(Pod("c2", "core/upf-1"), [], Now).Value.Next, 1));
    }

    [Fact]
    public void Makes_APodWait_WhileItsEarlierContainerHasItsAddress()
    {
        var rules = new PoolRules
        {
            Reservations = [new Reservation("upf", Set("10.0.0.4")) { Owner = Cluster, Pod = "core/upf-0" }],
        };
        var first = Pool(rules, "10.0.0.0/24").Acquire(Pod("c1", "core/upf-0"), [], Now).Value;
        var again = first.Next.Acquire(Pod("c3", "core/upf-0"), [], Now).Refusal!;
        Assert.Equal(RefusalCode.AddressHeld, again.Code);
        Assert.Contains("held by pod core/upf-0 net1 in east", again.Message, StringComparison.Ordinal);
        var released = first.Next.Release(Pod("c1", "core/upf-0").Id).Next;
        Assert.Equal(
            "10.0.0.4",
            released.Acquire(Pod("c3", "core/upf-0"), [], Now).Value.Leases.Single().Address.ToString()
        );
    }

    [Fact]
    public void Gives_APodOfTheSameNameInAnotherCluster_NothingThatIsKept()
    {
        var rules = new PoolRules
        {
            Reservations = [new Reservation("upf", Set("10.0.0.4")) { Owner = Cluster, Pod = "core/upf-0" }],
        };
        var other = new Holder($"pod:{Cluster}2#c1#net1", "pod core/upf-0 net1 in east2");
        Assert.Equal("10.0.0.2", Pool(rules, "10.0.0.0/24").Acquire(other, [], Now).Value.Leases[0].Address.ToString());
    }

    private static Holder Pod(string container, string pod) =>
        new($"pod:{Cluster}#{container}#net1", $"pod {pod} net1 in east on w1") { Cluster = Cluster };

    private static string[] Held(AddressPool pool, string holder) =>
        [.. pool.Holdings.LeasesOf(holder).Select(lease => lease.Address.ToString())];

    private static string[] Held(AddressPool pool, int from) =>
        [
            .. pool
                .Holdings.Leases.Select(lease => lease.Address)
                .Order()
                .GroupBy(address => address.Family)
                .Select(family => family.ElementAt(from).ToString()),
        ];

    private static AddressPool Pool(PoolRules rules, params string[] prefixes) =>
        new("n6", [.. prefixes.Select(prefix => new Subnet(Prefix.Parse(prefix).Value, rules))], Holdings.Empty)
        {
            Reservations = rules.Reservations,
        };

    private static AddressPool Acquire(AddressPool pool, string holder) =>
        pool.Acquire(Holder(holder), [], Now).Value.Next;

    private static Holder Holder(string id) => new(id, string.Create(CultureInfo.InvariantCulture, $"holder {id}"));

    private static Address Parse(string text) => Address.Parse(text).Value;

    private static AddressSet Set(params ImmutableArray<string> ranges) =>
        AddressSet.Create(ranges.Select(range => AddressRange.Parse(range).Value));
}
