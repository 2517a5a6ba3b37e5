using System.Text.Json.Nodes;
using Weft.Cli.Arm;

namespace Weft.Tests.Server;

/// <summary>A network that is detached under a running pod, by the API and the agent's word.</summary>
public sealed class DrainTests
{
    [Fact]
    public async Task Waits_ForThePod_ThenForTheAgent_AndSaysSo()
    {
        await using var server = await InProcessServer.WithSite();
        _ = (await server.Put(Documents.Node("east", "w1"))).Expect(201);
        var agent = await server.Enrol(Documents.East, "w1");
        var pod = LeaseAllocatorTests.LeaseRequest("n6", "c1");
        _ = (await server.SendAsAgent(agent, "POST", "leases/acquire", pod)).Expect(200);

        var detached = (await server.Put(Documents.Kubernetes("east", ["big", "tiny"], ["ha"]))).Expect(200);

        Assert.Contains(
            "n6 stays on node w1 of east until its pods are gone: pod core/upf-0 net1 in east on w1 (10.20.6.4)",
            detached.Header("Warning"),
            StringComparison.Ordinal
        );
        Assert.Contains("n6", await Links(server, agent));
        await Report(server, agent);
        var operation = new Uri(detached.Header("Azure-AsyncOperation")!).PathAndQuery;
        var running = (await server.Get(operation)).Expect(202).Json["properties"]!;
        Assert.Empty(running["waitsFor"]!.AsArray());
        Assert.Equal(
            ["10.20.6.4", "fd20:0:0:606::4"],
            running["heldBy"]!.AsArray().Select(held => held!["address"]!.ToString())
        );
        AssertReadByWeft(running);

        _ = (await server.SendAsAgent(agent, "POST", "leases/release", pod.DeepClone())).Expect(204);
        await server.WaitUntil(() => !server.Store.Current.Range("drain|").Any(), "nothing drains any more");
        Assert.DoesNotContain("n6", await Links(server, agent));
        Assert.NotEmpty((await server.Get(operation)).Expect(202).Json["properties"]!["waitsFor"]!.AsArray());
        await Report(server, agent);
        await server.WaitForSuccess(detached);
    }

    private static void AssertReadByWeft(JsonNode running) =>
        Assert.Equal(
            new StandingPod(Documents.Node("east", "w1").Id, "n6", "10.20.6.4", "pod core/upf-0 net1 in east on w1"),
            OperationWait.Read(new JsonObject { ["properties"] = running.DeepClone() }).Pods[0]
        );

    /// <summary>What waits for pods to go isn't given more of them.</summary>
    [Fact]
    public async Task Leases_NothingNew_OnANodeThatIsBeingDeleted()
    {
        await using var server = await InProcessServer.WithSite();
        _ = (await server.Put(Documents.Node("east", "w1"))).Expect(201);
        var agent = await server.Enrol(Documents.East, "w1", "w1");
        var pod = LeaseAllocatorTests.LeaseRequest("n6", "c1");
        var held = (await server.SendAsAgent(agent, "POST", "leases/acquire", pod)).Expect(200).Text;
        var deleted = (await server.Delete(Documents.Node("east", "w1").Id)).Expect(202);

        var refused = await server.SendAsAgent(
            agent,
            "POST",
            "leases/acquire",
            LeaseAllocatorTests.LeaseRequest("n6", "c2")
        );

        Assert.Equal("Conflict", refused.Expect(409).Code);
        Assert.Contains("node w1 of east is being deleted", refused.Text, StringComparison.Ordinal);
        // Who is there goes on: a runtime asks once more after a lost answer.
        Assert.Equal(
            held,
            (await server.SendAsAgent(agent, "POST", "leases/acquire", pod.DeepClone())).Expect(200).Text
        );
        _ = (await server.SendAsAgent(agent, "POST", "leases/release", pod.DeepClone())).Expect(204);
        Assert.NotNull(deleted.Header("Azure-AsyncOperation"));
    }

    private static async Task<IEnumerable<string>> Links(InProcessServer server, string agent) =>
        (await server.SendAsAgent(agent, "GET", "desired")).Json["nodes"]![0]!["configuration"]!["links"]!
            .AsArray()
            .Select(link => link!["name"]!.ToString());

    private static async Task Report(InProcessServer server, string agent)
    {
        var desired = (await server.SendAsAgent(agent, "GET", "desired")).Json;
        var status = new JsonObject
        {
            ["digest"] = desired["digest"]!.DeepClone(),
            ["revision"] = desired["revision"]!.DeepClone(),
            ["state"] = "Applied",
        };
        _ = (await server.SendAsAgent(agent, "PUT", "status", status)).Expect(204);
    }
}
