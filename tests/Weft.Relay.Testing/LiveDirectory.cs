using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using Weft.Relay.Protocol;
using Weft.Relay.Server.Authorization;

namespace Weft.Relay.Testing;

/// <summary>A directory in memory, whose rules are a function that a test may exchange.</summary>
internal sealed class LiveDirectory : IRelayDirectory
{
    private readonly ConcurrentDictionary<string, HybridConnectionDescription> _connections = new(
        StringComparer.Ordinal
    );
    private Func<HybridConnectionDescription, ClientRole, string, IPAddress, Admission> _rules = (_, _, _, _) =>
        new(true, "allow all");
    private long _version;

    public event Action? Changed;

    public bool IsReady { get; set; } = true;

    /// <summary>Whether a change is told, or has to be found.</summary>
    public bool RaisesChanged { get; set; } = true;

    public long Version => Volatile.Read(ref _version);

    public Func<HybridConnectionDescription, ClientRole, string, IPAddress, Admission> Rules
    {
        set
        {
            _rules = value;
            Raise();
        }
    }

    public void Put(HybridConnectionDescription connection)
    {
        _connections[connection.Path] = connection;
        Raise();
    }

    public void Delete(string path)
    {
        _connections.TryRemove(path, out _);
        Raise();
    }

    public HybridConnectionDescription? Find(string path)
    {
        for (var at = path.Length; at > 0; at = path.LastIndexOf('/', at - 1))
        {
            if (_connections.TryGetValue(path[..at], out var connection))
                return connection;
        }

        return null;
    }

    /// <summary>The rules of all namespaces.</summary>
    public ImmutableArray<AuthorizationRule> NamespaceRules { get; set; } = [];

    public ImmutableArray<AuthorizationRule> RulesAbove(string path) => NamespaceRules;

    public Admission Admit(HybridConnectionDescription connection, ClientRole role, string service, IPAddress source) =>
        _rules(connection, role, service, source);

    private void Raise()
    {
        Interlocked.Increment(ref _version);
        if (RaisesChanged)
            Changed?.Invoke();
    }
}

/// <summary>Remembers what happened.</summary>
internal sealed class LiveAudit : IRelayAudit
{
    private readonly ConcurrentQueue<RelayEvent> _events = new();

    public ImmutableArray<RelayEvent> Events => [.. _events];

    /// <summary>Whether nothing is kept, where what is kept would count as left behind.</summary>
    public bool DiscardsEvents { get; set; }

    public void Write(RelayEvent relayEvent)
    {
        if (!DiscardsEvents)
            _events.Enqueue(relayEvent);
    }
}
