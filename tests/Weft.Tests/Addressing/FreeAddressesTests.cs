using CsCheck;
using Weft.Addressing;

namespace Weft.Tests.Addressing;

/// <summary>Which of the free addresses a pod is given.</summary>
public sealed class FreeAddressesTests
{
    private static readonly Prefix Prefix = Prefix.Parse("10.0.0.0/26").Value;

    [Fact]
    public void Draws_EachAddressAsOftenAsAnother()
    {
        var pool = Pool(PoolChoice.Random);
        var counts = new Dictionary<Address, int>();
        const int Draws = 64_000;
        for (ulong seed = 1; seed <= Draws; seed++)
        {
            var given = Pick(pool, seed * 0x2545F4914F6CDD1D);
            counts[given] = counts.GetValueOrDefault(given) + 1;
        }

        // 59 addresses, 1,085 times each; six standard deviations are 200.
        Assert.Equal(59, counts.Count);
        Assert.All(counts.Values, count => Assert.InRange(count, 885, 1_285));
    }

    [Fact]
    public void Draws_WhatIsLeft_OfAPoolThatIsNearlyFull()
    {
        var pool = Pool(PoolChoice.Random);
        var given = new HashSet<Address>();
        for (var i = 0; i < 59; i++)
        {
            var outcome = pool.Choose(Holder(i), [], Now, drawn: (ulong)(i + 1) * 7_919).Value;
            Assert.True(given.Add(outcome.Leases[0].Address));
            pool = pool with { Holdings = pool.Holdings.With(outcome.Leases[0]) };
        }

        Assert.Equal(RefusalCode.AddressPoolExhausted, pool.Choose(Holder(99), [], Now, drawn: 5).Refusal!.Code);
    }

    [Fact]
    public void Draws_NothingThatIsExcludedOrOutsideOfTheRanges() =>
        Gen.ULong.Sample(drawn =>
        {
            var rules = PoolRules.Default with
            {
                Reserved = 3,
                Ranges = AddressSet.Create(Range("10.0.0.8-10.0.0.11"), Range("10.0.0.40-10.0.0.41")),
                Exclusions = AddressSet.Create(Range("10.0.0.9")),
            };
            var pool = new AddressPool("n", [new Subnet(Prefix, rules)], Holdings.Empty) { Choice = PoolChoice.Random };
            Assert.Contains(
                Pick(pool, drawn | 1).ToString(),
                (string[])["10.0.0.8", "10.0.0.10", "10.0.0.11", "10.0.0.40", "10.0.0.41"]
            );
        });

    [Fact]
    public void Takes_TheLowest_WhateverWasPickedLast()
    {
        var pool = Pool(PoolChoice.Lowest);
        Assert.Equal("10.0.0.4", Pick(pool, 1, "10.0.0.20").ToString());
        Assert.Equal("10.0.0.21", Pick(Pool(PoolChoice.Next), 1, "10.0.0.20").ToString());
        Assert.Equal("10.0.0.4", Pick(Pool(PoolChoice.Next), 1).ToString());
    }

    [Theory]
    [InlineData("core/upf-*", "core/upf-0", true)]
    [InlineData("core/upf-*", "core/upf-", true)]
    [InlineData("core/*-0", "core/upf-smf-0", true)]
    [InlineData("*/upf-?", "east/upf-7", true)]
    [InlineData("core/upf-?", "core/upf-10", false)]
    [InlineData("core/*", "core/a/b", false)]
    [InlineData("c*e/upf", "core/x/upf", false)]
    [InlineData("core/upf-*", "other/upf-0", false)]
    public void Means_PodsByPattern(string pattern, string pod, bool isMeant) =>
        Assert.Equal(isMeant, PodPattern.Matches(pattern, pod));

    [Theory]
    [InlineData("vms/virt-launcher-*-?????", "vms/virt-launcher-db-x7k2p", "vms/db")]
    [InlineData("vms/virt-launcher-*-?????", "vms/virt-launcher-db-2-x7k2p", "vms/db-2")]
    [InlineData("vms/virt-launcher-*-?????", "vms/virt-launcher--x7k2p", null)]
    [InlineData("vms/virt-launcher-*-?????", "prod/virt-launcher-db-x7k2p", null)]
    [InlineData("vms/virt-launcher-*-?????", "vms/db-x7k2p", null)]
    public void Reads_AClaim_OffAPodsName(string pattern, string pod, string? claim) =>
        Assert.Equal(claim, PodPattern.ClaimOf(pattern, pod));

    private const string Now = "2026-11-22T10:00:00Z";

    private static AddressPool Pool(PoolChoice choice) =>
        new("n", [new Subnet(Prefix, 3)], Holdings.Empty) { Choice = choice };

    private static Address Pick(AddressPool pool, ulong drawn, string? after = null) =>
        pool.Choose(Holder(0), [], Now, after is null ? [] : [Address.Parse(after).Value], drawn)
            .Value.Leases[0]
            .Address;

    private static Holder Holder(int number) => new($"h{number}", $"holder {number}");

    private static AddressRange Range(string text) => AddressRange.Parse(text).Value;
}
