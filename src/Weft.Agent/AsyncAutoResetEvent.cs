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
    /// <param name="atMost">How long at most; null for ever.</param>
    /// <returns>Done when it was set, or when the time is over.</returns>
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
