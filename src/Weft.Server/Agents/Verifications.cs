using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Attachments;
using Weft.Attachments.Verification;
using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Api;

namespace Weft.Server;

/// <summary>
/// Verifications that are under way. They are questions, and not part of what the site is like: kept in memory for some minutes, so that asking
/// writes nothing and wakes nobody who waits for another picture. After a restart of weftd they are asked anew.
/// </summary>
internal sealed class Verifications(Site site, IHostApplicationLifetime lifetime)
{
    /// <summary>The action of a cluster that starts one.</summary>
    public const string Action = "verify";

    /// <summary>How long the longest poll of agents waits where they don't say.</summary>
    private static readonly TimeSpan StandardWait = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Keep = TimeSpan.FromMinutes(10);

    /// <summary>The most that are kept of one cluster: a script that asks in a loop must not fill the memory.</summary>
    private const int MostOfACluster = 32;

    /// <summary>The type they are read as.</summary>
    public static readonly ResourceType ResourceType = new(FleetVersions.Namespace, "verifications");

    private readonly Lock _gate = new();
    private readonly List<Kept> _kept = [];
    private long _number;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Serves <c>POST {cluster}/verify</c>.</summary>
    public async Task Start(HttpContext http, ResourceId cluster)
    {
        if (!(await http.ReadObject()).TryGet(out var body, out var refusal) || !Asked(cluster, body).TryGet(out var kept, out refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        lock (_gate)
        {
            _kept.RemoveAll(k => site.Clock - k.At > Keep);
            if (_kept.Count(k => k.Cluster.Key == kept.Cluster.Key) >= MostOfACluster)
                _kept.Remove(_kept.First(k => k.Cluster.Key == kept.Cluster.Key));
            // Numbers go on where an earlier weftd can't have come: agents remember the last one they met.
            _number = Math.Max(_number + 1, site.Clock.ToUnixTimeMilliseconds());
            kept = kept with { Number = _number };
            _kept.Add(kept);
            Wake();
        }

        await http.Answer(201, Body(kept));
    }

    /// <summary>Serves <c>GET {cluster}/providers/Weft.Fleet/verifications/ID</c>; <c>Prefer: wait=N</c> waits until all have answered.</summary>
    public async Task Serve(HttpContext http, ResourceId id)
    {
        if (!HttpMethods.IsGet(http.Request.Method))
        {
            await http.Refuse(new Refusal(RefusalCode.MethodNotAllowed, $"verifications are started with POST {id.Parent}/{Action}; they are only read", id.ToString()));
            return;
        }

        if (ApiVersion.Check(http, id.Type.ToString(), FleetVersions.All) is { } version)
        {
            await http.Refuse(version);
            return;
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping);
        stop.CancelAfter(http.PreferredWait());
        await Until(() => Find(id) is not { } kept || kept.Reports.Count >= kept.Agents.Length, stop.Token);
        if (Find(id) is { } found)
            await http.Answer(200, Body(found));
        else
            await http.Refuse(new Refusal(RefusalCode.ResourceNotFound, $"there is no verification {id.Name}: they are kept for {Keep.TotalMinutes:0} minutes, and not across a restart of weftd", id.ToString()));
    }

    /// <summary>Serves <c>GET /agents/v1/verifications</c>.</summary>
    public async Task Pending(HttpContext http, ResourceId agent)
    {
        var after = long.TryParse(http.Request.Query["after"], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : 0;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping);
        stop.CancelAfter(http.QueryNumber("wait") is { } seconds ? TimeSpan.FromSeconds(Math.Min(seconds, 60)) : StandardWait);
        ImmutableArray<Kept> Mine()
        {
            lock (_gate)
            {
                return [.. _kept.Where(k => k.Cluster.Key == agent.Parent!.Key && k.Number > after && site.Clock - k.At <= Keep
                    && k.Agents.Any(a => a.Name == agent.Name) && !k.Reports.ContainsKey(agent.Name))];
            }
        }

        await Until(() => !Mine().IsEmpty, stop.Token);
        var pending = Mine();
        if (pending.IsEmpty)
            await http.Answer(204);
        else
            await http.Answer(200, new JsonObject { ["after"] = pending[^1].Number, ["verifications"] = new JsonArray([.. pending.Select(k => (JsonNode)k.Task.ToJson())]) });
    }

    /// <summary>Serves <c>PUT /agents/v1/verifications/ID</c>.</summary>
    public async Task Report(HttpContext http, ResourceId agent, string name)
    {
        if (!(await http.ReadObject()).TryGet(out var body, out var refusal))
        {
            await http.Refuse(refusal);
            return;
        }

        lock (_gate)
        {
            // Gone already: nobody waits for it, and the agent has nothing to mend.
            if (_kept.FirstOrDefault(k => k.Task.Id == name && k.Cluster.Key == agent.Parent!.Key && k.Agents.Any(a => a.Name == agent.Name)) is { } kept)
            {
                // Read and written again, so that nothing is passed on that no version of ours has said.
                kept.Reports[agent.Name] = VerificationReport.Of(JsonElement.Parse(Json.Bytes(body)));
                Wake();
            }
        }

        await http.Answer(204);
    }

    private Outcome<Kept> Asked(ResourceId cluster, JsonObject body)
    {
        var image = site.Store.Current;
        if (image.Get(StoreKey.Of(cluster)) is null)
            return new Refusal(RefusalCode.ResourceNotFound, $"{cluster} doesn't exist", cluster.ToString());
        var findings = new List<Refusal>();
        foreach (var (member, value) in body)
        {
            if (member is not ("node" or "pod" or "network" or "interface"))
                findings.Add(new Refusal(RefusalCode.UnknownMember, $"a verification has no '{member}'; it has node, pod, network and interface", member));
            else if (value is not JsonValue text || !text.TryGetValue<string>(out var given) || given.Length is 0 or > 512)
                findings.Add(new Refusal(RefusalCode.InvalidMember, $"'{member}' must be a text", member));
        }

        var task = VerificationTask.Of(JsonElement.Parse(Json.Bytes(body))) with { Id = Guid.NewGuid().ToString("N") };
        if (task.Pod is { } pod && (pod.Split('/') is not [var space, var name] || !DnsLabel.Is(space) || name.Length is 0 or > 253))
            findings.Add(new Refusal(RefusalCode.InvalidMember, $"'pod': {pod} is none; write NAMESPACE/NAME", "pod"));
        var agents = Agent.In(image, cluster).Select(row => (ResourceKind.IdOf(row).Name, Node: ResourceKind.PropertiesOf(row).Text("node"))).Where(a => a.Node is not null).ToList();
        var meant = agents.Where(a => task.Node is null || string.Equals(a.Node, task.Node, StringComparison.OrdinalIgnoreCase)).Select(a => (a.Name, a.Node!)).ToImmutableArray();
        if (findings.Count == 0 && meant.IsEmpty)
        {
            findings.Add(task.Node is null
                ? new Refusal(RefusalCode.Conflict, $"no agent of {cluster.Name} serves a node; start weft-agent with --node on each", cluster.ToString())
                : new Refusal(RefusalCode.ReferenceNotFound, $"no agent of {cluster.Name} serves the node '{task.Node}'; there are agents on {(agents.Count == 0 ? "none" : string.Join(", ", agents.Select(a => a.Node)))}", "node"));
        }

        return findings.Count > 0 ? Refusal.Of(findings, "verification") : new Kept(cluster, 0, site.Clock, task, meant, new ConcurrentDictionary<string, VerificationReport>(StringComparer.Ordinal));
    }

    private Kept? Find(ResourceId id)
    {
        lock (_gate)
            return _kept.FirstOrDefault(k => k.Task.Id == id.Name && k.Cluster.Key == id.Parent!.Key && site.Clock - k.At <= Keep);
    }

    /// <summary>Waits until something is so, or the time is over.</summary>
    private async Task Until(Func<bool> isSo, CancellationToken over)
    {
        while (true)
        {
            // First what is waited behind, then the look: a change between the two ends the wait at once.
            Task changed;
            lock (_gate)
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

    private void Wake()
    {
        var changed = _changed;
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        changed.SetResult();
    }

    private static JsonObject Body(Kept kept)
    {
        var id = kept.Cluster.Extend(ResourceType, kept.Task.Id);
        var agents = kept.Agents.Select(agent =>
        {
            var body = new JsonObject { ["name"] = agent.Name, ["node"] = agent.Node };
            if (kept.Reports.TryGetValue(agent.Name, out var report))
                body["report"] = report.ToJson();
            return (JsonNode)body;
        });
        return new JsonObject
        {
            ["id"] = id.ToString(),
            ["name"] = id.Name,
            ["type"] = ResourceType.ToString(),
            ["properties"] = new JsonObject { ["isDone"] = kept.Reports.Count >= kept.Agents.Length, ["task"] = kept.Task.ToJson(), ["agents"] = new JsonArray([.. agents]) },
        };
    }

    private sealed record Kept(
        ResourceId Cluster, long Number, DateTimeOffset At, VerificationTask Task, ImmutableArray<(string Name, string Node)> Agents, ConcurrentDictionary<string, VerificationReport> Reports);
}
