namespace Weft.Agent;

/// <summary>
/// Wakes one loop. Set before anybody waits, it releases the next wait all the same; set often, it releases one.
/// </summary>
internal sealed class AsyncAutoResetEvent(TimeProvider clock)
{
    private volatile TaskCompletionSource _signalled = NewSignal();

    /// <summary>Wakes the loop.</summary>
    public void Set() => _signalled.TrySetResult();

    /// <summary>Waits until it is set.</summary>
    /// <param name="cancel">Gives up; being set later is left for the next wait.</param>
    public Task Wait(CancellationToken cancel) => Wait(null, cancel);

    /// <summary>Waits until it is set, or a time is over.</summary>
    /// <param name="atMost">How long at most; null for ever.</param>
    public async Task Wait(TimeSpan? atMost, CancellationToken cancel)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var time = Task.Delay(atMost ?? Timeout.InfiniteTimeSpan, clock, over.Token);
        if (await Task.WhenAny(_signalled.Task, time) == time)
            await time;
        else
            _signalled = NewSignal();
        await over.CancelAsync();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
