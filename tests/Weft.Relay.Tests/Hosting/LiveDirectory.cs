using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using Weft.Relay.Hosting;

namespace Weft.Relay.Tests.Hosting;

/// <summary>A directory in memory, whose rules are a function that a test may exchange.</summary>
internal sealed class LiveDirectory : IRelayDirectory
{
    private readonly ConcurrentDictionary<string, HybridConnection> _connections = new(StringComparer.Ordinal);
    private Func<HybridConnection, RelayRole, string, IPAddress, Admission> _rules = (_, _, _, _) => new(true, "allow all");
    private long _version;

    public event Action? Changed;

    public bool IsReady { get; set; } = true;

    /// <summary>Whether a change is told, or has to be found.</summary>
    public bool Tells { get; set; } = true;

    public long Version => Volatile.Read(ref _version);

    public Func<HybridConnection, RelayRole, string, IPAddress, Admission> Rules
    {
        set
        {
            _rules = value;
            Raise();
        }
    }

    public void Put(HybridConnection connection)
    {
        _connections[connection.Path] = connection;
        Raise();
    }

    public void Delete(string path)
    {
        _connections.TryRemove(path, out _);
        Raise();
    }

    public HybridConnection? Find(string path)
    {
        for (var at = path.Length; at > 0; at = path.LastIndexOf('/', at - 1))
        {
            if (_connections.TryGetValue(path[..at], out var connection))
                return connection;
        }

        return null;
    }

    public Admission Admit(HybridConnection connection, RelayRole role, string service, IPAddress source) => _rules(connection, role, service, source);

    private void Raise()
    {
        Interlocked.Increment(ref _version);
        if (Tells)
            Changed?.Invoke();
    }
}

/// <summary>Remembers what happened.</summary>
internal sealed class LiveAudit : IRelayAudit
{
    private readonly ConcurrentQueue<RelayEvent> _events = new();

    public ImmutableArray<RelayEvent> Events => [.. _events];

    /// <summary>Whether nothing is kept, where what is kept would count as left behind.</summary>
    public bool IsForgetful { get; set; }

    public void Write(RelayEvent happened)
    {
        if (!IsForgetful)
            _events.Enqueue(happened);
    }
}
