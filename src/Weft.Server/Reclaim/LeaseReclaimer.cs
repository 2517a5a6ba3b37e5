using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Fleet.Quotas;
using Weft.Fleet.Reclaim;
using Weft.Networks;
using Weft.Resources;
using Weft.Server.Audit;
using Weft.Server.Blocks;
using Weft.Server.Inquiries;

namespace Weft.Server.Reclaim;

/// <summary>
/// Takes back the addresses of pods that are gone (docs/specs/reclaim.md). Each is seen gone twice, some minutes apart, and
/// looked at once more when it is freed; in between it is held.
/// </summary>
internal sealed partial class LeaseReclaimer(
    ControlPlane controlPlane,
    EvidenceCollector evidence,
    BlockReturns blocks,
    AgentInquiries inquiries,
    LeaseLimits limits,
    AuditLog audit,
    TimeProvider time,
    ILogger<LeaseReclaimer> logger
) : BackgroundService
{
    private const string Verb = "Reclaim";

    private readonly SemaphoreSlim _turn = new(1, 1);

    // When a holder was first seen gone, without having been seen alive since. By the monotonic clock: the time of day may
    // step. Guarded by _turn.
    private readonly Dictionary<string, long> _goneSince = new(StringComparer.Ordinal);

    /// <summary>Looks at what pods hold, and frees what has been seen gone for long enough.</summary>
    /// <param name="network">Only this network; null for all.</param>
    /// <param name="repair">Whether what is gone now is freed after a second look, without waiting.</param>
    public async Task<LeaseAudit> Audit(ResourceId? network, bool repair, CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel);
        try
        {
            var state = controlPlane.Store.Current;
            var held = NetworksOf(state, network).SelectMany(id => HeldAddresses.In(state, id)).ToList();
            var findings = new List<LeaseFinding>();
            foreach (var group in held.GroupBy(item => item.Cluster))
                findings.AddRange(await Judge(group.Key, [.. group], repair, cancel));
            if (network is null)
                ForgetOthers([.. held.Select(item => item.Key)]);
            findings.AddRange(HeldByTwo(controlPlane.Store.Current, network));
            findings.AddRange((await blocks.Review(network, repair, cancel)).Select(CreateFinding));
            return new LeaseAudit(held.Count, [.. findings]);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Frees what one holder has, because somebody says so.</summary>
    /// <param name="force">Whether it is freed although it may be alive.</param>
    /// <param name="by">Who says so, for the log.</param>
    /// <returns>Nothing, or why not.</returns>
    public async Task<Refusal?> Release(HeldAddresses held, bool force, string by, CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel);
        try
        {
            var judged = (await evidence.Judge(held.Cluster, [held], cancel))[0];
            if (!judged.Verdict.IsGone && !force)
                return new Refusal(
                    RefusalCode.InUse,
                    $"{string.Join(" and ", held.Leases.Select(lease => lease.Address))} can't be taken from {held.Holder.Text}: "
                        + $"{judged.Verdict.Reason}. If it is certain that nothing uses it any more: --force",
                    held.Leases[0].Address.ToString()
                );
            var release = force ? InquiryRelease.Always : InquiryRelease.IfGone;
            if (!await Free(judged, release, $"{by}: {judged.Verdict.Reason}", cancel))
                return new Refusal(
                    RefusalCode.Contended,
                    $"{held.Holder.Text} or its leases changed meanwhile; look again",
                    held.Leases[0].Address.ToString()
                );
            return null;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _turn.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (limits.ReclaimSeconds == 0)
            return;
        using var timer = new PeriodicTimer(ConfirmAfter, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                await Sweep(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // weftd stops.
        }
    }

    private TimeSpan ConfirmAfter => TimeSpan.FromSeconds(limits.ReclaimSeconds);

    private async Task Sweep(CancellationToken cancel)
    {
        try
        {
            inquiries.Sweep(controlPlane.Store.Current);
            _ = await Audit(null, repair: false, cancel);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            // A full disk, say: what is held stays held, and is looked at again.
            Log.SweepFailed(logger, e);
        }
    }

    private static IEnumerable<ResourceId> NetworksOf(StoreState state, ResourceId? only) =>
        state
            .Range($"{StoreKey.PartitionOf(L3Network.ResourceType)}|")
            .Select(ResourceKind.IdOf)
            .Where(id => only is null || id.Equals(only))
            // What a restore has left open is decided by what agents register.
            .Where(id => Registration.RefusalFor(state, id) is null);

    private async Task<IEnumerable<LeaseFinding>> Judge(
        ResourceId cluster,
        IReadOnlyList<HeldAddresses> held,
        bool repair,
        CancellationToken cancel
    )
    {
        var findings = new List<LeaseFinding>();
        foreach (var judged in await evidence.Judge(cluster, held, cancel))
        {
            if (!judged.Verdict.IsGone)
            {
                _goneSince.Remove(judged.Held.Key);
                if (judged.Verdict.IsUnproven)
                    findings.Add(CreateFinding(judged, LeaseFindingState.Unproven));
                continue;
            }

            _goneSince.TryAdd(judged.Held.Key, time.GetTimestamp());
            var isDue =
                repair
                || (limits.ReclaimSeconds > 0 && time.GetElapsedTime(_goneSince[judged.Held.Key]) >= ConfirmAfter);
            findings.Add(
                CreateFinding(
                    judged,
                    isDue && await FreeIfStillGone(judged, cancel) ? LeaseFindingState.Freed : LeaseFindingState.Gone
                )
            );
        }

        return findings;
    }

    /// <summary>Looks once more, and frees it.</summary>
    private async Task<bool> FreeIfStillGone(JudgedHolder judged, CancellationToken cancel)
    {
        var again = (await evidence.Judge(judged.Held.Cluster, [judged.Held], cancel))[0];
        if (!again.Verdict.IsGone || !await Free(again, InquiryRelease.IfGone, again.Verdict.Reason, cancel))
            return false;
        _goneSince.Remove(judged.Held.Key);
        return true;
    }

    /// <summary>
    /// By the agent that keeps the lease, where one answers: it forgets it too, and nothing overtakes what it has under way.
    /// Else in the store, if the leases are still those that were looked at.
    /// </summary>
    private async Task<bool> Free(JudgedHolder judged, InquiryRelease release, string reason, CancellationToken cancel)
    {
        var held = judged.Held;
        if (judged.Agent is { } agent)
        {
            if (!await evidence.Release(agent, held, release, cancel))
                return false;
        }
        else if (!await RemoveLeases(held, cancel))
        {
            return false;
        }

        var addresses = string.Join(',', held.Leases.Select(lease => lease.Address));
        Log.AddressFreed(logger, addresses, held.Network, held.Holder.Text, reason);
        _ = await audit.Append(
            new AuditRecord(AuditRecord.Format(time.GetUtcNow()), 0, Verb, "weftd", AuditCallerType.System)
            {
                Id = AuditRecord.Bound(held.Network.ToString(), AuditRecord.MaxIdLength),
                Result = AuditResult.Succeeded,
                Detail = new SortedDictionary<string, string>(StringComparer.Ordinal)
                {
                    ["addresses"] = addresses,
                    ["holder"] = AuditRecord.Bound(held.Holder.Text),
                    ["reason"] = AuditRecord.Bound(reason),
                    ["by"] = judged.Agent is { } through ? AuditRecord.Bound(through.ToString()) : "weftd",
                },
            }
        );
        return true;
    }

    private async Task<bool> RemoveLeases(HeldAddresses held, CancellationToken cancel)
    {
        var outcome = await controlPlane.Decide(
            transaction =>
            {
                var now = NetworkPool.HoldingsOf(transaction, held.Network).LeasesOf(held.Holder.Id);
                ImmutableArray<Mutation> changes = now.SequenceEqual(held.Leases)
                    ?
                    [
                        .. NetworkPool.RemoveHolder(transaction.State, held.Network.Key, held.Holder.Id),
                        .. NetworkPool.RemoveClaims(transaction.State, held.Network, of => of.Id == held.Holder.Id),
                    ]
                    : [];
                return new Decision(changes, null, transaction.State, false, null);
            },
            cancel
        );
        return outcome.TryGet(out var decision, out _) && !decision.Mutations.IsEmpty;
    }

    private static LeaseFinding CreateFinding(JudgedHolder judged, LeaseFindingState state) =>
        new(
            judged.Held.Network,
            [.. judged.Held.Leases.Select(lease => lease.Address)],
            judged.Held.Holder,
            judged.Held.Leases[0].Since,
            state,
            judged.Verdict.Reason
        );

    private static LeaseFinding CreateFinding(ReviewedBlock reviewed) =>
        new(
            reviewed.Block.Network,
            [.. reviewed.Block.Addresses.Select(range => range.First)],
            new Holder(reviewed.Block.Id, reviewed.Block.Text)
            {
                Cluster = reviewed.Block.Agent.Parent!.ToString(),
                Node = reviewed.Block.Node,
            },
            reviewed.Block.Since,
            reviewed.IsReturned ? LeaseFindingState.Freed
                : reviewed.Verdict.IsBack ? LeaseFindingState.Gone
                : LeaseFindingState.Unproven,
            reviewed.Verdict.Reason
        );

    private static IEnumerable<LeaseFinding> HeldByTwo(StoreState state, ResourceId? network) =>
        NetworkPool
            .AllClaims(state)
            .Where(item => network is null || item.Network.Equals(network))
            .Select(item => new LeaseFinding(
                item.Network,
                [item.Claim.Address],
                item.Claim.Holder,
                item.Claim.Since,
                LeaseFindingState.HeldByTwo,
                NetworkPool.HoldingsOf(state, item.Network).LeaseOf(item.Claim.Address) is { } other
                    ? $"{other.Holder.Text} has it too: start one of the two pods anew"
                    : "another holder had it; it is free for this one as soon as its pod starts anew"
            ));

    private void ForgetOthers(HashSet<string> held)
    {
        foreach (var gone in _goneSince.Keys.Where(key => !held.Contains(key)).ToList())
            _goneSince.Remove(gone);
    }

    private static partial class Log
    {
        [LoggerMessage(1221, LogLevel.Warning, "{Addresses} of {Network} are free again: {Holder} is gone, {Reason}")]
        public static partial void AddressFreed(
            ILogger logger,
            string addresses,
            ResourceId network,
            string holder,
            string reason
        );

        [LoggerMessage(1222, LogLevel.Warning, "Leases couldn't be looked at")]
        public static partial void SweepFailed(ILogger logger, Exception error);
    }
}
