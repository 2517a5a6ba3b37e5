using System.Collections.Concurrent;
using Weft.Resources;

namespace Weft.Fleet.Operations;

/// <summary>
/// Desired states of clusters, each rendered once for as long as nothing that it is rendered from changes. They are
/// never stored; this is what has been worked out already, and forgetting it costs time alone.
/// </summary>
internal sealed class DesiredStateCache(Limits limits)
{
    private readonly ConcurrentDictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>The desired state of a cluster.</summary>
    public DesiredState Get(StoreState state, ResourceId cluster)
    {
        var cached = _entries.GetValueOrDefault(cluster.Key);
        var entry = GetOrRender(cached, state, cluster);
        if (ReferenceEquals(entry, cached) && ReferenceEquals(cached.State, state))
            return cached.DesiredState;
        // Kept with the newest state that it is true of, so that the next call compares with that one.
        var updated = entry with
        {
            State = state,
            DesiredState = entry.DesiredState.WithRevision(state.Revision),
        };
        _entries[cluster.Key] = updated;
        return updated.DesiredState;
    }

    /// <summary>
    /// The digest of a cluster's desired state in a store state that may be only planned: it is rendered and not
    /// cached.
    /// </summary>
    public string DigestOf(StoreState state, ResourceId cluster)
    {
        return GetOrRender(_entries.GetValueOrDefault(cluster.Key), state, cluster).DesiredState.Digest;
    }

    private Entry GetOrRender(Entry? cached, StoreState state, ResourceId cluster)
    {
        if (
            cached is not null
            && (ReferenceEquals(cached.State, state) || cached.Dependencies.IsUnchanged(cached.State, state))
        )
            return cached;
        var tracker = new DependencyTracker();
        return new Entry(state, tracker, ClusterRenderer.Render(state.TrackedBy(tracker), cluster, limits));
    }

    private sealed record Entry(StoreState State, DependencyTracker Dependencies, DesiredState DesiredState);
}
