using System.Collections.Immutable;
using CsCheck;
using Weft.Addressing;
using Weft.Fleet.Quotas;

namespace Weft.Tests.Fleet.Quotas;

/// <summary>What one node and one cluster get of a pool that others use, too.</summary>
public sealed class LeaseQuotaTests
{
    private const string East = "/c/east";
    private const string West = "/c/west";

    private static readonly NetworkUsers TwoClusters = Users((East, 3), (West, 2));

    /// <summary>An attack that was seen: the agent of one node asks for pods that there aren't.</summary>
    [Fact]
    public void Leaves_AddressesToOtherNodesAndClusters_WhenOneNodeTakesWhatItCan()
    {
        var site = new Site("10.20.6.0/24", TwoClusters);
        var greedy = site.TakeAll(East, "w1", out var refused);
        Assert.Equal(RefusalCode.QuotaExceeded, refused.Code);
        Assert.Equal(
            $"node w1 of east holds {greedy} of the 188 addresses that its cluster may have of n in 10.20.6.0/24; 3 nodes use it, so "
                + "its fair share is 63, and the 47 that are left are kept for those that hold less (leases.keptPercent)",
            refused.Message
        );
        Assert.Equal(141, greedy);
        Assert.Equal((10, 10), (site.Take(East, "w2", 10), site.Take(East, "w3", 10)));
        Assert.Equal((20, 20), (site.Take(West, "w1", 20), site.Take(West, "w2", 20)));
        Assert.Equal(0, site.Take(East, "w1", 1));
    }

    [Fact]
    public void Gives_AllOfThePool_ToOneThatSharesWithNobody()
    {
        var site = new Site("10.0.0.0/28", Users((East, 1)));
        Assert.Equal(site.Size, site.TakeAll(East, "w1", out var refused));
        Assert.Equal(RefusalCode.AddressPoolExhausted, refused.Code);
    }

    [Fact]
    public void Refuses_ANodeAndACluster_ThatHoldAsMuchAsTheyMay()
    {
        var site = new Site("10.0.0.0/16", TwoClusters, new LeaseLimits { PerNode = 5, PerCluster = 8 });
        Assert.Equal(5, site.TakeAll(East, "w1", out var refused));
        Assert.Equal(
            "node w1 of east holds 5 addresses, and this pod asks for 1 more: a node may hold 5 (leases.perNode)",
            refused.Message
        );
        Assert.Equal(3, site.TakeAll(East, "w2", out refused));
        Assert.Equal(
            "cluster east holds 8 addresses, and this pod asks for 1 more: a cluster may hold 8 (leases.perCluster)",
            refused.Message
        );
        Assert.Equal(("cluster", East), (refused.Target, refused.ConflictsWith));
        Assert.Equal(5, site.TakeAll(West, "w1", out _));
    }

    /// <summary>Machines are declared: what they hold isn't shared, and their leases are asked of nobody.</summary>
    [Fact]
    public void Asks_NothingOfMachines()
    {
        var site = new Site("10.0.0.0/28", TwoClusters, new LeaseLimits { PerCluster = 1 });
        Assert.Equal(site.Size, site.TakeAll(null, null, out _));
    }

    /// <summary>
    /// Whoever takes and gives back, in whatever order: a node that is refused a share holds more than another could, or its
    /// cluster does; and nothing is refused that one alone asks for.
    /// </summary>
    [Fact]
    public void Refuses_OnlyWhoHoldsMoreThanAnother() =>
        Gen.Select(Gen.Int[0, 2], Gen.Int[0, 2], Gen.Int[0, 5])
            .Array[0, 150]
            .Sample(steps =>
            {
                string[] clusters = [East, West, "/c/north"];
                var site = new Site("10.0.0.0/26", Users([.. clusters.Select(cluster => (cluster, 3))]));
                foreach (var (cluster, node, verb) in steps)
                {
                    if (verb == 0)
                    {
                        site.GiveBack(clusters[cluster], $"w{node}");
                        continue;
                    }

                    if (site.TryTake(clusters[cluster], $"w{node}") is not { Code: RefusalCode.QuotaExceeded })
                        continue;
                    var counts = site.Pool.Holdings.Counts;
                    var (mine, nodes) = (counts.OfCluster(clusters[cluster]).IPv4, Enumerable.Range(0, 3));
                    var ofNode = counts.OfNode(clusters[cluster], $"w{node}").IPv4;
                    Assert.True(
                        clusters.Any(other => counts.OfCluster(other).IPv4 < mine)
                            || nodes.Any(other => counts.OfNode(clusters[cluster], $"w{other}").IPv4 < ofNode),
                        $"w{node} of {clusters[cluster]} was refused, and nobody holds less"
                    );
                }
            });

    private static NetworkUsers Users(params (string Cluster, int Nodes)[] users) =>
        new(users.ToImmutableDictionary(user => user.Cluster, user => user.Nodes, StringComparer.OrdinalIgnoreCase));

    /// <summary>A network of one subnet, and what is leased of it.</summary>
    private sealed class Site(string prefix, NetworkUsers users, LeaseLimits? limits = null)
    {
        private readonly LeaseQuota _quota = new(limits ?? LeaseLimits.Default);
        private int _next;

        public AddressPool Pool { get; private set; } =
            new("n", [new Subnet(Prefix.Parse(prefix).Value, 3)], Holdings.Empty);

        public int Size => (int)Pool.Subnets[0].Size;

        public Refusal? TryTake(string? cluster, string? node)
        {
            var holder = new Holder($"pod:{cluster}#{_next++}", "p") { Cluster = cluster, Node = node };
            if (_quota.Check(holder, Pool, Pool.Holdings.Counts, users) is { } refusal)
                return refusal;
            if (!Pool.Acquire(holder, [], "now").TryGet(out var got, out var exhausted))
                return exhausted;
            Pool = got.Next;
            return null;
        }

        public int Take(string? cluster, string? node, int most)
        {
            var taken = 0;
            while (taken < most && TryTake(cluster, node) is null)
                taken++;
            return taken;
        }

        public int TakeAll(string? cluster, string? node, out Refusal refused)
        {
            var taken = Take(cluster, node, int.MaxValue);
            refused = TryTake(cluster, node)!;
            return taken;
        }

        public void GiveBack(string cluster, string node)
        {
            if (
                Pool.Holdings.Leases.FirstOrDefault(l => (l.Holder.Cluster, l.Holder.Node) == (cluster, node)) is
                { } one
            )
                Pool = Pool.Release(one.Holder.Id).Next;
        }
    }
}
