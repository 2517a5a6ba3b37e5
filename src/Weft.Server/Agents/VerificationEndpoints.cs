using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Attachments;
using Weft.Attachments.Verification;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Http;

namespace Weft.Server.Agents;

/// <summary>
/// Verifications that are under way. They are questions, and not part of what the site is like: kept in memory for some
/// minutes, so that asking writes nothing and wakes nobody who waits for another desired state. After a restart of
/// weftd they are asked anew.
/// </summary>
internal sealed class VerificationEndpoints(ControlPlane controlPlane, IHostApplicationLifetime lifetime)
{
    /// <summary>The action of a cluster that starts one.</summary>
    public const string ActionName = "verify";

    /// <summary>How long the longest poll of agents waits where they don't say.</summary>
    private static readonly TimeSpan DefaultWait = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Retention = TimeSpan.FromMinutes(10);

    /// <summary>The most that are kept of one cluster: a script that asks in a loop must not fill the memory.</summary>
    private const int MaxPerCluster = 32;

    /// <summary>The type they are read as.</summary>
    public static readonly ResourceType ResourceType = new(FleetVersions.Namespace, "verifications");

    private readonly Lock _lock = new();
    private readonly List<VerificationRun> _verifications = [];
    private long _lastNumber;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Serves <c>POST {cluster}/verify</c>.</summary>
    public async Task Start(HttpContext http, ResourceId cluster)
    {
        if (
            !(await http.ReadObject()).TryGet(out var body, out var refusal)
            || !ReadRequest(cluster, body).TryGet(out var run, out refusal)
        )
        {
            await http.Refuse(refusal);
            return;
        }

        lock (_lock)
        {
            _verifications.RemoveAll(k => controlPlane.UtcNow - k.StartedAt > Retention);
            if (_verifications.Count(k => k.Cluster.Key == run.Cluster.Key) >= MaxPerCluster)
                _verifications.Remove(_verifications.First(k => k.Cluster.Key == run.Cluster.Key));
            // Numbers go on where an earlier weftd can't have come: agents remember the last one they met.
            _lastNumber = Math.Max(_lastNumber + 1, controlPlane.UtcNow.ToUnixTimeMilliseconds());
            run = run with { Number = _lastNumber };
            _verifications.Add(run);
            WakeWaiters();
        }

        await http.Respond(201, Render(run));
    }

    /// <summary>
    /// Serves <c>GET {cluster}/providers/Weft.Fleet/verifications/ID</c>; <c>Prefer: wait=N</c> waits until all have
    /// answered.
    /// </summary>
    public async Task Serve(HttpContext http, ResourceId id)
    {
        if (!HttpMethods.IsGet(http.Request.Method))
        {
            await http.Refuse(
                new Refusal(
                    RefusalCode.MethodNotAllowed,
                    $"verifications are started with POST {id.Parent}/{ActionName}; they are only read",
                    id.ToString()
                )
            );
            return;
        }

        if (ApiVersion.Check(http, id.Type.ToString(), FleetVersions.All) is { } version)
        {
            await http.Refuse(version);
            return;
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(
            http.RequestAborted,
            lifetime.ApplicationStopping
        );
        stop.CancelAfter(http.PreferredWait());
        await WaitUntil(() => Find(id) is not { } run || run.Reports.Count >= run.Agents.Length, stop.Token);
        if (Find(id) is { } found)
            await http.Respond(200, Render(found));
        else
            await http.Refuse(
                new Refusal(
                    RefusalCode.ResourceNotFound,
                    $"there is no verification {id.Name}: "
                        + $"they are kept for {Retention.TotalMinutes:0} minutes, and not across a restart of weftd",
                    id.ToString()
                )
            );
    }

    /// <summary>Serves <c>GET /agents/v1/verifications</c>.</summary>
    public async Task ServePending(HttpContext http, ResourceId agent)
    {
        var after = long.TryParse(
            http.Request.Query["after"],
            System.Globalization.NumberStyles.None,
            System.Globalization.CultureInfo.InvariantCulture,
            out var number
        )
            ? number
            : 0;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(
            http.RequestAborted,
            lifetime.ApplicationStopping
        );
        stop.CancelAfter(
            http.QueryInteger("wait") is { } seconds ? TimeSpan.FromSeconds(Math.Min(seconds, 60)) : DefaultWait
        );
        ImmutableArray<VerificationRun> Mine()
        {
            lock (_lock)
            {
                return
                [
                    .. _verifications.Where(k =>
                        k.Cluster.Key == agent.Parent!.Key
                        && k.Number > after
                        && controlPlane.UtcNow - k.StartedAt <= Retention
                        && k.Agents.Any(a => a.Name == agent.Name)
                        && !k.Reports.ContainsKey(agent.Name)
                    ),
                ];
            }
        }

        await WaitUntil(() => !Mine().IsEmpty, stop.Token);
        var pending = Mine();
        if (pending.IsEmpty)
            await http.Respond(204);
        else
            await http.Respond(
                200,
                new PendingVerifications(pending[^1].Number, [.. pending.Select(run => run.Task)]).ToJson()
            );
    }

    /// <summary>Serves <c>PUT /agents/v1/verifications/ID</c>.</summary>
    public async Task AcceptReport(HttpContext http, ResourceId agent, string name)
    {
        if (!(await http.ReadObject()).TryGet(out var body, out var refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        lock (_lock)
        {
            // Gone already: nobody waits for it, and the agent has nothing to repair.
            if (
                _verifications.FirstOrDefault(k =>
                    k.Task.Id == name && k.Cluster.Key == agent.Parent!.Key && k.Agents.Any(a => a.Name == agent.Name)
                ) is
                { } run
            )
            {
                // Read and written again, so that nothing is passed on that no version of ours has said.
                run.Reports[agent.Name] = VerificationReport.Read(JsonElement.Parse(Json.ToUtf8(body)));
                WakeWaiters();
            }
        }

        await http.Respond(204);
    }

    private Outcome<VerificationRun> ReadRequest(ResourceId cluster, JsonObject body)
    {
        var state = controlPlane.Store.Current;
        if (state.Get(StoreKey.ForResource(cluster)) is null)
            return new Refusal(RefusalCode.ResourceNotFound, $"{cluster} doesn't exist", cluster.ToString());
        var findings = new List<Refusal>();
        foreach (var (member, value) in body)
        {
            if (member is not ("node" or "pod" or "network" or "interface"))
                findings.Add(
                    new Refusal(
                        RefusalCode.UnknownMember,
                        $"a verification has no '{member}'; it has node, pod, network and interface",
                        member
                    )
                );
            else if (
                value is not JsonValue text
                || !text.TryGetValue<string>(out var given)
                || given.Length is 0 or > 512
            )
                findings.Add(new Refusal(RefusalCode.InvalidMember, $"'{member}' must be a text", member));
        }

        var task = VerificationTask.Read(JsonElement.Parse(Json.ToUtf8(body))) with
        {
            Id = Guid.NewGuid().ToString("N"),
        };
        if (
            task.Pod is { } pod
            && (pod.Split('/') is not [var space, var name] || !DnsLabel.IsValid(space) || name.Length is 0 or > 253)
        )
            findings.Add(new Refusal(RefusalCode.InvalidMember, $"'pod': {pod} is none; write NAMESPACE/NAME", "pod"));
        var agents = Agent
            .ListIn(state, cluster)
            .Select(row => (ResourceKind.IdOf(row).Name, Node: ResourceKind.PropertiesOf(row).Text("node")))
            .Where(a => a.Node is not null)
            .ToList();
        var meant = agents
            .Where(a => task.Node is null || string.Equals(a.Node, task.Node, StringComparison.OrdinalIgnoreCase))
            .Select(a => (a.Name, a.Node!))
            .ToImmutableArray();
        if (findings.Count == 0 && meant.IsEmpty)
        {
            findings.Add(
                task.Node is null
                    ? new Refusal(
                        RefusalCode.Conflict,
                        $"no agent of {cluster.Name} serves a node; start weft-agent with --node on each",
                        cluster.ToString()
                    )
                    : new Refusal(
                        RefusalCode.ReferenceNotFound,
                        $"no agent of {cluster.Name} serves the node '{task.Node}'; there are agents on "
                            + (agents.Count == 0 ? "none" : string.Join(", ", agents.Select(a => a.Node))),
                        "node"
                    )
            );
        }

        return findings.Count > 0
            ? Refusal.Combine(findings, "verification")
            : new VerificationRun(
                cluster,
                0,
                controlPlane.UtcNow,
                task,
                meant,
                new ConcurrentDictionary<string, VerificationReport>(StringComparer.Ordinal)
            );
    }

    private VerificationRun? Find(ResourceId id)
    {
        lock (_lock)
            return _verifications.FirstOrDefault(k =>
                k.Task.Id == id.Name
                && k.Cluster.Key == id.Parent!.Key
                && controlPlane.UtcNow - k.StartedAt <= Retention
            );
    }

    /// <summary>Waits until something is so, or the time is over.</summary>
    private async Task WaitUntil(Func<bool> isSo, CancellationToken over)
    {
        while (true)
        {
            // First what is waited behind, then the look: a change between the two ends the wait at once.
            Task changed;
            lock (_lock)
                changed = _changed.Task;
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

    private void WakeWaiters()
    {
        var changed = _changed;
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        changed.SetResult();
    }

    private static JsonObject Render(VerificationRun run)
    {
        var id = run.Cluster.Extend(ResourceType, run.Task.Id);
        var agents = run.Agents.Select(agent =>
        {
            var body = new JsonObject { ["name"] = agent.Name, ["node"] = agent.Node };
            if (run.Reports.TryGetValue(agent.Name, out var report))
                body["report"] = report.ToJson();
            return (JsonNode)body;
        });
        return new JsonObject
        {
            ["id"] = id.ToString(),
            ["name"] = id.Name,
            ["type"] = ResourceType.ToString(),
            ["properties"] = new JsonObject
            {
                ["isDone"] = run.Reports.Count >= run.Agents.Length,
                ["task"] = run.Task.ToJson(),
                ["agents"] = new JsonArray([.. agents]),
            },
        };
    }

    private sealed record VerificationRun(
        ResourceId Cluster,
        long Number,
        DateTimeOffset StartedAt,
        VerificationTask Task,
        ImmutableArray<(string Name, string Node)> Agents,
        ConcurrentDictionary<string, VerificationReport> Reports
    );
}
