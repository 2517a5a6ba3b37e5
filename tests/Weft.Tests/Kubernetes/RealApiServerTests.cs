using System.Net.Http.Headers;
using System.Runtime.Versioning;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging.Abstractions;
using Weft.Agent.Kubernetes;
using Weft.Agent.Reconcilers;

namespace Weft.Tests.Kubernetes;

/// <summary>
/// The same against a real API server, under the roles that are shipped; and proof that the one in the process behaves
/// as it does.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed partial class RealApiServerTests
{
    private const string Definition = """
        {
          "apiVersion": "apiextensions.k8s.io/v1",
          "kind": "CustomResourceDefinition",
          "metadata": { "name": "network-attachment-definitions.k8s.cni.cncf.io" },
          "spec": {
            "group": "k8s.cni.cncf.io",
            "scope": "Namespaced",
            "names": {
              "plural": "network-attachment-definitions",
              "singular": "network-attachment-definition",
              "kind": "NetworkAttachmentDefinition"
            },
            "versions": [
              {
                "name": "v1",
                "served": true,
                "storage": true,
                "schema": {
                  "openAPIV3Schema": {
                    "type": "object",
                    "properties": {
                      "spec": { "type": "object", "properties": { "config": { "type": "string" } } }
                    }
                  }
                }
              }
            ]
          }
        }
        """;

    private const string Nad = "apis/k8s.cni.cncf.io/v1/namespaces/default/network-attachment-definitions";
    private const string Maps = "api/v1/namespaces/weft-system/configmaps";

    /// <summary>Managers of one definition's fields, one after the other.</summary>
    private static readonly Step[] Managers =
    [
        new("GET", $"{Nad}/n6"),
        Apply($"{Nad}/n6?fieldManager=weft-agent", Nd("""{"a":"1","b":"1"}""", "x")),
        Apply($"{Nad}/n6?fieldManager=weft-agent", Nd("""{"a":"1","b":"1"}""", "x")),
        Apply($"{Nad}/n6?fieldManager=other", Nd("""{"a":"1","b":"2"}""", "y")),
        Apply($"{Nad}/n6?fieldManager=other", Nd("""{"a":"1"}""", "x")),
        Merge(
            $"{Nad}/n6?fieldManager=kubectl-edit",
            """{"spec":{"config":"theirs"},"metadata":{"annotations":{"note":"1"}}}"""
        ),
        Apply($"{Nad}/n6?fieldManager=weft-agent", Nd("""{"a":"1","b":"1"}""", "x")),
        Apply($"{Nad}/n6?fieldManager=weft-agent&force=true", Nd("""{"a":"1","b":"1"}""", "x")),
        Apply($"{Nad}/n6?fieldManager=weft-agent&force=true", Nd("""{"c":"1"}""", "x")),
        Merge($"{Nad}/n6?fieldManager=kubectl-edit", """{"metadata":{"labels":{"c":null}}}"""),
    ];

    /// <summary>What is refused of that definition, and of places that aren't there.</summary>
    private static readonly Step[] Refusals =
    [
        new(
            "DELETE",
            $"{Nad}/n6",
            "application/json",
            """{"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"1"}}"""
        ),
        new(
            "DELETE",
            $"{Nad}/n6",
            "application/json",
            """{"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"resourceVersion":"1"}}"""
        ),
        new(
            "PUT",
            $"{Nad}/n6?fieldManager=kubectl",
            "application/json",
            """
            {
              "apiVersion": "k8s.cni.cncf.io/v1",
              "kind": "NetworkAttachmentDefinition",
              "metadata": { "name": "n6", "namespace": "default", "resourceVersion": "1" },
              "spec": { "config": "z" }
            }
            """
        ),
        new("POST", $"{Nad}?fieldManager=kubectl", "application/json", Nd("{}", "x")),
        Apply(
            "apis/k8s.cni.cncf.io/v1/namespaces/nowhere/network-attachment-definitions/n6?fieldManager=weft-agent",
            Nd("""{"a":"1"}""", "x")
        ),
        Apply(
            "apis/k8s.cni.cncf.io/v9/namespaces/default/network-attachment-definitions/n6?fieldManager=weft-agent",
            Nd("""{"a":"1"}""", "x")
        ),
    ];

    /// <summary>A kind that the API server has built in, from its first write to its end.</summary>
    private static readonly Step[] ConfigMaps =
    [
        new("POST", $"{Maps}?fieldManager=kubectl", "application/json", Map("""{"k":"1","l":"1"}""")),
        Apply($"{Maps}/m?fieldManager=weft-agent", Map("""{"k":"1","m":"1"}""")),
        Apply($"{Maps}/m?fieldManager=weft-agent", Map("""{"k":"2"}""")),
        Apply($"{Maps}/m?fieldManager=weft-agent&force=true", Map("""{"k":"2"}""")),
        new(
            "PATCH",
            $"{Maps}/m?fieldManager=kubectl",
            "application/json-patch+json",
            """[{"op":"remove","path":"/data/k"}]"""
        ),
        Apply($"{Maps}/m?fieldManager=weft-agent", Map("{}")),
        new("DELETE", $"{Maps}/m", "application/json"),
        new("GET", $"{Maps}/m"),
    ];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Reconciles_ARealCluster_UnderTheRolesThatAreShipped()
    {
        Assert.SkipWhen(RealKube.Missing is not null, RealKube.Missing ?? "");
        await using var kube = await RealKube.Start();
        await kube.Kubectl($"apply -k {Path.Combine(Repository.Root, "deploy/kustomize/example")}");
        var log = NullLogger.Instance;
        using var cluster = KubeCluster.Open(
            new KubeOptions { KubeConfig = kube.Config("agent-token") },
            new KubeTimings { MaxBackoff = TimeSpan.FromMilliseconds(200) },
            TimeProvider.System,
            log
        );
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var reconciler = cluster.CreateReconciler();
        var following = reconciler.RunInformers(stop.Token);
        JsonObject[] wanted =
        [
            KubeHarness.Namespace(),
            .. Enumerable.Range(0, 200).Select(i => KubeHarness.Definition($"n{i}", "{}")),
            KubeHarness.ConfigMap("weft-node-w1", new JsonObject { ["60-weft.yaml"] = "network: {}\n" }),
            KubeHarness.ConfigMap("sriovdp-config", new JsonObject { ["config.json"] = "{}" }, "kube-system"),
        ];

        await WaitsForMultus(kube, reconciler, wanted);

        // Nothing changed, nothing written: not by this one, not by one that has just started.
        var versions = await Versions(kube);
        for (var i = 0; i < 3; i++)
            await WritesNothing(reconciler, wanted);
        var fresh = cluster.CreateReconciler();
        var freshly = fresh.RunInformers(stop.Token);
        await WritesNothing(fresh, wanted);
        Assert.Equal(versions, await Versions(kube));

        await RepairsDrift(kube, reconciler, wanted);
        await LeavesWhatIsTheirs(kube, reconciler, wanted);
        await GoesOn_WhenTheServerIsBack(kube, reconciler, wanted[..5]);
        await stop.CancelAsync();
        await Task.WhenAll(following, freshly).ContinueWith(_ => { }, TaskScheduler.Default);
    }

    [Fact]
    public async Task Elects_OneOfTwo_UnderTheRolesThatAreShipped()
    {
        Assert.SkipWhen(RealKube.Missing is not null, RealKube.Missing ?? "");
        await using var kube = await RealKube.Start();
        await kube.Kubectl($"apply -k {Path.Combine(Repository.Root, "deploy/kustomize/example")}");
        await LeaderElectionTests.FailsOver(kube.Config("agent-token"));
    }

    /// <summary>One after the other on both, answers compared: codes, words, fields and their owners.</summary>
    [Fact]
    public async Task Behaves_AsTheFakeDoes()
    {
        Assert.SkipWhen(RealKube.Missing is not null, RealKube.Missing ?? "");
        await using var real = await RealKube.Start();
        await using var fake = await FakeKube.Start();
        await real.Kubectl("apply -f -", Definition);
        await real.Kubectl("create namespace weft-system");

        var different = new List<string>();
        foreach (var (i, step) in Managers.Concat(Refusals).Concat(ConfigMaps).Index())
        {
            var (there, here) = (await Ask(real.Url, step), await Ask(fake.Url, step));
            if (there != here)
                different.Add($"{i} {step.Method} {step.Path} {step.Body}\n  real {there}\n  fake {here}");
        }

        Assert.True(different.Count == 0, string.Join("\n", different));
    }

    /// <summary>Without Multus's kind it says what to install; then it makes all of it.</summary>
    private static async Task WaitsForMultus(RealKube kube, KubernetesReconciler reconciler, JsonObject[] wanted)
    {
        var unserved = await Until(
            reconciler,
            o => o.Written == 2 || o.Findings.Any(f => f.Contains("install Multus", StringComparison.Ordinal)),
            wanted
        );
        Assert.Contains(unserved.Findings, f => f.Contains("install Multus", StringComparison.Ordinal));
        await kube.Kubectl("apply -f -", Definition);
        await Until(reconciler, o => o is { Written: 200, Findings.Count: 0 }, wanted);
    }

    private static async Task WritesNothing(KubernetesReconciler reconciler, JsonObject[] wanted)
    {
        var quiet = await reconciler.Reconcile(KubeHarness.NewDesiredState(wanted), Cancel);
        Assert.Equal((0, 0), (quiet.Written, quiet.Findings.Count));
    }

    /// <summary>What somebody has changed or deleted is as it was, but for what is theirs in it.</summary>
    private static async Task RepairsDrift(RealKube kube, KubernetesReconciler reconciler, JsonObject[] wanted)
    {
        await kube.Kubectl(
            "patch network-attachment-definition n6 --type merge -p "
                + """{"spec":{"config":"theirs"},"metadata":{"labels":{"team":"core"}}}"""
        );
        var drifted = await Until(reconciler, o => o.Drift.Count > 0, wanted);
        Assert.Equal(
            [new Drift("NetworkAttachmentDefinition default/n6", "spec.config changed by kubectl-patch", true)],
            drifted.Drift
        );
        Assert.Equal(
            "{}/core",
            await kube.Kubectl(
                "get network-attachment-definition n6 -o jsonpath={.spec.config}/{.metadata.labels.team}"
            )
        );
        await kube.Kubectl("delete network-attachment-definition n7");
        Assert.Equal(
            [new Drift("NetworkAttachmentDefinition default/n7", "missing", true)],
            (await Until(reconciler, o => o.Drift.Count > 0, wanted)).Drift
        );
    }

    /// <summary>Somebody else's object stays, also when what is no longer wanted goes.</summary>
    private static async Task LeavesWhatIsTheirs(RealKube kube, KubernetesReconciler reconciler, JsonObject[] wanted)
    {
        await kube.Kubectl("create -f -", KubeHarness.Definition("theirs", "{}").ToJsonString());
        var foreign = await Until(
            reconciler,
            o => o.Findings.Count > 0,
            [.. wanted, KubeHarness.Definition("theirs", "ours")]
        );
        Assert.Contains("belongs to 'kubectl-create'", Assert.Single(foreign.Findings), StringComparison.Ordinal);
        await Until(reconciler, o => o.Removed > 0, KubeHarness.Namespace());
        Assert.Equal("theirs", await Names(kube));
    }

    private static async Task GoesOn_WhenTheServerIsBack(
        RealKube kube,
        KubernetesReconciler reconciler,
        JsonObject[] wanted
    )
    {
        await kube.GoAway();
        var away = await reconciler.Reconcile(KubeHarness.NewDesiredState(wanted), Cancel);
        Assert.NotEmpty(away.Findings);
        await kube.ComeBack();
        await Until(reconciler, o => o is { Written: 0, Findings.Count: 0, Removed: 0 }, wanted);
        Assert.Equal("n0 n1 n2 n3 theirs", await Names(kube));
    }

    private static Step Apply(string path, string body) => new("PATCH", path, "application/apply-patch+yaml", body);

    private static Step Merge(string path, string body) => new("PATCH", path, "application/merge-patch+json", body);

    private static string Nd(string labels, string config) =>
        $$"""
            {
              "apiVersion": "k8s.cni.cncf.io/v1",
              "kind": "NetworkAttachmentDefinition",
              "metadata": { "name": "n6", "labels": {{labels}} },
              "spec": { "config": "{{config}}" }
            }
            """;

    private static string Map(string data) =>
        $$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{{data}} }""";

    private static async Task<string> Ask(string url, Step step)
    {
        using var client = RealKube.Client("admin-token");
        using var message = new HttpRequestMessage(new HttpMethod(step.Method), new Uri($"{url}/{step.Path}"));
        if (step.Body is not null)
            message.Content = new StringContent(step.Body, new MediaTypeHeaderValue(step.Type!));
        HttpResponseMessage answer;
        try
        {
            answer = await client.SendAsync(message, Cancel);
        }
        catch (HttpRequestException e)
        {
            return $"no answer: {e.Message}";
        }

        using var read = answer;
        var text = await answer.Content.ReadAsStringAsync(Cancel);
        if (answer.Content.Headers.ContentType?.MediaType != "application/json")
            return $"{(int)answer.StatusCode} {answer.Content.Headers.ContentType?.MediaType} {text}";
        var body = JsonNode.Parse(text)!.AsObject();
        if ((string?)body["kind"] == "Status")
            return $"{(int)answer.StatusCode} {body["reason"]} {Changing().Replace((string?)body["message"] ?? "", "#")} "
                + body["details"]?["causes"]?.ToJsonString();
        var metadata = body["metadata"]!.AsObject();
        foreach (var entry in metadata["managedFields"]!.AsArray())
            entry!.AsObject().Remove("time");
        foreach (var own in (string[])["uid", "resourceVersion", "creationTimestamp", "selfLink"])
            metadata.Remove(own);
        return $"{(int)answer.StatusCode} {Sorted(body)!.ToJsonString()}";
    }

    private static JsonNode? Sorted(JsonNode? node) =>
        node switch
        {
            JsonObject members => new JsonObject(
                members
                    .OrderBy(m => m.Key, StringComparer.Ordinal)
                    .Select(m => KeyValuePair.Create(m.Key, Sorted(m.Value)))
            ),
            JsonArray items => new JsonArray([.. items.Select(Sorted)]),
            _ => node?.DeepClone(),
        };

    private static async Task<ReconcileResult> Until(
        KubernetesReconciler reconciler,
        Func<ReconcileResult, bool> holds,
        params JsonObject[] manifests
    )
    {
        ReconcileResult? last = null;
        for (var i = 0; i < 600; i++)
        {
            last = await reconciler.Reconcile(KubeHarness.NewDesiredState(manifests), Cancel);
            if (holds(last))
                return last;
            await Task.Delay(50, Cancel);
        }

        throw new InvalidOperationException(
            $"never came true; the last pass wrote {last!.Written}, removed {last.Removed}, found: {string.Join(" | ", last.Findings)}"
        );
    }

    private static async Task<string> Versions(RealKube kube) =>
        await kube.Kubectl(
            "get network-attachment-definitions,configmaps -A "
                + "-o jsonpath={range.items[*]}{.metadata.name}={.metadata.resourceVersion},{end}"
        );

    private static async Task<string> Names(RealKube kube) =>
        await kube.Kubectl("get network-attachment-definitions -A -o jsonpath={.items[*].metadata.name}");

    [GeneratedRegex(@"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=ResourceVersion in record \()\d+")]
    private static partial Regex Changing();

    /// <summary>A request to both, with what its body is.</summary>
    private sealed record Step(string Method, string Path, string? Type = null, string? Body = null);
}
