using System.Collections.Concurrent;
using System.Collections.Immutable;
using Weft.Contracts;
using Weft.Networks.Blocks;
using Weft.Resources;
using Weft.Server.Inquiries;

namespace Weft.Server.Blocks;

/// <summary>
/// Asks agents for what is free in their blocks where somebody else needs it, and has that decided once more
/// (docs/specs/blocks.md, "Coming back").
/// </summary>
internal sealed class BlockRecalls(ControlPlane controlPlane, AgentInquiries inquiries)
{
    /// <summary>An agent that is well answers within a second; who waits has some 18 s.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // One question at a time for each network: whoever comes meanwhile waits for the same answer.
    private readonly ConcurrentDictionary<string, Task<ImmutableHashSet<string>>> _asking = new(StringComparer.Ordinal);

    // How many wait for what is free in a network's blocks.
    private readonly ConcurrentDictionary<string, int> _waiting = new(StringComparer.Ordinal);

    /// <summary>
    /// Whether somebody waits for what is free in blocks of a network: a block that is granted meanwhile would take it from
    /// them.
    /// </summary>
    /// <param name="networkKey">The network's id in lower case.</param>
    public bool IsAwaited(string networkKey) => _waiting.ContainsKey(networkKey);

    /// <summary>Decides; where blocks stand in the way, asks for them and decides once more.</summary>
    public async Task<Outcome<T>> Decide<T>(Func<Task<Outcome<T>>> decide, CancellationToken cancel)
        where T : notnull
    {
        var outcome = await decide();
        await Clear(
            InTheWayOf(outcome),
            async () =>
            {
                outcome = await decide();
                return InTheWayOf(outcome);
            },
            cancel
        );
        return outcome;
    }

    /// <summary>The networks, by their ids in lower case, whose blocks stand in the way of what was refused.</summary>
    public static ImmutableHashSet<string> InTheWayOf<T>(Outcome<T> outcome)
        where T : notnull =>
        outcome.TryGet(out _, out var refusal)
            ? []
            : [.. refusal.Findings.Select(finding => finding.BlocksOf).OfType<string>()];

    /// <summary>
    /// Asks for what is free in blocks of some networks and has it decided what they stand in the way of; once more where a
    /// block has come meanwhile.
    /// </summary>
    /// <param name="networks">Their ids in lower case; nothing is done where there are none.</param>
    /// <param name="decide">Decides, and says whose blocks are still in the way.</param>
    public async Task Clear(
        ImmutableHashSet<string> networks,
        Func<Task<ImmutableHashSet<string>>> decide,
        CancellationToken cancel
    )
    {
        if (networks.IsEmpty)
            return;
        foreach (var network in networks)
            _waiting.AddOrUpdate(network, 1, (_, count) => count + 1);
        try
        {
            var asked = await RecallAll(networks, cancel);
            var left = await decide();
            ImmutableHashSet<string> later =
            [
                .. left.Where(network => BlocksOf(network).Any(block => !asked.Contains(block.Id))),
            ];
            if (later.IsEmpty)
                return;
            // Granted while the others were asked.
            _ = await RecallAll(later, cancel);
            _ = await decide();
        }
        finally
        {
            foreach (var network in networks)
                EndWait(network);
        }
    }

    /// <summary>Asks all owners of blocks of a network for what is free, and waits until they have given it back.</summary>
    /// <param name="networkKey">The network's id in lower case.</param>
    /// <returns>The ids of the blocks that were asked for, also where an owner can't be reached or doesn't answer in time.</returns>
    public async Task<ImmutableHashSet<string>> Recall(string networkKey, CancellationToken cancel)
    {
        var begun = new TaskCompletionSource<ImmutableHashSet<string>>(
            TaskCreationOptions.RunContinuationsAsynchronously
        );
        var asking = _asking.GetOrAdd(networkKey, begun.Task);
        if (asking == begun.Task)
            _ = Ask(networkKey, begun);
        return await asking.WaitAsync(cancel);
    }

    /// <summary>Asks; whoever waits for it may leave, the others still do.</summary>
    private async Task Ask(string networkKey, TaskCompletionSource<ImmutableHashSet<string>> done)
    {
        ImmutableArray<AddressBlock> blocks = [.. BlocksOf(networkKey)];
        try
        {
            if (blocks.IsEmpty)
                return;
            var recall = new BlockRecall(blocks[0].Network.ToString());
            await Task.WhenAll(
                blocks
                    .Select(block => block.Agent)
                    .Distinct()
                    .Select(agent => inquiries.Recall(agent, recall, Patience, CancellationToken.None))
            );
        }
        finally
        {
            _asking.TryRemove(networkKey, out _);
            done.SetResult([.. blocks.Select(block => block.Id)]);
        }
    }

    private async Task<ImmutableHashSet<string>> RecallAll(ImmutableHashSet<string> networks, CancellationToken cancel)
    {
        var asked = await Task.WhenAll(networks.Select(network => Recall(network, cancel)));
        return [.. asked.SelectMany(blocks => blocks)];
    }

    /// <summary>The blocks of a network whose owners can give them back.</summary>
    private IEnumerable<AddressBlock> BlocksOf(string networkKey) =>
        ResourceId.TryParse(networkKey, out var network)
            ? BlockBook.Of(controlPlane.Store.Current, network).Blocks.Where(block => block.State != BlockState.Lost)
            : [];

    private void EndWait(string network)
    {
        while (_waiting.TryGetValue(network, out var count))
        {
            if (
                count == 1
                    ? _waiting.TryRemove(KeyValuePair.Create(network, count))
                    : _waiting.TryUpdate(network, count - 1, count)
            )
                return;
        }
    }
}
