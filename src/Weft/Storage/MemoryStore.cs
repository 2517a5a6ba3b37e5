using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Storage;

/// <summary>A store that forgets: for tests, and for trying out.</summary>
/// <param name="maxMutations">The most that one commit may hold; by default as much as there is.</param>
/// <param name="values">What it begins with beside the rows, by name: a clock, say; by default nothing.</param>
internal sealed class MemoryStore(int maxMutations = int.MaxValue, ImmutableDictionary<string, object>? values = null)
    : IResourceStore
{
    private readonly Lock _commits = new();
    private readonly StatePublisher _publisher = new(
        values is null ? AllKinds.EmptyState : StoreState.FromRows(0, [], AllKinds.Views, values)
    );

    /// <inheritdoc/>
    public StoreState Current => _publisher.Current;

    /// <inheritdoc/>
    public int MaxMutations => maxMutations;

    /// <inheritdoc/>
    public ValueTask<long?> Commit(ReadSet readSet, IReadOnlyList<Mutation> changes, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfZero(changes.Count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(changes.Sum(change => change.Count), MaxMutations);
        lock (_commits)
        {
            if (!readSet.IsUnchangedIn(Current) || Current.TryNext(changes) is not { } next)
                return ValueTask.FromResult<long?>(null);
            _publisher.Publish(next, changes);
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
