namespace Weft.Agent;

/// <summary>Wakes one loop. Rung before anybody waits, it is heard all the same; rung often, it is heard once.</summary>
internal sealed class Bell(TimeProvider clock)
{
    private volatile TaskCompletionSource _rung = New();

    /// <summary>Wakes the loop.</summary>
    public void Ring() => _rung.TrySetResult();

    /// <summary>Waits until the bell rings.</summary>
    /// <param name="atMost">How long at most; null for ever.</param>
    /// <returns>Done when it rang, or when the time is over.</returns>
    public async Task Wait(TimeSpan? atMost, CancellationToken cancel)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var time = Task.Delay(atMost ?? Timeout.InfiniteTimeSpan, clock, over.Token);
        if (await Task.WhenAny(_rung.Task, time) == time)
            await time;
        else
            _rung = New();
        await over.CancelAsync();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
