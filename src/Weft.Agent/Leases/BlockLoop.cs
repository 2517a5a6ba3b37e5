using System.Security.Cryptography;
using Weft.Agent.Blocks;
using Weft.Agent.ControlPlane;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Agent.Leases;

/// <summary>
/// Reports what the agent owns and has given, and takes in what it is granted (docs/specs/blocks.md, "The report"). One report
/// at a time is on its way.
/// </summary>
/// <remarks>Level-triggered: what is to be said is read off the journal's table each time.</remarks>
internal sealed class BlockLoop(
    LeaseTable table,
    Journal journal,
    BlockDemands demand,
    ControlPlaneClient plane,
    PlaceMark place,
    AgentTimings timings,
    TimeProvider clock,
    ILogger log
)
{
    private readonly Backoff _backoff = new(timings.InitialBackoff, timings.MaxBackoff);
    private readonly BlockRequests _requests = new(table, demand, timings, clock);
    private readonly BlockLedger _ledger = new(
        table,
        place,
        () => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16))
    );
    private readonly Lock _guard = new();

    // Guarded by _guard: networks that are asked back, and who waits for that.
    private readonly List<(ResourceId Network, TaskCompletionSource<bool> Done)> _recalls = [];
    private bool _isOpen;

    /// <summary>Gives back what is free in blocks of a network.</summary>
    /// <returns>Whether weftd knows that it is back.</returns>
    public async Task<bool> GiveBack(ResourceId network, CancellationToken cancel)
    {
        var done = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_guard)
            _recalls.Add((network, done));
        demand.Wake();
        return await done.Task.WaitAsync(cancel);
    }

    /// <summary>Runs until cancelled.</summary>
    public async Task Run(CancellationToken cancel)
    {
        while (true)
        {
            try
            {
                var hasMore = plane.Identity is not null && await Turn(cancel);
                _backoff.Reset();
                await demand.Wait(hasMore ? timings.MinPollInterval : timings.BlockReportInterval, cancel);
                // What is given in the same moment goes into one report.
                await Task.Delay(timings.BlockReportPause, clock, cancel);
            }
            catch (Exception e) when (e is ControlPlaneException or IOException)
            {
                cancel.ThrowIfCancellationRequested();
                var error = e as ControlPlaneException;
                var wait = await Meet(error) ?? _backoff.NextDelay(error?.RetryAfter);
                log.BlocksNotReported(e, Math.Round(wait.TotalSeconds, 1));
                // Whatever is given meanwhile is told then.
                await Task.Delay(wait, clock, cancel);
            }
        }
    }

    /// <summary>One report, where there is something to say.</summary>
    /// <returns>Whether there is more to say at once.</returns>
    private async Task<bool> Turn(CancellationToken cancel)
    {
        var recalls = TakeRecalls();
        var isDone = false;
        try
        {
            // Before it is said what is wanted: what is asked back isn't asked for in the same report.
            recalls.ForEach(recall => _requests.Postpone(recall.Network));
            var wants = _requests.Due();
            if (table.Blocks.Owner is not null || wants.Count > 0)
                await Open();
            var asked = recalls.Select(recall => recall.Network.Key).ToHashSet(StringComparer.Ordinal);
            foreach (var entry in _ledger.GiveBack(asked, clock.GetUtcNow()))
                await journal.Append(entry);
            if (!_isOpen || (!_ledger.HasNews && wants.Count == 0))
            {
                isDone = true;
                return false;
            }

            var reply = await plane.ReportBlocks(() => _ledger.CreateReport(wants), cancel);
            await TakeIn(reply, wants);
            isDone = true;
            return _ledger.HasMore(reply);
        }
        finally
        {
            recalls.ForEach(recall => recall.Done.TrySetResult(isDone));
        }
    }

    private async Task Open()
    {
        if (_isOpen)
            return;
        if (_ledger.IsElsewhere)
            log.BlocksOfAnotherPlace(table.Blocks.Blocks.Length);
        await journal.Append(_ledger.Begin(clock.GetUtcNow()));
        _isOpen = true;
    }

    private async Task TakeIn(BlockReply reply, IReadOnlyList<BlockWant> wants)
    {
        var before = table.Blocks.Blocks.Select(block => block.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var entry in _ledger.TakeIn(reply, clock.GetUtcNow()))
            await journal.Append(entry);
        var granted = reply.Blocks.Where(block => !before.Contains(block.Id)).ToList();
        granted.ForEach(block => log.BlockGranted(block.Network, string.Join(',', block.Ranges)));
        foreach (var lease in reply.Refused)
            log.BlockLeaseRefused(lease.Address, lease.Network, lease.ContainerId, lease.Reason);
        _requests.Answered(wants, granted.Select(block => block.Network));
        table.Blocks.MayGive = true;
    }

    /// <summary>Takes in that a report wasn't taken.</summary>
    /// <returns>When to report again; null for the usual wait.</returns>
    private async Task<TimeSpan?> Meet(ControlPlaneException? error)
    {
        switch (error)
        {
            case { Code: nameof(RefusalCode.BlocksFenced) }:
                await BeginAnew();
                return null;
            case { Status: 400 or 401 or 403 or 404 or 405 }:
                // An earlier weftd knows no blocks, and one that doesn't know the agent takes nothing from it.
                table.Blocks.MayGive = false;
                return error.Status == 401 ? null : timings.MaxBackoffAfterRefusal;
            case { Status: null or >= 500 }:
                // Nobody is there to ask: this is what blocks are for.
                table.Blocks.MayGive = _isOpen;
                return null;
            default:
                return null;
        }
    }

    /// <summary>Another owner, who has nothing; where the disk doesn't take it, the next report is fenced again.</summary>
    private async Task BeginAnew()
    {
        log.BlocksFenced(table.Blocks.Blocks.Length);
        try
        {
            await journal.Append(_ledger.BeginAnew(clock.GetUtcNow()));
        }
        catch (IOException)
        {
            // The journal has said it.
        }
    }

    private List<(ResourceId Network, TaskCompletionSource<bool> Done)> TakeRecalls()
    {
        lock (_guard)
        {
            var taken = _recalls.ToList();
            _recalls.Clear();
            return taken;
        }
    }
}
