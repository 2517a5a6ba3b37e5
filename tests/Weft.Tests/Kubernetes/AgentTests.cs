using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text.Json.Nodes;
using Weft.Agent.Kubernetes;
using Weft.Contracts;
using Weft.Tests.Agent;

namespace Weft.Tests.Kubernetes;

/// <summary>The whole agent between a control plane and an API server.</summary>
[SupportedOSPlatform("linux")]
public sealed class AgentTests
{
    private static readonly string Here = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);
    private static readonly string Program = Path.GetFullPath(
        Path.Join(Here, "..", "..", "Weft.Agent", Path.GetFileName(Here), "weft-agent")
    );

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Reports_DriftAndFailures_ToTheControlPlane()
    {
        await using var kube = await FakeKube.Start();
        await using var harness = await StartClustersAgent(kube);
        harness.Plane.SetDesired("sha256-1", [KubeHarness.Definition("n6")]);
        await harness.Plane.UntilReported("sha256-1", "Applied");

        kube.Store.Delete(
            kube.Store.Find("k8s.cni.cncf.io", "v1", "network-attachment-definitions"),
            "default",
            "n6",
            null
        );
        await harness.Plane.Until(() => harness.Plane.Reports.Any(r => r.Drift.Length == 1), "the drift is reported");
        var drift = harness.Plane.Reports.Last(r => r.Drift.Length == 1).Drift[0];
        Assert.Equal(
            ("NetworkAttachmentDefinition default/n6", "missing", true),
            (drift.Subject, drift.Difference, drift.IsRepaired)
        );

        kube.Store.Create(
            kube.Store.Find("k8s.cni.cncf.io", "v1", "network-attachment-definitions"),
            KubeHarness.Definition("n7"),
            "default",
            "helm"
        );
        harness.Plane.SetDesired("sha256-22", [KubeHarness.Definition("n6"), KubeHarness.Definition("n7", "ours")]);
        // A pass before the watch has told of it finds only that somebody was there first.
        await harness.Plane.Until(
            () =>
                harness.Plane.Reports.Any(r =>
                    r is { Digest: "sha256-22", State: "Failed" }
                    && (r.Message ?? "").Contains("belongs to 'helm'", StringComparison.Ordinal)
                ),
            "it is reported whose the object is"
        );
        Assert.False(Directory.Exists(harness.Options.Manifests));
    }

    [Fact]
    public async Task Shares_OneIdentity_AmongReplicasWithoutADisk()
    {
        await using var kube = await FakeKube.Start();
        await using var first = await AgentHarness.Create();
        first.Options = first.Options with
        {
            Node = null,
            Kubernetes = new KubeOptions
            {
                KubeConfig = kube.Config(first.Root),
                LeaderElection = true,
                IdentitySecret = "weft-agent-identity",
            },
        };
        first.Timings = AgentHarness.FastTimings with { Kubernetes = KubeHarness.FastTimings };
        await first.StartAgent();
        first.Plane.SetDesired("sha256-1", [KubeHarness.Definition("n6")]);
        await first.Plane.UntilReported("sha256-1", "Applied");
        await first.StopAgent();

        // Another pod: nothing on its disk, and no token any more.
        Directory.Delete(first.Options.State, recursive: true);
        first.Options = first.Options with { TokenFile = null };
        await first.StartAgent();
        first.Plane.SetDesired("sha256-22", [KubeHarness.Definition("n6"), KubeHarness.Definition("n7")]);
        await first.Plane.UntilReported("sha256-22", "Applied");

        Assert.Single(first.Plane.Enrolments);
        Assert.Equal(
            2,
            kube.Store.List(
                kube.Store.Find("k8s.cni.cncf.io", "v1", "network-attachment-definitions"),
                null,
                _ => true
            ).Items.Count
        );
    }

    /// <summary>Whichever replica leads next has the credential that this one has put in the place of the first.</summary>
    [Fact]
    public async Task Replaces_ItsCredential_ForAllReplicas()
    {
        await using var kube = await FakeKube.Start();
        await using var agent = await AgentHarness.Create();
        agent.Options = agent.Options with
        {
            Node = null,
            CredentialMaxAge = TimeSpan.FromMilliseconds(1),
            Kubernetes = new KubeOptions
            {
                KubeConfig = kube.Config(agent.Root),
                LeaderElection = true,
                IdentitySecret = "weft-agent-identity",
            },
        };
        agent.Timings = AgentHarness.FastTimings with
        {
            Kubernetes = KubeHarness.FastTimings,
            CredentialCheckInterval = TimeSpan.FromMilliseconds(20),
        };
        await agent.StartAgent();
        await AgentHarness.Eventually(
            () => agent.Log.Contains("credential-rotated", StringComparison.Ordinal),
            "the credential is replaced"
        );
        await agent.StopAgent();

        Directory.Delete(agent.Options.State, recursive: true);
        agent.Options = agent.Options with { TokenFile = null, CredentialMaxAge = TimeSpan.Zero };
        await agent.StartAgent();
        agent.Plane.SetDesired("sha256-1", [KubeHarness.Definition("n6")]);
        await agent.Plane.UntilReported("sha256-1", "Applied");
        Assert.Single(agent.Plane.Enrolments);
    }

    /// <summary>The shipped roles suffice for a whole life, and none of their rules is idle.</summary>
    [Fact]
    public async Task Needs_TheRolesThatAreShipped_AndNoMore()
    {
        await using var kube = await FakeKube.Start();
        var rules = FakeRbac.Read(Shipped("base", "devices"), "weft-agent");
        kube.Limit(rules);
        AddWebhookConfiguration(kube, "validatingwebhookconfigurations", "ValidatingWebhookConfiguration");
        AddWebhookConfiguration(kube, "mutatingwebhookconfigurations", "MutatingWebhookConfiguration");
        kube.Store.Delete(kube.Store.Find("", "v1", "namespaces"), null, "weft-system", null);
        AddDevicePluginPod(kube);
        Environment.SetEnvironmentVariable("POD_IP", "10.0.0.1");
        using var webhook = new HeldPort();
        await using var harness = await AgentHarness.Create();
        harness.Options = harness.Options with
        {
            Node = null,
            Kubernetes = new KubeOptions
            {
                KubeConfig = kube.Config(harness.Root),
                LeaderElection = true,
                IdentitySecret = "weft-agent-identity",
                WebhookListen = new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, webhook.Number),
            },
        };
        harness.Timings = AgentHarness.FastTimings with { Kubernetes = KubeHarness.FastTimings };
        await harness.StartAgent();
        harness.Plane.SetDesired(
            "sha256-1",
            [
                KubeHarness.Namespace(),
                KubeHarness.Definition("n6"),
                KubeHarness.ConfigMap("weft-node-w1", new JsonObject { ["a"] = "b" }),
                DevicePluginConfigMap(),
            ]
        );
        await harness.Plane.UntilReported("sha256-1", "Applied");
        harness.Plane.SetDesired("sha256-22", []);
        await harness.Plane.UntilReported("sha256-22", "Applied");
        await AskForAPod(harness);
        // The webhook is made known beside all that, in its own time.
        await AgentHarness.Eventually(() => !rules.Unused.Any(), "every right that it has is used");
        await harness.StopAgent();
        Environment.SetEnvironmentVariable("POD_IP", null);

        Assert.DoesNotContain(harness.Plane.Reports, r => r.State == "Failed");
        Assert.DoesNotContain("forbidden", harness.Log, StringComparison.OrdinalIgnoreCase);
        Assert.Empty(rules.Unused);
    }

    private static async Task AskForAPod(AgentHarness harness)
    {
        harness.Plane.Inquiry = new AgentInquiry("a", [new PodReference("core", "upf-0", "u", "w1")], []);
        await harness.Plane.Until(() => harness.Plane.InquiryReports.Count > 0, "a question about a pod is answered");
        Assert.Equal(
            new PodObservation(PodState.Absent, NodeState: KubeNodeState.Absent),
            Assert.Single(harness.Plane.InquiryReports[0].Pods)
        );
    }

    /// <summary>Where nothing asks for devices, the rights to them aren't missed.</summary>
    [Fact]
    public async Task Misses_NoRightToDevices_WhereThereAreNone()
    {
        await using var kube = await FakeKube.Start();
        kube.Limit(FakeRbac.Read(Shipped("base"), "weft-agent"));
        await using var harness = await StartClustersAgent(kube);
        harness.Plane.SetDesired("sha256-1", [KubeHarness.Definition("n6")]);
        await harness.Plane.UntilReported("sha256-1", "Applied");
        harness.Plane.SetDesired("sha256-22", [KubeHarness.Definition("n6"), DevicePluginConfigMap()]);
        await harness.Plane.UntilReported("sha256-22", "Failed");
        await harness.StopAgent();
        Assert.Contains(
            "give the agent's service account the roles of deploy/kustomize",
            harness.Plane.Reports.Last(r => r.Digest == "sha256-22").Message,
            StringComparison.Ordinal
        );
    }

    /// <summary>The agent of a cluster as a whole.</summary>
    private static async Task<AgentHarness> StartClustersAgent(FakeKube kube)
    {
        var harness = await AgentHarness.Create();
        harness.Options = harness.Options with
        {
            Node = null,
            Kubernetes = new KubeOptions { KubeConfig = kube.Config(harness.Root) },
        };
        harness.Timings = AgentHarness.FastTimings with { Kubernetes = KubeHarness.FastTimings };
        await harness.StartAgent();
        return harness;
    }

    private static string[] Shipped(params string[] folders) =>
        [
            .. folders.SelectMany(f =>
                Directory.GetFiles(Path.Combine(Repository.Root, "deploy/kustomize", f), "*.yaml")
            ),
        ];

    [Fact]
    public async Task GoesOn_WhereItWasKilled()
    {
        await using var kube = await FakeKube.Start();
        await using var harness = await AgentHarness.Create();
        var definitions = kube.Store.Find("k8s.cni.cncf.io", "v1", "network-attachment-definitions");
        JsonArray wanted = [.. Enumerable.Range(0, 60).Select(i => (JsonNode)KubeHarness.Definition($"n{i}"))];
        harness.Plane.SetDesired("sha256-1", wanted);
        var said = new System.Collections.Concurrent.ConcurrentQueue<string?>();
        using (var killed = Start(harness, kube, said))
        {
            // In the midst of it.
            await AgentHarness.Eventually(() => kube.Writes() > 10, "it has begun to write");
            killed.Kill();
            await killed.WaitForExitAsync(Cancel);
        }

        Assert.InRange(kube.Writes(), 10, 60);
        using var again = Start(harness, kube, said);
        await AgentHarness.Eventually(
            () => again.HasExited || harness.Plane.Reports.Any(r => r.State == "Applied"),
            "it reports"
        );
        if (!harness.Plane.Reports.Any(r => r.State == "Applied"))
        {
            again.Kill();
            Assert.Fail($"it never reported; it said:\n{string.Join('\n', said)}");
        }

        Assert.Equal(60, kube.Store.List(definitions, null, _ => true).Items.Count);
        Assert.InRange(kube.Writes(), 60, 76);
        Process.Start("/bin/kill", ["-TERM", $"{again.Id}"]).WaitForExit();
        await again.WaitForExitAsync(Cancel);
        Assert.Equal(0, again.ExitCode);
    }

    [Theory]
    [InlineData("--kubernetes and --kubeconfig are two ways", "--kubernetes", "--kubeconfig", "x")]
    [InlineData("--context names a context of a kubeconfig", "--kubernetes", "--context", "x")]
    [InlineData(
        "an agent that serves a node can't stand by",
        "--kubernetes",
        "--node",
        "w1",
        "--leader-election",
        "true"
    )]
    [InlineData(
        "--webhook-cert and --webhook-key go together",
        "--kubernetes",
        "--webhook-listen",
        ":8443",
        "--webhook-cert",
        "x"
    )]
    [InlineData("--webhook-listen is 'x'", "--kubernetes", "--webhook-listen", "x")]
    [InlineData("--kubernetes is for an agent in a pod", "--kubernetes")]
    [InlineData("the kubeconfig '/nowhere' can't be used", "--kubeconfig", "/nowhere")]
    public async Task Refuses_ABadCommandLine(string message, params string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(
                Program,
                ["--server", "http://127.0.0.1:1", "--state", "/nowhere", "--name", "c1", .. arguments]
            )
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            }
        )!;
        var said = await process.StandardError.ReadToEndAsync(Cancel);
        await process.WaitForExitAsync(Cancel);
        Assert.Equal(1, process.ExitCode);
        Assert.Contains(message, said, StringComparison.Ordinal);
    }

    /// <summary>A webhook of the agent's, as the manifests bring it.</summary>
    private static void AddWebhookConfiguration(FakeKube kube, string plural, string kind) =>
        kube.Store.Create(
            kube.Store.Find("admissionregistration.k8s.io", "v1", plural),
            new JsonObject
            {
                ["apiVersion"] = "admissionregistration.k8s.io/v1",
                ["kind"] = kind,
                ["metadata"] = new JsonObject { ["name"] = "weft-agent" },
                ["webhooks"] = new JsonArray(
                    new JsonObject
                    {
                        ["name"] = "x",
                        ["clientConfig"] = new JsonObject
                        {
                            ["service"] = new JsonObject { ["name"] = "weft-agent-webhook" },
                        },
                    }
                ),
            },
            null,
            "kubectl"
        );

    private static void AddDevicePluginPod(FakeKube kube) =>
        kube.Store.Create(
            kube.Store.Find("", "v1", "pods"),
            new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Pod",
                ["spec"] = new JsonObject { ["nodeName"] = "w1" },
                ["metadata"] = new JsonObject
                {
                    ["name"] = "dp",
                    ["ownerReferences"] = new JsonArray(
                        new JsonObject { ["kind"] = "DaemonSet", ["name"] = "kube-sriov-device-plugin" }
                    ),
                },
            },
            "kube-system",
            "kube-controller-manager"
        );

    /// <summary>A configuration behind which the device plugin's pod of a node starts again.</summary>
    private static JsonObject DevicePluginConfigMap()
    {
        var map = KubeHarness.ConfigMap("sriovdp-config", new JsonObject { ["config.json"] = "{}" }, "kube-system");
        map["metadata"]!["annotations"] = new JsonObject
        {
            ["weft.dev/restart"] = "daemonset kube-system/kube-sriov-device-plugin",
            ["weft.dev/restart-nodes"] = """{"w1":"1"}""",
        };
        return map;
    }

    private static Process Start(
        AgentHarness harness,
        FakeKube kube,
        System.Collections.Concurrent.ConcurrentQueue<string?> said
    )
    {
        var start = new ProcessStartInfo(
            Program,
            [
                "--server",
                harness.Plane.Url,
                "--state",
                harness.Options.State,
                "--name",
                "c1",
                "--enrollment-token-file",
                harness.TokenFile,
                "--socket",
                harness.Options.Socket,
                "--kubeconfig",
                kube.Config(harness.Root),
            ]
        )
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        var process = Process.Start(start)!;
        process.ErrorDataReceived += (_, line) => said.Enqueue(line.Data);
        process.BeginErrorReadLine();
        return process;
    }
}
