namespace Weft.Agent.Reconcilers;

/// <summary>
/// An auto-reset event for one waiter: set while nobody waits, it releases the next wait; set twice, it releases one.
/// </summary>
internal sealed class Signal
{
    private readonly Lock _gate = new();
    private TaskCompletionSource _signalled = NewSignal();

    /// <summary>Rings.</summary>
    public void Set()
    {
        lock (_gate)
            _signalled.TrySetResult();
    }

    /// <summary>Waits until it is set, and resets it.</summary>
    /// <param name="cancel">Gives up; a ringing that comes later is left for the next wait.</param>
    public async Task Wait(CancellationToken cancel)
    {
        await _signalled.Task.WaitAsync(cancel);
        lock (_gate)
            _signalled = NewSignal();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
