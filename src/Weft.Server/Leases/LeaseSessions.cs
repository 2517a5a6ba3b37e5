using System.Collections.Concurrent;
using System.Security.Cryptography;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Server.Leases;

/// <summary>
/// Which requests about leases still count. An agent has one session at a time, and in it each holder has one last
/// request; what comes behind that is late and does nothing.
/// </summary>
/// <remarks>
/// Nothing of it is kept on the disk: after a start there is no session, so that what was sent before finds none.
/// </remarks>
internal sealed class LeaseSessions(ControlPlane controlPlane)
{
    /// <summary>How many sessions are opened between two looks for agents that are gone.</summary>
    private const int SweepInterval = 1024;

    private readonly ConcurrentDictionary<string, Session> _sessions = new(StringComparer.Ordinal);
    private int _opened;

    /// <summary>Opens a session; the agent's earlier one has ended.</summary>
    public LeaseSession Open(ResourceId agent)
    {
        if (Interlocked.Increment(ref _opened) % SweepInterval == 0)
            Sweep(controlPlane.Store.Current);
        var session = new Session(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)));
        _sessions[agent.Key] = session;
        return new LeaseSession(session.Name);
    }

    /// <summary>
    /// Lets a request through and takes note of it. Requests of one holder are let through one after the other.
    /// </summary>
    /// <returns>Null where the request counts; else why it doesn't.</returns>
    public Refusal? Admit(ResourceId agent, string holderId, RequestOrder order) =>
        _sessions.TryGetValue(agent.Key, out var session) && session.Name == order.Session
            ? session.Admit(holderId, order)
            : new Refusal(
                RefusalCode.LeaseSessionEnded,
                $"agent {agent.Name} has opened another lease session since, or weftd has started anew; open one and ask again",
                "session"
            );

    private void Sweep(StoreState state)
    {
        foreach (var agent in _sessions.Keys)
        {
            if (state.Get($"{StoreKey.PartitionOf(Fleet.Agent.ResourceType)}|{agent}") is null)
                _sessions.TryRemove(agent, out _);
        }
    }

    /// <summary>One agent's session.</summary>
    private sealed class Session(string name)
    {
        /// <summary>
        /// An agent has a few requests on their way at a time. One that never moves its oldest on is moved on.
        /// </summary>
        private const int MaxRemembered = 4096;

        private readonly Lock _guard = new();
        private readonly Dictionary<string, long> _lastOf = new(StringComparer.Ordinal);
        private readonly PriorityQueue<string, long> _bySequence = new();
        private long _oldest;

        public string Name => name;

        public Refusal? Admit(string holderId, RequestOrder order)
        {
            lock (_guard)
            {
                _oldest = Math.Max(_oldest, order.Oldest);
                ForgetBelowOldest();
                if (order.Sequence < _oldest || order.Sequence < _lastOf.GetValueOrDefault(holderId))
                    return new Refusal(
                        RefusalCode.Conflict,
                        $"request {order.Sequence} came late: its agent has given it up, or asked something else of the holder since",
                        "sequence"
                    );
                if (_lastOf.GetValueOrDefault(holderId) == order.Sequence)
                    return null;
                _lastOf[holderId] = order.Sequence;
                _bySequence.Enqueue(holderId, order.Sequence);
                if (_bySequence.Count > MaxRemembered && _bySequence.TryPeek(out _, out var least))
                {
                    _oldest = Math.Max(_oldest, least + 1);
                    ForgetBelowOldest();
                }

                return null;
            }
        }

        private void ForgetBelowOldest()
        {
            while (_bySequence.TryPeek(out var holderId, out var sequence) && sequence < _oldest)
            {
                _bySequence.Dequeue();
                if (_lastOf.GetValueOrDefault(holderId) == sequence)
                    _lastOf.Remove(holderId);
            }
        }
    }
}
