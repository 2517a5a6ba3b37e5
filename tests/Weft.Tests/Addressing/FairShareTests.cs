using CsCheck;
using Weft.Addressing;

namespace Weft.Tests.Addressing;

/// <summary>What one of several may take of what they share, whatever the others take and give back.</summary>
public sealed class FairShareTests
{
    private const int KeptPercent = 25;

    /// <summary>A capacity, how many share it, and who takes (1 to 4) or gives back (0).</summary>
    private static readonly Gen<(int Capacity, int Users, (int User, int Verb)[] Steps)> Histories = Gen.Select(
            Gen.Int[1, 60],
            Gen.Int[1, 6]
        )
        .SelectMany(size =>
            Gen.Select(Gen.Int[0, size.Item2 - 1], Gen.Int[0, 4])
                .Array[0, 200]
                .Select(steps => (size.Item1, size.Item2, steps))
        );

    [Fact]
    public void Refuses_NobodyWhoHoldsLessThanAllOthers_WhileSomethingIsFree() =>
        Play(
            (held, user, room) =>
            {
                if (room == 0 && held.Free > 0)
                    Assert.NotEqual(held.Of.Min(), held.Of[user]);
            }
        );

    [Fact]
    public void Refuses_NobodyWhoIsBelowHisShare_WhileMoreIsFreeThanIsKept() =>
        Play(
            (held, user, room) =>
            {
                var share = ShareOf(held, user);
                if (held.Free > (int)share.KeptAt(KeptPercent))
                    Assert.True(room > 0);
                if (held.Of[user] >= (int)share.Share && held.Of.Length > 1)
                    Assert.True(room + (int)share.KeptAt(KeptPercent) <= held.Free || room == 0);
            }
        );

    /// <summary>Also where all others take what they can: so several that mean harm leave something, too.</summary>
    [Fact]
    public void Leaves_Something_ToWhoeverHoldsNothing() =>
        Play(
            (held, _, _) =>
            {
                var others = held.Of.Length - 1;
                if (others == 0 || held.Of.All(of => of > 0))
                    return;
                // Each other may take its first one of it.
                Assert.True(held.Free >= ((int)ShareOf(held, 0).KeptAt(KeptPercent) / others) - others);
            }
        );

    [Fact]
    public void Gives_AllOfItToOneAlone() =>
        Play(
            (held, _, room) =>
            {
                if (held.Of.Length == 1)
                    Assert.Equal(held.Free, room);
            }
        );

    /// <summary>An attack that was seen: one of two takes what it can of a /24.</summary>
    [Theory]
    [InlineData(2, 25, 183, 62)]
    [InlineData(3, 25, 183, 62)]
    [InlineData(2, 0, 245, 0)]
    [InlineData(2, 50, 122, 123)]
    [InlineData(1, 25, 245, 0)]
    public void Stops_TheGreedyOne_BeforeTheEnd(int users, int keptPercent, int greedy, int left)
    {
        var taken = 0;
        while (RoomOf(new Pool(245, [taken, .. new int[users - 1]]), 0, keptPercent) > 0)
            taken++;
        Assert.Equal((greedy, left), (taken, 245 - taken));
    }

    /// <summary>
    /// A quarter of 100 is kept. Whoever holds something asks how many hold as much only where what is kept is touched.
    /// </summary>
    [Theory]
    // Nothing is free; and nobody shares it.
    [InlineData(0, 2, 10, 1, 0, false)]
    [InlineData(10, 1, 90, 1, 10, false)]
    // Above what is kept: the difference, or what is missing of the share of 50 where that is more.
    [InlineData(40, 2, 45, 1, 15, false)]
    [InlineData(30, 2, 40, 1, 10, false)]
    [InlineData(30, 2, 50, 1, 5, false)]
    [InlineData(30, 2, 60, 1, 5, false)]
    // Exactly what is kept is free: nothing for who has its share, what is missing for who holds most of those below.
    [InlineData(25, 2, 50, 1, 0, false)]
    [InlineData(25, 2, 49, 2, 1, true)]
    // Of three, one holds less: half of the 25 is its own, rounded down.
    [InlineData(20, 3, 20, 2, 8, true)]
    [InlineData(13, 3, 20, 2, 1, true)]
    [InlineData(12, 3, 20, 2, 0, true)]
    [InlineData(11, 3, 20, 2, 0, true)]
    // Two hold less: all that is kept is theirs.
    [InlineData(24, 3, 20, 1, 0, true)]
    // Nobody holds less than nothing.
    [InlineData(20, 3, 0, 3, 20, false)]
    [InlineData(1, 3, 0, 3, 1, false)]
    public void Gives_WhatTheLawSays(int free, int users, int held, int holdAsMuch, int room, bool asks)
    {
        var asked = false;
        int CountHolding(UInt128 least)
        {
            asked = true;
            Assert.Equal((UInt128)held, least);
            return holdAsMuch;
        }

        var share = new FairShare((UInt128)free, 100, users, (UInt128)held);

        Assert.Equal((UInt128)room, share.RoomAbove(KeptPercent, CountHolding));
        Assert.Equal(asks, asked);
    }

    [Fact]
    public void Counts_Addresses_OfTheLargestPools()
    {
        var share = new FairShare(UInt128.MaxValue, UInt128.MaxValue, 3, 1);
        Assert.Equal(UInt128.MaxValue / 3, share.Share);
        Assert.True(share.RoomAbove(90, _ => 3) > 0);
        Assert.Equal(UInt128.MaxValue, (share with { Users = 1 }).RoomAbove(90, _ => 1));
    }

    private static void Play(Action<Pool, int, int> judge) =>
        Histories.Sample(history =>
        {
            var pool = new Pool(history.Capacity, new int[history.Users]);
            foreach (var (user, verb) in history.Steps)
            {
                var room = RoomOf(pool, user, KeptPercent);
                Assert.InRange(room, 0, pool.Free);
                judge(pool, user, room);
                if (verb > 0 ? room > 0 : pool.Of[user] > 0)
                    pool.Of[user] += verb > 0 ? 1 : -1;
            }
        });

    private static FairShare ShareOf(Pool pool, int user) =>
        new((UInt128)pool.Free, (UInt128)pool.Capacity, pool.Of.Length, (UInt128)pool.Of[user]);

    private static int RoomOf(Pool pool, int user, int keptPercent) =>
        (int)ShareOf(pool, user).RoomAbove(keptPercent, least => pool.Of.Count(held => held >= (int)least));

    private sealed record Pool(int Capacity, int[] Of)
    {
        public int Free => Capacity - Of.Sum();
    }
}
