using Weft.Agent.ControlPlane;

namespace Weft.Agent.Leases;

/// <summary>Takes every release that is wanted to the control plane, again and again until it is confirmed, also after a restart.</summary>
/// <remarks>Level-triggered: what is to be done is read off the book each time, so that a lost ring costs nothing but a delay.</remarks>
/// <param name="journal">Where it is noted that it was done.</param>
/// <param name="lanes">Keeps the order per holder: never beside an acquire of the same one.</param>
internal sealed class ReleaseLoop(
    LeaseBook book, Journal journal, Lanes lanes, ControlPlaneClient plane, Pace pace, TimeProvider clock, Log log)
{
    private const int AtOnce = 8;

    private readonly Bell _bell = new(clock);
    private readonly Backoff _backoff = new(pace.FirstRetry, pace.LastRetry);
    private readonly Lock _guard = new();

    // Guarded by _guard. A refusal concerns its holder alone; no answer concerns all.
    private readonly Dictionary<Holder, (Backoff Backoff, DateTimeOffset Due)> _later = [];
    private DateTimeOffset _pausedUntil = DateTimeOffset.MinValue;

    /// <summary>There is something new to release.</summary>
    public void Wake() => _bell.Ring();

    /// <summary>Runs until cancelled.</summary>
    public async Task Run(CancellationToken cancel)
    {
        while (true)
        {
            var due = Due();
            await Parallel.ForEachAsync(due, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel }, Try);
            await _bell.Wait(UntilNext(), cancel);
        }
    }

    /// <summary>Releases at the control plane and notes it. The caller has the holder's turn.</summary>
    public async Task Finish(Holder holder, long want, CancellationToken cancel)
    {
        await plane.Release(holder, cancel);
        await journal.Append(JournalEntry.Of(JournalEntry.Released, holder, clock.GetUtcNow(), want: want));
        lock (_guard)
        {
            _backoff.Reset();
            _later.Remove(holder);
        }

        log.Note("lease-released", ("holder", holder));
    }

    private async ValueTask Try(Holder holder, CancellationToken cancel)
    {
        using var lane = lanes.Join(holder);

        // An acquire of the same holder may take long; the others needn't wait for it here.
        if (!lane.TryTurn())
        {
            ComeBack(holder);
            return;
        }

        try
        {
            if (!IsPaused() && book.WantOf(holder) is { } want)
                await Finish(holder, want, cancel);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            Postpone(holder, e);
        }
        finally
        {
            lane.EndTurn();
        }
    }

    private void Postpone(Holder holder, Exception error)
    {
        TimeSpan wait;
        lock (_guard)
        {
            if (error is ControlPlaneException { IsRefusal: true, Status: not 401 } refusal)
            {
                var backoff = BackoffOf(holder);
                wait = backoff.Next(refusal.RetryAfter);
                _later[holder] = (backoff, clock.GetUtcNow() + wait);
            }
            else
            {
                // Up to eight fail together; one pause is enough for them.
                if (clock.GetUtcNow() < _pausedUntil)
                    return;
                wait = _backoff.Next((error as ControlPlaneException)?.RetryAfter);
                _pausedUntil = clock.GetUtcNow() + wait;
            }
        }

        log.Warn("release-postponed", error, ("holder", holder), ("seconds", Math.Round(wait.TotalSeconds, 1)));
    }

    private void ComeBack(Holder holder)
    {
        lock (_guard)
            _later[holder] = (BackoffOf(holder), clock.GetUtcNow() + pace.FirstRetry);
    }

    private Backoff BackoffOf(Holder holder) =>
        _later.TryGetValue(holder, out var earlier) ? earlier.Backoff : new Backoff(pace.FirstRetry, pace.LastRetryOfRefused);

    private bool IsPaused()
    {
        lock (_guard)
            return clock.GetUtcNow() < _pausedUntil;
    }

    private IReadOnlyList<Holder> Due()
    {
        var now = clock.GetUtcNow();
        lock (_guard)
            return now < _pausedUntil ? [] : [.. book.Releasing().Where(h => !_later.TryGetValue(h, out var later) || later.Due <= now)];
    }

    private TimeSpan? UntilNext()
    {
        var now = clock.GetUtcNow();
        var releasing = book.Releasing();
        if (releasing.Count == 0)
            return null;
        DateTimeOffset next;
        lock (_guard)
        {
            next = releasing.Min(h => _later.TryGetValue(h, out var later) ? later.Due : now);
            if (next < _pausedUntil)
                next = _pausedUntil;
        }

        return next > now ? next - now : TimeSpan.FromMilliseconds(1);
    }
}
