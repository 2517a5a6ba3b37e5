using System.Runtime.Versioning;
using System.Text.Json.Nodes;
using Weft.Agent.Kubernetes;
using Weft.Fleet.Reclaim;
using Weft.Tests.Agent;

namespace Weft.Tests.Kubernetes;

/// <summary>Taking back what pods that are gone hold, with the real weftd, the agents of cluster and node, and an API server.</summary>
[SupportedOSPlatform("linux")]
public sealed class ReclaimTests
{
    private const string N6 = $"{Documents.Cloud}/l3Networks/n6";

    [Fact]
    public async Task Takes_BackWhatADeletedPodHeld_AndNothingElse()
    {
        await using var kube = await FakeKube.Start();
        Add(kube, "nodes", "Node", null, "w1", ready: true);
        Add(kube, "namespaces", "Namespace", null, "core");
        var uid = Add(kube, "pods", "Pod", "core", "runs");
        await using var server = await InProcessServer.WithSite();
        await using var cluster = await AgentHarness.Join(server, name: "east", node: null);
        cluster.Options = cluster.Options with
        {
            Kubernetes = new KubeOptions { KubeConfig = kube.Config(cluster.Root) },
        };
        cluster.Timings = AgentHarness.FastTimings with { Kubernetes = KubeHarness.FastTimings };
        await cluster.StartAgentAndReport();
        await using var node = await AgentHarness.StartWith(server);
        var kept = AgentHarness.AddressOf(await node.Send(Request("acquire", "runs", uid)));
        var lost = AgentHarness.AddressOf(
            await node.Send(Request("acquire", "gone", "the-uid-of-a-pod-that-was-deleted"))
        );

        server.Clock.Advance(LeaseVerdict.MinAge);
        await Eventually.Holds(
            async () =>
            {
                var audit = (await server.Post("/providers/Weft.Ipam/audit", """{"repair":true}""")).Expect(200);
                Assert.DoesNotContain(kept.Split('/')[0], audit.Text, StringComparison.Ordinal);
                return !(await Held(server)).Contains(lost.Split('/')[0]);
            },
            "the deleted pod's address is free"
        );
        Assert.Contains(kept.Split('/')[0], await Held(server));
        // The node's agent doesn't answer for it any more either.
        var check = Request("check", "gone", null);
        check["addresses"] = new JsonArray();
        Assert.Equal("ResourceNotFound", AgentHarness.CodeOf(await node.Send(check)));
    }

    private static JsonObject Request(string verb, string pod, string? uid)
    {
        var request = AgentHarness.Request(verb, $"sandbox-of-{pod}", network: N6);
        (request["pod"], request["uid"]) = (pod, uid);
        return request;
    }

    private static async Task<string[]> Held(InProcessServer server) =>
        [
            .. (await server.Get($"{N6}/providers/Weft.Ipam/leases")).Expect(200).Json["value"]!
                .AsArray()
                .Select(lease => lease!["name"]!.ToString()),
        ];

    /// <returns>The UID.</returns>
    private static string Add(FakeKube kube, string plural, string kind, string? space, string name, bool ready = false)
    {
        var item = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = kind,
            ["metadata"] = new JsonObject { ["name"] = name },
        };
        if (kind == "Pod")
            item["spec"] = new JsonObject { ["nodeName"] = "w1" };
        if (ready)
            item["status"] = new JsonObject
            {
                ["conditions"] = new JsonArray(new JsonObject { ["type"] = "Ready", ["status"] = "True" }),
            };
        return kube.Store.Create(kube.Store.Find("", "v1", plural), item, space, "test")["metadata"]![
            "uid"
        ]!.ToString();
    }
}
