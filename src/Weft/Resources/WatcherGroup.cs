using System.Collections.Immutable;

namespace Weft.Resources;

/// <summary>
/// Somebody who waits for a change of certain rows. It is rung once, and is good for nothing then: who goes on waiting
/// reads the newest state and waits anew.
/// </summary>
/// <param name="topics">Keys of rows, or what keys begin with up to a bar or a slash; the empty text stands for all.</param>
/// <param name="owner">Whose desired state waits, where it is one.</param>
internal sealed class Watcher(IEnumerable<string> topics, ResourceId? owner = null)
{
    private readonly TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The topics.</summary>
    public ImmutableArray<string> Topics { get; } = [.. topics];

    /// <summary>Whose desired state waits; null for anybody else.</summary>
    public ResourceId? Owner => owner;

    /// <summary>Done once something has changed, or may have.</summary>
    public Task Changed => _changed.Task;

    internal void Ring() => _changed.TrySetResult();
}

/// <summary>
/// Who waits for which rows. A commit finds those whom it concerns by the keys that it writes, so it costs nothing that
/// others wait.
/// </summary>
internal sealed class WatcherGroup
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, HashSet<Watcher>> _byTopic = new(StringComparer.Ordinal);
    private long _revision;

    /// <summary>Has a watcher rung by the next commit that concerns it.</summary>
    /// <param name="revision">Of the state that its owner has read; it is rung at once where there is a newer one.</param>
    public void Add(Watcher watcher, long revision)
    {
        lock (_lock)
        {
            if (revision < _revision)
            {
                watcher.Ring();
                return;
            }

            foreach (var topic in watcher.Topics)
            {
                if (!_byTopic.TryGetValue(topic, out var waiting))
                    _byTopic[topic] = waiting = [];
                waiting.Add(watcher);
            }
        }
    }

    /// <summary>Has a watcher wait no longer; one that was rung waits no longer anyway.</summary>
    public void Remove(Watcher watcher)
    {
        lock (_lock)
            Forget(watcher);
    }

    /// <summary>Rings all whom a commit concerns.</summary>
    /// <param name="revision">Of the state that it made.</param>
    public void Notify(long revision, IEnumerable<string> keys)
    {
        HashSet<Watcher> concerned;
        lock (_lock)
        {
            _revision = revision;
            concerned = FindLocked(keys);
            foreach (var watcher in concerned)
                Forget(watcher);
        }

        foreach (var watcher in concerned)
            watcher.Ring();
    }

    /// <summary>All whom a change of rows concerns; nobody is rung.</summary>
    public IReadOnlyCollection<Watcher> Find(IEnumerable<string> keys)
    {
        lock (_lock)
            return FindLocked(keys);
    }

    private HashSet<Watcher> FindLocked(IEnumerable<string> keys)
    {
        var found = new HashSet<Watcher>();
        if (_byTopic.Count == 0)
            return found;
        var topics = _byTopic.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var key in keys)
        {
            for (var end = 0; end <= key.Length; end++)
            {
                if (
                    (end == 0 || end == key.Length || key[end - 1] is '/' or '|')
                    && topics.TryGetValue(key.AsSpan(0, end), out var waiting)
                )
                    found.UnionWith(waiting);
            }
        }

        return found;
    }

    private void Forget(Watcher watcher)
    {
        foreach (var topic in watcher.Topics)
        {
            if (_byTopic.TryGetValue(topic, out var waiting) && waiting.Remove(watcher) && waiting.Count == 0)
                _byTopic.Remove(topic);
        }
    }
}
