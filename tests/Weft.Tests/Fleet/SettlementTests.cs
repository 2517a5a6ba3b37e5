using Weft.Fleet;
using Weft.Resources;

namespace Weft.Tests.Rooms.Fleet;

public sealed class SettlementTests
{
    private const string K1 = "~c/kubernetesClusters/k1";
    private const string K2 = "~c/kubernetesClusters/k2";
    private const string Node = "{'name':'bond0','mtu':9000}";
    private static readonly string Attached = TestSite.Kubernetes("'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'MACVLAN','ipamEnabled':'True'}]");

    [Fact]
    public void Succeeds_AtOnceWhereThereIsNoAgent()
    {
        var site = TestSite.Small();
        var decision = site.Put(K1, Attached);
        Assert.Empty(decision.Operation!.WaitsFor);
        Assert.Equal("Accepted", site.State(K1));
        site.Settled();
        Assert.Equal(("Succeeded", "Succeeded"), (site.OperationOf(decision).Status, site.State(K1)));
        Assert.Empty(Settlement.Running(site.Image));
    }

    [Fact]
    public void Waits_ForTheAgentsWhosePictureChangesAndForNoOthers()
    {
        var site = TwoClusters(out var one, out var two, out var other);
        var decision = site.Put(K1, Attached);
        Assert.Equal(new[] { one, two }.Order(), decision.Operation!.WaitsFor.Order());
        Assert.DoesNotContain(other, decision.Operation.WaitsFor);
        site.Settled();
        Assert.Equal("InProgress", site.OperationOf(decision).Status);
        site.Report(one, true);
        site.Settled();
        var row = site.Image.Get(Operation.KeyOf(decision.Operation.Name))!;
        Assert.Equal([two], site.Settlement.WaitingFor(site.Image, row).Select(a => a.Key));
        site.Report(two, true);
        site.Settled();
        Assert.Equal(("Succeeded", "Succeeded"), (site.OperationOf(decision).Status, site.State(K1)));
    }

    [Fact]
    public void Waits_ForNobodyWhereNoPictureChanges()
    {
        var site = TwoClusters(out _, out _, out _);
        Assert.Empty(site.Patch(K1, "{'tags':{'a':'b'}}").Operation!.WaitsFor);
        Assert.Empty(site.Put("~c/virtualMachines/vm1", TestSite.Machine("{'attachedNetworkId':'~c/l3Networks/n6','ipAllocationMethod':'Dynamic'}")).Operation!.WaitsFor);
    }

    [Fact]
    public void Fails_WithTheAgentsMessage()
    {
        var site = TwoClusters(out var one, out var two, out _);
        var decision = site.Put(K1, Attached);
        site.Report(two, true);
        site.Report(one, false, "disk full");
        site.Settled();
        var operation = site.OperationOf(decision);
        Assert.Equal(("Failed", "Failed"), (operation.Status, site.State(K1)));
        Assert.Contains("disk full", operation.ErrorMessage, StringComparison.Ordinal);
        Assert.Contains("a1", operation.ErrorMessage, StringComparison.Ordinal);
        Assert.Contains("disk full", site.Draw(K1)["properties"]!["detailedStatusMessage"]!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Minds_NoReportFromBeforeTheChange()
    {
        var site = TwoClusters(out var one, out var two, out _);
        site.Report(one, false, "old trouble");
        var decision = site.Put(K1, Attached);
        site.Settled();
        Assert.Equal("InProgress", site.OperationOf(decision).Status);
        site.Report(one, true, revision: 1, digest: "sha256-old");
        site.Settled();
        Assert.Equal([one, two], site.Settlement.WaitingFor(site.Image, site.Image.Get(Operation.KeyOf(decision.Operation!.Name))!).Select(a => a.Key).Order());
    }

    [Fact]
    public void Succeeds_WhereThePictureChangedThereAndBack()
    {
        var site = TwoClusters(out var one, out var two, out _);
        site.Report(one, true);
        site.Report(two, true);
        var there = site.Put(K1, Attached);
        var back = site.Put(K1, TestSite.Kubernetes(""));
        site.Settled();
        Assert.Equal(("Canceled", "Succeeded"), (site.OperationOf(there).Status, site.OperationOf(back).Status));
    }

    [Fact]
    public void Waits_NoLongerForAnAgentThatIsDeleted()
    {
        var site = TwoClusters(out var one, out var two, out _);
        var decision = site.Put(K1, Attached);
        site.Report(one, true);
        site.Settled();
        Assert.Equal("InProgress", site.OperationOf(decision).Status);
        site.Delete(two);
        site.Settled();
        Assert.Equal("Succeeded", site.OperationOf(decision).Status);
        Assert.False(site.Has(two));
    }

    [Fact]
    public void Keeps_ANodeDeletingUntilItIsTakenDown_AndGivesItsLeasesBackThen()
    {
        var site = TwoClusters(out var one, out var two, out _);
        site.Put(TestSite.NodeId("w1"), TestSite.Node(Node, "BareMetal"));
        site.Report(one, true);
        site.Report(two, true);
        site.Settled();
        var held = site.Leases("~c/l3Networks/oam");
        Assert.Contains("10.20.0.4 node k1/w1 defaultcni", held);
        site.Delete(TestSite.NodeId("w1"));
        site.Settled();
        Assert.Equal("Deleting", site.State(TestSite.NodeId("w1")));
        Assert.Equal(held, site.Leases("~c/l3Networks/oam"));
        Assert.Empty(site.Picture(K1).Nodes);
        site.Report(one, true);
        site.Report(two, true);
        site.Settled();
        Assert.False(site.Has(TestSite.NodeId("w1")));
        Assert.Empty(site.Leases("~c/l3Networks/oam"));
    }

    [Fact]
    public void Gives_LeasesBack_WhereTheNodeAndItsClusterAreBothBeingDeleted()
    {
        var site = TwoClusters(out var one, out var two, out _);
        site.Put(TestSite.NodeId("w1"), TestSite.Node(Node, "BareMetal"));
        site.Report(one, true);
        site.Report(two, true);
        site.Settled();
        site.Delete(TestSite.NodeId("w1"));
        site.Delete(K1);
        site.Report(one, true);
        site.Report(two, true);
        site.Settled();
        Assert.False(site.Has(K1));
        Assert.False(site.Has(TestSite.NodeId("w1")));
        Assert.Empty(site.Leases("~c/l3Networks/oam"));
    }

    [Theory]
    [InlineData("a-put", "b-delete")]
    [InlineData("b-put", "a-delete")]
    public void Leaves_NothingOfAClusterBehind_WhereANodesOperationEndsWithIt(string put, string delete)
    {
        var site = TwoClusters(out var one, out var two, out _);
        var node = site.Request(TestSite.NodeId("w1"), TestSite.Body(TestSite.Node(Node, "BareMetal"))) with { OperationName = put };
        site.Take(site.Verbs.Put(node, new Snapshot(site.Image)));
        site.Take(site.Verbs.Delete(site.Request(K1, []) with { OperationName = delete }, new Snapshot(site.Image)));
        site.Report(one, true);
        site.Report(two, true);
        site.Settled();
        Assert.False(site.Has(K1));
        Assert.False(site.Has(TestSite.NodeId("w1")));
        Assert.Empty(Settlement.Running(site.Image));
    }

    [Theory]
    [InlineData("a-machine", "b-network")]
    [InlineData("b-machine", "a-network")]
    public void Leaves_NoLeaseBehind_WhereAMachineAndItsNetworkGoTogether(string machine, string network)
    {
        var site = TestSite.Small();
        site.Put("~c/virtualMachines/vm1", TestSite.Machine("{'attachedNetworkId':'~c/l3Networks/n6','ipAllocationMethod':'Dynamic'}"));
        site.Settled();
        site.Take(site.Verbs.Delete(site.Request("~c/virtualMachines/vm1", []) with { OperationName = machine }, new Snapshot(site.Image)));
        site.Take(site.Verbs.Delete(site.Request("~c/l3Networks/n6", []) with { OperationName = network }, new Snapshot(site.Image)));
        site.Settled();
        Assert.Empty(site.Image.Range("lease:"));
    }

    [Fact]
    public void Gives_ThePodsAddressesBackWithTheirCluster()
    {
        var site = TestSite.Small();
        site.Put(K1, Attached);
        var n6 = TestSite.Id("~c/l3Networks/n6");
        var pod = MachineAddresses.PodHolder(TestSite.Id(K1), "c1", "net1", "core/upf-0", "w1");
        site.Commit(Weft.Networks.NetworkPool.Begin(n6, Weft.Networks.NetworkPool.Of(site.Image, site.Row("~c/l3Networks/n6"), site.Limits).Acquire(pod, [], TestSite.Now).Value.Leases));
        Assert.Equal(2, site.Leases("~c/l3Networks/n6").Length);
        site.Delete(K1);
        site.Settled();
        Assert.Empty(site.Leases("~c/l3Networks/n6"));
    }

    [Fact]
    public void Fails_WhereANodesDevicesAreUnknownByNow()
    {
        var site = TestSite.Small();
        site.Put(TestSite.NodeId("w1"), TestSite.Node("{'name':'eth1','macAddress':'52:54:00:00:00:02','networkId':'~c/l3Networks/n6'}"));
        var node = TestSite.Id(TestSite.NodeId("w1"));
        var device = new Weft.Attachments.NetworkDevice("eth1", "0000:00:05.0", "8086", "1889", "iavf", "52:54:00:00:00:02", 9000, true, null);
        site.Commit(Inventories.Put(node, node.Parent!.Extend(Weft.Fleet.Agent.ResourceType, "w1"), new Weft.Attachments.NodeInventory("6.1", false, [device], [], []).ToJson(), TestSite.Now));
        var decision = site.Put(K1, TestSite.Kubernetes("'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'SRIOV'}]"));
        site.Commit(Change.Remove(Inventories.KeyOf(node)));
        site.Settled();
        Assert.Equal(("Failed", "PluginNotDrawn"), (site.OperationOf(decision).Status, site.OperationOf(decision).ErrorCode));
        Assert.Contains("uplink eth1 of node w1", site.OperationOf(decision).ErrorMessage, StringComparison.Ordinal);
        Assert.Equal("Error", site.Draw(K1)["properties"]!["detailedStatus"]!.ToString());
    }

    [Fact]
    public void Keeps_ADetachedNodesAddress_UntilTheAgentHasTakenItOff()
    {
        var site = OnN6(out var agent);
        site.Put(K1, TestSite.Kubernetes(""));
        site.Settled();
        Assert.Contains("10.20.6.4 node k1/w1 n6", site.Leases("~c/l3Networks/n6"));
        site.Put("~c/virtualMachines/vm1", TestSite.Machine("{'attachedNetworkId':'~c/l3Networks/n6','ipAllocationMethod':'Dynamic'}"));
        Assert.Contains("10.20.6.5 virtual machine vm1 n6", site.Leases("~c/l3Networks/n6"));
        site.Report(agent, true);
        site.Settled();
        Assert.DoesNotContain(site.Leases("~c/l3Networks/n6"), lease => lease.Contains("w1", StringComparison.Ordinal));
    }

    [Fact]
    public void Keeps_ANodesAddress_WhereTheNetworkIsAttachedAgainMeanwhile()
    {
        var site = OnN6(out var agent);
        var held = site.Leases("~c/l3Networks/n6");
        site.Put(K1, TestSite.Kubernetes(""));
        site.Put(K1, TestSite.Kubernetes(OSDevice));
        site.Report(agent, true);
        site.Settled();
        Assert.Equal(held, site.Leases("~c/l3Networks/n6"));
    }

    [Fact]
    public void Gives_TheAddressBack_WhereANewerWriteTookTheDetachmentsPlace()
    {
        var site = OnN6(out var agent);
        site.Put(K1, TestSite.Kubernetes(""));
        site.Put(K1, TestSite.Kubernetes("").Replace("1.33.1", "1.34.0", StringComparison.Ordinal));
        site.Report(agent, true);
        site.Settled();
        Assert.Empty(site.Leases("~c/l3Networks/n6"));
    }

    private const string OSDevice = "'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'OSDevice'}]";

    private static TestSite OnN6(out string agent)
    {
        var site = TestSite.Small();
        site.Put(K1, TestSite.Kubernetes(OSDevice));
        site.Put(TestSite.NodeId("w1"), TestSite.Node(Node, "BareMetal"));
        site.Settled();
        agent = site.Enrol(K1, "a1");
        site.Report(agent, true);
        return site;
    }

    private static TestSite TwoClusters(out string one, out string two, out string other)
    {
        var site = TestSite.Small();
        site.Put(K2, TestSite.Kubernetes(""));
        site.Settled();
        one = site.Enrol(K1, "a1");
        two = site.Enrol(K1, "a2");
        other = site.Enrol(K2, "a3");
        return site;
    }
}
