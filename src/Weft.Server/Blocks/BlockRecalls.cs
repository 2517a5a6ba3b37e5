using System.Collections.Concurrent;
using Weft.Contracts;
using Weft.Networks.Blocks;
using Weft.Resources;
using Weft.Server.Inquiries;

namespace Weft.Server.Blocks;

/// <summary>
/// Asks agents for what is free in their blocks where somebody else needs it, and has that decided once more
/// (docs/specs/blocks.md, "Coming back").
/// </summary>
internal sealed class BlockRecalls(ControlPlane controlPlane, AgentInquiries inquiries, TimeProvider time)
{
    /// <summary>An agent that is well answers within a second; who waits has some 18 s.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // One question at a time for each network: whoever comes meanwhile waits for the same answer.
    private readonly ConcurrentDictionary<string, Task> _asking = new(StringComparer.Ordinal);

    /// <summary>Decides; where blocks stand in the way, asks for them and decides once more.</summary>
    public async Task<Outcome<T>> Decide<T>(Func<Task<Outcome<T>>> decide, CancellationToken cancel)
        where T : notnull
    {
        var outcome = await decide();
        if (outcome.TryGet(out _, out var refusal))
            return outcome;
        var networks = refusal.Findings.Select(finding => finding.BlocksOf).OfType<string>().Distinct().ToList();
        if (networks.Count == 0)
            return outcome;
        foreach (var network in networks)
            await Recall(network, cancel);
        return await decide();
    }

    /// <summary>Asks all owners of blocks of a network for what is free, and waits until they have given it back.</summary>
    /// <param name="networkKey">The network's id in lower case.</param>
    /// <returns>Done also where some can't be reached, or don't answer in time.</returns>
    public async Task Recall(string networkKey, CancellationToken cancel)
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var asking = _asking.GetOrAdd(networkKey, begun.Task);
        if (asking != begun.Task)
        {
            await asking.WaitAsync(Patience, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }

        try
        {
            await Ask(networkKey, cancel);
        }
        finally
        {
            _asking.TryRemove(networkKey, out _);
            begun.SetResult();
        }
    }

    private async Task Ask(string networkKey, CancellationToken cancel)
    {
        if (!ResourceId.TryParse(networkKey, out var network))
            return;
        var state = controlPlane.Store.Current;
        var recall = new BlockRecall(
            state.Get(StoreKey.ForResource(network)) is { } row ? ResourceKind.IdOf(row).ToString() : networkKey
        );
        await Task.WhenAll(
            BlockBook
                .Of(state, network)
                .Blocks.Where(block => block.State != BlockState.Lost)
                .Select(block => block.Agent)
                .Distinct()
                .Select(agent => inquiries.Recall(agent, recall, Patience, cancel))
        );
    }
}
