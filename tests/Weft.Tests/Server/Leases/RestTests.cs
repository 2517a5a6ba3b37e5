using System.Diagnostics;
using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Tests.Server.Leases;

/// <summary>An address that was given up rests before another is given it.</summary>
public sealed class RestTests
{
    private const string Lowest = "'choice':'Lowest'";

    /// <summary>Two addresses: .4 and .5.</summary>
    private const string TwoLeft = "'ranges':['10.20.6.4-10.20.6.5'],";

    [Fact]
    public async Task Rests_ForTheCoolDown_AndNoLonger()
    {
        await using var site = await AllocatorSite.Create(Lowest);
        Assert.Equal("10.20.6.4", await site.Acquire("a"));
        await site.Release("a");
        Assert.Equal("10.20.6.5", await site.Acquire("b"));

        site.Time.Advance(TimeSpan.FromSeconds(59.9));
        Assert.Equal("10.20.6.6", await site.Acquire("c"));
        Assert.Equal((1, 100), (site.Usage.Cooling, site.Usage.CoolingFor.Last));

        site.Time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(0, site.Usage.Cooling);
        Assert.Equal("10.20.6.4", await site.Acquire("d"));
    }

    /// <summary>What a pod asked for by name rests like what was picked for it, and moves no pick on.</summary>
    [Fact]
    public async Task Rests_WhatWasAskedFor_AndGoesOnWherePicksWere()
    {
        await using var site = await AllocatorSite.Create();
        Assert.Equal("10.20.6.9", await site.Acquire("a", wanted: "10.20.6.9"));
        await site.Release("a");

        Assert.Equal("10.20.6.4", await site.Acquire("b"));
        foreach (var (container, address) in new[] { ("c", 5), ("d", 6), ("e", 7), ("f", 8), ("g", 10) })
            Assert.Equal($"10.20.6.{address}", await site.Acquire(container));
    }

    /// <summary>What an owner has again, and what has cooled down, are no reason to begin anew.</summary>
    [Fact]
    public async Task Goes_OnBehindTheLastPick_WhateverIsFreeBeforeIt()
    {
        await using var site = await AllocatorSite.Create();
        Assert.Equal("10.20.6.4", await site.Acquire("a", "core/upf-0"));
        Assert.Equal("10.20.6.5", await site.Acquire("b"));
        await site.Release("a");
        await site.Release("b");
        Assert.Equal("10.20.6.4", await site.Acquire("c", "core/upf-0"));
        await site.Release("c");
        site.Time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal("10.20.6.6", await site.Acquire("d"));
        Assert.Equal("10.20.6.7", await site.Acquire("e"));
    }

    [Theory]
    [InlineData(-86_400)]
    [InlineData(86_400)]
    [InlineData(-1)]
    public async Task Keeps_ItsTime_WhateverTheMachinesClockSays(int step)
    {
        await using var site = await AllocatorSite.Create(Lowest);
        await site.Acquire("a");
        await site.Release("a");
        site.Time.Step(TimeSpan.FromSeconds(step));
        Assert.Equal("10.20.6.5", await site.Acquire("b"));

        site.Time.Advance(TimeSpan.FromSeconds(30));
        site.Time.Step(TimeSpan.FromSeconds(-2 * step));
        Assert.Equal("10.20.6.6", await site.Acquire("c"));

        site.Time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal("10.20.6.4", await site.Acquire("d"));
    }

    [Fact]
    public async Task Gives_WhatRestsLongest_WhereNothingElseIsFree()
    {
        await using var site = await AllocatorSite.Create(TwoLeft + Lowest);
        await site.Acquire("a");
        await site.Acquire("b");
        await site.Release("b");
        site.Time.Advance(TimeSpan.FromSeconds(1));
        await site.Release("a");

        Assert.Equal("10.20.6.5", await site.Acquire("c"));
        Assert.Equal("10.20.6.4", await site.Acquire("d"));
        Assert.Equal("AddressPoolExhausted", await site.Acquire("e"));
    }

    [Fact]
    public async Task Refuses_WhatCools_WhereThePoolSaysSo_AndSaysForHowLong()
    {
        await using var site = await AllocatorSite.Create(TwoLeft + "'reuseCooling':'Never','coolDownSeconds':10");
        await site.Acquire("a");
        await site.Acquire("b");
        await site.Release("b");
        site.Time.Advance(TimeSpan.FromSeconds(4));

        var refusal = await site.Refused("c");
        Assert.Equal(RefusalCode.AddressPoolExhausted, refusal.Code);
        Assert.Contains(
            "1 of 2 are held, 1 cool down, the first for 6 s more",
            refusal.Message,
            StringComparison.Ordinal
        );

        site.Time.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal("10.20.6.5", await site.Acquire("c"));
    }

    [Fact]
    public async Task Gives_AnAddressAtOnce_ToWhoHadIt_AndToWhoNamesIt()
    {
        await using var site = await AllocatorSite.Create(Lowest);
        await site.Acquire("a", "core/upf-0");
        await site.Acquire("b");
        await site.Release("a");
        await site.Release("b");

        Assert.Equal("10.20.6.6", await site.Acquire("c", "core/upf-1"));
        Assert.Equal("10.20.6.4", await site.Acquire("d", "core/upf-0"));
        Assert.Equal("10.20.6.5", await site.Acquire("e", wanted: "10.20.6.5"));
        Assert.Equal("10.20.6.7", await site.Acquire("f"));
    }

    [Fact]
    public async Task Holds_AChangedCoolDown_AtOnce()
    {
        await using var site = await AllocatorSite.Create(Lowest + ",'coolDownSeconds':600");
        await site.Acquire("a");
        await site.Release("a");
        site.Time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("10.20.6.5", await site.Acquire("b"));

        await site.Declare(Lowest + ",'coolDownSeconds':5");

        Assert.Equal("10.20.6.4", await site.Acquire("c"));
    }

    [Fact]
    public async Task Rests_WhateverEndsTheLease()
    {
        await using var site = await AllocatorSite.Create(Lowest);
        await site.Acquire("a");
        Mutation[] changes =
        [
            .. NetworkPool.RemoveHoldings(site.Store.Current, AllocatorSite.Network, site.Holdings.All),
        ];
        Assert.NotNull(await site.Store.Commit(ReadSet.Empty, changes, CancellationToken.None));

        Assert.Equal("10.20.6.5", await site.Acquire("b"));
    }

    [Fact]
    public async Task Counts_EachAddressOnce()
    {
        await using var site = await AllocatorSite.Create(
            Lowest
                + ",'exclusions':['10.20.6.100-10.20.6.109'],'reservations':[{'name':'x','addresses':['10.20.6.200-10.20.6.203']}]"
        );
        foreach (var container in (string[])["a", "b", "c"])
            await site.Acquire(container);
        await site.Release("b");
        await site.Release("c");

        var usage = site.Usage;
        Assert.Equal((1, 2, 0), (usage.Held, usage.Cooling, usage.Sticky));
        Assert.Equal(((UInt128)10, (UInt128)4), (usage.Excluded, usage.Reserved));
        Assert.Equal(usage.Size, (UInt128)(usage.Held + usage.Cooling) + usage.Reserved + usage.Free);
        Assert.Equal(3, site.Holdings.HighWater.IPv4);
    }

    /// <summary>Neither a pick nor a rest that is over costs more for what else rests.</summary>
    [Fact]
    public void Costs_TheSame_HoweverMuchRests()
    {
        var prefix = Prefix.Parse("10.0.0.0/8").Value;
        var rules = new RestRules { CoolDown = 60_000, Now = 1_000 };
        TimeSpan Measure(int count)
        {
            var held = Holdings.Empty.Open();
            for (var i = 0; i < count; i++)
                Give(held, i, EndTime.At(i / 100, 0));
            var pool = new AddressPool("n", [new Subnet(prefix, 3)], held) { Rests = rules };
            var best = TimeSpan.MaxValue;
            for (var round = 0; round < 20; round++)
            {
                var start = Stopwatch.GetTimestamp();
                for (var i = 0; i < 50; i++)
                {
                    rules.Expire(held, 4_096);
                    Assert.True(pool.Choose(new Holder($"x{i}", "x"), [], "2026-11-22T10:00:00Z").TryGet(out _, out _));
                }

                var took = Stopwatch.GetElapsedTime(start);
                best = took < best ? took : best;
            }

            return best;
        }

        var (few, many) = (Measure(100), Measure(200_000));
        Assert.True(
            many < (few * 10) + TimeSpan.FromMilliseconds(2),
            $"{few.TotalMilliseconds} ms of few, {many.TotalMilliseconds} ms of many"
        );
    }

    [Fact]
    public void Forgets_WhoRestsLongest_BeyondItsBound()
    {
        var held = Holdings.Empty.Open();
        for (var i = 0; i < Resting.MaxPerFamily + 10; i++)
            Give(held, i, EndTime.At(0, 0));

        new RestRules { CoolDown = 60_000, Now = 1 }.Expire(held, 4_096);

        Assert.Equal(Resting.MaxPerFamily, held.Rests.CountCooling(AddressFamily.IPv4));
        Assert.Null(held.RestAt(AddressOf(9)));
        Assert.NotNull(held.RestAt(AddressOf(10)));
    }

    private static Address AddressOf(int number) => new(AddressFamily.IPv4, 0x0A00_0004u + (uint)number);

    private static void Give(Holdings held, int number, EndTime end)
    {
        var holder = new Holder($"h{number}", $"holder {number}");
        held.BeginRest(
            new Rest(
                Holding.Create(
                    holder,
                    [new Lease(AddressOf(number), holder, LeaseMethod.Dynamic, "2026-11-22T10:00:00Z")]
                ),
                AddressOf(number),
                end
            )
        );
    }
}
