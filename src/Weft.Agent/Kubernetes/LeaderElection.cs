using System.Text.Json.Nodes;

namespace Weft.Agent.Kubernetes;

/// <summary>
/// Elects one of several replicas by a Lease. The rules are client-go's: whoever doesn't see the Lease change for its duration, by a clock of its own,
/// may take it, and the resourceVersion decides between two that try. Contract: docs/specs/agent-kubernetes.md, "Leader election".
/// </summary>
/// <param name="identity">This replica's name, unlike every other's and every earlier process's.</param>
internal sealed class LeaderElection(KubeApi api, string identity, KubePace pace, TimeProvider clock, Log log)
{
    private const string Leases = $"apis/coordination.k8s.io/v1/namespaces/{ObjectKind.System}/leases";
    private const string Name = "weft-agent";

    private long _renewed;
    private volatile bool _leads;

    // What was seen of the Lease last, and when by our clock: another's clock is never trusted.
    private JsonObject? _lease;
    private LeaseRecord? _seen;
    private long _seenAt;

    /// <summary>Whether this replica may write at this very moment: it leads, and renewed recently enough that no other can.</summary>
    public bool MayWrite => _leads && clock.GetElapsedTime(Interlocked.Read(ref _renewed)) < pace.RenewDeadline;

    /// <summary>Stands by, leads, and stands by again, until told to stop.</summary>
    /// <param name="lead">What a leader does; its token is cancelled when it no longer leads.</param>
    /// <param name="stop">Ends it; the Lease is given back.</param>
    /// <returns>Done when stopped, or when what a leader does has ended by itself.</returns>
    public async Task Run(Func<CancellationToken, Task> lead, CancellationToken stop)
    {
        while (true)
        {
            await StandBy(stop);
            log.Note("leading", ("identity", identity));
            using var leading = CancellationTokenSource.CreateLinkedTokenSource(stop);
            var work = lead(leading.Token);
            var renewing = Renew(leading.Token);
            var first = await Task.WhenAny(work, renewing);
            await leading.CancelAsync();
            await Quietly(renewing);
            var ended = first == work || stop.IsCancellationRequested;
            await Quietly(work);
            var kept = MayWrite;
            _leads = false;
            if (kept)
                await GiveBack();
            if (ended)
            {
                await work;
                return;
            }

            log.Warn("lost-lead", null, ("identity", identity), ("next", "standing by"));
        }
    }

    private async Task StandBy(CancellationToken stop)
    {
        string? told = null;
        while (!await TryTake(stop))
        {
            if (_seen?.Holder is { Length: > 0 } holder && holder != told)
                log.Note("standing-by", ("leader", told = holder));
            // A fifth of jitter, so that two that stand by don't try in step for ever.
            await Task.Delay(pace.RetryPeriod * (1 + (Random.Shared.NextDouble() / 5)), clock, stop);
        }
    }

    /// <summary>Ends when the Lease couldn't be renewed in time.</summary>
    private async Task Renew(CancellationToken cancel)
    {
        while (clock.GetElapsedTime(Interlocked.Read(ref _renewed)) < pace.RenewDeadline)
        {
            await Task.Delay(pace.RetryPeriod, clock, cancel);
            using var late = new CancellationTokenSource(Left(), clock);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, late.Token);
            try
            {
                if (!await TryTake(either.Token) && _seen is { } seen && seen.Holder != identity)
                    return;
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private TimeSpan Left()
    {
        var left = pace.RenewDeadline - clock.GetElapsedTime(Interlocked.Read(ref _renewed));
        return left > TimeSpan.Zero ? left : TimeSpan.FromMilliseconds(1);
    }

    /// <summary>Takes the Lease, or renews it.</summary>
    private async Task<bool> TryTake(CancellationToken cancel)
    {
        // Counted from before the request: the others count from after it at the earliest.
        var began = clock.GetTimestamp();
        try
        {
            if (!_leads || _lease is null)
                await Look(cancel);
            if (_seen is { Holder.Length: > 0 } held && held.Holder != identity && clock.GetElapsedTime(_seenAt) < TimeSpan.FromSeconds(held.Seconds))
                return false;
            await Put(cancel);
            Interlocked.Exchange(ref _renewed, began);
            _leads = true;
            return true;
        }
        catch (KubeException e) when (!cancel.IsCancellationRequested)
        {
            // Somebody else has written it: what it says now counts.
            if (e.Status is 409 or 404)
                _lease = null;
            else
                log.Warn("lease-not-written", null, ("error", e.Message));
            return false;
        }
    }

    private async Task Look(CancellationToken cancel)
    {
        _lease = await api.Get($"{Leases}/{Name}", cancel);
        var record = _lease is null ? null : LeaseRecord.Of(_lease);
        if (record != _seen || _seenAt == 0)
            (_seen, _seenAt) = (record, clock.GetTimestamp());
    }

    private async Task Put(CancellationToken cancel)
    {
        var now = LeaseRecord.Time(clock.GetUtcNow());
        var mine = _seen is { } seen && seen.Holder == identity;
        var record = new LeaseRecord(identity, (int)pace.LeaseDuration.TotalSeconds, mine ? _seen!.Acquired : now, now,
            mine ? _seen!.Transitions : _seen is null ? 0 : _seen.Transitions + 1);
        if (_lease is { } lease)
        {
            var next = lease.DeepClone().AsObject();
            record.Into(next);
            _lease = await api.Replace($"{Leases}/{Name}", next, cancel);
        }
        else
        {
            var made = new JsonObject
            {
                ["apiVersion"] = "coordination.k8s.io/v1", ["kind"] = "Lease", ["metadata"] = new JsonObject { ["name"] = Name, ["namespace"] = ObjectKind.System },
            };
            record.Into(made);
            _lease = await api.Create(Leases, made, cancel);
        }

        (_seen, _seenAt) = (record, clock.GetTimestamp());
    }

    /// <summary>So that the next one needn't wait until the Lease is over.</summary>
    private async Task GiveBack()
    {
        try
        {
            if (_lease?.DeepClone().AsObject() is not { } lease || _seen is not { } seen)
                return;
            using var late = new CancellationTokenSource(TimeSpan.FromSeconds(1), clock);
            (seen with { Holder = "", Seconds = 1, Renewed = LeaseRecord.Time(clock.GetUtcNow()) }).Into(lease);
            _lease = await api.Replace($"{Leases}/{Name}", lease, late.Token);
        }
        catch (Exception e) when (e is KubeException or OperationCanceledException)
        {
            // It is over by itself soon.
        }
        finally
        {
            (_lease, _seen) = (null, null);
        }
    }

    private static async Task Quietly(Task task) => await task.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
}
