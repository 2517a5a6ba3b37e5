using Weft.Resources;

namespace Weft.Storage;

/// <summary>A store that forgets: for tests, and for trying out.</summary>
internal sealed class MemoryStore : IResourceStore
{
    private readonly Lock _commits = new();
    private readonly StatePublisher _publisher = new(AllKinds.EmptyState);

    /// <inheritdoc/>
    public StoreState Current => _publisher.Current;

    /// <inheritdoc/>
    public ValueTask<long?> Commit(ReadSet readSet, IReadOnlyList<Mutation> changes, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfZero(changes.Count);
        lock (_commits)
        {
            if (!readSet.IsUnchangedIn(Current))
                return ValueTask.FromResult<long?>(null);
            _publisher.Publish(Current.Next(changes), changes);
            return ValueTask.FromResult<long?>(Current.Revision);
        }
    }

    /// <inheritdoc/>
    public WatcherGroup Watchers => _publisher.Watchers;

    /// <inheritdoc/>
    public ValueTask<StoreState> Watch(long after, IEnumerable<string> topics, CancellationToken cancel) =>
        _publisher.Next(after, topics, cancel);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
