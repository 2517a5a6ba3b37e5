using System.Net;
using System.Net.Sockets;
using Weft.Relay.Server.Http;

namespace Weft.Relay.Server.Authorization;

/// <summary>Bounds who waits, per connection and per source, so that nobody can fill the relay with pending callers.</summary>
internal sealed class PendingQuota(RelayServerOptions options)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _connections = new(StringComparer.Ordinal);
    private readonly Dictionary<IPAddress, int> _sources = [];

    /// <summary>How many wait.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _connections.Values.Sum();
        }
    }

    /// <summary>Acquires a place.</summary>
    /// <returns>Why it is refused; null where there is room.</returns>
    public HttpRefusal? Acquire(Grant grant)
    {
        var source = QuotaKeyOf(grant.Source.Address);
        lock (_lock)
        {
            if (_connections.GetValueOrDefault(grant.Connection.Path) >= options.PendingPerConnection)
                return new(503, $"{options.PendingPerConnection} senders wait here already: come again");
            if (_sources.GetValueOrDefault(source) >= options.PendingPerSource)
                return new(429, $"{options.PendingPerSource} senders wait from your network already: come again");
            _connections[grant.Connection.Path] = _connections.GetValueOrDefault(grant.Connection.Path) + 1;
            _sources[source] = _sources.GetValueOrDefault(source) + 1;
            return null;
        }
    }

    /// <summary>Releases a place.</summary>
    public void Release(Grant grant)
    {
        lock (_lock)
        {
            Decrement(_connections, grant.Connection.Path);
            Decrement(_sources, QuotaKeyOf(grant.Source.Address));
        }
    }

    /// <summary>
    /// What counts as one source: an IPv4 address, or an IPv6 network of 64 bits, because one machine may use all of its
    /// addresses.
    /// </summary>
    public static IPAddress QuotaKeyOf(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return address;
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new(bytes);
    }

    private static void Decrement<TKey>(Dictionary<TKey, int> counts, TKey key)
        where TKey : notnull
    {
        if (--counts[key] == 0)
            counts.Remove(key);
    }
}
