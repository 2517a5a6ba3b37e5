using System.Text.Json.Nodes;
using Weft.Agent;
using Weft.Agent.Kubernetes;
using Weft.Agent.Manifests;
using Weft.Agent.Reconcilers;

namespace Weft.Tests.Kubernetes;

/// <summary>
/// An API server and a target over it, driven pass by pass: what a whole agent does, without its waits.
/// </summary>
internal sealed class KubeHarness : IAsyncDisposable
{
    public static readonly KubeTimings FastTimings = new()
    {
        InitialBackoff = TimeSpan.FromMilliseconds(10),
        MaxBackoff = TimeSpan.FromMilliseconds(50),
        RetryTimeout = TimeSpan.FromSeconds(3),
        Grace = TimeSpan.FromMilliseconds(300),
        LeaseDuration = TimeSpan.FromSeconds(2),
        RenewDeadline = TimeSpan.FromSeconds(1),
        RetryPeriod = TimeSpan.FromMilliseconds(100),
    };

    private readonly StringWriter _log = new();
    private readonly TextWriter _writer;
    private readonly string _folder = Directory.CreateTempSubdirectory("weft-kube-").FullName;
    private readonly CancellationTokenSource _stop = new();
    private KubeCluster? _cluster;
    private Task? _following;

    private KubeHarness(FakeKube kube) => (Kube, _writer) = (kube, TextWriter.Synchronized(_log));

    public FakeKube Kube { get; }

    public KubernetesReconciler Reconciler { get; private set; } = null!;

    public FakeKubeStore Store => Kube.Store;

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>What the agent has logged.</summary>
    public string Log
    {
        get
        {
            // What a synchronized writer locks is itself.
            lock (_writer)
                return _log.ToString();
        }
    }

    public static async Task<KubeHarness> Start(
        bool withDefinitions = true,
        DriftPolicy policy = DriftPolicy.Mend,
        KubeTimings? timings = null
    )
    {
        var harness = new KubeHarness(await FakeKube.Start(withDefinitions));
        harness.RunInformers(policy, timings);
        return harness;
    }

    /// <summary>A target that knows nothing yet, as after a restart of the agent.</summary>
    public void RunInformers(DriftPolicy policy = DriftPolicy.Mend, KubeTimings? timings = null)
    {
        var log = AgentLog.Open(_writer, TimeProvider.System);
        _cluster = KubeCluster.Open(
            new KubeOptions { KubeConfig = Kube.Config(_folder), Drift = policy },
            timings ?? FastTimings,
            TimeProvider.System,
            log
        );
        Reconciler = _cluster.CreateReconciler();
        _following = Reconciler.RunInformers(_stop.Token);
    }

    public Task<ReconcileResult> Reconcile(params JsonObject[] manifests) =>
        Reconciler.Reconcile(NewDesiredState(manifests), Cancel);

    /// <summary>
    /// Passes until one finds nothing to say and nothing to do, as the loop makes them when the watch wakes it.
    /// </summary>
    public async Task<ReconcileResult> ReconcileUntilStable(params JsonObject[] manifests)
    {
        ReconcileResult result;
        var passes = 0;
        do
        {
            Assert.True(passes++ < 300, "it never settles");
            result = await Reconcile(manifests);
            if (result.Findings.Count > 0)
                await Task.Delay(20, Cancel);
        } while (result.Findings.Count > 0 || result.Written + result.Removed > 0);
        return result;
    }

    /// <summary>Passes until something is so.</summary>
    public async Task<ReconcileResult> Until(Func<ReconcileResult, bool> holds, params JsonObject[] manifests)
    {
        ReconcileResult? result = null;
        await Eventually.Holds(
            async () => holds(result = await Reconcile(manifests)),
            "a pass with such a result",
            () => Task.FromResult($"the last one was {result}; the log says: {Log}")
        );
        return result!;
    }

    /// <summary>Waits until the agent knows all that the API server has, changes of others included.</summary>
    public Task UntilObserved() =>
        Eventually.Holds(
            () =>
                IsObserved(ObjectKind.Namespace, Store.Find("", "v1", "namespaces"))
                && IsObserved(ObjectKind.ConfigMap, ConfigMaps)
                && IsObserved(ObjectKind.Definition, Definitions),
            "the agent knows what there is"
        );

    private bool IsObserved(ObjectKind kind, KubeResource resource)
    {
        var known = Reconciler
            .Observed(kind)
            ?.Select(o => (new ObjectKey(kind, o.Namespace, o.Name), o.Version))
            .ToHashSet();
        var there = All(resource)
            .Select(o => o["metadata"]!)
            .Select(o =>
                (
                    Key: new ObjectKey(kind, (string?)o["namespace"], (string)o["name"]!),
                    Version: (string)o["resourceVersion"]!
                )
            )
            .Where(o => WatchScope.All.Any(scope => scope.Covers(o.Key)));
        return known?.SetEquals(there) == true;
    }

    public static DesiredState NewDesiredState(params JsonObject[] manifests) =>
        Weft.Agent.Manifests.DesiredState.Read(
            System.Text.Encoding.UTF8.GetBytes(
                new JsonObject
                {
                    ["cluster"] = ScriptedControlPlane.Cluster,
                    ["revision"] = 1,
                    ["digest"] = $"sha256-{manifests.Length}",
                    ["manifests"] = new JsonArray([.. manifests.Select(m => m.DeepClone())]),
                    ["nodes"] = new JsonArray(),
                }.ToJsonString()
            ),
            null
        );

    public static JsonObject Definition(string name, string config = "{}", string space = "default") =>
        new()
        {
            ["apiVersion"] = "k8s.cni.cncf.io/v1",
            ["kind"] = "NetworkAttachmentDefinition",
            ["metadata"] = new JsonObject
            {
                ["name"] = name,
                ["namespace"] = space,
                ["labels"] = new JsonObject { ["app.kubernetes.io/managed-by"] = "weft" },
            },
            ["spec"] = new JsonObject { ["config"] = config },
        };

    public static JsonObject ConfigMap(string name, JsonObject data, string space = "weft-system") =>
        new()
        {
            ["apiVersion"] = "v1",
            ["kind"] = "ConfigMap",
            ["metadata"] = new JsonObject
            {
                ["name"] = name,
                ["namespace"] = space,
                ["labels"] = new JsonObject { ["app.kubernetes.io/managed-by"] = "weft" },
            },
            ["data"] = data,
        };

    public static JsonObject Namespace() =>
        new()
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Namespace",
            ["metadata"] = new JsonObject
            {
                ["name"] = "weft-system",
                ["labels"] = new JsonObject { ["app.kubernetes.io/managed-by"] = "weft" },
            },
        };

    public KubeResource Definitions => Store.Find("k8s.cni.cncf.io", "v1", "network-attachment-definitions");

    public KubeResource ConfigMaps => Store.Find("", "v1", "configmaps");

    public List<JsonObject> All(KubeResource resource) => Store.List(resource, null, _ => true).Items;

    public JsonObject Read(string name) => Store.Get(Definitions, "default", name);

    public string? ConfigOf(string name) => (string?)Read(name)["spec"]?["config"];

    /// <summary>What a person does with kubectl.</summary>
    public JsonObject Edit(
        KubeResource resource,
        string space,
        string name,
        Action<JsonObject> change,
        string manager = "kubectl-edit"
    ) =>
        Store.Update(
            resource,
            space,
            name,
            live =>
            {
                change(live);
                return live;
            },
            manager
        );

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_following is { } following)
            await following.ContinueWith(_ => { }, TaskScheduler.Default);
        _cluster?.Dispose();
        await Kube.DisposeAsync();
        _stop.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
