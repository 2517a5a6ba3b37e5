using Weft.Resources;

namespace Weft.Storage;

/// <summary>The newest durable state of a store, and who waits for the next one.</summary>
internal sealed class StatePublisher
{
    private volatile StoreState _current;
    private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>A store that begins with a state.</summary>
    public StatePublisher(StoreState initial) => _current = initial;

    /// <summary>The newest state.</summary>
    public StoreState Current => _current;

    /// <summary>Makes a state the newest, and wakes who waits.</summary>
    public void Publish(StoreState state)
    {
        _current = state;
        Interlocked
            .Exchange(ref _next, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously))
            .SetResult();
    }

    /// <summary>Waits for a state that is newer than a revision.</summary>
    public async ValueTask<StoreState> Next(long after, CancellationToken cancel)
    {
        while (true)
        {
            // The task first, then the state: whoever publishes between the two completes a task that is held already.
            var bell = Volatile.Read(ref _next).Task;
            if (_current.Revision > after)
                return _current;
            await bell.WaitAsync(cancel).ConfigureAwait(false);
        }
    }
}
