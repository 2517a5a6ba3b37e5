using Weft.Resources;

namespace Weft.Storage;

/// <summary>The newest durable state of a store, and who waits for the next one that concerns them.</summary>
internal sealed class StatePublisher
{
    private volatile StoreState _current;

    /// <summary>A store that begins with a state.</summary>
    public StatePublisher(StoreState initial) => _current = initial;

    /// <summary>The newest state.</summary>
    public StoreState Current => _current;

    /// <summary>Who waits.</summary>
    public WatcherGroup Watchers { get; } = new();

    /// <summary>Makes a state the newest, and wakes those whom it concerns.</summary>
    /// <param name="changes">What differs from the state before it.</param>
    public void Publish(StoreState state, IEnumerable<Mutation> changes)
    {
        _current = state;
        Watchers.Notify(state.Revision, changes.SelectMany(change => change.Topics));
    }

    /// <summary>Waits for a state that is newer than a revision, and may differ from it in certain rows.</summary>
    /// <param name="topics">As <see cref="Watcher"/> takes them.</param>
    public async ValueTask<StoreState> Next(long after, IEnumerable<string> topics, CancellationToken cancel)
    {
        var watched = topics.ToList();
        while (true)
        {
            var state = _current;
            if (state.Revision > after && watched.Exists(topic => HasChanged(state, topic, after)))
                return state;
            // A commit between this look and the wait rings the watcher at once.
            var watcher = new Watcher(watched);
            Watchers.Add(watcher, state.Revision);
            try
            {
                await watcher.Changed.WaitAsync(cancel).ConfigureAwait(false);
            }
            finally
            {
                Watchers.Remove(watcher);
            }
        }
    }

    /// <summary>Whether something of a topic's partition has changed since.</summary>
    private static bool HasChanged(StoreState state, string topic, long after) =>
        !topic.Contains('|', StringComparison.Ordinal) || state.LastRevisionOf(StoreKey.PartitionOf(topic)) > after;
}
