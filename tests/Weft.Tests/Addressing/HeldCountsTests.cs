using CsCheck;
using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Tests.Addressing;

/// <summary>The counts that are kept are those of whoever would count: of one network, and of all together.</summary>
public sealed class HeldCountsTests
{
    private static readonly ResourceId[] Networks = [TestSite.Id("~c/l3Networks/a"), TestSite.Id("~c/l3Networks/b")];
    private static readonly string?[] Clusters = [null, "/c/East", "/c/west"];
    private static readonly string?[] Nodes = [null, "w1", "w2", "w3"];

    [Fact]
    public void Count_AsWhoeverLooksAtEachLease() =>
        Gen.Select(Gen.Int[0, 1], Gen.Int[0, 11], Gen.Int[0, 2], Gen.Int[0, 3], Gen.Int[0, 3])
            .Array[0, 60]
            .Sample(steps =>
            {
                var state = StoreState.Empty();
                foreach (var (network, address, cluster, node, verb) in steps)
                    state = Change(state, Networks[network], address, Clusters[cluster], Nodes[node], verb == 0);
                var all = Networks.SelectMany(network => NetworkPool.HoldingsOf(state, network).Leases).ToList();
                AssertCounts(all, NetworkPool.CountsOf(state));
                var summed = HeldCounts.Empty.Open(new object());
                foreach (var network in Networks)
                    summed.Add(NetworkPool.HoldingsOf(state, network).Counts);
                AssertCounts(all, summed.Close());
                foreach (var network in Networks)
                {
                    var holdings = NetworkPool.HoldingsOf(state, network);
                    AssertCounts([.. holdings.Leases], holdings.Counts);
                }
            });

    private static StoreState Change(
        StoreState state,
        ResourceId network,
        int number,
        string? cluster,
        string? node,
        bool isRemoved
    )
    {
        var address = number < 6 ? Address.Parse($"10.0.0.{number}").Value : Address.Parse($"fd00::{number}").Value;
        // The same cluster and node, however they are written.
        var holder = new Holder($"h{number}", "h")
        {
            Cluster = number % 2 == 0 ? cluster : cluster?.ToUpperInvariant(),
            Node = number % 2 == 0 ? node : node?.ToUpperInvariant(),
        };
        var lease = isRemoved ? null : new Lease(address, holder, LeaseMethod.Dynamic, "");
        return state.Next(TestLeases.Change(state, network, [(address, lease)]));
    }

    private static void AssertCounts(List<Lease> leases, HeldCounts counts)
    {
        leases = [.. leases.Where(lease => lease.Holder.Cluster is not null)];
        Assert.Equal(FamiliesOf(leases), counts.All);
        Assert.Equal(
            leases.Select(lease => lease.Holder.Cluster!.ToUpperInvariant()).Distinct().Count(),
            counts.CountOfClusters
        );
        foreach (var cluster in Clusters.OfType<string>())
        {
            var mine = leases.Where(lease => Same(lease.Holder.Cluster, cluster)).ToList();
            Assert.Equal(FamiliesOf(mine), counts.OfCluster(cluster));
            var nodes = Nodes.OfType<string>().Select(node => mine.Where(l => Same(l.Holder.Node, node)).ToList());
            Assert.Equal(nodes.Count(held => held.Count > 0), counts.CountOfNodes(cluster));
            Assert.Equal(
                nodes.Count(held => FamiliesOf(held).IPv4 >= 2),
                counts.CountNodesHolding(cluster, AddressFamily.IPv4, 2)
            );
            foreach (var node in Nodes.OfType<string>())
                Assert.Equal(FamiliesOf([.. mine.Where(l => Same(l.Holder.Node, node))]), counts.OfNode(cluster, node));
        }
    }

    private static FamilyCount FamiliesOf(List<Lease> leases) =>
        new(
            leases.Count(lease => lease.Address.Family == AddressFamily.IPv4),
            leases.Count(lease => lease.Address.Family == AddressFamily.IPv6)
        );

    private static bool Same(string? one, string? other) =>
        string.Equals(one, other, StringComparison.OrdinalIgnoreCase);
}
