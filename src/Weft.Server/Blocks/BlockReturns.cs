using System.Collections.Immutable;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Fleet.Blocks;
using Weft.Fleet.Quotas;
using Weft.Networks.Blocks;
using Weft.Resources;
using Weft.Server.Audit;
using Weft.Server.Inquiries;

namespace Weft.Server.Blocks;

/// <summary>A block that doesn't come back by its owner's word, and what becomes of it.</summary>
internal sealed record ReviewedBlock(AddressBlock Block, BlockReturn Verdict, bool IsReturned);

/// <summary>
/// Takes back blocks whose owner is gone, once it is proven that nothing runs on its node (docs/specs/blocks.md, "Coming back").
/// Seen gone twice, as leases are.
/// </summary>
internal sealed partial class BlockReturns(
    ControlPlane controlPlane,
    AgentInquiries inquiries,
    LeaseLimits limits,
    AuditLog audit,
    TimeProvider time,
    ILogger<BlockReturns> logger
)
{
    private const string Verb = "Reclaim";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    // When a block was first seen to be back; by the monotonic clock. Whoever reviews does so in turn.
    private readonly Dictionary<string, long> _goneSince = new(StringComparer.Ordinal);

    /// <summary>Looks at all blocks whose owners don't listen, and takes back what was seen gone for long enough.</summary>
    /// <param name="network">Only of this network; null for all.</param>
    /// <param name="repair">Whether what is gone now is taken back without waiting.</param>
    /// <returns>Those that are lost, or taken back.</returns>
    public async Task<ImmutableArray<ReviewedBlock>> Review(ResourceId? network, bool repair, CancellationToken cancel)
    {
        var state = controlPlane.Store.Current;
        var blocks = state
            .Range($"{AddressBlock.Partition}|")
            .Select(AddressBlock.Of)
            .Where(block => network is null || block.Network.Equals(network))
            .Where(block => block.State == BlockState.Lost || !inquiries.IsListening(block.Agent))
            .ToList();
        var found = ImmutableArray.CreateBuilder<ReviewedBlock>();
        foreach (var group in blocks.GroupBy(block => block.Agent.Parent!))
        {
            var nodes = await AskForNodes(state, group.Key, [.. group.Select(block => block.Node).Distinct()], cancel);
            foreach (var block in group)
            {
                var verdict = Judge(state, block, nodes.GetValueOrDefault(block.Node));
                var isReturned = verdict.IsBack && IsDue(block, repair) && await Remove(block, verdict.Reason, cancel);
                if (!verdict.IsBack)
                    _goneSince.Remove(block.Id);
                if (block.State == BlockState.Lost || verdict.IsBack)
                    found.Add(new ReviewedBlock(block, verdict, isReturned));
            }
        }

        foreach (var gone in _goneSince.Keys.Where(id => state.Get(AddressBlock.KeyOf(id)) is null).ToList())
            _goneSince.Remove(gone);
        return found.ToImmutable();
    }

    /// <summary>Takes a block back because somebody says so, whoever has it.</summary>
    /// <param name="by">Who says so.</param>
    public Task<bool> Force(AddressBlock block, string by, CancellationToken cancel) =>
        Remove(block, $"{by}: by an operator's word", cancel);

    private bool IsDue(AddressBlock block, bool repair)
    {
        _goneSince.TryAdd(block.Id, time.GetTimestamp());
        return repair
            || (
                limits.ReclaimSeconds > 0
                && time.GetElapsedTime(_goneSince[block.Id]) >= TimeSpan.FromSeconds(limits.ReclaimSeconds)
            );
    }

    private BlockReturn Judge(StoreState state, AddressBlock block, KubeNodeState node)
    {
        var cluster = block.Agent.Parent!;
        var others = Agent
            .ListIn(state, cluster)
            .Where(row => !Provisioning.IsDeleting(row) && !ResourceKind.IdOf(row).Equals(block.Agent));
        return BlockReturn.Of(
            block,
            new BlockEvidence
            {
                HasAgent = Agent.Find(state, block.Agent) is not null,
                IsHeard = inquiries.IsListening(block.Agent),
                IsNodeKnown =
                    state.Get(StoreKey.ForResource(cluster.Extend(Node.ResourceType, block.Node))) is not null
                    || others.Any(row => block.Node.Equals(Agent.NodeOf(row), StringComparison.OrdinalIgnoreCase)),
                Node = node,
            }
        );
    }

    /// <summary>Asks the agent of the cluster about nodes, as about pods that aren't there.</summary>
    private async Task<Dictionary<string, KubeNodeState>> AskForNodes(
        StoreState state,
        ResourceId cluster,
        ImmutableArray<string> nodes,
        CancellationToken cancel
    )
    {
        var found = new Dictionary<string, KubeNodeState>(StringComparer.Ordinal);
        var agents = Agent.ListIn(state, cluster).Where(row => Agent.NodeOf(row) is null).Select(ResourceKind.IdOf);
        foreach (var agent in agents.ToList())
        {
            foreach (var part in nodes.Chunk(AgentInquiry.MaxItems))
            {
                var asked = part.Select(node => new PodReference("default", "weft-block", null, node)).ToList();
                var report = await inquiries.Ask(agent, asked, [], InquiryRelease.No, Patience, cancel);
                for (var i = 0; report is not null && i < part.Length; i++)
                {
                    if (report.Pods[i].NodeState != KubeNodeState.Unknown)
                        found[part[i]] = report.Pods[i].NodeState;
                }
            }
        }

        return found;
    }

    private async Task<bool> Remove(AddressBlock block, string reason, CancellationToken cancel)
    {
        var outcome = await controlPlane.Decide(
            transaction =>
            {
                var now = transaction.Get(block.Key) is { } row ? AddressBlock.Of(row) : null;
                ImmutableArray<Mutation> changes =
                    now?.Owner == block.Owner && now.State == block.State ? [Mutation.Remove(block.Key)] : [];
                return new Decision(changes, null, transaction.State, false, null);
            },
            cancel
        );
        if (!outcome.TryGet(out var decision, out _) || decision.Mutations.IsEmpty)
            return false;
        Log.BlockReturned(logger, block.Addresses.ToString(), block.Network, block.Agent, reason);
        _ = await audit.Append(
            new AuditRecord(AuditRecord.Format(time.GetUtcNow()), 0, Verb, "weftd", AuditCallerType.System)
            {
                Id = AuditRecord.Bound(block.Network.ToString(), AuditRecord.MaxIdLength),
                Result = AuditResult.Succeeded,
                Detail = new SortedDictionary<string, string>(StringComparer.Ordinal)
                {
                    ["block"] = AuditRecord.Bound(block.Addresses.ToString()),
                    ["node"] = AuditRecord.Bound(block.Node),
                    ["reason"] = AuditRecord.Bound(reason),
                },
            }
        );
        return true;
    }

    private static partial class Log
    {
        [LoggerMessage(
            1232,
            LogLevel.Warning,
            "{Addresses} of {Network} are back from the blocks of {Agent}: {Reason}"
        )]
        public static partial void BlockReturned(
            ILogger logger,
            string addresses,
            ResourceId network,
            ResourceId agent,
            string reason
        );
    }
}
