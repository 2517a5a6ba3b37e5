using System.Net;
using Weft.Relay.Server.Http;
using Weft.Relay.Transport;

namespace Weft.Relay.Server.Authorization;

/// <summary>
/// Bounds who is here, in all, per connection and per source, so that nobody can fill the relay with callers.
/// </summary>
/// <param name="what">What each of them is to whoever is refused, such as "senders wait".</param>
/// <param name="total">The most in all.</param>
/// <param name="perConnection">The most of one hybrid connection.</param>
/// <param name="perSource">The most of one source.</param>
internal sealed class CallerQuota(string what, int total, int perConnection, int perSource)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _connections = new(StringComparer.Ordinal);
    private readonly Dictionary<IPAddress, int> _sources = [];
    private int _count;

    /// <summary>How many there are.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _count;
        }
    }

    /// <summary>Acquires a place.</summary>
    /// <returns>Why it is refused; null where there is room.</returns>
    public HttpRefusal? Acquire(Grant grant)
    {
        var (path, source) = KeysOf(grant);
        lock (_lock)
        {
            if (_count >= total)
                return new(503, $"{total} {what} at the relay already: come again");
            if (_connections.GetValueOrDefault(path) >= perConnection)
                return new(503, $"{perConnection} {what} here already: come again");
            if (_sources.GetValueOrDefault(source) >= perSource)
                return new(429, $"{perSource} {what} from your network already: come again");
            _count++;
            _connections[path] = _connections.GetValueOrDefault(path) + 1;
            _sources[source] = _sources.GetValueOrDefault(source) + 1;
            return null;
        }
    }

    /// <summary>Releases a place.</summary>
    public void Release(Grant grant)
    {
        var (path, source) = KeysOf(grant);
        lock (_lock)
        {
            _count--;
            Decrement(_connections, path);
            Decrement(_sources, source);
        }
    }

    private static (string, IPAddress) KeysOf(Grant grant) =>
        (grant.Connection.Path, AddressNormalizer.SourceOf(grant.Source.Address));

    private static void Decrement<TKey>(Dictionary<TKey, int> counts, TKey key)
        where TKey : notnull
    {
        if (--counts[key] == 0)
            counts.Remove(key);
    }
}
