using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Agent.Manifests;
using Weft.Agent.Reconcilers;
using Weft.Attachments.Admission;

namespace Weft.Agent.Kubernetes;

/// <summary>
/// A cluster's objects as a target: what the desired state asks for is there as it was rendered, what is no longer
/// asked for is gone, and nothing else is touched. Contract: docs/specs/agent-kubernetes.md.
/// </summary>
internal sealed class KubernetesReconciler : IReconciler
{
    private const int MaxParallelism = 8;

    private readonly KubeApi _api;
    private readonly DriftPolicy _policy;
    private readonly AsyncAutoResetEvent _changed;
    private readonly DevicePluginRestart _restart;
    private readonly List<Informer> _informers;

    // What the newest desired state says to the webhook, read once.
    private volatile CachedSurroundings? _cachedSurroundings;

    // What was true, or made so, since the start: a missing one of these was taken away by another hand.
    private readonly HashSet<ObjectKey> _synced = [];

    /// <summary>A target that nothing is followed for yet.</summary>
    public KubernetesReconciler(KubeApi api, DriftPolicy policy, KubeTimings timings, TimeProvider clock, Log log)
    {
        (_api, _policy, _restart) = (api, policy, new DevicePluginRestart(api, log));
        _changed = new AsyncAutoResetEvent(clock);
        _informers = [.. WatchScope.All.Select(scope => new Informer(api, scope, _changed, timings, clock, log))];
    }

    /// <inheritdoc/>
    public string Name => "kubernetes";

    /// <summary>The newest desired state that was applied, for the webhook; null before the first.</summary>
    public DesiredState? Desired { get; private set; }

    /// <summary>What the cluster has of a kind.</summary>
    /// <returns>The objects, or null where they aren't all known.</returns>
    public IEnumerable<ObservedObject>? Observed(ObjectKind kind) =>
        _informers.Where(s => s.Scope.Kind == kind) is var of && of.All(s => s.HasSynced)
            ? of.SelectMany(s => s.Objects.Values)
            : null;

    /// <summary>Follows the cluster until cancelled; passes are made beside it.</summary>
    /// <returns>Never, but by cancellation or a fault of ours.</returns>
    public async Task RunInformers(CancellationToken cancel) =>
        await await Task.WhenAny(_informers.Select(informer => informer.Run(cancel)));

    /// <summary>
    /// What a pod is judged against: what the cluster has now, whoever made it, and what the desired state says of the
    /// networks.
    /// </summary>
    public LintContext Surroundings()
    {
        var cached = _cachedSurroundings;
        if (Desired is { } latest && !ReferenceEquals(cached?.DesiredState, latest))
            _cachedSurroundings = cached = new CachedSurroundings(
                latest,
                LintContext.FromDesiredState(JsonElement.Parse(latest.Content))
            );
        var known = cached?.Surroundings ?? LintContext.Unknown;
        return Observed(ObjectKind.Definition) is { } definitions
            ? LintContext.FromManifests(
                definitions.Concat(Observed(ObjectKind.ConfigMap) ?? []).Select(o => o.Element)
            ) with
            {
                Networks = known.Networks,
            }
            : known;
    }

    /// <inheritdoc/>
    public Task WaitForChange(CancellationToken cancel) => _changed.Wait(cancel);

    /// <inheritdoc/>
    public async Task<ReconcileResult> Reconcile(DesiredState desired, CancellationToken cancel)
    {
        Desired = desired;
        await Task.WhenAll(_informers.Select(informer => informer.InitialList)).WaitAsync(cancel);
        var progress = new PassProgress();
        var (wanted, cluster) = ReadDesired(desired, progress);
        foreach (var informer in _informers.Where(s => s.WatchError is not null))
            progress.AddFinding(DescribeWatchError(informer, wanted));
        _synced.IntersectWith(wanted.Select(w => w.Key));
        foreach (var turn in wanted.GroupBy(w => w.Key.Kind.ApplyOrder).OrderBy(g => g.Key))
            await Parallel.ForEachAsync(
                turn,
                ParallelismOptions(cancel),
                (wantedObject, stop) =>
                    CollectErrors(
                        progress,
                        wantedObject.Key,
                        () => ReconcileObject(wantedObject, cluster, progress, stop),
                        stop
                    )
            );
        await Restart(wanted, progress, cancel);
        await Prune([.. wanted.Select(w => w.Key)], cluster, progress, cancel);
        lock (_synced)
            _synced.UnionWith(progress.Known);
        return new ReconcileResult(
            progress.Written,
            progress.Removed,
            [.. progress.Findings.Where(f => f.Length > 0).Order(StringComparer.Ordinal)]
        )
        {
            Drift = [.. progress.Drift.OrderBy(d => d.What, StringComparer.Ordinal)],
        };
    }

    private static ParallelOptions ParallelismOptions(CancellationToken cancel) =>
        new() { MaxDegreeOfParallelism = MaxParallelism, CancellationToken = cancel };

    private static (List<DesiredObject> Wanted, string Cluster) ReadDesired(DesiredState desired, PassProgress progress)
    {
        var root = JsonNode.Parse(desired.Content)!.AsObject();
        var cluster = (string?)root["cluster"] ?? "";
        if (cluster.Length == 0)
            throw new InvalidOperationException("the desired state doesn't say which cluster it is of");
        var wanted = new List<DesiredObject>();
        foreach (var manifest in root["manifests"]!.AsArray().OfType<JsonObject>())
        {
            if (DesiredObject.FromManifest(manifest, cluster).TryGet(out var wantedObject, out var refusal))
                wanted.Add(wantedObject);
            else
                progress.AddFinding(refusal.Message);
        }

        return (wanted, cluster);
    }

    /// <summary>Looks at one object, and writes it if that is due.</summary>
    private async Task ReconcileObject(
        DesiredObject desired,
        string cluster,
        PassProgress progress,
        CancellationToken cancel
    )
    {
        var informer = _informers.First(s => s.Scope.Covers(desired.Key));
        // What isn't known isn't written: the object may be somebody's. The scope's trouble is the finding.
        if (!informer.HasSynced)
        {
            progress.AddUnsynced(informer);
            return;
        }

        var comparison = Comparison.Compare(desired, informer.Objects.GetValueOrDefault(desired.Key), cluster);
        var drifted =
            comparison.Status == SyncStatus.Drifted
            || (comparison.Status == SyncStatus.Missing && _synced.Contains(desired.Key));
        if (comparison.Status is SyncStatus.Foreign or SyncStatus.Deleting)
            progress.AddFinding(
                comparison.Status == SyncStatus.Deleting ? $"{desired.Key}: {comparison.Reason}" : comparison.Reason
            );
        else if (drifted && _policy == DriftPolicy.Report)
            progress.AddDrift(new Drift(desired.Key.ToString(), comparison.Reason, false), desired.Key);
        else if (!comparison.NeedsWrite)
            progress.AddSynced(desired.Key);
        else if (await Write(desired, comparison, informer, progress, cancel) && drifted)
            progress.AddDrift(new Drift(desired.Key.ToString(), comparison.Reason, true), desired.Key);
    }

    private async Task<bool> Write(
        DesiredObject desired,
        Comparison comparison,
        Informer informer,
        PassProgress progress,
        CancellationToken cancel
    )
    {
        try
        {
            // A missing one is made without force: should somebody make one meanwhile, that is a conflict and not a
            // loss.
            var now = await _api.Apply(desired.Key.Path, desired.Body, comparison.Status != SyncStatus.Missing, cancel);
            informer.Upsert(new ObservedObject(now));
            progress.AddWritten(desired.Key);
            return true;
        }
        catch (KubeException e) when (e.Status == 409)
        {
            // The watch will bring what is there now, and wake the next pass.
            progress.AddFinding($"{desired.Key} changed while it was written ({e.Message}): it is looked at again");
            return false;
        }
    }

    /// <summary>Restarts who reads a ConfigMap at its start alone, where the ConfigMap is as it should be.</summary>
    private async Task Restart(List<DesiredObject> wanted, PassProgress progress, CancellationToken cancel)
    {
        var scopes = wanted
            .Where(w => w.Key.Kind == ObjectKind.ConfigMap && progress.Synced.Contains(w.Key))
            .Select(w => (w.Key, Scope: _informers.First(s => s.Scope.Covers(w.Key))));
        foreach (var (key, informer) in scopes)
        {
            if (informer.Objects.GetValueOrDefault(key) is not { } observed)
                continue;
            await CollectErrors(
                progress,
                key,
                async () =>
                {
                    if (await _restart.Run(key, observed, cancel) is { } noted)
                        informer.Upsert(noted);
                },
                cancel
            );
        }
    }

    /// <summary>
    /// Takes away what carries the mark and isn't wanted; namespaces stay, for others may live in them.
    /// </summary>
    private async Task Prune(HashSet<ObjectKey> wanted, string cluster, PassProgress progress, CancellationToken cancel)
    {
        var gone = _informers
            .Where(informer => informer.HasSynced && informer.Scope.Kind != ObjectKind.Namespace)
            .SelectMany(informer => informer.Objects.Select(o => (Scope: informer, o.Key, Live: o.Value)))
            .Where(o =>
                !wanted.Contains(o.Key) && o.Live.Cluster is not null && o.Live.BelongsTo(cluster) && !o.Live.IsDeleting
            )
            .ToList();
        await Parallel.ForEachAsync(
            gone,
            ParallelismOptions(cancel),
            (each, stop) =>
                CollectErrors(
                    progress,
                    each.Key,
                    async () =>
                    {
                        try
                        {
                            await _api.Delete(each.Key.Path, each.Live, stop);
                            progress.AddRemoved();
                        }
                        catch (KubeException e) when (e.Status is 404 or 409)
                        {
                            // Gone already, or another one by now: the watch will tell, and it is judged anew.
                            return;
                        }

                        each.Scope.Remove(each.Live);
                    },
                    stop
                )
        );
    }

    /// <summary>One object's fault keeps no other from being written.</summary>
    private static async ValueTask CollectErrors(
        PassProgress progress,
        ObjectKey key,
        Func<Task> act,
        CancellationToken cancel
    )
    {
        try
        {
            await act();
        }
        catch (KubeException e) when (!cancel.IsCancellationRequested)
        {
            progress.AddFinding(
                e.Status switch
                {
                    // It is said once for the server, not once for each object.
                    null => e.Message,
                    403 => $"{key}: {e.Message}; give the agent's service account the roles of deploy/kustomize",
                    404 when key.Namespace is not null =>
                        $"{key}: {e.Message}; make the namespace {key.Namespace}, and what serves {key.Kind.Name}",
                    _ => $"{key}: {e.Message}",
                }
            );
        }
    }

    private static string DescribeWatchError(Informer informer, List<DesiredObject> wanted)
    {
        var trouble = informer.WatchError!;
        if (informer.IsKindMissing)
        {
            return wanted.Any(w => informer.Scope.Covers(w.Key))
                ? $"the API server serves no {informer.Scope.Kind.Name} ({informer.Scope.Kind.ApiVersion}): install Multus, or its CustomResourceDefinition "
                    + $"{informer.Scope.Kind.Plural}.{informer.Scope.Kind.ApiVersion.Split('/')[0]}; it is asked for again by itself"
                : "";
        }

        return trouble.Status == 403
            ? $"{trouble.Message}; give the agent's service account the roles of deploy/kustomize"
            : $"{informer.Scope}: {trouble.Message}";
    }

    private sealed record CachedSurroundings(DesiredState DesiredState, LintContext Surroundings);

    /// <summary>What one pass has done so far; many objects are looked at side by side.</summary>
    private sealed class PassProgress
    {
        private readonly ConcurrentDictionary<string, bool> _findings = new(StringComparer.Ordinal);
        private readonly ConcurrentBag<Drift> _drift = [];
        private readonly ConcurrentBag<ObjectKey> _synced = [];
        private readonly ConcurrentBag<ObjectKey> _known = [];
        private int _written;
        private int _removed;

        public int Written => _written;

        public int Removed => _removed;

        public ICollection<string> Findings => _findings.Keys;

        public IEnumerable<Drift> Drift => _drift;

        public IReadOnlyCollection<ObjectKey> Synced => _synced;

        public IEnumerable<ObjectKey> Known => _known.Concat(_synced);

        public void AddFinding(string finding) => _findings[finding] = true;

        public void AddUnsynced(Informer informer)
        {
            // Without it a desired state would count as applied while nobody knows what the cluster has.
            if (informer.WatchError is null)
                AddFinding($"{informer.Scope} are not listed yet");
        }

        public void AddSynced(ObjectKey key) => _synced.Add(key);

        public void AddWritten(ObjectKey key)
        {
            Interlocked.Increment(ref _written);
            _synced.Add(key);
        }

        public void AddRemoved() => Interlocked.Increment(ref _removed);

        public void AddDrift(Drift drift, ObjectKey key)
        {
            _drift.Add(drift);
            _known.Add(key);
        }
    }
}
