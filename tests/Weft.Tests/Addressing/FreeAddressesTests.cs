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
    [InlineData(nameof(PoolChoice.Next))]
    [InlineData(nameof(PoolChoice.Lowest))]
    [InlineData(nameof(PoolChoice.Random))]
    public void Gives_NothingOfBlocks_NeitherFreeNorResting(string choice)
    {
        var blocked = AddressSet.Create(Range("10.0.0.4-10.0.0.7"), Range("10.0.0.16-10.0.0.61"));
        var pool = Pool(Enum.Parse<PoolChoice>(choice)) with
        {
            Blocked = new BlockedAddresses("n", blocked, new FamilyCount(50, 0)),
            Rests = new RestRules { CoolDown = 60_000, Now = 1_000 },
            Holdings = Resting("10.0.0.20", "10.0.0.10"),
        };
        Assert.Equal(9, (int)pool.FreeCount(AddressFamily.IPv4));
        var given = new HashSet<string>();
        for (var i = 0; i < 9; i++)
        {
            var outcome = pool.Choose(Holder(i), [], Now, drawn: (ulong)(i + 1) * 7_919).Value;
            Assert.True(given.Add(outcome.Leases[0].Address.ToString()));
            pool = pool with { Holdings = pool.Holdings.With(outcome.Leases[0]) };
            // What rests is the last that is given.
            Assert.Equal(i == 8, given.Contains("10.0.0.10"));
        }

        Assert.All(given, text => Assert.False(blocked.Contains(Address.Parse(text).Value), text));
        var refusal = pool.Choose(Holder(99), [], Now, drawn: 5).Refusal!;
        Assert.Equal((RefusalCode.AddressPoolExhausted, "n"), (refusal.Code, refusal.BlocksOf));
        Assert.Contains("9 of 59 are held, or in blocks of nodes", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Counts_WhatRestsInABlock_AsTheBlocks()
    {
        var pool = Pool(PoolChoice.Next) with
        {
            Blocked = new BlockedAddresses("n", AddressSet.Create(Range("10.0.0.16-10.0.0.19")), new FamilyCount(4, 0)),
            Rests = new RestRules { CoolDown = 60_000, Now = 1_000 },
            Holdings = Resting("10.0.0.17", "10.0.0.10"),
        };
        var usage = PoolUsage.Of(pool, pool.Subnets[0]);
        Assert.Equal((59, 4, 1, 54), ((int)usage.Size, (int)usage.InBlocks, usage.Cooling, (int)usage.Free));
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

    /// <summary>Nobody holds anything, and some addresses were given up just now.</summary>
    private static Holdings Resting(params string[] addresses)
    {
        var held = Holdings.Empty.Open();
        foreach (var address in addresses)
        {
            var lease = new Lease(
                Address.Parse(address).Value,
                Holder(100 + held.Rests.CountCooling(AddressFamily.IPv4)),
                LeaseMethod.Dynamic,
                Now
            );
            held.BeginRest(new Rest(Holding.Create(lease.Holder, [lease]), lease.Address, EndTime.At(0, 0)));
        }

        return held.Close();
    }

    private static Address Pick(AddressPool pool, ulong drawn, string? after = null) =>
        pool.Choose(Holder(0), [], Now, after is null ? [] : [Address.Parse(after).Value], drawn)
            .Value.Leases[0]
            .Address;

    private static Holder Holder(int number) => new($"h{number}", $"holder {number}");

    private static AddressRange Range(string text) => AddressRange.Parse(text).Value;
}
