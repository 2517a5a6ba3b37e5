using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Security.Cryptography;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Fleet.Blocks;
using Weft.Fleet.Quotas;
using Weft.Resources;
using Weft.Server.Leases;

namespace Weft.Server.Blocks;

/// <summary>Takes in what agents report of their blocks, and grants what they want (docs/specs/blocks.md).</summary>
internal sealed partial class BlockReports(
    ControlPlane controlPlane,
    LeaseSessions sessions,
    LeaseLimits limits,
    BlockRecalls recalls,
    ILogger<BlockReports> logger
)
{
    /// <summary>What reports are put in line by: no holder's id, for these begin with what they are.</summary>
    private const string Line = "#blocks";

    private const int MaxAttempts = 8;

    private readonly ConcurrentDictionary<string, NetworkUsersCache> _users = new(StringComparer.Ordinal);

    /// <summary>Takes one report in.</summary>
    /// <param name="agent">The agent's row.</param>
    /// <param name="instance">What the process that reports calls itself.</param>
    /// <returns>The answer once all is durable, or why the report isn't taken.</returns>
    public async Task<Outcome<BlockReply>> Take(
        Row agent,
        BlockReport report,
        string instance,
        CancellationToken cancel
    )
    {
        var id = ResourceKind.IdOf(agent);
        if (report.Session is not { } session)
            return new Refusal(RefusalCode.MissingMember, "'session', 'sequence' and 'oldest' are required", "session");
        var order = new RequestOrder(session, report.Sequence, report.Oldest);
        if (sessions.Admit(id, Line, order) is { } late)
            return late;
        var holders = report.Leases.Select(lease => HolderIdOf(id, lease)).ToImmutableArray();
        using var underWay = sessions.BeginReport(holders);
        var counted = report with
        {
            // Something else was asked about the others since: their release may have come first.
            Leases = [.. report.Leases.Where((_, i) => sessions.Admit(id, holders[i], order) is null)],
        };
        var decided =
            counted.Wants.Count > 0
                ? await Grant(agent, counted, instance, cancel)
                : await Commit(agent, counted, instance, cancel);
        if (decided.TryGet(out var outcome, out _))
        {
            foreach (var refused in outcome.Reply.Refused)
                Log.LeaseRefused(logger, id, refused.Address, refused.Network, refused.Reason);
        }

        return decided.TryGet(out outcome, out var refusal) ? outcome.Reply : refusal;
    }

    private static string HolderIdOf(ResourceId agent, BlockLease lease) =>
        AddressClaims.PodHolderOf(agent.Parent!, lease.ContainerId, lease.Interface, null, null).Id;

    /// <summary>Nothing is granted: it rests on rows of the agent alone, and on the records that it changes.</summary>
    private async Task<Outcome<BlockOutcome>> Commit(
        Row agent,
        BlockReport report,
        string instance,
        CancellationToken cancel
    )
    {
        for (var attempt = 0; attempt < MaxAttempts; attempt++)
        {
            var transaction = new ReadTransaction(controlPlane.Store.Current);
            if (!Decide(transaction, agent, report, instance).TryGet(out var outcome, out var refusal))
                return refusal;
            if (
                outcome.Mutations.IsEmpty
                || await controlPlane.Store.Commit(transaction.ReadSet, outcome.Mutations, cancel) is not null
            )
                return outcome;
        }

        return new Refusal(RefusalCode.Contended, "others lease from the same pools; report once more");
    }

    /// <summary>
    /// Writes of machines and nodes wait meanwhile: they look at blocks, and don't rest on them. Nothing is granted of a network
    /// that somebody waits for.
    /// </summary>
    private async Task<Outcome<BlockOutcome>> Grant(
        Row agent,
        BlockReport report,
        string instance,
        CancellationToken cancel
    )
    {
        BlockOutcome? outcome = null;
        var decided = await controlPlane.Decide(
            transaction =>
            {
                var counted = report with { Wants = [.. report.Wants.Where(want => !IsAwaited(want))] };
                if (!Decide(transaction, agent, counted, instance).TryGet(out outcome, out var refusal))
                    return refusal;
                return new Decision(outcome.Mutations, null, transaction.State, false, null);
            },
            cancel
        );
        return decided.TryGet(out _, out var objection) ? outcome! : objection;
    }

    private bool IsAwaited(BlockWant want) =>
        ResourceId.TryParse(want.Network, out var network) && recalls.IsAwaited(network.Key);

    private Outcome<BlockOutcome> Decide(ReadTransaction transaction, Row agent, BlockReport report, string instance)
    {
        var id = ResourceKind.IdOf(agent);
        if (transaction.Get(id) is not { } row)
            return Agent.Deleted(id);
        var around = new BlockContext(
            instance,
            controlPlane.Now,
            controlPlane.Limits,
            limits,
            () => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)),
            UsersOf
        );
        return new BlockDecision(transaction, row, report, around).Decide();
    }

    /// <summary>Kept for as long as what it is read off is unchanged; decisions of one network are made one by one.</summary>
    private NetworkUsers UsersOf(StoreState state, ResourceId network)
    {
        var cache = _users.GetOrAdd(network.Key, _ => new NetworkUsersCache(network));
        lock (cache)
            return cache.Get(state);
    }

    private static partial class Log
    {
        [LoggerMessage(
            1231,
            LogLevel.Warning,
            "{Agent} has given {Address} of {Network} to a pod by itself, and that isn't taken in: {Reason}"
        )]
        public static partial void LeaseRefused(
            ILogger logger,
            ResourceId agent,
            string address,
            string network,
            string reason
        );
    }
}
