using System.Collections.Immutable;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Weft.Addressing;
using Weft.Fleet.Quotas;
using Weft.Networks;
using Weft.Resources;
using Weft.Server;
using Weft.Server.Leases;

namespace Weft.Tests.Server.Leases;

/// <summary>What the allocator decides while others write, and on a disk that may be full.</summary>
public sealed class LeaseDecisionTests : IAsyncLifetime
{
    private const string Attached =
        "'l3Networks':[{'networkId':'~c/l3Networks/n3','pluginType':'MACVLAN','ipamEnabled':'True'},"
        + "{'networkId':'~c/l3Networks/n6','pluginType':'MACVLAN','ipamEnabled':'True'}]";

    private static readonly ResourceId Cluster = TestSite.Id("~c/kubernetesClusters/k1");
    private static readonly ResourceId Network = TestSite.Id("~c/l3Networks/n6");
    private static readonly ResourceId N3 = TestSite.Id("~c/l3Networks/n3");
    private static readonly TestSite Site = WithAttachment();

    private readonly ContestedStore _store = new();
    private readonly ControlPlane _controlPlane;
    private readonly LeaseAllocator _allocator;

    public LeaseDecisionTests()
    {
        _controlPlane = new ControlPlane(_store, Limits.Default, new FakeTimeProvider());
        _allocator = new LeaseAllocator(
            _controlPlane,
            new LeaseSessions(_controlPlane, NullLogger<LeaseSessions>.Instance),
            LeaseLimits.Default,
            new ApplicationLifetime(NullLogger<ApplicationLifetime>.Instance),
            NullLogger<LeaseAllocator>.Instance
        );
    }

    public async ValueTask InitializeAsync() =>
        await _store.Write([.. Site.State.Range("").Select(row => new Mutation(row.Key, row.Bytes))]);

    public async ValueTask DisposeAsync()
    {
        _controlPlane.Dispose();
        await _store.DisposeAsync();
    }

    [Fact]
    public async Task Decides_Anew_WhenAnAddressIsTakenMeanwhile()
    {
        var taken = new Lease(AddressOf("10.20.6.4"), new Holder("vm", "vm"), LeaseMethod.Dynamic, TestSite.Now);
        _store.BeforeCommit = attempt =>
            attempt == 1 ? _store.Write(TestLeases.Put(_store.Current, Network, taken)) : Task.CompletedTask;

        Assert.Equal("10.20.6.5 fd20:0:0:606::4", await Acquire("a"));
        Assert.Equal("vm", Holdings.LeaseOf(taken.Address)!.Holder.Id);
        Assert.Equal(2, _store.Commits);
    }

    [Fact]
    public async Task Decides_Anew_WhenThePoolChangesMeanwhile()
    {
        const string Pool = "~c/l3Networks/n6/providers/Weft.Ipam/pools/default";
        var changed = TestSite.Small();
        changed.Put(Pool, "{'properties':{'exclusions':['10.20.6.4-10.20.6.9']}}");
        var row = changed.RowOf(Pool);
        _store.BeforeCommit = attempt =>
            attempt == 1 ? _store.Write(new Mutation(row.Key, row.Bytes)) : Task.CompletedTask;

        Assert.Equal("10.20.6.10 fd20:0:0:606::4", await Acquire("a"));
        Assert.Equal(2, _store.Commits);
    }

    [Fact]
    public async Task Leases_Nothing_WhenTheNetworkIsDetachedMeanwhile()
    {
        var cluster = _store.Current.Get(StoreKey.ForResource(Cluster))!;
        var detached = TestSite.Small().RowOf("~c/kubernetesClusters/k1");
        _store.BeforeCommit = _ => _store.Write(new Mutation(cluster.Key, detached.Bytes));

        Assert.Equal("AuthorizationFailed", await Acquire("a"));
        Assert.Empty(Holdings.Leases);
    }

    [Theory]
    [InlineData(7, "10.20.6.4 fd20:0:0:606::4")]
    [InlineData(8, "Contended")]
    [InlineData(100, "Contended")]
    public async Task Tries_EightTimes_WhileOthersWin(int wins, string answer)
    {
        var network = _store.Current.Get(StoreKey.ForResource(Network))!;
        _store.BeforeCommit = attempt =>
            attempt <= wins ? _store.Write(new Mutation(network.Key, network.Bytes)) : Task.CompletedTask;

        Assert.Equal(answer, await Acquire("a"));
        Assert.Equal(8, _store.Commits);
    }

    [Fact]
    public async Task Refuses_WhileTheDiskIsFull_AndServesOn()
    {
        _store.IsFull = true;
        Assert.Equal("ServiceUnavailable", await Acquire("a"));
        Assert.Empty(Holdings.Leases);

        _store.IsFull = false;
        Assert.Equal("10.20.6.4 fd20:0:0:606::4", await Acquire("a"));
    }

    [Fact]
    public async Task Refuses_WhatItCantRead_AndServesOn()
    {
        var network = _store.Current.Get(StoreKey.ForResource(Network))!;
        await _store.Write(new Mutation(network.Key, "{}"u8.ToArray()));
        Assert.Equal("InternalError", await Acquire("a"));

        await _store.Write(new Mutation(network.Key, network.Bytes));
        Assert.Equal("10.20.6.4 fd20:0:0:606::4", await Acquire("a"));
    }

    [Fact]
    public async Task Releases_ButLeasesNothing_WhenTheNetworkIsGone()
    {
        await _store.Write(Mutation.Remove(StoreKey.ForResource(Network)));

        Assert.Equal("", await Release("a"));
        Assert.Equal("ResourceNotFound", await Acquire("a"));
        Assert.Equal(0, _store.Commits);
    }

    [Fact]
    public async Task Decides_ARequest_Once()
    {
        await Acquire("a");
        await _store.Write(TestLeases.Remove(_store.Current, Network, Holdings.Leases));
        await Acquire("b");

        Assert.All(Holdings.Leases, lease => Assert.Equal("b", lease.Holder.Id));
    }

    [Fact]
    public async Task Decides_AtMost1024_AtOnce()
    {
        var (begun, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        _store.BeforeCommit = commit =>
        {
            begun.TrySetResult();
            return commit == 1 ? go.Task : Task.CompletedTask;
        };
        var first = Acquire("first");
        await begun.Task;

        // Those who wait are decided together; the last one of them finds no place beside 1,024 others.
        List<Task<string>> waiting = [first, Acquire("a"), .. Enumerable.Range(0, 1023).Select(i => Release($"c{i}"))];
        waiting.Add(Release("first"));
        go.SetResult();
        await Task.WhenAll(waiting);
        Assert.Equal(3, _store.Commits);
        Assert.All(Holdings.Leases, lease => Assert.Equal("a", lease.Holder.Id));
    }

    /// <summary>etcd takes 128 operations at once.</summary>
    [Fact]
    public async Task Commits_NoMore_ThanTheStoreTakesAtOnce()
    {
        _store.MaxMutations = 10;
        var (begun, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        _store.BeforeCommit = commit =>
        {
            begun.TrySetResult();
            return commit == 1 ? go.Task : Task.CompletedTask;
        };
        var first = Acquire("first");
        await begun.Task;
        List<Task<string>> waiting = [.. Enumerable.Range(0, 35).Select(i => Acquire($"c{i}"))];
        go.SetResult();

        await Task.WhenAll([first, .. waiting]);
        Assert.Equal(72, Holdings.Leases.Count());
        Assert.Equal(1 + 4, _store.Commits);
    }

    [Theory]
    [InlineData(1, 2 + 2)]
    [InlineData(7, 2 + 2 + 6)]
    [InlineData(100, 2 + 1 + 7)]
    public async Task Decides_EachNetworkAlone_WhereOneOfACommitIsContested(int wins, int commits)
    {
        var (begun, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        var taken = 0;
        _store.BeforeCommit = async commit =>
        {
            begun.TrySetResult();
            if (commit == 1)
                await go.Task;
            else if (taken < wins && _store.Changes.Any(change => change is LeaseChanges of && of.NetworkKey == N3.Key))
                await TakeFirstFree(N3, ++taken);
        };
        var first = Acquire("first");
        await begun.Task;
        var (calm, contested) = (new List<Task<string>>(), new List<Task<string>>());
        for (var i = 0; i < 8; i++)
        {
            calm.Add(Acquire($"c{i}"));
            contested.Add(Submit(Request($"c{i}") with { Network = N3 }));
        }

        go.SetResult();
        string[] given = [await first, .. await Task.WhenAll(calm)];

        Assert.Equal(Enumerable.Range(4, 9).Select(i => $"10.20.6.{i} fd20:0:0:606::{i:x}"), given);
        var got = await Task.WhenAll(contested);
        if (wins < 8)
            Assert.Equal(Enumerable.Range(4 + wins, 8).Select(i => $"10.20.3.{i}"), got);
        else
            Assert.All(got, answer => Assert.Equal("Contended", answer));
        Assert.Equal(taken + (wins < 8 ? 8 : 0), HoldingsOf(N3).CountOfHolders);
        Assert.Equal(commits, _store.Commits);
    }

    [Fact]
    public async Task Commits_SeveralNetworks_AtOnce()
    {
        var (begun, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        _store.BeforeCommit = commit =>
        {
            begun.TrySetResult();
            return commit == 1 ? go.Task : Task.CompletedTask;
        };
        var first = Acquire("first");
        await begun.Task;
        var request = Request("a") with { Holder = new Holder("a", "a") { Cluster = Cluster.ToString() } };
        var (one, other) = (Submit(request), Submit(request with { Network = N3 }));
        go.SetResult();

        await first;
        Assert.Equal("10.20.6.5 fd20:0:0:606::5", await one);
        Assert.Equal("10.20.3.4", await other);
        Assert.Equal(2, _store.Commits);
        // Counted once, by the first of them for both.
        Assert.Equal(new FamilyCount(2, 1), NetworkPool.CountsOf(_store.Current).OfCluster(Cluster.ToString()));
    }

    [Fact]
    public async Task Refuses_AWrite_ThatIsMoreThanTheStoreTakesAtOnce()
    {
        _store.MaxMutations = 2;
        var decided = await _controlPlane.Decide(
            transaction => new Decision(
                [.. Enumerable.Range(0, 3).Select(i => Mutation.Remove($"t|{i}"))],
                null,
                transaction.State,
                false,
                null
            ),
            TestContext.Current.CancellationToken
        );

        Assert.Equal(RefusalCode.RequestTooLarge, decided.Refusal!.Code);
        Assert.Equal(0, _store.Commits);
    }

    [Theory]
    [InlineData("w2", null, "AuthorizationFailed", 2)]
    [InlineData("W1", null, "10.20.6.4 fd20:0:0:606::4", 0)]
    [InlineData("w1", null, "10.20.6.4 fd20:0:0:606::4", 0)]
    [InlineData("w2", "b", "10.20.6.5 fd20:0:0:606::5", 2)]
    public async Task Speaks_ForPodsOfTheNodeAlone(string node, string? container, string answer, int left)
    {
        await Acquire("a", "w1");

        container ??= "a";
        Assert.Equal(answer, await Acquire(container, node, onlyOf: node));
        await Submit(Request(container) with { IsRelease = true, OnlyOfNode = node });
        Assert.Equal(left, Holdings.Leases.Count());
    }

    [Fact]
    public async Task Speaks_ForAHolder_WhoseNodeIsNotKnown()
    {
        await Acquire("a");
        Assert.Equal("10.20.6.4 fd20:0:0:606::4", await Acquire("a", onlyOf: "w1"));
    }

    [Fact]
    public async Task Rests_AnAddress_ThatWasPickedForOneFamilyAlone()
    {
        Assert.Equal("10.20.6.9 fd20:0:0:606::4", await Acquire("a", wanted: "10.20.6.9"));
        await Release("a");

        // Both rest: what was named, too. It moves the pick no further.
        Assert.Equal("10.20.6.4 fd20:0:0:606::5", await Acquire("b"));
        foreach (var (container, number) in new[] { ("c", 5), ("d", 6), ("e", 7), ("f", 8) })
            Assert.Equal($"10.20.6.{number} fd20:0:0:606::{number + 1}", await Acquire(container));
        Assert.Equal("10.20.6.10 fd20:0:0:606::a", await Acquire("g"));
    }

    [Fact]
    public async Task Rests_NoAddress_ThatWasAskedFor()
    {
        await Acquire("a", wanted: ["10.20.6.9", "fd20:0:0:606::9"]);
        Assert.Equal("10.20.6.4 fd20:0:0:606::4", await Acquire("b"));
    }

    [Theory]
    [InlineData("n6", "10.20.6.4 fd20:0:0:606::4", "10.20.6.6 fd20:0:0:606::6")]
    [InlineData("n3", "10.20.3.4", "10.20.3.6")]
    public async Task Rests_AnAddress_ThoughAnEarlierHolderAsksAgain(string network, string first, string third)
    {
        LeaseRequest From(string container) =>
            Request(container) with
            {
                Network = TestSite.Id($"~c/l3Networks/{network}"),
            };
        await Submit(From("a"));
        await Submit(From("b"));
        Assert.Equal(first, await Submit(From("a")));
        await Submit(From("b") with { IsRelease = true });
        Assert.Equal(third, await Submit(From("c")));
    }

    private Holdings Holdings => NetworkPool.HoldingsOf(_store.Current, Network);

    private Holdings HoldingsOf(ResourceId network) => NetworkPool.HoldingsOf(_store.Current, network);

    /// <summary>Somebody else takes what would be given next.</summary>
    private Task TakeFirstFree(ResourceId network, int number)
    {
        var address = HoldingsOf(network).FirstFree(AddressOf("10.20.3.4"), AddressOf("10.20.3.254"))!.Value;
        var lease = new Lease(address, new Holder($"vm{number}", "vm"), LeaseMethod.Dynamic, TestSite.Now);
        return _store.Write(TestLeases.Put(_store.Current, network, lease));
    }

    private static TestSite WithAttachment()
    {
        var site = TestSite.Small();
        site.L3("n3", "user", 603);
        site.Put("~c/kubernetesClusters/k1", TestSite.Kubernetes(Attached));
        return site.CompleteOperations();
    }

    private static Address AddressOf(string text) => Address.Parse(text).Value;

    private static LeaseRequest Request(string container, string? node = null) =>
        new(Cluster, Network, new Holder(container, container) { Node = node }, [], false)
        {
            Agent = TestSite.Id("~c/kubernetesClusters/k1/providers/Weft.Fleet/agents/a1"),
        };

    /// <summary>The addresses, or the code of the refusal.</summary>
    private Task<string> Acquire(
        string container,
        string? node = null,
        string? onlyOf = null,
        params ImmutableArray<string> wanted
    ) =>
        Submit(
            Request(container, node) with
            {
                RequestedAddresses = [.. wanted.Select(AddressOf)],
                OnlyOfNode = onlyOf,
            }
        );

    private Task<string> Release(string container) => Submit(Request(container) with { IsRelease = true });

    private async Task<string> Submit(LeaseRequest request)
    {
        var limit = TestContext.Current.CancellationToken;
        return (await _allocator.Submit(request, limit)).TryGet(out var leases, out var refusal)
            ? string.Join(' ', leases.Select(lease => lease.Address))
            : refusal.Code.ToString();
    }
}
