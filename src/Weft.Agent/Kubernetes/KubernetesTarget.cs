using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Agent.Manifests;
using Weft.Agent.Targets;
using Weft.Attachments.Admission;

namespace Weft.Agent.Kubernetes;

/// <summary>
/// A cluster's objects as a target: what the picture asks for is there as it was drawn, what is no longer asked for is gone, and nothing
/// else is touched. Contract: docs/specs/agent-kubernetes.md.
/// </summary>
internal sealed class KubernetesTarget : ITarget
{
    private const int AtOnce = 8;

    private readonly KubeApi _api;
    private readonly DriftPolicy _policy;
    private readonly Signal _changed = new();
    private readonly DevicePluginRestart _restart;
    private readonly List<LiveObjects> _scopes;

    // What the newest picture says to the webhook, read once.
    private volatile Drawn? _drawn;

    // What was true, or made so, since the start: a missing one of these was taken away by another hand.
    private readonly HashSet<ObjectKey> _true = [];

    /// <summary>A target that nothing is followed for yet.</summary>
    public KubernetesTarget(KubeApi api, DriftPolicy policy, KubePace pace, TimeProvider clock, Log log)
    {
        (_api, _policy, _restart) = (api, policy, new DevicePluginRestart(api, log));
        _scopes = [.. Scope.All.Select(scope => new LiveObjects(api, scope, _changed, pace, clock, log))];
    }

    /// <inheritdoc/>
    public string Name => "kubernetes";

    /// <summary>The newest picture that was applied, for the webhook; null before the first.</summary>
    public Picture? Latest { get; private set; }

    /// <summary>What the cluster has of a kind.</summary>
    /// <returns>The objects, or null where they aren't all known.</returns>
    public IEnumerable<LiveObject>? Live(ObjectKind kind) =>
        _scopes.Where(s => s.Scope.Kind == kind) is var of && of.All(s => s.IsWhole) ? of.SelectMany(s => s.Objects.Values) : null;

    /// <summary>Follows the cluster until cancelled; passes are made beside it.</summary>
    /// <returns>Never, but by cancellation or a fault of ours.</returns>
    public async Task Follow(CancellationToken cancel) => await await Task.WhenAny(_scopes.Select(scope => scope.Follow(cancel)));

    /// <summary>What a pod is judged against: what the cluster has now, whoever made it, and what the picture says of the networks.</summary>
    public LintSurroundings Surroundings()
    {
        var drawn = _drawn;
        if (Latest is { } latest && !ReferenceEquals(drawn?.Of, latest))
            _drawn = drawn = new Drawn(latest, LintSurroundings.OfPicture(JsonElement.Parse(latest.Content)));
        var known = drawn?.Surroundings ?? LintSurroundings.None;
        return Live(ObjectKind.Definition) is { } definitions
            ? LintSurroundings.OfManifests(definitions.Concat(Live(ObjectKind.ConfigMap) ?? []).Select(o => o.Element)) with { Networks = known.Networks } : known;
    }

    /// <inheritdoc/>
    public Task Changed(CancellationToken cancel) => _changed.Wait(cancel);

    /// <inheritdoc/>
    public async Task<TargetOutcome> Apply(Picture picture, CancellationToken cancel)
    {
        Latest = picture;
        await Task.WhenAll(_scopes.Select(scope => scope.Settled)).WaitAsync(cancel);
        var pass = new Pass();
        var (wanted, cluster) = Wanted(picture, pass);
        foreach (var scope in _scopes.Where(s => s.Trouble is not null))
            pass.Find(Unfollowed(scope, wanted));
        _true.IntersectWith(wanted.Select(w => w.Key));
        foreach (var turn in wanted.GroupBy(w => w.Key.Kind.Turn).OrderBy(g => g.Key))
            await Parallel.ForEachAsync(turn, Options(cancel), (each, stop) => Guard(pass, each.Key, () => Mend(each, cluster, pass, stop), stop));
        await Restart(wanted, pass, cancel);
        await Prune([.. wanted.Select(w => w.Key)], cluster, pass, cancel);
        lock (_true)
            _true.UnionWith(pass.Known);
        return new TargetOutcome(pass.Written, pass.Removed, [.. pass.Findings.Where(f => f.Length > 0).Order(StringComparer.Ordinal)]) { Drift = [.. pass.Drift.OrderBy(d => d.What, StringComparer.Ordinal)] };
    }

    private static ParallelOptions Options(CancellationToken cancel) => new() { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel };

    private static (List<WantedObject> Wanted, string Cluster) Wanted(Picture picture, Pass pass)
    {
        var root = JsonNode.Parse(picture.Content)!.AsObject();
        var cluster = (string?)root["cluster"] ?? "";
        if (cluster.Length == 0)
            throw new InvalidOperationException("the desired state doesn't say which cluster it is of");
        var wanted = new List<WantedObject>();
        foreach (var manifest in root["manifests"]!.AsArray().OfType<JsonObject>())
        {
            if (WantedObject.Of(manifest, cluster).TryGet(out var each, out var refusal))
                wanted.Add(each);
            else
                pass.Find(refusal.Message);
        }

        return (wanted, cluster);
    }

    /// <summary>Looks at one object, and writes it if that is due.</summary>
    private async Task Mend(WantedObject wanted, string cluster, Pass pass, CancellationToken cancel)
    {
        var scope = _scopes.First(s => s.Scope.Covers(wanted.Key));
        // What isn't known isn't written: the object may be somebody's. The scope's trouble is the finding.
        if (!scope.IsWhole)
        {
            pass.Wait(scope);
            return;
        }

        var verdict = Verdict.Of(wanted, scope.Objects.GetValueOrDefault(wanted.Key), cluster);
        var drifted = verdict.Standing == Standing.Drifted || (verdict.Standing == Standing.Missing && _true.Contains(wanted.Key));
        if (verdict.Standing is Standing.Foreign or Standing.Dying)
            pass.Find(verdict.Standing == Standing.Dying ? $"{wanted.Key}: {verdict.Why}" : verdict.Why);
        else if (drifted && _policy == DriftPolicy.Report)
            pass.Saw(new Drift(wanted.Key.ToString(), verdict.Why, false), wanted.Key);
        else if (!verdict.AsksForWrite)
            pass.IsTrue(wanted.Key);
        else if (await Write(wanted, verdict, scope, pass, cancel) && drifted)
            pass.Saw(new Drift(wanted.Key.ToString(), verdict.Why, true), wanted.Key);
    }

    private async Task<bool> Write(WantedObject wanted, Verdict verdict, LiveObjects scope, Pass pass, CancellationToken cancel)
    {
        try
        {
            // A missing one is made without force: should somebody make one meanwhile, that is a conflict and not a loss.
            var now = await _api.Apply(wanted.Key.Path, wanted.Body, verdict.Standing != Standing.Missing, cancel);
            scope.Take(new LiveObject(now));
            pass.Wrote(wanted.Key);
            return true;
        }
        catch (KubeException e) when (e.Status == 409)
        {
            // The watch will bring what is there now, and wake the next pass.
            pass.Find($"{wanted.Key} changed while it was written ({e.Message}): it is looked at again");
            return false;
        }
    }

    /// <summary>Restarts who reads a ConfigMap at its start alone, where the ConfigMap is as it should be.</summary>
    private async Task Restart(List<WantedObject> wanted, Pass pass, CancellationToken cancel)
    {
        var scopes = wanted.Where(w => w.Key.Kind == ObjectKind.ConfigMap && pass.True.Contains(w.Key)).Select(w => (w.Key, Scope: _scopes.First(s => s.Scope.Covers(w.Key))));
        foreach (var (key, scope) in scopes)
        {
            if (scope.Objects.GetValueOrDefault(key) is not { } live)
                continue;
            await Guard(pass, key, async () =>
            {
                if (await _restart.Run(key, live, cancel) is { } noted)
                    scope.Take(noted);
            }, cancel);
        }
    }

    /// <summary>Takes away what carries the mark and isn't wanted; namespaces stay, for others may live in them.</summary>
    private async Task Prune(HashSet<ObjectKey> wanted, string cluster, Pass pass, CancellationToken cancel)
    {
        var gone = _scopes.Where(scope => scope.IsWhole && scope.Scope.Kind != ObjectKind.Namespace)
            .SelectMany(scope => scope.Objects.Select(o => (Scope: scope, o.Key, Live: o.Value)))
            .Where(o => !wanted.Contains(o.Key) && o.Live.Cluster is not null && o.Live.IsOf(cluster) && !o.Live.IsDying).ToList();
        await Parallel.ForEachAsync(gone, Options(cancel), (each, stop) => Guard(pass, each.Key, async () =>
        {
            try
            {
                await _api.Delete(each.Key.Path, each.Live, stop);
                pass.Took();
            }
            catch (KubeException e) when (e.Status is 404 or 409)
            {
                // Gone already, or another one by now: the watch will tell, and it is judged anew.
                return;
            }

            each.Scope.Forget(each.Live);
        }, stop));
    }

    /// <summary>One object's fault keeps no other from being written.</summary>
    private static async ValueTask Guard(Pass pass, ObjectKey key, Func<Task> act, CancellationToken cancel)
    {
        try
        {
            await act();
        }
        catch (KubeException e) when (!cancel.IsCancellationRequested)
        {
            pass.Find(e.Status switch
            {
                // It is said once for the server, not once for each object.
                null => e.Message,
                403 => $"{key}: {e.Message}; give the agent's service account the roles of deploy/kustomize",
                404 when key.Namespace is not null => $"{key}: {e.Message}; make the namespace {key.Namespace}, and what serves {key.Kind.Name}",
                _ => $"{key}: {e.Message}",
            });
        }
    }

    private static string Unfollowed(LiveObjects scope, List<WantedObject> wanted)
    {
        var trouble = scope.Trouble!;
        if (scope.IsUnserved)
        {
            return wanted.Any(w => scope.Scope.Covers(w.Key))
                ? $"the API server serves no {scope.Scope.Kind.Name} ({scope.Scope.Kind.ApiVersion}): install Multus, or its CustomResourceDefinition "
                    + $"{scope.Scope.Kind.Plural}.{scope.Scope.Kind.ApiVersion.Split('/')[0]}; it is asked for again by itself"
                : "";
        }

        return trouble.Status == 403
            ? $"{trouble.Message}; give the agent's service account the roles of deploy/kustomize"
            : $"{scope.Scope}: {trouble.Message}";
    }

    private sealed record Drawn(Picture Of, LintSurroundings Surroundings);

    /// <summary>What one pass has done so far; many objects are looked at side by side.</summary>
    private sealed class Pass
    {
        private readonly ConcurrentDictionary<string, bool> _findings = new(StringComparer.Ordinal);
        private readonly ConcurrentBag<Drift> _drift = [];
        private readonly ConcurrentBag<ObjectKey> _true = [];
        private readonly ConcurrentBag<ObjectKey> _known = [];
        private int _written;
        private int _removed;

        public int Written => _written;

        public int Removed => _removed;

        public ICollection<string> Findings => _findings.Keys;

        public IEnumerable<Drift> Drift => _drift;

        public IReadOnlyCollection<ObjectKey> True => _true;

        public IEnumerable<ObjectKey> Known => _known.Concat(_true);

        public void Find(string finding) => _findings[finding] = true;

        public void Wait(LiveObjects scope)
        {
            // Without it a picture would count as applied while nobody knows what the cluster has.
            if (scope.Trouble is null)
                Find($"{scope.Scope} are not listed yet");
        }

        public void IsTrue(ObjectKey key) => _true.Add(key);

        public void Wrote(ObjectKey key)
        {
            Interlocked.Increment(ref _written);
            _true.Add(key);
        }

        public void Took() => Interlocked.Increment(ref _removed);

        public void Saw(Drift drift, ObjectKey key)
        {
            _drift.Add(drift);
            _known.Add(key);
        }
    }
}
