using System.Text.Json.Nodes;

namespace Weft.Agent.Kubernetes;

/// <summary>
/// Elects one of several replicas by a Lease. The rules are client-go's: whoever doesn't see the Lease change for its
/// duration, by a clock of its own, may take it, and the resourceVersion decides between two that try. Contract:
/// docs/specs/agent-kubernetes.md, "Leader election".
/// </summary>
/// <param name="identity">This replica's name, unlike every other's and every earlier process's.</param>
internal sealed class LeaderElection(KubeApi api, string identity, KubeTimings timings, TimeProvider clock, ILogger log)
{
    private const string Leases = $"apis/coordination.k8s.io/v1/namespaces/{ObjectKind.SystemNamespace}/leases";
    private const string Name = "weft-agent";

    private long _renewed;
    private volatile bool _isLeader;

    // The Lease as it was seen last, and when by this machine's clock: another machine's clock is never trusted.
    private JsonObject? _lease;
    private LeaderElectionRecord? _observedRecord;
    private long _observedTime;

    /// <summary>
    /// Whether this replica may write at this very moment: it leads, and renewed recently enough that no other can.
    /// </summary>
    public bool MayWrite => _isLeader && clock.GetElapsedTime(Interlocked.Read(ref _renewed)) < timings.RenewDeadline;

    /// <summary>Stands by, leads, and stands by again, until told to stop.</summary>
    /// <param name="lead">What a leader does; its token is cancelled when it no longer leads.</param>
    /// <param name="stop">Ends it; the Lease is given back.</param>
    /// <returns>Done when stopped, or when what a leader does has ended by itself.</returns>
    public async Task Run(Func<CancellationToken, Task> lead, CancellationToken stop)
    {
        while (true)
        {
            await StandBy(stop);
            log.Leading(identity);
            using var leading = CancellationTokenSource.CreateLinkedTokenSource(stop);
            var work = lead(leading.Token);
            var renewing = Renew(leading.Token);
            var first = await Task.WhenAny(work, renewing);
            await leading.CancelAsync();
            await renewing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var ended = first == work || stop.IsCancellationRequested;
            await work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var kept = MayWrite;
            _isLeader = false;
            if (kept)
                await Release();
            if (ended)
            {
                await work;
                return;
            }

            log.LostLead(identity, "standing by");
        }
    }

    private async Task StandBy(CancellationToken stop)
    {
        string? reported = null;
        while (!await TryAcquireOrRenew(stop))
        {
            if (_observedRecord?.Holder is { Length: > 0 } holder && holder != reported)
                log.StandingBy(reported = holder);
            // A fifth of jitter, so that two that stand by don't try in step for ever.
            await Task.Delay(timings.RetryPeriod * (1 + (Random.Shared.NextDouble() / 5)), clock, stop);
        }
    }

    /// <summary>Ends when the Lease couldn't be renewed in time.</summary>
    private async Task Renew(CancellationToken cancel)
    {
        while (clock.GetElapsedTime(Interlocked.Read(ref _renewed)) < timings.RenewDeadline)
        {
            await Task.Delay(timings.RetryPeriod, clock, cancel);
            using var deadline = new CancellationTokenSource(TimeLeft(), clock);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, deadline.Token);
            try
            {
                if (!await TryAcquireOrRenew(either.Token) && _observedRecord is { } seen && seen.Holder != identity)
                    return;
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private TimeSpan TimeLeft()
    {
        var left = timings.RenewDeadline - clock.GetElapsedTime(Interlocked.Read(ref _renewed));
        return left > TimeSpan.Zero ? left : TimeSpan.FromMilliseconds(1);
    }

    /// <summary>Takes the Lease, or renews it.</summary>
    private async Task<bool> TryAcquireOrRenew(CancellationToken cancel)
    {
        // Counted from before the request: the others count from after it at the earliest.
        var began = clock.GetTimestamp();
        try
        {
            if (!_isLeader || _lease is null)
                await ReadLease(cancel);
            if (
                _observedRecord is { Holder.Length: > 0 } held
                && held.Holder != identity
                && clock.GetElapsedTime(_observedTime) < TimeSpan.FromSeconds(held.Seconds)
            )
                return false;
            await WriteLease(cancel);
            Interlocked.Exchange(ref _renewed, began);
            _isLeader = true;
            return true;
        }
        catch (KubeException e) when (!cancel.IsCancellationRequested)
        {
            // Somebody else has written it: what it says now counts.
            if (e.Status is 409 or 404)
                _lease = null;
            else
                log.LeaseNotWritten(e.Message);
            return false;
        }
    }

    private async Task ReadLease(CancellationToken cancel)
    {
        _lease = await api.Get($"{Leases}/{Name}", cancel);
        var record = _lease is null ? null : LeaderElectionRecord.Read(_lease);
        if (record != _observedRecord || _observedTime == 0)
            (_observedRecord, _observedTime) = (record, clock.GetTimestamp());
    }

    private async Task WriteLease(CancellationToken cancel)
    {
        var record = NextRecord();
        if (_lease is { } lease)
        {
            var next = lease.DeepClone().AsObject();
            record.WriteTo(next);
            _lease = await api.Replace($"{Leases}/{Name}", next, cancel);
        }
        else
        {
            var first = new JsonObject
            {
                ["apiVersion"] = "coordination.k8s.io/v1",
                ["kind"] = "Lease",
                ["metadata"] = new JsonObject { ["name"] = Name, ["namespace"] = ObjectKind.SystemNamespace },
            };
            record.WriteTo(first);
            _lease = await api.Create(Leases, first, cancel);
        }

        (_observedRecord, _observedTime) = (record, clock.GetTimestamp());
    }

    /// <summary>What the Lease says once this replica has it, or has renewed it.</summary>
    private LeaderElectionRecord NextRecord()
    {
        var now = LeaderElectionRecord.FormatTime(clock.GetUtcNow());
        var seconds = (int)timings.LeaseDuration.TotalSeconds;
        if (_observedRecord is not { } seen)
            return new LeaderElectionRecord(identity, seconds, now, now, 0);
        return seen.Holder == identity
            ? new LeaderElectionRecord(identity, seconds, seen.Acquired, now, seen.Transitions)
            : new LeaderElectionRecord(identity, seconds, now, now, seen.Transitions + 1);
    }

    /// <summary>So that the next one needn't wait until the Lease is over.</summary>
    private async Task Release()
    {
        try
        {
            if (_lease?.DeepClone().AsObject() is not { } lease || _observedRecord is not { } seen)
                return;
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(1), clock);
            var released = seen with
            {
                Holder = "",
                Seconds = 1,
                Renewed = LeaderElectionRecord.FormatTime(clock.GetUtcNow()),
            };
            released.WriteTo(lease);
            _lease = await api.Replace($"{Leases}/{Name}", lease, deadline.Token);
        }
        catch (Exception e) when (e is KubeException or OperationCanceledException)
        {
            // It is over by itself soon.
        }
        finally
        {
            (_lease, _observedRecord) = (null, null);
        }
    }
}
