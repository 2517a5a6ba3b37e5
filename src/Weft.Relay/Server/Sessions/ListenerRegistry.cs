using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Weft.Relay.Server.Http;

namespace Weft.Relay.Server.Sessions;

/// <summary>Who listens where.</summary>
internal sealed class ListenerRegistry(int most)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ImmutableArray<Listener>> _listeners = new(StringComparer.Ordinal);

    /// <summary>Everybody, at this moment.</summary>
    public ImmutableArray<Listener> All
    {
        get
        {
            lock (_lock)
                return [.. _listeners.Values.SelectMany(l => l)];
        }
    }

    /// <summary>Those of one connection.</summary>
    public ImmutableArray<Listener> ListenersOf(string path)
    {
        lock (_lock)
            return _listeners.GetValueOrDefault(path, []);
    }

    /// <summary>Adds a listener.</summary>
    public bool TryAdd(Listener listener)
    {
        lock (_lock)
        {
            var there = _listeners.GetValueOrDefault(listener.Grant.Connection.Path, []);
            if (there.Length >= most)
                return false;
            _listeners[listener.Grant.Connection.Path] = there.Add(listener);
            return true;
        }
    }

    /// <summary>Removes a listener.</summary>
    public void Remove(Listener listener)
    {
        lock (_lock)
        {
            var path = listener.Grant.Connection.Path;
            var left = _listeners.GetValueOrDefault(path, []).Remove(listener);
            if (left.IsEmpty)
                _listeners.Remove(path);
            else
                _listeners[path] = left;
        }
    }

    /// <summary>
    /// Picks a listener at random. Of several with one name only the newest counts: the others are left over from broken
    /// connections.
    /// </summary>
    public bool TryPick(
        string path,
        ListenerCriteria criteria,
        HashSet<Listener> tried,
        [NotNullWhen(true)] out Listener? listener
    )
    {
        var newest = ListenersOf(path)
            .Where(l => l.Grant.CloseStatus is null && criteria.Matches(l.Name))
            .GroupBy(l => l.Name, StringComparer.OrdinalIgnoreCase)
            .Select(same => same.Last());
        var eligible = newest.Where(l => !tried.Contains(l)).ToArray();
        listener = eligible.Length == 0 ? null : eligible[RandomNumberGenerator.GetInt32(eligible.Length)];
        return listener is not null;
    }
}
