using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Fleet;
using Weft.Fleet.Quotas;
using Weft.Resources;

namespace Weft.Tests.Fleet.Quotas;

/// <summary>Who shares a network's pool, before anybody holds something of it.</summary>
public sealed class NetworkUsersTests
{
    private static readonly StoreState Example = TestSite.Example().State;
    private static readonly ResourceId East = ClusterOf("core-east");
    private static readonly ResourceId West = ClusterOf("core-west");
    private static readonly ResourceId Network = NetworkOf("n6");

    [Fact]
    public void Are_TheClustersWhosePodsMayLease_AndTheirNodesWithAnAgent()
    {
        var none = NetworkUsers.Of(Example, Network);
        Assert.Equal([0, 0], none.NodesOf.Values);
        Assert.Equal((2, true), (none.CountOfClusters, none.NodesOf.ContainsKey($"{West}".ToUpperInvariant())));
        Assert.Equal(0, NetworkUsers.Of(Example, NetworkOf("oam")).CountOfClusters);

        // One agent serves the cluster, two serve the same node; of a node that isn't declared nobody knows its pool.
        var state = Example.Next([
            Enrol(East, "all", null),
            Enrol(East, "a", "core-east-w1"),
            Enrol(East, "b", "CORE-EAST-w1"),
            Enrol(East, "c", "new.example"),
        ]);
        var users = NetworkUsers.Of(state, Network);
        Assert.Equal((2, 0), (users.NodesOf[$"{East}"], users.NodesOf[$"{West}"]));
    }

    [Fact]
    public void Leave_OutNodesOfPools_ThatDoNotHaveTheNetwork()
    {
        var pool = Example.Get(StoreKey.ForResource(AgentPool.IdOf(East, "workers")))!.ToJsonObject();
        pool["properties"]!["attachedNetworkConfiguration"] = JsonNode.Parse(
            $$"""{"l3Networks":[{"networkId":"{{NetworkOf("n4")}}","pluginType":"MACVLAN"}]}"""
        );
        var state = Example.Next([
            Mutation.Put(AgentPool.IdOf(East, "workers"), pool),
            Enrol(East, "a", "core-east-w1"),
            Enrol(East, "b", "elsewhere"),
        ]);
        Assert.Equal(1, NetworkUsers.Of(state, Network).NodesOf[$"{East}"]);
    }

    /// <summary>Leases come by the thousand, and change nothing of it.</summary>
    [Fact]
    public void Are_ReadOnce_ForEachChangeOfWhatTheyAreReadOff()
    {
        var cache = new NetworkUsersCache(Network);
        var first = cache.Get(Example);
        var lease = new Lease(
            Address.Parse("10.20.6.9").Value,
            new Holder("h", "h") { Cluster = $"{East}", Node = "w" },
            LeaseMethod.Dynamic,
            ""
        );
        var leased = Example.Next(TestLeases.Put(Example, Network, lease));
        Assert.Same(first, cache.Get(leased));
        var enrolled = leased.Next([Enrol(West, "a", "w1")]);
        Assert.Equal(1, cache.Get(enrolled).NodesOf[$"{West}"]);
        Assert.Same(cache.Get(enrolled), cache.Get(enrolled));
    }

    private static ResourceId ClusterOf(string name) =>
        Example
            .Range($"{StoreKey.PartitionOf(KubernetesCluster.ResourceType)}|")
            .Select(ResourceKind.IdOf)
            .Single(id => id.Name == name);

    private static ResourceId NetworkOf(string name) =>
        ResourceId
            .Parse($"{East}".Replace("kubernetesClusters/core-east", $"l3Networks/{name}", StringComparison.Ordinal))
            .Value;

    private static Mutation Enrol(ResourceId cluster, string name, string? node)
    {
        var id = cluster.Extend(Weft.Fleet.Agent.ResourceType, name);
        return Mutation.Put(
            id,
            new JsonObject
            {
                ["id"] = id.ToString(),
                ["properties"] = new JsonObject { ["node"] = node },
            }
        );
    }
}
