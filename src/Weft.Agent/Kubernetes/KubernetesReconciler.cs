using System.Collections.Concurrent;
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
    private volatile CachedLintContext? _cachedContext;

    // What the desired state of the last pass asks for, read once; passes never overlap.
    private DesiredObjects? _objects;

    // Objects that have been in sync since the start: if one of them is missing, another hand has deleted it.
    private readonly HashSet<ObjectKey> _synced = [];

    /// <summary>A target that nothing is followed for yet.</summary>
    public KubernetesReconciler(KubeApi api, DriftPolicy policy, KubeTimings timings, TimeProvider clock, ILogger log)
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
    /// <returns>Only by cancellation or a bug.</returns>
    public async Task RunInformers(CancellationToken cancel) =>
        await await Task.WhenAny(_informers.Select(informer => informer.Run(cancel)));

    /// <summary>
    /// What a pod is judged against: what the cluster has now, whoever made it, and what the desired state says of the
    /// networks.
    /// </summary>
    public LintContext ReadLintContext()
    {
        var cached = _cachedContext;
        if (Desired is { } latest && !ReferenceEquals(cached?.DesiredState, latest))
            _cachedContext = cached = new CachedLintContext(
                latest,
                LintContext.FromDesiredState(latest.Document.Manifests ?? [], latest.Document.Networks)
            );
        var known = cached?.Context ?? LintContext.Unknown;
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
        var (_, cluster, wanted, notWritable) = ObjectsOf(desired);
        foreach (var finding in notWritable)
            progress.AddFinding(finding);
        foreach (var informer in _informers.Where(s => s.WatchError is not null))
            progress.AddFinding(DescribeWatchError(informer, wanted));
        _synced.IntersectWith(wanted.Select(w => w.Key));
        foreach (var turn in wanted.GroupBy(w => w.Key.Kind.ApplyOrder).OrderBy(g => g.Key))
            await ReconcileObjects(turn, cluster, progress, cancel);
        await Restart(wanted, progress, cancel);
        await Prune([.. wanted.Select(w => w.Key)], cluster, progress, cancel);
        lock (_synced)
            _synced.UnionWith(progress.Known);
        return progress.ToResult();
    }

    private Task ReconcileObjects(
        IEnumerable<DesiredObject> wanted,
        string cluster,
        PassProgress progress,
        CancellationToken cancel
    ) =>
        Parallel.ForEachAsync(
            wanted,
            ParallelismOptions(cancel),
            (each, stop) =>
                CollectErrors(progress, each.Key, () => ReconcileObject(each, cluster, progress, stop), stop)
        );

    private static ParallelOptions ParallelismOptions(CancellationToken cancel) =>
        new() { MaxDegreeOfParallelism = MaxParallelism, CancellationToken = cancel };

    /// <summary>What is wanted: read off a desired state once, and the same in every pass over it.</summary>
    private DesiredObjects ObjectsOf(DesiredState desired)
    {
        if (ReferenceEquals(_objects?.DesiredState, desired))
            return _objects;
        if (desired.Document.Cluster is not { Length: > 0 } cluster)
            throw new InvalidOperationException("the desired state doesn't say which cluster it is of");
        var (wanted, findings) = (new List<DesiredObject>(), new List<string>());
        foreach (var manifest in desired.Document.Manifests ?? [])
        {
            if (DesiredObject.FromManifest(manifest, cluster).TryGet(out var wantedObject, out var refusal))
                wanted.Add(wantedObject);
            else
                findings.Add(refusal.Message);
        }

        return _objects = new DesiredObjects(desired, cluster, wanted, findings);
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
        // An object that couldn't be looked at isn't written: it may be somebody else's. The scope's error is the finding.
        if (!informer.HasSynced)
        {
            progress.AddUnsynced(informer);
            return;
        }

        var key = desired.Key;
        var comparison = Comparison.Compare(desired, informer.Objects.GetValueOrDefault(key), cluster);
        var (status, reason) = (comparison.Status, comparison.Reason);
        var hasDrifted = status == SyncStatus.Drifted || (status == SyncStatus.Missing && _synced.Contains(key));
        if (status is SyncStatus.Foreign or SyncStatus.Deleting)
            progress.AddFinding(status == SyncStatus.Deleting ? $"{key}: {reason}" : reason);
        else if (hasDrifted && _policy == DriftPolicy.Report)
            progress.AddDrift(key, reason, isRepaired: false);
        else if (!comparison.NeedsWrite)
            progress.AddSynced(key);
        else if (await Write(desired, comparison, informer, progress, cancel) && hasDrifted)
            progress.AddDrift(key, reason, isRepaired: true);
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
    private async Task Restart(IReadOnlyList<DesiredObject> wanted, PassProgress progress, CancellationToken cancel)
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
                    // One finding for the server, not one for each object.
                    null => e.Message,
                    403 => $"{key}: {e.Message}; give the agent's service account the roles of deploy/kustomize",
                    404 when key.Namespace is not null =>
                        $"{key}: {e.Message}; make the namespace {key.Namespace}, and what serves {key.Kind.Name}",
                    _ => $"{key}: {e.Message}",
                }
            );
        }
    }

    private static string DescribeWatchError(Informer informer, IReadOnlyList<DesiredObject> wanted)
    {
        var error = informer.WatchError!;
        // What nobody asks for need not be served, nor allowed: a cluster without devices gives no right to their ConfigMap.
        var asked = wanted.Any(w => informer.Scope.Covers(w.Key));
        if (!asked && (informer.IsKindMissing || (error.Status == 403 && !informer.HasSynced)))
            return "";
        if (informer.IsKindMissing)
            return DescribeMissingKind(informer.Scope.Kind);
        return error.Status == 403
            ? $"{error.Message}; give the agent's service account the roles of deploy/kustomize"
            : $"{informer.Scope}: {error.Message}";
    }

    private static string DescribeMissingKind(ObjectKind kind) =>
        $"the API server serves no {kind.Name} ({kind.ApiVersion}): install Multus, or its CustomResourceDefinition "
        + $"{kind.Plural}.{kind.ApiVersion.Split('/')[0]}; it is asked for again by itself";

    private sealed record DesiredObjects(
        DesiredState DesiredState,
        string Cluster,
        IReadOnlyList<DesiredObject> Wanted,
        IReadOnlyList<string> Findings
    );

    private sealed record CachedLintContext(DesiredState DesiredState, LintContext Context);

    /// <summary>What one pass has done so far; many objects are looked at side by side.</summary>
    private sealed class PassProgress
    {
        private readonly ConcurrentDictionary<string, bool> _findings = new(StringComparer.Ordinal);
        private readonly ConcurrentBag<Drift> _drift = [];
        private readonly ConcurrentBag<ObjectKey> _synced = [];
        private readonly ConcurrentBag<ObjectKey> _known = [];
        private int _written;
        private int _removed;

        public IReadOnlyCollection<ObjectKey> Synced => _synced;

        public IEnumerable<ObjectKey> Known => _known.Concat(_synced);

        public void AddFinding(string finding) => _findings[finding] = true;

        public void AddUnsynced(Informer informer)
        {
            // Otherwise a desired state would count as applied before the cluster's objects are known.
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

        public void AddDrift(ObjectKey key, string reason, bool isRepaired)
        {
            _drift.Add(new Drift(key.ToString(), reason, isRepaired));
            _known.Add(key);
        }

        public ReconcileResult ToResult() =>
            new(_written, _removed, [.. _findings.Keys.Where(f => f.Length > 0).Order(StringComparer.Ordinal)])
            {
                Drift = [.. _drift.OrderBy(d => d.What, StringComparer.Ordinal)],
            };
    }
}
