using System.Collections.Concurrent;
using Weft.Resources;

namespace Weft.Fleet.Operations;

/// <summary>
/// Desired states of clusters, each rendered once for as long as nothing that it is rendered from changes. They are
/// never stored; this is what has been worked out already, and forgetting it costs time alone.
/// </summary>
/// <param name="watchers">Where it is noted what each was rendered from; a store's, whose commits ring them.</param>
internal sealed class DesiredStateCache(Limits limits, WatcherGroup watchers)
{
    private readonly ConcurrentDictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    /// <summary>The desired state of a cluster in a state that is stored.</summary>
    public DesiredState Get(StoreState state, ResourceId cluster) => Watch(state, cluster).Desired;

    /// <summary>The same, and what is done once it may have changed: then it is asked for again.</summary>
    public (DesiredState Desired, Task Changed) Watch(StoreState state, ResourceId cluster)
    {
        var cached = _entries.GetValueOrDefault(cluster.Key);
        var entry = GetOrRender(cached, state, cluster);
        if (ReferenceEquals(entry, cached) && ReferenceEquals(cached.State, state))
            return (cached.DesiredState, cached.Watcher.Changed);
        // Kept with the newest state that it is true of, so that the next call compares with that one.
        var updated = entry with
        {
            State = state,
            DesiredState = entry.DesiredState.WithRevision(state.Revision),
        };
        return Keep(cluster, updated, state.Revision);
    }

    /// <summary>
    /// The digest of a cluster's desired state in a store state that may be only planned: it is rendered and not
    /// cached.
    /// </summary>
    public string DigestOf(StoreState state, ResourceId cluster) => Preview(state, cluster).Digest;

    /// <summary>The desired state in such a state.</summary>
    public DesiredState Preview(StoreState state, ResourceId cluster) =>
        GetOrRender(_entries.GetValueOrDefault(cluster.Key), state, cluster).DesiredState;

    /// <summary>Whether a cluster's desired state is known, and nothing that it was rendered from has changed.</summary>
    /// <param name="cluster">The key of the cluster.</param>
    public bool IsCurrent(string cluster) =>
        _entries.GetValueOrDefault(cluster) is { Watcher.Changed.IsCompleted: false };

    /// <summary>The clusters whose desired states read some of the rows that a change writes.</summary>
    public IEnumerable<ResourceId> FindReaders(IEnumerable<Mutation> changes) =>
        watchers
            .Find(changes.SelectMany(change => change.Topics))
            .Select(watcher => watcher.Owner)
            .OfType<ResourceId>()
            .DistinctBy(cluster => cluster.Key);

    /// <summary>Keeps an entry, watched by one watcher: its own, or a new one in place of one that was rung.</summary>
    private (DesiredState Desired, Task Changed) Keep(ResourceId cluster, Entry entry, long revision)
    {
        lock (_lock)
        {
            var old = _entries.GetValueOrDefault(cluster.Key)?.Watcher;
            if (!ReferenceEquals(old, entry.Watcher) || entry.Watcher.Changed.IsCompleted)
            {
                if (old is not null)
                    watchers.Remove(old);
                entry = entry with { Watcher = new Watcher(entry.Dependencies.Topics, cluster) };
                watchers.Add(entry.Watcher, revision);
            }

            _entries[cluster.Key] = entry;
            return (entry.DesiredState, entry.Watcher.Changed);
        }
    }

    private Entry GetOrRender(Entry? cached, StoreState state, ResourceId cluster)
    {
        if (
            cached is not null
            && (ReferenceEquals(cached.State, state) || cached.Dependencies.IsUnchanged(cached.State, state))
        )
            return cached;
        var tracker = new DependencyTracker();
        var rendered = ClusterRenderer.Render(state.TrackedBy(tracker), cluster, limits);
        return new Entry(state, tracker, rendered, new Watcher([]));
    }

    private sealed record Entry(
        StoreState State,
        DependencyTracker Dependencies,
        DesiredState DesiredState,
        Watcher Watcher
    );
}
