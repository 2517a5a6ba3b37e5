using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
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
internal sealed partial class LeaseSessions(ControlPlane controlPlane, ILogger<LeaseSessions> logger)
{
    /// <summary>How many sessions are opened between two looks for agents that are gone.</summary>
    private const int SweepInterval = 1024;

    private readonly ConcurrentDictionary<string, Session> _sessions = new(StringComparer.Ordinal);

    // Guarded by itself: in how many reports that are under way a holder is.
    private readonly Dictionary<string, int> _reported = new(StringComparer.Ordinal);
    private int _opened;

    /// <summary>Opens a session; the agent's earlier one has ended.</summary>
    public LeaseSession Open(ResourceId agent)
    {
        if (Interlocked.Increment(ref _opened) % SweepInterval == 0)
            Sweep(controlPlane.Store.Current);
        var name = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        _sessions.AddOrUpdate(agent.Key, _ => new Session(name, null), (_, before) => new Session(name, before));
        return new LeaseSession(name);
    }

    /// <summary>
    /// Lets a request through and takes note of it. Requests of one holder are let through one after the other.
    /// </summary>
    /// <returns>Null where the request counts; else why it doesn't.</returns>
    public Refusal? Admit(ResourceId agent, string holderId, RequestOrder order)
    {
        if (_sessions.TryGetValue(agent.Key, out var session) && session.Name == order.Session)
            return session.Admit(holderId, order);
        if (session?.IsOfAnotherProcess(order.Session) == true)
            Log.CredentialInTwoPlaces(logger, agent);
        return new Refusal(
            RefusalCode.LeaseSessionEnded,
            $"agent {agent.Name} has opened another lease session since, or weftd has started anew; open one and ask again",
            "session"
        );
    }

    /// <summary>
    /// A report of holders is let through, and what it says isn't in the store yet: a release that is decided meanwhile would find
    /// nothing, and the report bring back what it ended.
    /// </summary>
    /// <returns>What ends that.</returns>
    public IDisposable BeginReport(ImmutableArray<string> holderIds) => new Reported(this, holderIds);

    /// <summary>Whether a report is under way in which a holder is.</summary>
    public bool IsBeingReported(string holderId)
    {
        lock (_reported)
            return _reported.ContainsKey(holderId);
    }

    private void Sweep(StoreState state)
    {
        foreach (var agent in _sessions.Keys)
        {
            if (state.Get($"{StoreKey.PartitionOf(Fleet.Agent.ResourceType)}|{agent}") is null)
                _sessions.TryRemove(agent, out _);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(
            1202,
            LogLevel.Warning,
            "Two processes use the credential of {Agent}, and each ends the other's lease session. If only one of them is yours, "
                + "put another in its place: weft agent token --replace"
        )]
        public static partial void CredentialInTwoPlaces(ILogger logger, ResourceId agent);
    }

    /// <summary>The holders of one report, until it is over.</summary>
    private sealed class Reported : IDisposable
    {
        private readonly LeaseSessions _sessions;
        private readonly ImmutableArray<string> _holderIds;

        public Reported(LeaseSessions sessions, ImmutableArray<string> holderIds)
        {
            (_sessions, _holderIds) = (sessions, holderIds);
            Count(1);
        }

        public void Dispose() => Count(-1);

        private void Count(int by)
        {
            var counts = _sessions._reported;
            lock (counts)
            {
                foreach (var id in _holderIds)
                {
                    ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(counts, id, out _);
                    count += by;
                    if (count == 0)
                        counts.Remove(id);
                }
            }
        }
    }

    /// <summary>One agent's session.</summary>
    /// <param name="before">The one that it has ended; null where there was none.</param>
    private sealed class Session(string name, Session? before)
    {
        private readonly string? _nameBefore = before?.Name;

        // How often a session was still used that the next one had ended. A process that starts anew leaves one request
        // behind at most: its next session is the only one that is used.
        private readonly int _overlapsBefore = before?.Overlaps ?? 0;
        private int _overlaps;

        /// <summary>
        /// An agent has a few requests on their way at a time. One that never moves its oldest on is moved on.
        /// </summary>
        private const int MaxRemembered = 4096;

        private readonly Lock _guard = new();
        private readonly Dictionary<string, long> _lastOf = new(StringComparer.Ordinal);
        private readonly PriorityQueue<string, long> _bySequence = new();
        private long _oldest;

        public string Name => name;

        private int Overlaps => _overlapsBefore + Volatile.Read(ref _overlaps);

        /// <summary>
        /// Whether a request is of a session that this one has ended, for the second time and then every hundredth: two
        /// processes end each other's sessions without end.
        /// </summary>
        public bool IsOfAnotherProcess(string session)
        {
            if (session != _nameBefore || Interlocked.Exchange(ref _overlaps, 1) == 1)
                return false;
            return Overlaps == 2 || Overlaps % 100 == 0;
        }

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
