using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Contracts;
using Weft.Networks;
using Weft.Networks.Blocks;
using Weft.Resources;

namespace Weft.Fleet.Blocks;

/// <summary>Which blocks an agent is granted of what it wants (docs/specs/blocks.md, "Who gets one").</summary>
/// <param name="agent">The agent's row.</param>
/// <param name="owner">The owner that they will be of.</param>
internal sealed class BlockGrants(
    ReadTransaction transaction,
    Row agent,
    string node,
    BlockContext around,
    string owner,
    string machine
)
{
    private readonly ResourceId _id = ResourceKind.IdOf(agent);

    /// <summary>Decides about one want.</summary>
    /// <param name="state">The state with all that was decided so far.</param>
    /// <param name="mine">The agent's blocks by then, lost ones among them.</param>
    /// <returns>The block; null where none is granted.</returns>
    public AddressBlock? Grant(StoreState state, ImmutableArray<AddressBlock> mine, BlockWant want)
    {
        if (
            !ResourceId.TryParse(want.Network, out var network)
            || network.Type != L3Network.ResourceType
            || transaction.Get(network) is not { } row
            || mine.Length >= BlockReport.MaxBlocks
            || mine.Count(block => block.Network.Equals(network)) >= BlockRules.MaxPerNetwork
            || !ClusterAttachments.PodsMayLease(transaction, _id.Parent!, network)
            || SharedCredential.Find(state, _id.Key) is not null
            || Registration.RefusalFor(state, network) is not null
        )
            return null;
        var rules = PoolSpec.Find(transaction, network).Blocks;
        // A grant doesn't stand if anybody leases of the network meanwhile, or is granted a block of it.
        _ = NetworkPool.HoldingsOf(transaction, network);
        _ = BlockBook.Of(transaction, network);
        var pool = NetworkPool.PoolOf(state, row, around.Limits);
        var size = pool.Families.Min(family => DemandOf(state, pool, family, network, mine, want).SizeBy(rules));
        if (size == 0)
            return null;
        var sets = pool.Families.Select(family => BlockPlacement.Choose(pool, family, size)).ToList();
        return sets.Exists(set => set.IsEmpty)
            ? null
            : new AddressBlock(
                around.NewId(),
                ResourceKind.IdOf(row),
                _id,
                node,
                owner,
                AddressSet.Create(sets.SelectMany(set => set)),
                default,
                BlockState.Active,
                around.Now
            )
            {
                Machine = machine,
            };
    }

    private BlockDemand DemandOf(
        StoreState state,
        AddressPool pool,
        AddressFamily family,
        ResourceId network,
        ImmutableArray<AddressBlock> mine,
        BlockWant want
    )
    {
        var users = around.UsersOf(state, network);
        var held = NetworkPool.CountsOf(state).OfNode(_id.Parent!.ToString(), node).Total;
        var room = around.Leases.PerNode - held - mine.Sum(block => block.Free.Total);
        return new BlockDemand(
            pool.FreeCount(family),
            (UInt128)pool.Blocked.Free.Of(family),
            users.NodesOf.Values.Sum(),
            mine.Where(block => block.Network.Equals(network)).Sum(block => block.Free.Of(family)),
            want.Expected,
            room / pool.Families.Length
        );
    }
}
