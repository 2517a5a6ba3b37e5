using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Weft.Fleet;
using Weft.Fleet.Operations;
using Weft.Resources;
using Weft.Storage;
using ServerSite = Weft.Server.ControlPlane;

namespace Weft.Tests.Server;

/// <summary>The ending of operations, without the loop that does it.</summary>
public sealed class OperationCompletionTests
{
    [Fact]
    public async Task Leaves_NoChildBehind_WhenParentGoesInTheSamePass()
    {
        await using var server = await InProcessServer.WithSite();
        using var controlPlane = new ServerSite(new MemoryStore(), Limits.Default, new FakeTimeProvider());
        _ = await controlPlane.Store.Commit(
            ReadSet.Empty,
            [.. server.Store.Current.Range("").Select(row => new Mutation(row.Key, row.Bytes))],
            TestContext.Current.CancellationToken
        );
        for (var i = 0; i < 12; i++)
        {
            await Decide(controlPlane, Documents.Kubernetes("brief", []), "Put");
            await Complete(controlPlane);
            await Decide(controlPlane, Documents.Node("brief", $"node{i}"), "Put");
            await Decide(controlPlane, Documents.Kubernetes("brief", []), "Delete");

            await Complete(controlPlane);

            Assert.Empty(controlPlane.Store.Current.Range($"{StoreKey.PartitionOf(Node.ResourceType)}|"));
            Assert.Empty(OperationTracker.Pending(controlPlane.Store.Current));
        }
    }

    private static async Task Complete(ServerSite controlPlane)
    {
        var state = controlPlane.Store.Current;
        _ = await controlPlane.Store.Commit(
            ReadSet.Empty,
            controlPlane.Operations.Complete(state, controlPlane.Now),
            TestContext.Current.CancellationToken
        );
    }

    private static async Task Decide(ServerSite controlPlane, Document document, string verb)
    {
        var request = new WriteRequest(
            ResourceId.Parse(document.Id).Value,
            "test",
            "User",
            controlPlane.Now,
            ServerSite.NewOperationName()
        )
        {
            Body = JsonNode.Parse(document.Body.ToJsonString())!.AsObject(),
            CheckJoin = (_, _) => null,
        };
        var outcome = await controlPlane.Decide(
            transaction =>
                verb == "Put"
                    ? controlPlane.Verbs.Put(request, transaction)
                    : controlPlane.Verbs.Delete(request, transaction),
            TestContext.Current.CancellationToken
        );
        Assert.Null(outcome.Refusal);
    }
}
