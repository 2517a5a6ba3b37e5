using System.Net;
using System.Net.Sockets;

namespace Weft.Relay.Hosting;

/// <summary>Counts who waits, per connection and per source, so that nobody can fill the relay with waiting.</summary>
internal sealed class PendingBook(RelayOptions options)
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

    /// <summary>Counts somebody in.</summary>
    /// <returns>Why it is refused; null where there is room.</returns>
    public Refusal? Enter(Pass pass)
    {
        var source = SourceOf(pass.Source.Address);
        lock (_lock)
        {
            if (_connections.GetValueOrDefault(pass.Connection.Path) >= options.PendingPerConnection)
                return new(503, $"{options.PendingPerConnection} senders wait here already: come again");
            if (_sources.GetValueOrDefault(source) >= options.PendingPerSource)
                return new(429, $"{options.PendingPerSource} senders wait from your network already: come again");
            _connections[pass.Connection.Path] = _connections.GetValueOrDefault(pass.Connection.Path) + 1;
            _sources[source] = _sources.GetValueOrDefault(source) + 1;
            return null;
        }
    }

    /// <summary>Counts somebody out.</summary>
    public void Leave(Pass pass)
    {
        lock (_lock)
        {
            Lower(_connections, pass.Connection.Path);
            Lower(_sources, SourceOf(pass.Source.Address));
        }
    }

    /// <summary>Who is counted as one: an IPv4 address, or an IPv6 network of 64 bits, all of whose addresses one machine may use.</summary>
    public static IPAddress SourceOf(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return address;
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new(bytes);
    }

    private static void Lower<TKey>(Dictionary<TKey, int> counts, TKey key) where TKey : notnull
    {
        if (--counts[key] == 0)
            counts.Remove(key);
    }
}
