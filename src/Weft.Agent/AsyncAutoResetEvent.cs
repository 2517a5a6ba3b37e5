namespace Weft.Agent;

/// <summary>
/// An auto-reset event for one waiter: set while nobody waits, it releases the next wait all the same; set often, it
/// releases one.
/// </summary>
internal sealed class AsyncAutoResetEvent(TimeProvider clock)
{
    private readonly Lock _gate = new();
    private volatile TaskCompletionSource _signalled = NewSignal();

    /// <summary>Wakes the waiter.</summary>
    public void Set()
    {
        lock (_gate)
            _signalled.TrySetResult();
    }

    /// <summary>Waits until it is set, and resets it.</summary>
    /// <param name="cancel">Gives up; what is set later is left for the next wait.</param>
    public async Task Wait(CancellationToken cancel)
    {
        await _signalled.Task.WaitAsync(cancel);
        Reset();
    }

    /// <summary>Waits until it is set, and resets it, or until the time is over.</summary>
    /// <param name="atMost">How long at most; null for ever.</param>
    public async Task Wait(TimeSpan? atMost, CancellationToken cancel)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var time = Task.Delay(atMost ?? Timeout.InfiniteTimeSpan, clock, over.Token);
        if (await Task.WhenAny(_signalled.Task, time) == time)
            await time;
        else
            Reset();
        await over.CancelAsync();
    }

    private void Reset()
    {
        lock (_gate)
            _signalled = NewSignal();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
