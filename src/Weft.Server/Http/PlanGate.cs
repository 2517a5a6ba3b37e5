namespace Weft.Server.Http;

/// <summary>
/// Lets some plans be made at a time, and some wait for it in the order they came: a plan takes a core for as long as it is
/// made, and others ask too.
/// </summary>
internal sealed class PlanGate(PlanLimits limits, TimeProvider time)
{
    /// <summary>About as long as a large plan takes.</summary>
    private const int RetryAfterSeconds = 5;

    private readonly Lock _guard = new();
    private readonly LinkedList<Waiter> _waiting = [];
    private readonly Dictionary<string, int> _running = new(StringComparer.Ordinal);
    private int _runningInAll;

    /// <summary>How many wait.</summary>
    public int WaitingCount
    {
        get
        {
            lock (_guard)
                return _waiting.Count;
        }
    }

    /// <summary>Waits for a place.</summary>
    /// <param name="caller">Whose plan it is.</param>
    /// <returns>The place, which is free again when it is disposed of; or when to ask again.</returns>
    public async Task<Outcome<PlanPlace>> Enter(string caller, CancellationToken cancel)
    {
        var waiter = new Waiter(caller);
        lock (_guard)
        {
            if (MayRun(caller))
                return Start(caller);
            if (
                _waiting.Count >= limits.Waiting
                || _waiting.Count(other => other.Caller == caller) >= limits.WaitingPerPrincipal
            )
                return Busy();
            _waiting.AddLast(waiter);
        }

        using var patience = new CancellationTokenSource(limits.Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, patience.Token);
        await using var registration = either.Token.UnsafeRegister(_ => GiveUp(waiter), null);
        if (await waiter.Turn.Task is { } place)
            return place;
        cancel.ThrowIfCancellationRequested();
        return Busy();
    }

    private bool MayRun(string caller) =>
        _runningInAll < limits.Running && _running.GetValueOrDefault(caller) < limits.RunningPerPrincipal;

    private PlanPlace Start(string caller)
    {
        _runningInAll++;
        _running[caller] = _running.GetValueOrDefault(caller) + 1;
        return new PlanPlace(this, caller);
    }

    private void GiveUp(Waiter waiter)
    {
        lock (_guard)
            _waiting.Remove(waiter);
        waiter.Turn.TrySetResult(null);
    }

    internal void Leave(string caller)
    {
        lock (_guard)
        {
            _runningInAll--;
            if (--_running[caller] == 0)
                _running.Remove(caller);
            while (_waiting.FirstOrDefault(waiter => MayRun(waiter.Caller)) is { } next)
            {
                _waiting.Remove(next);
                next.Turn.TrySetResult(Start(next.Caller));
            }
        }
    }

    private Refusal Busy() =>
        new(
            RefusalCode.TooManyRequests,
            $"plans are made {limits.Running} at a time, of one principal {limits.RunningPerPrincipal}, and {limits.Waiting} and "
                + $"{limits.WaitingPerPrincipal} may wait for {limits.Patience.TotalSeconds:0} s (management.plans)"
        )
        {
            RetryAfterSeconds = RetryAfterSeconds,
        };

    private sealed class Waiter(string caller)
    {
        public string Caller => caller;

        public TaskCompletionSource<PlanPlace?> Turn { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>The place of a plan. It is free again when this is disposed of.</summary>
internal sealed class PlanPlace(PlanGate gate, string caller) : IDisposable
{
    private int _isFree;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isFree, 1) == 0)
            gate.Leave(caller);
    }
}
