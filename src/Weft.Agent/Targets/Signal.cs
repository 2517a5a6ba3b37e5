namespace Weft.Agent.Targets;

/// <summary>A bell for one listener: rung while nobody waits, it is heard by the next wait; rung twice, it is heard once.</summary>
internal sealed class Signal
{
    private readonly Lock _gate = new();
    private TaskCompletionSource _rung = New();

    /// <summary>Rings.</summary>
    public void Set()
    {
        lock (_gate)
            _rung.TrySetResult();
    }

    /// <summary>Waits for the bell, and takes the ringing away.</summary>
    /// <param name="cancel">Gives up; a ringing that comes later is left for the next wait.</param>
    public async Task Wait(CancellationToken cancel)
    {
        await _rung.Task.WaitAsync(cancel);
        lock (_gate)
            _rung = New();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
