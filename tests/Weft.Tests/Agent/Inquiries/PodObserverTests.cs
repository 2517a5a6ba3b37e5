using System.Text.Json.Nodes;
using Weft.Agent;
using Weft.Agent.Inquiries;
using Weft.Agent.Kubernetes;
using Weft.Contracts;
using Weft.Tests.Kubernetes;

namespace Weft.Tests.Agent.Inquiries;

/// <summary>What the cluster's agent says of pods, as the API server has them.</summary>
public sealed class PodObserverTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Running", "its", PodState.Present)]
    [InlineData("Pending", "its", PodState.Present)]
    [InlineData("Unknown", "its", PodState.Present)]
    [InlineData("Succeeded", "its", PodState.Ended)]
    [InlineData("Failed", "its", PodState.Ended)]
    [InlineData("Running", "another", PodState.Absent)]
    [InlineData("Running", null, PodState.Present)]
    [InlineData("Failed", null, PodState.Ended)]
    public async Task Tells_WhetherThePodIsTheOneThatWasMeant(string phase, string? asked, object state)
    {
        await using var site = await Site.Start();
        var uid = site.AddPod("upf-0", phase);
        var found = await site.Observe(new PodReference("core", "upf-0", asked == "its" ? uid : asked));
        Assert.Equal(((PodState)state, uid, "account"), (found.State, found.Uid, found.ServiceAccount));
        Assert.Equal((PodState)state == PodState.Absent ? null : "w1", found.Node);
    }

    [Fact]
    public async Task Tells_NothingIsThere()
    {
        await using var site = await Site.Start();
        Assert.Equal(
            new PodObservation(PodState.Absent, NodeState: KubeNodeState.Absent),
            await site.Observe(new PodReference("core", "upf-0", "u1", "w9"))
        );
    }

    [Theory]
    [InlineData("True", null, KubeNodeState.Ready)]
    [InlineData("False", null, KubeNodeState.NotReady)]
    [InlineData("Unknown", null, KubeNodeState.NotReady)]
    [InlineData("Unknown", "node.kubernetes.io/out-of-service", KubeNodeState.OutOfService)]
    [InlineData("True", "node.kubernetes.io/unreachable", KubeNodeState.Ready)]
    public async Task Tells_WhetherItsNodeIsWell(string ready, string? taint, object state)
    {
        await using var site = await Site.Start();
        site.AddNode("w1", ready, taint);
        var uid = site.AddPod("upf-0", "Running");
        Assert.Equal((KubeNodeState)state, (await site.Observe(new PodReference("core", "upf-0", uid))).NodeState);
        // The node that weftd has in mind, where the pod names none any more.
        Assert.Equal(
            (KubeNodeState)state,
            (await site.Observe(new PodReference("core", "gone", "u1", "w1"))).NodeState
        );
    }

    /// <summary>An API server that doesn't answer, or refuses, has said nothing: the pod counts as alive.</summary>
    [Theory]
    [InlineData(403)]
    [InlineData(500)]
    public async Task Knows_Nothing_WhereTheApiServerSaysNothing(int status)
    {
        await using var site = await Site.Start();
        site.Kube.Before = async (context, _) =>
        {
            context.Response.StatusCode = status;
            await context.Response.CompleteAsync();
            return true;
        };
        Assert.Equal(PodObservation.Unknown, await site.Observe(new PodReference("core", "upf-0", "u1", "w1")));
    }

    /// <summary>What no API server answers is no answer, and ends nothing.</summary>
    [Theory]
    [InlineData("""{"metadata":{"uid":7}}""")]
    [InlineData("""{"metadata":"x","status":[]}""")]
    [InlineData("[]")]
    [InlineData("<html>")]
    public async Task Knows_Nothing_WhereTheAnswerIsNone(string body)
    {
        await using var site = await Site.Start();
        site.Kube.Before = async (context, _) =>
        {
            context.Response.ContentType = "application/json";
            await context.Response.Body.WriteAsync(System.Text.Encoding.UTF8.GetBytes(body), Cancel);
            return true;
        };
        Assert.Equal(PodState.Unknown, (await site.Observe(new PodReference("core", "upf-0", "u1"))).State);
    }

    [Theory]
    [InlineData("core/../../secrets", "upf-0")]
    [InlineData("core", "../upf-0")]
    [InlineData("core", "a?b")]
    [InlineData("", "upf-0")]
    public async Task Asks_NothingByANameThatIsNone(string space, string name)
    {
        await using var site = await Site.Start();
        Assert.Equal(PodObservation.Unknown, await site.Observe(new PodReference(space, name)));
        Assert.Empty(site.Kube.Requests);
    }

    private sealed class Site(FakeKube kube, KubeCluster cluster, DirectoryInfo folder) : IAsyncDisposable
    {
        public FakeKube Kube => kube;

        public static async Task<Site> Start()
        {
            var kube = await FakeKube.Start();
            kube.Store.Create(
                kube.Store.Find("", "v1", "namespaces"),
                new JsonObject
                {
                    ["apiVersion"] = "v1",
                    ["kind"] = "Namespace",
                    ["metadata"] = new JsonObject { ["name"] = "core" },
                },
                null,
                "test"
            );
            var folder = Directory.CreateTempSubdirectory("weft-pods-");
            var log = AgentLog.Open(TextWriter.Null, TimeProvider.System);
            var options = new KubeOptions { KubeConfig = kube.Config(folder.FullName) };
            return new Site(kube, KubeCluster.Open(options, KubeHarness.FastTimings, TimeProvider.System, log), folder);
        }

        public async Task<PodObservation> Observe(PodReference pod) =>
            Assert.Single(await cluster.CreatePodObserver().Observe([pod], Cancel));

        /// <summary>A pod on w1.</summary>
        /// <returns>Its UID.</returns>
        public string AddPod(string name, string phase) =>
            Add(
                "pods",
                "Pod",
                "core",
                new JsonObject
                {
                    ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "core" },
                    ["spec"] = new JsonObject { ["nodeName"] = "w1", ["serviceAccountName"] = "account" },
                    ["status"] = new JsonObject { ["phase"] = phase },
                }
            );

        public void AddNode(string name, string ready, string? taint) =>
            Add(
                "nodes",
                "Node",
                null,
                new JsonObject
                {
                    ["metadata"] = new JsonObject { ["name"] = name },
                    ["spec"] = new JsonObject
                    {
                        ["taints"] = taint is null ? [] : new JsonArray(new JsonObject { ["key"] = taint }),
                    },
                    ["status"] = new JsonObject
                    {
                        ["conditions"] = new JsonArray(
                            new JsonObject { ["type"] = "MemoryPressure", ["status"] = "True" },
                            new JsonObject { ["type"] = "Ready", ["status"] = ready }
                        ),
                    },
                }
            );

        public async ValueTask DisposeAsync()
        {
            cluster.Dispose();
            await kube.DisposeAsync();
            folder.Delete(true);
        }

        private string Add(string plural, string kind, string? space, JsonObject item)
        {
            (item["apiVersion"], item["kind"]) = ("v1", kind);
            var made = kube.Store.Create(kube.Store.Find("", "v1", plural), item, space, "test");
            return made["metadata"]!["uid"]!.ToString();
        }
    }
}
