using Weft.Addressing;
using Weft.Contracts;
using Weft.Fleet.Blocks;
using Weft.Networks.Blocks;
using Weft.Resources;

namespace Weft.Tests.Fleet.Blocks;

/// <summary>How large a block is, where it lies, whose it is, and when it comes back without its owner's word.</summary>
public sealed class BlockDemandTests
{
    private static readonly BlockRules Rules = BlockRules.Default;

    [Theory]
    [InlineData(251, 0, 3, 0, 10, 16)] // the next power of two
    [InlineData(251, 0, 3, 0, 1, 4)] // never fewer than 4
    [InlineData(251, 0, 10, 0, 60, 8)] // 12 of them are this node's part
    [InlineData(251, 0, 10, 9, 60, 0)] // of which it has 9 already
    [InlineData(251, 0, 60, 0, 60, 0)] // many nodes: 2 for each, so weftd gives all of it
    [InlineData(63, 0, 1, 0, 60, 0)] // a small pool is weftd's
    [InlineData(70, 0, 1, 0, 60, 4)] // 64 stay free beside the block
    [InlineData(100_000, 0, 1, 0, 5_000, 64)] // no block is larger
    [InlineData(200, 50, 2, 0, 100, 32)] // what is in blocks is shared too: 62 for each
    public void Sizes_ABlock_ByDemandAndPart(int free, int inBlocks, int nodes, int owned, int expected, int size) =>
        Assert.Equal(
            size,
            new BlockDemand((UInt128)free, (UInt128)inBlocks, nodes, owned, expected, 1_000).SizeBy(Rules)
        );

    [Fact]
    public void Sizes_ABlock_ByTheBoundOnANode_AndByThePool()
    {
        Assert.Equal(8, new BlockDemand(1_000, 0, 1, 0, 60, 9).SizeBy(Rules));
        Assert.Equal(0, new BlockDemand(1_000, 0, 1, 0, 60, 3).SizeBy(Rules));
        Assert.Equal(0, new BlockDemand(1_000, 0, 1, 0, 60, 100).SizeBy(Rules with { IsOff = true }));
        Assert.Equal(32, new BlockDemand(UInt128.MaxValue, 0, 1, 0, 20, 100).SizeBy(Rules));
    }

    [Fact]
    public void Lies_AtTheEndOfThePool_OnABoundary_AndNextToOthers()
    {
        var pool = PoolOf("10.0.0.0/24");
        var first = BlockPlacement.Choose(pool, AddressFamily.IPv4, 16);
        Assert.Equal("10.0.0.224-10.0.0.239", first.ToString());
        pool = pool with { Blocked = new BlockedAddresses("n", first, default) };
        Assert.Equal("10.0.0.208-10.0.0.223", BlockPlacement.Choose(pool, AddressFamily.IPv4, 16).ToString());
    }

    [Fact]
    public void Lies_OverNothingThatRests()
    {
        var held = Holdings.Empty.Open();
        var lease = new Lease(
            Address.Parse("10.0.0.230").Value,
            new Holder("h", "h"),
            LeaseMethod.Dynamic,
            TestSite.Now
        );
        held.BeginRest(new Rest(Holding.Create(lease.Holder, [lease]), lease.Address, EndTime.At(0, 0)));
        var pool = PoolOf("10.0.0.0/24") with { Holdings = held.Close() };
        Assert.Equal("10.0.0.208-10.0.0.223", BlockPlacement.Choose(pool, AddressFamily.IPv4, 16).ToString());
    }

    [Fact]
    public void Lies_WhereverSomethingIsFree_WhereNoRunIs()
    {
        var pool = PoolOf("10.0.0.0/28");
        foreach (var held in Enumerable.Range(2, 13).Where(i => i % 2 == 0))
            pool = pool with
            {
                Holdings = pool.Holdings.With(
                    new Lease(
                        Address.Parse($"10.0.0.{held}").Value,
                        new Holder($"h{held}", "h"),
                        LeaseMethod.Dynamic,
                        TestSite.Now
                    )
                ),
            };
        Assert.Equal(
            "10.0.0.3, 10.0.0.5, 10.0.0.7, 10.0.0.9",
            BlockPlacement.Choose(pool, AddressFamily.IPv4, 4).ToString()
        );
    }

    [Theory]
    [InlineData("o1", 3, "p1", OwnerTurn.Same)]
    [InlineData("o1", 4, "p2", OwnerTurn.NextLife)]
    [InlineData("o1", 3, "p2", OwnerTurn.Fenced)] // two processes of one life: a copy
    [InlineData("o1", 2, "p3", OwnerTurn.Fenced)] // an earlier life
    [InlineData("o2", 1, "p3", OwnerTurn.Another)]
    [InlineData("o0", 9, "p3", OwnerTurn.Fenced)] // its blocks were given up before
    public void Judges_WhoReports(string owner, long life, string instance, object turn)
    {
        var known = new BlockOwner("o1", 3, "p1", "m", "b");
        Assert.Equal(
            (OwnerTurn)turn,
            BlockOwner.Judge(known, new BlockOwner(owner, life, instance, "m", "b"), [BlockOf("o0", BlockState.Lost)])
        );
    }

    [Theory]
    [InlineData(BlockStates.Active, true, true, KubeNodeState.Ready, true, false)]
    [InlineData(BlockStates.Active, true, false, KubeNodeState.Absent, true, true)]
    [InlineData(BlockStates.Active, true, true, KubeNodeState.Absent, true, false)] // it is heard, so it runs
    [InlineData(BlockStates.Active, true, false, KubeNodeState.NotReady, true, false)]
    [InlineData(BlockStates.Lost, true, true, KubeNodeState.Ready, true, false)]
    [InlineData(BlockStates.Lost, true, false, KubeNodeState.OutOfService, true, true)]
    [InlineData(BlockStates.Lost, false, false, KubeNodeState.Unknown, false, true)]
    [InlineData(BlockStates.Lost, false, false, KubeNodeState.Unknown, true, false)]
    public void ComesBack_OnlyByProof(
        string state,
        bool hasAgent,
        bool isHeard,
        object node,
        bool isNodeKnown,
        bool isBack
    ) =>
        Assert.Equal(
            isBack,
            BlockReturn
                .Of(
                    BlockOf("o1", Enum.Parse<BlockState>(state)),
                    new BlockEvidence
                    {
                        HasAgent = hasAgent,
                        IsHeard = isHeard,
                        Node = (KubeNodeState)node,
                        IsNodeKnown = isNodeKnown,
                    }
                )
                .IsBack
        );

    private static AddressPool PoolOf(string prefix) =>
        new("n", [new Subnet(Prefix.Parse(prefix).Value, 1)], Holdings.Empty);

    private static AddressBlock BlockOf(string owner, BlockState state) =>
        new(
            "b",
            BlockWorld.Network,
            ResourceId
                .Parse($"{TestSite.Group}/providers/Microsoft.NetworkCloud/kubernetesClusters/k1")
                .Value.Extend(Weft.Fleet.Agent.ResourceType, "w1"),
            "w1",
            owner,
            AddressSet.Create(AddressRange.Parse("10.20.6.32/28").Value),
            default,
            state,
            TestSite.Now
        );

    private static class BlockStates
    {
        public const string Active = nameof(BlockState.Active);
        public const string Lost = nameof(BlockState.Lost);
    }
}
