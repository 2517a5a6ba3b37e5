using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Contracts;
using Weft.Fleet.Quotas;
using Weft.Networks;
using Weft.Networks.Blocks;
using Weft.Resources;

namespace Weft.Fleet.Blocks;

/// <summary>What a decision about a report needs beside the state and the report.</summary>
/// <param name="Instance">What the process that reports calls itself.</param>
/// <param name="Now">The time, RFC 3339.</param>
/// <param name="NewId">A name for a new block, which is never drawn twice.</param>
/// <param name="UsersOf">Who may lease of a network.</param>
internal sealed record BlockContext(
    string Instance,
    string Now,
    Limits Limits,
    LeaseLimits Leases,
    Func<string> NewId,
    Func<StoreState, ResourceId, NetworkUsers> UsersOf
);

/// <summary>What was decided about a report.</summary>
internal sealed record BlockOutcome(ImmutableArray<Mutation> Mutations, BlockReply Reply);

/// <summary>
/// The decision about one report of an agent (docs/specs/blocks.md): who reports, what it has left, which leases it has given,
/// what it is granted.
/// </summary>
/// <param name="agent">The agent's row.</param>
internal sealed class BlockDecision(ReadTransaction transaction, Row agent, BlockReport report, BlockContext around)
{
    private readonly ResourceId _id = ResourceKind.IdOf(agent);
    private readonly List<Mutation> _changes = [];
    private readonly List<RefusedLease> _refused = [];
    private readonly SortedDictionary<string, AddressBlock> _blocks = new(StringComparer.Ordinal);
    private StoreState _after = transaction.State;

    /// <summary>Decides.</summary>
    /// <returns>The changes and the answer, or why the report isn't taken.</returns>
    public Outcome<BlockOutcome> Decide()
    {
        if (Agent.NodeOf(agent) is not { } node)
            return new Refusal(
                RefusalCode.Conflict,
                $"agent {_id.Name} serves its cluster as a whole; blocks are of the agents of nodes"
            );
        foreach (var block in BlockBook.Of(transaction, _id).Blocks)
            _blocks[block.Id] = transaction.Get(block.Key) is { } row ? AddressBlock.Of(row) : block;
        if (TakeTurn() is { } fenced)
            return fenced;
        TakeLeases(node);
        foreach (var block in _blocks.Values.ToList())
            Keep(block);
        var grants = new BlockGrants(transaction, agent, node, around, report.Owner, report.Machine);
        foreach (var want in report.Wants)
        {
            if (grants.Grant(_after, [.. _blocks.Values], want) is { } granted)
                Put(granted);
        }

        return new BlockOutcome(
            [.. _changes],
            new BlockReply([.. _blocks.Values.Where(IsMine).Select(Render)], _refused)
        );
    }

    private bool IsMine(AddressBlock block) => block.Owner == report.Owner && block.State != BlockState.Lost;

    /// <summary>Takes note of who reports.</summary>
    /// <returns>Why it may not; null where it may.</returns>
    private Refusal? TakeTurn()
    {
        var known = transaction.Get(BlockOwner.KeyOf(_id)) is { } row ? BlockOwner.Of(row) : null;
        var now = BlockOwner.Of(report, around.Instance);
        var turn = BlockOwner.Judge(known, now, _blocks.Values);
        if (turn == OwnerTurn.Fenced || report.Blocks.Any(IsOfEarlierTime))
            return new Refusal(
                RefusalCode.BlocksFenced,
                $"the blocks of agent {_id.Name} aren't those of this journal: it was copied, or set back to an earlier time",
                "owner"
            );
        if (known != now)
            Apply(now.ToMutation(_id));
        foreach (var block in _blocks.Values.Where(block => block.Owner != report.Owner).ToList())
            Lose(block);
        return null;
    }

    /// <summary>Whether the journal has more of a block than its owner has left of it: it has forgotten what it gave back.</summary>
    private bool IsOfEarlierTime(OwnedBlock owned) =>
        _blocks.TryGetValue(owned.Id, out var block) && !owned.ToSet().Except(block.Addresses).IsEmpty;

    /// <summary>
    /// What another journal of this agent owned: lost, until the machine was started anew, for no pod outlives that.
    /// </summary>
    private void Lose(AddressBlock block)
    {
        var isSameMachine = block.Machine.Length > 0 && block.Machine == report.Machine;
        if (block.State != BlockState.Lost || block.Boot.Length == 0)
            Put(
                block with
                {
                    State = BlockState.Lost,
                    Boot = report.Boot,
                    Reason = block.Reason ?? "the journal that owned it is lost",
                }
            );
        else if (isSameMachine && block.Boot != report.Boot && report.Boot.Length > 0)
            Remove(block);
    }

    private void TakeLeases(string node)
    {
        var taken = new BlockLeases(transaction, agent, node, around);
        var (changes, refused) = taken.Take(report.Leases, _blocks.Values);
        foreach (var change in changes)
            Apply(change);
        _refused.AddRange(refused);
    }

    /// <summary>What its owner has left of a block, and whether it may keep that.</summary>
    private void Keep(AddressBlock block)
    {
        if (block.Owner != report.Owner || block.State == BlockState.Lost)
            return;
        var left = report.Blocks.FirstOrDefault(owned => owned.Id == block.Id) is { } listed
            ? block.Addresses.Intersect(listed.ToSet())
            : AddressSet.Empty;
        if (left.IsEmpty)
        {
            Remove(block);
            return;
        }

        var reason = ReasonToDrain(block.Network);
        var holdings = NetworkPool.HoldingsOf(_after, block.Network);
        var kept = block with
        {
            Addresses = left,
            Held = CountHeld(holdings, left),
            Machine = report.Machine,
            State = reason is null ? block.State : BlockState.Draining,
            Reason = reason ?? block.Reason,
        };
        if (kept != block)
            Put(kept);
    }

    private string? ReasonToDrain(ResourceId network) =>
        transaction.Get(network) is null ? "the network is being deleted"
        : PoolSpec.Find(transaction, network).Blocks.IsOff ? "the network's pool has blocks off"
        : !ClusterAttachments.PodsMayLease(transaction, _id.Parent!, network)
            ? $"the network isn't attached to {_id.Parent!.Name} any more"
        : null;

    private static FamilyCount CountHeld(Holdings holdings, AddressSet addresses)
    {
        var held = default(FamilyCount);
        foreach (var range in addresses)
        {
            for (var at = range.First.Value; at <= range.Last.Value; at++)
            {
                if (holdings.At(new Address(range.Family, at)) is not null)
                    held = held.Plus(
                        range.Family == AddressFamily.IPv4 ? new FamilyCount(1, 0) : new FamilyCount(0, 1),
                        1
                    );
            }
        }

        return held;
    }

    private void Put(AddressBlock block)
    {
        _blocks[block.Id] = block;
        Apply(block.ToMutation());
    }

    private void Remove(AddressBlock block)
    {
        _blocks.Remove(block.Id);
        Apply(Mutation.Remove(block.Key));
    }

    private void Apply(Mutation change)
    {
        _changes.Add(change);
        _after = _after.Next([change]);
    }

    private GrantedBlock Render(AddressBlock block)
    {
        var row = transaction.Get(block.Network);
        var spec = PoolSpec.Find(transaction, block.Network);
        var subnets = row is null ? [] : NetworkSubnets.Create(row, spec, around.Limits);
        return new GrantedBlock(
            block.Id,
            block.Network.ToString(),
            [.. block.Addresses.Select(range => range.ToString())],
            [.. subnets.Select(subnet => new BlockSubnet(subnet.Prefix.ToString(), subnet.Gateway?.ToString()))],
            block.State != BlockState.Active,
            [
                .. spec
                    .Rules.Reservations.Where(kept => kept.Owner == _id.Parent!.Key)
                    .Select(kept => kept.Pod)
                    .OfType<string>(),
                .. spec.Rules.StickyPods,
                .. spec.Rules.Claims,
            ]
        );
    }
}
