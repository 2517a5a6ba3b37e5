using System.Collections.Immutable;
using System.Globalization;
using CsCheck;
using Weft.Addressing;

namespace Weft.Tests.Addressing;

public sealed class AddressPoolTests
{
    private const string Now = "2026-11-22T10:00:00Z";

    [Fact]
    public void Gives_NoAddressTwice_WhateverIsAskedInWhateverOrder() =>
        Steps.Sample(steps =>
        {
            var pool = Pool("10.0.0.0/27", "fd00::/122");
            foreach (var step in steps)
            {
                pool = step.Apply(pool);
                Assert.Equal(
                    pool.Holdings.Leases.Count(),
                    pool.Holdings.Leases.Select(l => l.Address).Distinct().Count()
                );
                Assert.All(
                    pool.Holdings.Leases.GroupBy(l => (l.Holder.Id, l.Address.Family)),
                    group => Assert.Single(group)
                );
                Assert.All(
                    pool.Holdings.Leases,
                    lease =>
                        Assert.Null(
                            pool.Subnets.First(s => s.Prefix.Family == lease.Address.Family)
                                .ReasonNotLeasable(lease.Address)
                        )
                );
                Assert.All(pool.Holdings.Leases.GroupBy(l => l.Holder.Id), group => Assert.Equal(2, group.Count()));
            }
        });

    [Fact]
    public void Keeps_HoldingsEqualToThoseMadeAnewFromLeases() =>
        Steps.Sample(steps =>
        {
            var pool = steps.Aggregate(Pool("10.0.0.0/27", "fd00::/122"), (p, step) => step.Apply(p));
            var anew = pool.Holdings.Leases.Reverse().Aggregate(Holdings.Empty, (held, lease) => held.With(lease));
            foreach (var subnet in pool.Subnets)
            {
                Assert.Equal(anew.Count(subnet.Prefix.Family), pool.Holdings.Count(subnet.Prefix.Family));
                foreach (var (first, last) in subnet.LeasableRanges)
                {
                    for (var at = first.Value; at <= last.Value; at++)
                    {
                        var address = new Address(subnet.Prefix.Family, at);
                        Assert.Equal(anew.LeaseOf(address), pool.Holdings.LeaseOf(address));
                        Assert.Equal(anew.FirstFree(address, last), pool.Holdings.FirstFree(address, last));
                    }
                }
            }

            Assert.All(
                pool.Holdings.Leases,
                lease => Assert.Equal(anew.LeasesOf(lease.Holder.Id), pool.Holdings.LeasesOf(lease.Holder.Id))
            );
        });

    [Fact]
    public void Holds_TheSameSet_InWhateverOrderTheSameHoldersCome() =>
        Gen.Int[1, 20]
            .SelectMany(n => Gen.Shuffle(Enumerable.Range(0, n).ToArray()))
            .Sample(order =>
            {
                var shuffled = order.Aggregate(Pool("10.0.0.0/24"), (p, i) => Acquire(p, $"h{i}"));
                var sorted = order.Order().Aggregate(Pool("10.0.0.0/24"), (p, i) => Acquire(p, $"h{i}"));
                Assert.Equal(
                    sorted.Holdings.Leases.Select(l => l.Address).Order(),
                    shuffled.Holdings.Leases.Select(l => l.Address).Order()
                );
            });

    [Fact]
    public void Returns_SameLease_ForSameHolder()
    {
        var first = Pool("10.0.0.0/24", "fd00::/64").Acquire(Holder("a"), [], Now).Value;
        var second = first.Next.Acquire(Holder("a"), [], "2027-01-01T00:00:00Z").Value;
        Assert.Equal(first.Leases, second.Leases);
        Assert.Equal(["10.0.0.4", "fd00::4"], second.Leases.Select(l => l.Address.ToString()));
    }

    [Fact]
    public void Gives_BackWhatWasReleased_AndReleasesNothingTwice()
    {
        var held = Acquire(Pool("10.0.0.0/29"), "a");
        var (released, ended) = held.Release("a");
        Assert.Equal("10.0.0.4", Assert.Single(ended).Address.ToString());
        Assert.Empty(released.Holdings.Leases);
        Assert.Empty(released.Release("a").Ended);
        Assert.Equal("10.0.0.4", Acquire(released, "b").Holdings.LeasesOf("b").Single().Address.ToString());
    }

    [Fact]
    public void Begins_BehindTheLastOnePicked_AndComesRoundAgain()
    {
        var pool = Acquire(Pool("10.0.0.0/29"), "a");
        ImmutableArray<Address> after = [Parse("10.0.0.4")];
        var (rested, _) = pool.Release("a");
        var b = rested.Acquire(Holder("b"), [], Now, after).Value;
        Assert.Equal("10.0.0.5", b.Leases[0].Address.ToString());
        var c = b.Next.Acquire(Holder("c"), [], Now, [Parse("10.0.0.6")]).Value;
        Assert.Equal("10.0.0.4", c.Leases[0].Address.ToString());
        var d = c.Next.Acquire(Holder("d"), [], Now, [Parse("10.0.0.254")]).Value;
        Assert.Equal("10.0.0.6", d.Leases[0].Address.ToString());
    }

    [Fact]
    public void Skips_TheAnycastAddresses_WhenItBeginsBeforeThem()
    {
        var last = Pool("fd00::/64").Acquire(Holder("a"), [], Now, [Parse("fd00::fdff:ffff:ffff:ff7f")]).Value;
        Assert.Equal("fd00::fe00:0:0:0", last.Leases[0].Address.ToString());
    }

    [Fact]
    public void Gives_NeitherFamily_WhereOneIsExhausted()
    {
        var pool = Acquire(Acquire(Acquire(Pool("10.0.0.0/29", "fd00::/64"), "a"), "b"), "c");
        var refusal = pool.Acquire(Holder("d"), [], Now).Refusal!;
        Assert.Equal(RefusalCode.AddressPoolExhausted, refusal.Code);
        Assert.Contains("10.0.0.0/29", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("all 3 are held", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(pool.Holdings.LeasesOf("d"));
        Assert.Equal(0, (int)pool.FreeCount(pool.Subnets[0]));
    }

    [Theory]
    [InlineData("10.0.0.5", RefusalCode.AddressHeld, "pod core/upf-0")]
    [InlineData("10.0.0.1", RefusalCode.AddressNotUsable, "gateway")]
    [InlineData("10.0.0.255", RefusalCode.AddressNotUsable, "broadcast")]
    [InlineData("10.0.1.5", RefusalCode.AddressNotUsable, "isn't in 10.0.0.0/24")]
    [InlineData("fd00::5", RefusalCode.AddressNotUsable, "no IPv6 subnet")]
    internal void Refuses_StaticAddressThatCannotBeHad(string address, RefusalCode code, string why)
    {
        var pool = Pool("10.0.0.0/24")
            .Acquire(new Holder("pod:1", "pod core/upf-0"), [Parse("10.0.0.5")], Now)
            .Value.Next;
        var refusal = pool.Acquire(Holder("b"), [Parse(address)], Now).Refusal!;
        Assert.Equal((code, address), (refusal.Code, refusal.Target));
        Assert.Contains(address, refusal.Message, StringComparison.Ordinal);
        Assert.Contains(why, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_TwoAddressesOfOneFamily()
    {
        var refusal = Pool("10.0.0.0/24").Acquire(Holder("a"), [Parse("10.0.0.5"), Parse("10.0.0.6")], Now).Refusal!;
        Assert.Equal(RefusalCode.AddressNotUsable, refusal.Code);
        Assert.Contains("10.0.0.5", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("10.0.0.6", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Moves_AHolderToTheAddressItAsksFor()
    {
        var pool = Acquire(Pool("10.0.0.0/24"), "a");
        var moved = pool.Acquire(Holder("a"), [Parse("10.0.0.9")], Now).Value;
        Assert.Equal(
            ("10.0.0.9", LeaseMethod.Static),
            (moved.Leases.Single().Address.ToString(), moved.Leases.Single().Method)
        );
        Assert.Null(moved.Next.Holdings.LeaseOf(Parse("10.0.0.4")));
    }

    [Fact]
    public void Picks_TheOtherFamily_WhereOneIsAskedFor()
    {
        var got = Pool("10.0.0.0/24", "fd00::/64").Acquire(Holder("a"), [Parse("fd00::40")], Now).Value;
        Assert.Equal(
            [("10.0.0.4", LeaseMethod.Dynamic), ("fd00::40", LeaseMethod.Static)],
            got.Leases.Select(l => (l.Address.ToString(), l.Method))
        );
    }

    [Theory]
    [InlineData("fd00::/64")]
    [InlineData("::/0")]
    [InlineData("10.0.0.0/8")]
    public void Finds_AFreeAddressAmongThousandsWithoutWalking(string prefix)
    {
        var pool = Enumerable
            .Range(0, 5000)
            .Aggregate(Pool(prefix), (p, i) => Acquire(p, i.ToString(CultureInfo.InvariantCulture)));
        Assert.Equal(5000, pool.Holdings.Leases.Count());
        var hole = pool.Holdings.LeasesOf("2500").Single().Address;
        Assert.Equal(hole, Acquire(pool.Release("2500").Next, "x").Holdings.LeasesOf("x").Single().Address);
    }

    [Fact]
    public void Leases_EveryAddressOfASubnetExactlyOnce()
    {
        var pool = Enumerable
            .Range(0, 251)
            .Aggregate(Pool("10.0.0.0/24"), (p, i) => Acquire(p, i.ToString(CultureInfo.InvariantCulture)));
        Assert.Equal(
            Enumerable.Range(4, 251).Select(i => $"10.0.0.{i}"),
            pool.Holdings.Leases.Select(l => l.Address).Order().Select(a => a.ToString())
        );
        Assert.Equal(RefusalCode.AddressPoolExhausted, pool.Acquire(Holder("x"), [], Now).Refusal!.Code);
    }

    [Fact]
    public void Replaces_TheLeaseOfTheSameAddress()
    {
        var lease = new Lease(Parse("10.0.0.4"), Holder("a"), LeaseMethod.Dynamic, Now);
        var held = Holdings.Empty.With(lease).With(lease with { Holder = Holder("b") });
        Assert.Equal((1, 0), (held.Count(AddressFamily.IPv4), held.Count(AddressFamily.IPv6)));
        Assert.Equal("b", held.LeaseOf(lease.Address)!.Holder.Id);
        Assert.Empty(held.LeasesOf("a"));
        Assert.Same(held, held.Without(Parse("10.0.0.5")));
    }

    [Fact]
    public void Reads_BackALeaseThatItWrote()
    {
        var lease = new Lease(
            Parse("fd00::40"),
            new Holder("pod:1", "pod a/b") { Cluster = "/c", Node = "n" },
            LeaseMethod.Static,
            Now
        );
        using var json = System.Text.Json.JsonDocument.Parse(lease.ToJson().ToJsonString());
        Assert.Equal(lease, Lease.FromJson(json.RootElement));
        using var broken = System.Text.Json.JsonDocument.Parse("""{"address":"10.0.0.300"}""");
        Assert.Throws<FormatException>(() => Lease.FromJson(broken.RootElement));
    }

    private static Gen<List<Step>> Steps =>
        Gen.Select(Gen.Int[0, 12], Gen.Int[0, 3], Gen.Int[0, 33])
            .Select(s => new Step($"h{s.Item1}", s.Item2, s.Item3))
            .List[0, 60];

    private static AddressPool Pool(params string[] prefixes) =>
        new("n6", [.. prefixes.Select(p => new Subnet(Prefix.Parse(p).Value, 3))], Holdings.Empty);

    private static AddressPool Acquire(AddressPool pool, string holder) =>
        pool.Acquire(Holder(holder), [], Now).Value.Next;

    private static Holder Holder(string id) => new(id, $"holder {id}");

    private static Address Parse(string text) => Address.Parse(text).Value;

    /// <summary>
    /// One thing that happens to a pool: an acquire, one of a certain address, one behind another, or a release.
    /// </summary>
    private sealed record Step(string Holder, int What, int Place)
    {
        public AddressPool Apply(AddressPool pool)
        {
            var address = new Address(AddressFamily.IPv4, 0x0a000000 + (uint)Place);
            var holder = AddressPoolTests.Holder(Holder);
            if (What == 0)
                return pool.Release(Holder).Next;
            var outcome =
                What == 1
                    ? pool.Acquire(holder, [address], Now)
                    : pool.Acquire(holder, [], Now, What == 2 ? default : [address]);
            if (!outcome.TryGet(out var got, out _))
                return pool;
            Assert.Equal(got.Leases, got.Next.Holdings.LeasesOf(Holder));
            return got.Next;
        }
    }
}
