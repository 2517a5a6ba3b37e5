using Weft.Agent.ControlPlane;
using Weft.Contracts;

namespace Weft.Agent.Leases;

/// <summary>
/// Takes every release that is wanted to the control plane, again and again until it is confirmed, also after a
/// restart.
/// </summary>
/// <remarks>
/// Level-triggered: what is to be done is read off the table each time, so that a lost signal costs nothing but a
/// delay.
/// </remarks>
/// <param name="journal">Where it is noted that it was done.</param>
/// <param name="locks">Keeps the order per holder: never beside an acquire of the same one.</param>
internal sealed class ReleaseLoop(
    LeaseTable table,
    Journal journal,
    KeyedLock locks,
    ControlPlaneClient plane,
    LeaseCalls calls,
    AgentTimings timings,
    TimeProvider clock,
    ILogger log
)
{
    private static readonly TimeSpan MinWait = TimeSpan.FromMilliseconds(1);

    private readonly AsyncAutoResetEvent _wakeUp = new(clock);
    private readonly Backoff _backoff = new(timings.InitialBackoff, timings.MaxBackoff);
    private readonly Lock _guard = new();

    // Guarded by _guard. A refusal concerns its holder alone; no answer concerns all. Both are timestamps: the time of day
    // may step back.
    private readonly Dictionary<LeaseHolder, (Backoff Backoff, long Due)> _delayed = [];
    private long _pausedUntil;

    /// <summary>There is something new to release.</summary>
    public void Wake() => _wakeUp.Set();

    /// <summary>Runs until cancelled.</summary>
    public async Task Run(CancellationToken cancel)
    {
        while (true)
        {
            foreach (var chunk in DueReleases().Chunk(LeaseBatchBody.MaxItems))
                await TryRelease(chunk, cancel);
            await _wakeUp.Wait(TimeUntilNext(), cancel);
        }
    }

    /// <summary>Releases at the control plane and notes it. The caller has the holder's turn.</summary>
    public async Task Complete(LeaseHolder holder, long want, CancellationToken cancel)
    {
        await plane.Release(holder, cancel);
        await NoteReleased(holder, want);
    }

    /// <summary>Releases some in one call, but for those that somebody is busy with.</summary>
    private async Task TryRelease(IEnumerable<LeaseHolder> due, CancellationToken cancel)
    {
        // An acquire of one of them may take long; the others needn't wait for it.
        using var turns = new HolderTurns(locks);
        foreach (var holder in due)
        {
            if (!turns.TryTake(holder))
                Requeue(holder);
        }

        List<(LeaseHolder Holder, long Want)> wanted = [];
        foreach (var holder in turns.Holders)
        {
            if (table.ReleaseNumberOf(holder) is { } want)
                wanted.Add((holder, want));
        }

        if (wanted.Count > 0 && !IsPaused())
            await Release(wanted, cancel);
    }

    private async Task Release(List<(LeaseHolder Holder, long Want)> wanted, CancellationToken cancel)
    {
        var answers = await calls.Send([
            .. wanted.Select(w => new BatchedLeaseRequest(LeaseVerb.Release, new PodLeaseRequest(w.Holder))),
        ]);
        var noting = new List<Task>();
        for (var i = 0; i < answers.Count; i++)
            noting.Add(
                answers[i].Error is { } e ? Task.FromException(e) : NoteReleased(wanted[i].Holder, wanted[i].Want)
            );
        for (var i = 0; i < answers.Count; i++)
        {
            try
            {
                await noting[i];
            }
            catch (Exception e) when (!cancel.IsCancellationRequested)
            {
                Postpone(wanted[i].Holder, e);
            }
        }
    }

    private async Task NoteReleased(LeaseHolder holder, long want)
    {
        // Lost, it is sent once more, before anything else is asked of the control plane for this holder.
        await journal.Note(JournalEntry.Create(JournalEntry.Released, holder, clock.GetUtcNow(), want: want));
        lock (_guard)
        {
            _backoff.Reset();
            _delayed.Remove(holder);
        }

        log.LeaseReleased(holder);
    }

    private void Postpone(LeaseHolder holder, Exception error)
    {
        TimeSpan wait;
        lock (_guard)
        {
            if (error is ControlPlaneException { IsRefusal: true, Status: not 401 } refusal)
            {
                var backoff = BackoffOf(holder);
                wait = backoff.NextDelay(refusal.RetryAfter);
                _delayed[holder] = (backoff, clock.GetTimestamp(wait));
            }
            else
            {
                // What went in one call fails together; one pause is enough for it.
                if (clock.GetTimestamp() < _pausedUntil)
                    return;
                wait = _backoff.NextDelay((error as ControlPlaneException)?.RetryAfter);
                _pausedUntil = clock.GetTimestamp(wait);
            }
        }

        log.ReleasePostponed(error, holder, Math.Round(wait.TotalSeconds, 1));
    }

    private void Requeue(LeaseHolder holder)
    {
        lock (_guard)
            _delayed[holder] = (BackoffOf(holder), clock.GetTimestamp(timings.InitialBackoff));
    }

    private Backoff BackoffOf(LeaseHolder holder) =>
        _delayed.TryGetValue(holder, out var earlier)
            ? earlier.Backoff
            : new Backoff(timings.InitialBackoff, timings.MaxBackoffAfterRefusal);

    private bool IsPaused()
    {
        lock (_guard)
            return clock.GetTimestamp() < _pausedUntil;
    }

    /// <summary>What isn't delayed, or no longer; whether all are paused is asked for each.</summary>
    private IReadOnlyList<LeaseHolder> DueReleases()
    {
        var now = clock.GetTimestamp();
        lock (_guard)
            return [.. table.PendingReleases().Where(h => DueOf(h) <= now)];
    }

    private TimeSpan? TimeUntilNext()
    {
        var now = clock.GetTimestamp();
        var releasing = table.PendingReleases();
        if (releasing.Count == 0)
            return null;
        lock (_guard)
        {
            var next = Math.Max(releasing.Min(DueOf), _pausedUntil);

            // A timer counts milliseconds: with less it would not wait at all.
            var left = clock.GetElapsedTime(now, next);
            return left > MinWait ? left : MinWait;
        }
    }

    private long DueOf(LeaseHolder holder) => _delayed.GetValueOrDefault(holder).Due;
}
