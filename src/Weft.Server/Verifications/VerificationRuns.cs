using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Attachments.Verification;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Resources;

namespace Weft.Server.Verifications;

/// <summary>
/// Verifications that are under way. They are questions, and not part of what the site is like: kept in memory for some
/// minutes, so that asking writes nothing and wakes nobody who waits for another desired state. After a restart of
/// weftd they are asked anew.
/// </summary>
internal sealed class VerificationRuns(ControlPlane controlPlane)
{
    /// <summary>The most that are kept of one cluster: a script that asks in a loop must not fill the memory.</summary>
    private const int MaxPerCluster = 32;

    /// <summary>How long a verification can be read.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromMinutes(10);

    /// <summary>The type they are read as.</summary>
    public static readonly ResourceType ResourceType = new(FleetVersions.Namespace, "verifications");

    private readonly Lock _lock = new();
    private readonly List<VerificationRun> _runs = [];
    private long _lastNumber;
    private readonly Dictionary<string, TaskCompletionSource> _waits = new(StringComparer.Ordinal);

    /// <summary>Starts a verification; of a cluster that has the most already, the oldest is forgotten.</summary>
    public VerificationRun Start(VerificationRequest request)
    {
        lock (_lock)
        {
            _runs.RemoveAll(HasExpired);
            var ofCluster = _runs.Where(run => run.Cluster.Key == request.Cluster.Key).ToList();
            if (ofCluster.Count >= MaxPerCluster)
                _runs.Remove(ofCluster[0]);
            // Numbers go on where an earlier weftd can't have come: agents remember the last one they met.
            _lastNumber = Math.Max(_lastNumber + 1, controlPlane.UtcNow.ToUnixTimeMilliseconds());
            var run = new VerificationRun(
                request.Cluster,
                _lastNumber,
                controlPlane.UtcNow,
                request.Task,
                request.Agents
            );
            _runs.Add(run);
            WakeWaiters(run.Cluster);
            return run;
        }
    }

    /// <summary>The verification that an id names.</summary>
    /// <returns>Null where there is none, or it was forgotten.</returns>
    public VerificationRun? Find(ResourceId id)
    {
        lock (_lock)
            return _runs.FirstOrDefault(run =>
                run.Task.Id == id.Name && run.Cluster.Key == id.Parent!.Key && !HasExpired(run)
            );
    }

    /// <summary>What an agent is asked and hasn't answered.</summary>
    /// <param name="after">The number of the last verification it met.</param>
    public ImmutableArray<VerificationRun> ListPending(ResourceId agent, long after)
    {
        lock (_lock)
            return
            [
                .. _runs.Where(run =>
                    run.Number > after && run.IsAsked(agent) && !HasExpired(run) && !run.Reports.ContainsKey(agent.Name)
                ),
            ];
    }

    /// <summary>
    /// Takes an agent's report. One for a verification that was forgotten is dropped: nobody waits for it, and the
    /// agent has nothing to repair.
    /// </summary>
    public void AddReport(ResourceId agent, string name, VerificationReport report)
    {
        lock (_lock)
        {
            if (_runs.FirstOrDefault(run => run.Task.Id == name && run.IsAsked(agent)) is not { } run)
                return;
            run.Reports[agent.Name] = report;
            WakeWaiters(run.Cluster);
        }
    }

    /// <summary>Waits until something is so of a cluster's verifications, or the time is over.</summary>
    public async Task WaitUntil(ResourceId cluster, Func<bool> isSo, CancellationToken over)
    {
        // Made-up names of clusters are not waited for, and fill no memory.
        while (!isSo())
        {
            // First what is waited behind, then the look: a change between the two ends the wait at once.
            Task changed;
            lock (_lock)
            {
                if (!_waits.TryGetValue(cluster.Key, out var wait))
                    _waits[cluster.Key] = wait = new(TaskCreationOptions.RunContinuationsAsynchronously);
                changed = wait.Task;
            }

            if (isSo())
                return;
            try
            {
                await changed.WaitAsync(over);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private bool HasExpired(VerificationRun run) => controlPlane.UtcNow - run.StartedAt > Retention;

    private void WakeWaiters(ResourceId cluster)
    {
        if (_waits.Remove(cluster.Key, out var wait))
            wait.SetResult();
    }
}

/// <summary>A verification, and what agents have answered so far.</summary>
/// <param name="Number">Greater than that of every earlier one, also of one before a restart.</param>
internal sealed record VerificationRun(
    ResourceId Cluster,
    long Number,
    DateTimeOffset StartedAt,
    VerificationTask Task,
    ImmutableArray<VerifyingAgent> Agents
)
{
    /// <summary>The reports by the names of their agents.</summary>
    public ConcurrentDictionary<string, VerificationReport> Reports { get; } = new(StringComparer.Ordinal);

    /// <summary>Whether all agents have answered.</summary>
    public bool IsDone => Reports.Count >= Agents.Length;

    /// <summary>Whether an agent is one of those that are asked.</summary>
    public bool IsAsked(ResourceId agent) =>
        Cluster.Key == agent.Parent!.Key && Agents.Any(asked => asked.Name == agent.Name);

    /// <summary>The verification as a resource.</summary>
    public JsonObject Render() =>
        VerificationResponse.Render(
            Cluster.Extend(VerificationRuns.ResourceType, Task.Id),
            IsDone,
            Task,
            Agents.Select(agent => agent with { Report = Reports.GetValueOrDefault(agent.Name) })
        );
}
