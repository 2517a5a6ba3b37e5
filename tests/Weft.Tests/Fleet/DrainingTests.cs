using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Fleet;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Tests.Fleet;

/// <summary>Nothing is taken away under running pods, unless somebody insists and is told what breaks.</summary>
public sealed class DrainingTests
{
    private const string K1 = "~c/kubernetesClusters/k1";
    private const string N6 = "~c/l3Networks/n6";
    private const string Port = "{'name':'ens1f0','macAddress':'52:54:00:00:00:01','mtu':9000}";
    private const string OtherPort = "{'name':'ens2f0','macAddress':'52:54:00:00:00:09','mtu':9000}";

    private static readonly string Attached = TestSite.Kubernetes(
        "'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'MACVLAN','ipamEnabled':'True'}]"
    );

    private static readonly string Detached = TestSite.Kubernetes("");

    private readonly TestSite _site = TestSite.Small();
    private readonly string _agent;

    public DrainingTests()
    {
        _agent = _site.Enrol(K1, "main");
        _site.Put(K1, Attached);
        _site.Put(TestSite.NodeId("w1"), TestSite.Node(Port, "BareMetal"));
        _site.Put(TestSite.NodeId("w2"), TestSite.Node(Port.Replace("01'", "02'"), "BareMetal"));
        Settle();
    }

    [Fact]
    public void Keeps_TheParent_UntilTheLastPodIsGone()
    {
        Lease("10.20.6.90", "core/upf-0", "w1");
        Lease("10.20.6.91", "core/upf-1", "w1");

        var detach = _site.Put(K1, Detached);

        Assert.Empty(Definitions());
        Assert.Contains("n6", LinksOf("w1"));
        Assert.DoesNotContain("n6", LinksOf("w2"));
        Assert.StartsWith(
            "draining: ",
            NodeOf("w1").Configuration!.Links.Single(link => link.Name == "n6").Comment,
            StringComparison.Ordinal
        );
        Settle();
        Assert.Equal(Operation.InProgress, _site.OperationOf(detach).Status);

        Release("10.20.6.90");
        Settle();
        Assert.Contains("n6", LinksOf("w1"));
        Assert.Equal(Operation.InProgress, _site.OperationOf(detach).Status);

        Release("10.20.6.91");
        _site.CompleteOperations();
        Assert.DoesNotContain("n6", LinksOf("w1"));
        Assert.Equal(Operation.InProgress, _site.OperationOf(detach).Status);
        Settle();
        Assert.Equal(Provisioning.Succeeded, _site.OperationOf(detach).Status);
        Assert.Empty(_site.State.Range("drain|"));
    }

    [Fact]
    public void Keeps_ExactlyWhatWasThere()
    {
        var before = NodeOf("w1").Configuration!.Links.Single(link => link.Name == "n6");
        Lease("10.20.6.90", "core/upf-0", "w1");

        _site.Put(K1, Detached);

        var kept = NodeOf("w1").Configuration!.Links.Single(link => link.Name == "n6");
        Assert.Equal(
            (before.Vlan, before.Mtu, before.Uplink.Name, before.Uplink.MacAddress, before.Uplink.IsTrunkPort),
            (kept.Vlan, kept.Mtu, kept.Uplink.Name, kept.Uplink.MacAddress, kept.Uplink.IsTrunkPort)
        );
    }

    [Fact]
    public void Keeps_TheParentOnAllNodes_WhereNobodyKnowsThePodsNode()
    {
        Lease("10.20.6.90", "core/upf-0", null);

        _site.Put(K1, Detached);

        Assert.Contains("n6", LinksOf("w1"));
        Assert.Contains("n6", LinksOf("w2"));
    }

    [Fact]
    public void Keeps_Nothing_WhereNoPodStands()
    {
        Lease("10.20.6.90", "core/upf-0", "w1", "k2");

        var detach = _site.Put(K1, Detached);

        Assert.DoesNotContain("n6", LinksOf("w1"));
        Assert.Empty(detach.Warnings);
        Settle();
        Assert.Equal(Provisioning.Succeeded, _site.OperationOf(detach).Status);
    }

    [Fact]
    public void Says_WhoHoldsItUp_InThePlanAndWithTheWrite()
    {
        Lease("10.20.6.90", "core/upf-0", "w1");

        var plan = _site.Plan.Create([PutOf(K1, Detached)], _site.State, TestSite.Now, TestSite.Anybody).Value;
        var warning = Assert.Single(_site.Put(K1, Detached).Warnings);

        Assert.Contains(plan.Disruptions, notice => notice.What == warning.Message);
        Assert.Contains("n6 stays on node w1 of k1 until its pods are gone", warning.Message);
        Assert.Contains("core/upf-0", warning.Message);
        Assert.Contains("10.20.6.90", warning.Message);
    }

    [Fact]
    public void Takes_ItAwayAtOnce_ForWhoInsists_AndSaysWhatBreaks()
    {
        Lease("10.20.6.90", "core/upf-0", "w1");

        var detach = _site.Accept(_site.TryPut(K1, Detached, force: true));

        Assert.DoesNotContain("n6", LinksOf("w1"));
        var warning = Assert.Single(detach.Warnings).Message;
        Assert.Contains("n6 is taken away on node w1 of k1 under running pods", warning);
        Assert.Contains("core/upf-0", warning);
        Settle();
        Assert.Equal(Provisioning.Succeeded, _site.OperationOf(detach).Status);
    }

    [Fact]
    public void Ends_TheWait_WhenTheSameIsWrittenAgainByWhoInsists()
    {
        Lease("10.20.6.90", "core/upf-0", "w1");
        var detach = _site.Put(K1, Detached);
        Settle();
        Assert.True(_site.Accept(_site.TryPut(K1, Detached)).Unchanged);

        var again = _site.Accept(_site.TryPut(K1, Detached, force: true));

        Assert.Contains("under running pods", Assert.Single(again.Warnings).Message);
        Assert.False(again.Created);
        Assert.DoesNotContain("n6", LinksOf("w1"));
        Settle();
        Assert.Equal(Provisioning.Succeeded, _site.OperationOf(detach).Status);
    }

    [Fact]
    public void Forgets_TheDrain_WhenItIsAttachedAgain()
    {
        Lease("10.20.6.90", "core/upf-0", "w1");
        _site.Put(K1, Detached);

        var attach = _site.Put(K1, Attached);

        Assert.Equal(1, LinksOf("w1").Count(name => name == "n6"));
        Assert.Empty(_site.State.Range("drain|"));
        Settle();
        Assert.Equal(Provisioning.Succeeded, _site.OperationOf(attach).Status);
    }

    [Fact]
    public void Keeps_WhatPodsStandOn_WhenTheirNodeGoes()
    {
        Lease("10.20.6.90", "core/upf-0", "w1");

        var delete = _site.Delete(TestSite.NodeId("w1"));

        Assert.Equal(["n6"], LinksOf("w1"));
        Settle();
        Assert.Equal(Operation.InProgress, _site.OperationOf(delete).Status);
        Assert.True(_site.Has(TestSite.NodeId("w1")));

        Release("10.20.6.90");
        _site.CompleteOperations();
        Settle();
        Assert.Equal(Provisioning.Succeeded, _site.OperationOf(delete).Status);
        Assert.False(_site.Has(TestSite.NodeId("w1")));
        Assert.DoesNotContain(_site.DesiredStateOf(K1).Nodes, node => node.Name == "w1");
    }

    [Fact]
    public void Ends_TheDeletionOfANode_ForWhoInsists()
    {
        Lease("10.20.6.90", "core/upf-0", "w1");
        var delete = _site.Delete(TestSite.NodeId("w1"));

        Assert.Contains(
            "under running pods",
            Assert.Single(_site.Delete(TestSite.NodeId("w1"), force: true).Warnings).Message
        );

        Settle();
        Assert.Equal(Provisioning.Succeeded, _site.OperationOf(delete).Status);
        Assert.DoesNotContain(_site.DesiredStateOf(K1).Nodes, node => node.Name == "w1");
    }

    [Fact]
    public void Keeps_TheParent_WhenAnotherPluginTakesItsPlace()
    {
        Lease("10.20.6.90", "core/upf-0", "w1");

        var change = _site.Put(
            K1,
            TestSite.Kubernetes(
                "'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'IPVLAN','ipamEnabled':'True'}]"
            )
        );

        Assert.Equal(1, LinksOf("w1").Count(name => name == "n6"));
        Settle();
        Assert.Equal(Provisioning.Succeeded, _site.OperationOf(change).Status);
    }

    [Fact]
    public void Waits_ForNobodyWhoCameLater()
    {
        Lease("10.20.6.90", "core/upf-0", "w1");
        _site.Put(K1, Detached);

        Lease("10.20.6.91", "core/upf-1", "w1", since: "2026-11-22T11:00:00Z");
        Release("10.20.6.90");
        _site.CompleteOperations();

        Assert.DoesNotContain("n6", LinksOf("w1"));
    }

    [Fact]
    public void Refuses_ToMoveAParent_UnderRunningPods()
    {
        Lease("10.20.6.90", "core/upf-0", "w1");

        var finding = _site.AssertRefused(
            RefusalCode.InUse,
            TestSite.NodeId("w1"),
            TestSite.NodeId("w1"),
            TestSite.Node(OtherPort, "BareMetal")
        );

        Assert.Contains("would move from VLAN 606 of ens1f0 to VLAN 606 of ens2f0", finding.Message);
        Assert.Contains("core/upf-0", finding.Message);
        Release("10.20.6.90");
        _site.Put(TestSite.NodeId("w1"), TestSite.Node(OtherPort, "BareMetal"));
    }

    [Fact]
    public void Remembers_WhatDrains_WhateverIsWrittenMeanwhile()
    {
        Lease("10.20.6.90", "core/upf-0", "w1");
        _site.Put(K1, Detached);

        _site.Put(TestSite.NodeId("w1"), TestSite.Node(OtherPort, "BareMetal"));

        var kept = NodeOf("w1").Configuration!.Links.Single(link => link.Name == "n6");
        Assert.Equal("ens1f0", kept.Uplink.Name);
    }

    [Fact]
    public void Takes_WhatDrainsWithTheCluster()
    {
        Lease("10.20.6.90", "core/upf-0", "w1");
        _site.Put(K1, Detached);

        _site.Delete(K1, force: true);
        Settle();

        Assert.False(_site.Has(K1));
        Assert.Empty(_site.State.Range("drain|"));
    }

    [Fact]
    public void Wakes_WhoeverWaitsForTheLastPod()
    {
        Lease("10.20.6.90", "core/upf-0", "w1");
        _site.Put(K1, Detached);
        var watchers = new WatcherGroup();
        var kept = new Weft.Fleet.Operations.DesiredStateCache(_site.Limits, watchers);
        var (_, changed) = kept.Watch(_site.State, TestSite.Id(K1));
        var key = NetworkPool.KeyOf(TestSite.Id(N6), Address.Parse("10.20.6.90").Value);

        Assert.Contains(key, Weft.Fleet.Operations.Draining.Topics(_site.State));
        watchers.Notify(_site.State.Revision + 1, [key]);

        Assert.True(changed.IsCompleted);
    }

    private RenderedNode NodeOf(string name) => _site.DesiredStateOf(K1).Nodes.Single(node => node.Name == name);

    private ImmutableArray<string> LinksOf(string node) =>
        [.. NodeOf(node).Configuration!.Links.Select(link => link.Name)];

    private IEnumerable<string> Definitions() =>
        _site.DesiredStateOf(K1).Manifests.Where(m => m.Kind == "NetworkAttachmentDefinition").Select(m => m.Name);

    private static System.Text.Json.Nodes.JsonObject PutOf(string id, string body)
    {
        var document = TestSite.Body(body);
        document["id"] = TestSite.Expand(id);
        return document;
    }

    private void Lease(
        string address,
        string pod,
        string? node,
        string cluster = "k1",
        string since = "2026-11-22T09:00:00Z"
    )
    {
        var holder = AddressClaims.PodHolderOf(
            TestSite.Id($"~c/kubernetesClusters/{cluster}"),
            $"container-{pod}",
            "net1",
            pod,
            node
        );
        _site.Commit(
            TestLeases.Put(
                _site.State,
                TestSite.Id(N6),
                new Lease(Address.Parse(address).Value, holder, LeaseMethod.Dynamic, since)
            )
        );
    }

    private void Release(string address) =>
        _site.Commit(NetworkPool.RemoveLeases(_site.State, TestSite.Id(N6).Key, [Address.Parse(address).Value]));

    /// <summary>The agents apply what there is, and what can end does.</summary>
    private void Settle()
    {
        _site.CompleteOperations();
        _site.Report(_agent, applied: true);
        _site.CompleteOperations();
    }
}
