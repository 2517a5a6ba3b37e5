using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Weft.Fleet;
using Weft.Resources;
using Weft.Storage;
using ServerSite = Weft.Server.Site;

namespace Weft.Tests.Server;

/// <summary>The ending of operations, without the loop that does it.</summary>
public sealed class SettlementTests
{
    [Fact]
    public async Task Leaves_NoChildBehind_WhenParentGoesInTheSameSettlement()
    {
        await using var plane = await Plane.OfSite();
        using var site = new ServerSite(new MemoryStore(), Limits.Standard, new FakeTimeProvider());
        _ = await site.Store.Commit(Seen.Nothing, [.. plane.Store.Current.Range("").Select(row => new Change(row.Key, row.Bytes))], TestContext.Current.CancellationToken);
        for (var i = 0; i < 12; i++)
        {
            await Decide(site, Documents.Kubernetes("brief", []), "Put");
            await Settle(site);
            await Decide(site, Documents.Node("brief", $"node{i}"), "Put");
            await Decide(site, Documents.Kubernetes("brief", []), "Delete");

            await Settle(site);

            Assert.Empty(site.Store.Current.Range($"{StoreKey.PartitionOf(Node.ResourceType)}|"));
            Assert.Empty(Settlement.Running(site.Store.Current));
        }
    }

    private static async Task Settle(ServerSite site)
    {
        var image = site.Store.Current;
        _ = await site.Store.Commit(Seen.Nothing, site.Settlement.Settle(image, site.Now), TestContext.Current.CancellationToken);
    }

    private static async Task Decide(ServerSite site, Document document, string verb)
    {
        var request = new WriteRequest(ResourceId.Parse(document.Id).Value, "test", "User", site.Now, ServerSite.NewOperationName()) { Body = JsonNode.Parse(document.Body.ToJsonString())!.AsObject() };
        var outcome = await site.Decide(seen => verb == "Put" ? site.Verbs.Put(request, seen) : site.Verbs.Delete(request, seen), TestContext.Current.CancellationToken);
        Assert.Null(outcome.Refusal);
    }
}
