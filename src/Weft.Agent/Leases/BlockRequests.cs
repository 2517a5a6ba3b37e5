using Weft.Agent.Blocks;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Agent.Leases;

/// <summary>Of which networks the agent wants blocks, and when it asks (again).</summary>
internal sealed class BlockRequests(LeaseTable table, BlockDemands demand, AgentTimings timings, TimeProvider clock)
{
    // Not to be asked for before: it was refused, or asked back.
    private readonly Dictionary<string, long> _notBefore = new(StringComparer.Ordinal);

    /// <summary>What to ask for now: of networks that pods are on, where less than half of what is expected is free.</summary>
    public IReadOnlyList<BlockWant> Due()
    {
        var now = clock.GetTimestamp();
        return
        [
            .. table
                .Grants()
                .GroupBy(grant => grant.Holder.Network.Key)
                .Select(group => (Network: group.First().Holder.Network, Held: group.Count()))
                .Where(item => _notBefore.GetValueOrDefault(item.Network.Key) <= now)
                .Select(item => new BlockWant(item.Network.ToString(), demand.ExpectedOf(item.Network, item.Held)))
                .Where(want => table.Blocks.CountFree(ResourceId.Parse(want.Network).Value) * 2 < want.Expected)
                .Take(BlockReport.MaxBlocks),
        ];
    }

    /// <summary>A network isn't asked for, for a while.</summary>
    public void Postpone(ResourceId network) =>
        _notBefore[network.Key] = clock.GetTimestamp(timings.BlockReportInterval);

    /// <summary>What was wanted has been answered.</summary>
    /// <param name="granted">The ids of the networks of which there is a new block.</param>
    public void Answered(IEnumerable<BlockWant> wants, IEnumerable<string> granted)
    {
        var got = granted.ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (var want in wants.Where(want => !got.Contains(want.Network)))
            Postpone(ResourceId.Parse(want.Network).Value);
    }
}
