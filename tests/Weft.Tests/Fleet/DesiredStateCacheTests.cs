using System.Text.Json.Nodes;
using CsCheck;
using Weft.Addressing;
using Weft.Fleet;
using Weft.Fleet.Operations;
using Weft.Networks;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Tests.Fleet;

/// <summary>Desired states that are cached are the ones that would be rendered now.</summary>
public sealed class DesiredStateCacheTests
{
    private const string K1 = "~c/kubernetesClusters/k1";
    private const string K2 = "~c/kubernetesClusters/k2";

    private static readonly (string Name, Action<TestSite> Do)[] Writes =
    [
        (
            "attach n6",
            site =>
                Try(
                    site,
                    K1,
                    TestSite.Kubernetes(
                        "'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'MACVLAN','ipamEnabled':'True'}]"
                    )
                )
        ),
        (
            "attach n2 to the node",
            site =>
                Try(
                    site,
                    K1,
                    TestSite.Kubernetes("'l3Networks':[{'networkId':'~c/l3Networks/n2','pluginType':'OSDevice'}]")
                )
        ),
        (
            "attach the trunk",
            site =>
                Try(
                    site,
                    K1,
                    TestSite.Kubernetes(
                        "'trunkedNetworks':[{'networkId':'~c/trunkedNetworks/ran','pluginType':'MACVLAN'}]"
                    )
                )
        ),
        ("detach", site => Try(site, K1, TestSite.Kubernetes(""))),
        (
            "another cluster",
            site =>
                Try(
                    site,
                    K2,
                    TestSite.Kubernetes("'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'MACVLAN'}]")
                )
        ),
        (
            "a node",
            site =>
                Try(
                    site,
                    TestSite.NodeId("w1"),
                    TestSite.Node("{'name':'eth1','macAddress':'52:54:00:00:00:01','mtu':9000}", "BareMetal")
                )
        ),
        (
            "another node",
            site =>
                Try(
                    site,
                    TestSite.NodeId("w2"),
                    TestSite.Node("{'name':'eth1','macAddress':'52:54:00:00:00:02','mtu':9000}", "BareMetal")
                )
        ),
        (
            "a node of another cluster",
            site =>
                Try(
                    site,
                    TestSite.NodeId("x1", "k2"),
                    TestSite.Node("{'name':'eth1','macAddress':'52:54:00:00:00:03','mtu':9000}", "BareMetal")
                )
        ),
        ("no node", site => Apply(site, site.TryDelete(TestSite.NodeId("w1")))),
        (
            "a narrower trunk",
            site =>
                Try(
                    site,
                    "~c/trunkedNetworks/ran",
                    TestSite.Tracked(
                        "'isolationDomainIds':['~f/l3IsolationDomains/core','~f/l2IsolationDomains/hb-domain'],'vlans':[602,750]"
                    )
                )
        ),
        (
            "another MTU",
            site =>
                Try(
                    site,
                    "~f/l3IsolationDomains/user/internalNetworks/dn-net",
                    "{'properties':{'vlanId':606,'mtu':8000,'connectedIPv4Subnets':[{'prefix':'10.20.6.0/24'}],"
                        + "'connectedIPv6Subnets':[{'prefix':'fd20:0:0:606::/64'}]}}"
                )
        ),
        (
            "a machine",
            site =>
                Try(
                    site,
                    "~c/virtualMachines/vm1",
                    TestSite.Machine(
                        "{'attachedNetworkId':'~c/l3Networks/n6','ipAllocationMethod':'Dynamic','networkAttachmentName':'net-a'}"
                    )
                )
        ),
        ("tags", site => Apply(site, site.TryPatch(K1, "{'tags':{'team':'core'}}"))),
        ("what can end", site => site.CompleteOperations()),
    ];

    [Fact]
    public void Caches_NoStateThatWouldBeRenderedOtherwise() =>
        Gen.Int[0, Writes.Length - 1]
            .Array[1, 12]
            .Sample(
                steps =>
                {
                    var site = TestSite.Small();
                    var kept = new DesiredStateCache(site.Limits, new WatcherGroup());
                    foreach (var step in steps)
                    {
                        var before = site.State;
                        Writes[step].Do(site);
                        foreach (var id in new[] { TestSite.Id(K1), TestSite.Id(K2) })
                        {
                            Assert.Equal(
                                ClusterRenderer.Render(before, id, site.Limits).Digest,
                                kept.DigestOf(before, id)
                            );
                            var drawn = ClusterRenderer.Render(site.State, id, site.Limits);
                            Assert.Equal(drawn.Digest, kept.DigestOf(site.State, id));
                            var desired = kept.Get(site.State, id);
                            Assert.Equal(
                                (drawn.Digest, drawn.Revision, drawn.RenderErrors.Length),
                                (desired.Digest, desired.Revision, desired.RenderErrors.Length)
                            );
                        }
                    }
                },
                iter: 150,
                threads: 1
            );

    [Fact]
    public void Wakes_EverybodyWhomAWriteConcerns_AndFindsTheirAgentsAlone() =>
        Gen.Int[0, Writes.Length - 1]
            .Array[1, 12]
            .Sample(
                steps =>
                {
                    var site = TestSite.Small();
                    var watchers = new WatcherGroup();
                    var tracker = new OperationTracker(AllKinds.List, site.Limits, watchers);
                    ResourceId[] clusters = [TestSite.Id(K1), TestSite.Id(K2)];
                    foreach (var cluster in clusters)
                        _ = site.Enrol(cluster.ToString(), "main");
                    foreach (var step in steps)
                    {
                        var before = site.State;
                        var waiting = clusters.Select(id => tracker.DesiredStates.Watch(before, id)).ToList();
                        Writes[step].Do(site);
                        var changes = ChangesOf(before, site.State);
                        var request = site.Request(K1, []);
                        Assert.Equal(
                            tracker.EffectsInPlan(before, site.State, changes, request).Value.Agents,
                            tracker.EffectsOf(before, site.State, changes, request).Value.Agents
                        );
                        watchers.Notify(site.State.Revision, changes.Select(change => change.Key));
                        foreach (var ((desired, changed), id) in waiting.Zip(clusters))
                            Assert.True(
                                changed.IsCompleted
                                    || desired.Digest == ClusterRenderer.Render(site.State, id, site.Limits).Digest,
                                $"{Writes[step].Name}: nobody who waits for {id.Name} was woken"
                            );
                    }
                },
                iter: 150,
                threads: 1
            );

    [Fact]
    public void Wakes_NobodyByWhatConcernsOthers()
    {
        var site = TestSite.Small();
        site.Put(K1, TestSite.Kubernetes("'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'MACVLAN'}]"));
        var watchers = new WatcherGroup();
        var kept = new DesiredStateCache(site.Limits, watchers);
        var (_, changed) = kept.Watch(site.State, TestSite.Id(K1));
        void Write(Action write, bool wakes)
        {
            var before = site.State;
            write();
            watchers.Notify(site.State.Revision, ChangesOf(before, site.State).SelectMany(change => change.Topics));
            Assert.Equal(wakes, changed.IsCompleted);
        }

        Write(
            () =>
                site.Commit(
                    TestLeases.Put(
                        site.State,
                        TestSite.Id("~c/l3Networks/n6"),
                        new Lease(
                            Address.Parse("10.20.6.90").Value,
                            AddressClaims.PodHolderOf(TestSite.Id(K1), "c", "net1", "core/upf-0", "w1"),
                            LeaseMethod.Dynamic,
                            TestSite.Now
                        )
                    )
                ),
            wakes: false
        );
        Write(() => site.L3("other", "user", 603), wakes: false);
        Write(() => site.Put(K2, TestSite.Kubernetes("")), wakes: false);
        Write(
            () => site.Put(TestSite.NodeId("x1", "k2"), TestSite.Node("{'name':'eth1','mtu':9000}", "BareMetal")),
            wakes: false
        );
        Write(() => site.Patch("~c/l3Networks/n6", "{'tags':{'team':'core'}}"), wakes: true);
    }

    [Fact]
    public void Renders_AllOfABareMetalUserPlane()
    {
        var site = TestSite.Example().Apply(Examples.Documents("bare-metal-upf")).CompleteOperations();

        var desired = ClusterRenderer.Render(
            site.State,
            TestSite.Id(
                "/subscriptions/5be00000-0000-4000-8000-0000000005a0/resourceGroups/edge-east/"
                    + "providers/Microsoft.NetworkCloud/kubernetesClusters/upf-east"
            ),
            site.Limits
        );

        Assert.Empty(desired.RenderErrors);
        Assert.Equal(
            [
                "default/n3",
                "default/n4",
                "default/n6",
                "default/ran",
                "default/ran-v602",
                "default/ran-v603",
                "default/ran-v750",
            ],
            desired.Manifests.Where(m => m.Kind == "NetworkAttachmentDefinition").Select(m => $"{m.Namespace}/{m.Name}")
        );
        Assert.All(
            desired.Nodes,
            node =>
                Assert.Equal(
                    ["n3", "n6", "ran"],
                    node.Pools.Select(pool => pool.ResourceName).Distinct().Order(StringComparer.Ordinal)
                )
        );
    }

    [Fact]
    public void Renders_NothingAgain_WhereNoDependencyHasChanged()
    {
        var site = TestSite.Small();
        site.Put(
            K2,
            TestSite.Kubernetes(
                "'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'MACVLAN','ipamEnabled':'True'}]"
            )
        );
        site.CompleteOperations();
        var kept = new DesiredStateCache(site.Limits, new WatcherGroup());
        var before = kept.Get(site.State, TestSite.Id(K1));
        site.Put(
            TestSite.NodeId("x1", "k2"),
            TestSite.Node("{'name':'eth1','macAddress':'52:54:00:00:00:03','mtu':9000}", "BareMetal")
        );
        site.Patch(K2, "{'tags':{'team':'core'}}");
        var after = kept.Get(site.State, TestSite.Id(K1));
        Assert.Equal(site.State.Revision, after.Revision);
        Assert.True(
            before.Manifests == after.Manifests && before.Nodes == after.Nodes,
            "the picture of k1 was drawn anew, though only k2 was written"
        );
        Assert.False(kept.Get(site.State, TestSite.Id(K2)).Nodes.IsEmpty);
    }

    [Fact]
    public void Caches_NothingOfAPlannedState()
    {
        var site = TestSite.Small();
        var kept = new DesiredStateCache(site.Limits, new WatcherGroup());
        var here = kept.Get(site.State, TestSite.Id(K1)).Digest;
        // Two futures of one revision number: a desired state of the one must not be taken for the other's.
        var one = site.TryPut(
            K1,
            TestSite.Kubernetes("'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'MACVLAN'}]")
        ).Value.After;
        var other = site.TryPut(
            K1,
            TestSite.Kubernetes("'l3Networks':[{'networkId':'~c/l3Networks/n2','pluginType':'MACVLAN'}]")
        ).Value.After;
        Assert.Equal(one.Revision, other.Revision);
        var digests = new[]
        {
            kept.DigestOf(one, TestSite.Id(K1)),
            kept.DigestOf(other, TestSite.Id(K1)),
            kept.Get(site.State, TestSite.Id(K1)).Digest,
        };
        Assert.Equal(3, digests.Distinct().Count());
        Assert.Equal(here, digests[2]);
        Assert.Equal(digests[0], kept.Get(one, TestSite.Id(K1)).Digest);
        Assert.Equal(digests[1], kept.Get(other, TestSite.Id(K1)).Digest);
    }

    [Fact]
    public void Tracks_EveryRangeThatWasRead()
    {
        var state = AllKinds.EmptyState.Next([
            Mutation.Put("a|1", new JsonObject()),
            Mutation.Put("b|1", new JsonObject()),
        ]);
        var tracker = new DependencyTracker();
        var watched = state.TrackedBy(tracker);
        _ = watched.Get("a|2");
        _ = watched.Range("b|").ToList();
        Assert.True(
            tracker.IsUnchanged(
                state,
                state.Next([Mutation.Put("a|3", new JsonObject()), Mutation.Put("c|1", new JsonObject())])
            )
        );
        Assert.False(tracker.IsUnchanged(state, state.Next([Mutation.Put("a|2", new JsonObject())])));
        Assert.False(tracker.IsUnchanged(state, state.Next([Mutation.Put("b|2", new JsonObject())])));
        Assert.False(tracker.IsUnchanged(state, state.Next([Mutation.Remove("b|1")])));
        _ = watched.Range("").ToList();
        Assert.True(tracker.IsUnchanged(state, state));
        Assert.False(tracker.IsUnchanged(state, state.Next([Mutation.Put("c|1", new JsonObject())])));
    }

    /// <summary>What differs between two states, as a commit would say it.</summary>
    private static List<Mutation> ChangesOf(StoreState before, StoreState after) =>
        [
            .. before
                .Range("")
                .Concat(after.Range(""))
                .Select(row => row.Key)
                .Distinct()
                .Where(key => !ReferenceEquals(before.Get(key), after.Get(key)))
                .Select(key => new Mutation(key, after.Get(key)?.Bytes)),
        ];

    private static void Try(TestSite site, string id, string body) => Apply(site, site.TryPut(id, body));

    /// <summary>What is refused changes nothing, and is a write like any other here.</summary>
    private static void Apply(TestSite site, Outcome<Decision> outcome)
    {
        if (outcome.Refusal is null)
            site.Accept(outcome);
    }
}
