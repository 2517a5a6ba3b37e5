using Weft.Attachments.Nodes;
using Weft.Fleet;
using Weft.Fleet.Operations;
using Weft.Resources;

namespace Weft.Tests.Fleet;

public sealed class OperationTrackerTests
{
    private const string K1 = "~c/kubernetesClusters/k1";
    private const string K2 = "~c/kubernetesClusters/k2";
    private const string Node = "{'name':'bond0','mtu':9000}";
    private static readonly string Attached = TestSite.Kubernetes(
        "'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'MACVLAN','ipamEnabled':'True'}]"
    );

    [Fact]
    public void Completes_AtOnceWhereThereIsNoAgent()
    {
        var site = TestSite.Small();
        var decision = site.Put(K1, Attached);
        Assert.Empty(decision.Operation!.PendingAgents);
        Assert.Equal("Accepted", site.ProvisioningStateOf(K1));
        site.CompleteOperations();
        Assert.Equal(("Succeeded", "Succeeded"), (site.OperationOf(decision).Status, site.ProvisioningStateOf(K1)));
        Assert.Empty(OperationTracker.Pending(site.State));
    }

    [Fact]
    public void Waits_ForTheAgentsWhoseDesiredStateChangesAndForNoOthers()
    {
        var site = TwoClusters(out var one, out var two, out var other);
        var decision = site.Put(K1, Attached);
        Assert.Equal(new[] { one, two }.Order(), decision.Operation!.PendingAgents.Order());
        Assert.DoesNotContain(other, decision.Operation.PendingAgents);
        site.CompleteOperations();
        Assert.Equal("InProgress", site.OperationOf(decision).Status);
        site.Report(one, true);
        site.CompleteOperations();
        var row = site.State.Get(Operation.KeyOf(decision.Operation.Name))!;
        Assert.Equal([two], site.Operations.WaitingFor(site.State, row).Select(a => a.Key));
        site.Report(two, true);
        site.CompleteOperations();
        Assert.Equal(("Succeeded", "Succeeded"), (site.OperationOf(decision).Status, site.ProvisioningStateOf(K1)));
    }

    [Fact]
    public void Waits_ForNobodyWhereNoDesiredStateChanges()
    {
        var site = TwoClusters(out _, out _, out _);
        Assert.Empty(site.Patch(K1, "{'tags':{'a':'b'}}").Operation!.PendingAgents);
        Assert.Empty(
            site.Put(
                "~c/virtualMachines/vm1",
                TestSite.Machine("{'attachedNetworkId':'~c/l3Networks/n6','ipAllocationMethod':'Dynamic'}")
            ).Operation!.PendingAgents
        );
    }

    [Fact]
    public void Fails_WithTheAgentsMessage()
    {
        var site = TwoClusters(out var one, out var two, out _);
        var decision = site.Put(K1, Attached);
        site.Report(two, true);
        site.Report(one, false, "disk full");
        site.CompleteOperations();
        var operation = site.OperationOf(decision);
        Assert.Equal(("Failed", "Failed"), (operation.Status, site.ProvisioningStateOf(K1)));
        Assert.Contains("disk full", operation.ErrorMessage, StringComparison.Ordinal);
        Assert.Contains("a1", operation.ErrorMessage, StringComparison.Ordinal);
        Assert.Contains(
            "disk full",
            site.Render(K1)["properties"]!["detailedStatusMessage"]!.ToString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Ignores_ReportsFromBeforeTheChange()
    {
        var site = TwoClusters(out var one, out var two, out _);
        site.Report(one, false, "old trouble");
        var decision = site.Put(K1, Attached);
        site.CompleteOperations();
        Assert.Equal("InProgress", site.OperationOf(decision).Status);
        site.Report(one, true, revision: 1, digest: "sha256-old");
        site.CompleteOperations();
        Assert.Equal(
            [one, two],
            site.Operations.WaitingFor(site.State, site.State.Get(Operation.KeyOf(decision.Operation!.Name))!)
                .Select(a => a.Key)
                .Order()
        );
    }

    [Fact]
    public void Completes_WhereTheDesiredStateChangedThereAndBack()
    {
        var site = TwoClusters(out var one, out var two, out _);
        site.Report(one, true);
        site.Report(two, true);
        var there = site.Put(K1, Attached);
        var back = site.Put(K1, TestSite.Kubernetes(""));
        site.CompleteOperations();
        Assert.Equal(("Canceled", "Succeeded"), (site.OperationOf(there).Status, site.OperationOf(back).Status));
    }

    [Fact]
    public void Waits_NoLongerForAnAgentThatIsDeleted()
    {
        var site = TwoClusters(out var one, out var two, out _);
        var decision = site.Put(K1, Attached);
        site.Report(one, true);
        site.CompleteOperations();
        Assert.Equal("InProgress", site.OperationOf(decision).Status);
        site.Delete(two);
        site.CompleteOperations();
        Assert.Equal("Succeeded", site.OperationOf(decision).Status);
        Assert.False(site.Has(two));
    }

    [Fact]
    public void Keeps_ANodeDeletingUntilItIsTakenDown_AndReleasesItsLeasesThen()
    {
        var site = TwoClusters(out var one, out var two, out _);
        site.Put(TestSite.NodeId("w1"), TestSite.Node(Node, "BareMetal"));
        site.Report(one, true);
        site.Report(two, true);
        site.CompleteOperations();
        var held = site.Leases("~c/l3Networks/oam");
        Assert.Contains("10.20.0.4 node k1/w1 defaultcni", held);
        site.Delete(TestSite.NodeId("w1"));
        site.CompleteOperations();
        Assert.Equal("Deleting", site.ProvisioningStateOf(TestSite.NodeId("w1")));
        Assert.Equal(held, site.Leases("~c/l3Networks/oam"));
        Assert.Empty(site.DesiredStateOf(K1).Nodes);
        site.Report(one, true);
        site.Report(two, true);
        site.CompleteOperations();
        Assert.False(site.Has(TestSite.NodeId("w1")));
        Assert.Empty(site.Leases("~c/l3Networks/oam"));
    }

    [Fact]
    public void Releases_Leases_WhereTheNodeAndItsClusterAreBothBeingDeleted()
    {
        var site = TwoClusters(out var one, out var two, out _);
        site.Put(TestSite.NodeId("w1"), TestSite.Node(Node, "BareMetal"));
        site.Report(one, true);
        site.Report(two, true);
        site.CompleteOperations();
        site.Delete(TestSite.NodeId("w1"));
        site.Delete(K1);
        site.Report(one, true);
        site.Report(two, true);
        site.CompleteOperations();
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
        var node = site.Request(TestSite.NodeId("w1"), TestSite.Body(TestSite.Node(Node, "BareMetal"))) with
        {
            OperationName = put,
        };
        site.Accept(site.Verbs.Put(node, new ReadTransaction(site.State)));
        site.Accept(
            site.Verbs.Delete(site.Request(K1, []) with { OperationName = delete }, new ReadTransaction(site.State))
        );
        site.Report(one, true);
        site.Report(two, true);
        site.CompleteOperations();
        Assert.False(site.Has(K1));
        Assert.False(site.Has(TestSite.NodeId("w1")));
        Assert.Empty(OperationTracker.Pending(site.State));
    }

    [Theory]
    [InlineData("a-machine", "b-network")]
    [InlineData("b-machine", "a-network")]
    public void Leaves_NoLeaseBehind_WhereAMachineAndItsNetworkGoTogether(string machine, string network)
    {
        var site = TestSite.Small();
        site.Put(
            "~c/virtualMachines/vm1",
            TestSite.Machine("{'attachedNetworkId':'~c/l3Networks/n6','ipAllocationMethod':'Dynamic'}")
        );
        site.CompleteOperations();
        site.Accept(
            site.Verbs.Delete(
                site.Request("~c/virtualMachines/vm1", []) with
                {
                    OperationName = machine,
                },
                new ReadTransaction(site.State)
            )
        );
        site.Accept(
            site.Verbs.Delete(
                site.Request("~c/l3Networks/n6", []) with
                {
                    OperationName = network,
                },
                new ReadTransaction(site.State)
            )
        );
        site.CompleteOperations();
        Assert.Empty(Weft.Networks.NetworkPool.AllHoldings(site.State));
    }

    [Fact]
    public void Releases_ThePodsAddressesWithTheirCluster()
    {
        var site = TestSite.Small();
        site.Put(K1, Attached);
        var n6 = TestSite.Id("~c/l3Networks/n6");
        var pod = AddressClaims.PodHolderOf(TestSite.Id(K1), "c1", "net1", "core/upf-0", "w1");
        site.Commit(
            TestLeases.Put(
                site.State,
                n6,
                Weft.Networks.NetworkPool.PoolOf(site.State, site.RowOf("~c/l3Networks/n6"), site.Limits)
                    .Acquire(pod, [], TestSite.Now)
                    .Value.Leases
            )
        );
        Assert.Equal(2, site.Leases("~c/l3Networks/n6").Length);
        site.AssertRefused(RefusalCode.InUse, K1, site.TryDelete(K1));
        site.Delete(K1, force: true);
        site.CompleteOperations();
        Assert.Empty(site.Leases("~c/l3Networks/n6"));
    }

    [Fact]
    public void Fails_WhereANodesDevicesAreUnknownByNow()
    {
        var site = TestSite.Small();
        site.Put(
            TestSite.NodeId("w1"),
            TestSite.Node("{'name':'eth1','macAddress':'52:54:00:00:00:02','networkId':'~c/l3Networks/n6'}")
        );
        var node = TestSite.Id(TestSite.NodeId("w1"));
        var device = new NetworkDevice(
            "eth1",
            "0000:00:05.0",
            "8086",
            "1889",
            "iavf",
            "52:54:00:00:00:02",
            9000,
            true,
            null
        );
        site.Commit(
            InventoryRows.CreateMutation(
                node,
                node.Parent!.Extend(Weft.Fleet.Agent.ResourceType, "w1"),
                new NodeInventory("6.1", false, [device], [], []).ToJson(),
                TestSite.Now
            )
        );
        var decision = site.Put(
            K1,
            TestSite.Kubernetes("'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'SRIOV'}]")
        );
        site.Commit(Mutation.Remove(InventoryRows.KeyOf(node)));
        site.CompleteOperations();
        Assert.Equal(
            ("Failed", "PluginNotDrawn"),
            (site.OperationOf(decision).Status, site.OperationOf(decision).ErrorCode)
        );
        Assert.Contains("uplink eth1 of node w1", site.OperationOf(decision).ErrorMessage, StringComparison.Ordinal);
        Assert.Equal("Error", site.Render(K1)["properties"]!["detailedStatus"]!.ToString());
    }

    [Fact]
    public void Keeps_ADetachedNodesAddress_UntilTheAgentHasTakenItOff()
    {
        var site = OnN6(out var agent);
        site.Put(K1, TestSite.Kubernetes(""));
        site.CompleteOperations();
        Assert.Contains("10.20.6.4 node k1/w1 n6", site.Leases("~c/l3Networks/n6"));
        site.Put(
            "~c/virtualMachines/vm1",
            TestSite.Machine("{'attachedNetworkId':'~c/l3Networks/n6','ipAllocationMethod':'Dynamic'}")
        );
        Assert.Contains("10.20.6.5 virtual machine vm1 n6", site.Leases("~c/l3Networks/n6"));
        site.Report(agent, true);
        site.CompleteOperations();
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
        site.CompleteOperations();
        Assert.Equal(held, site.Leases("~c/l3Networks/n6"));
    }

    [Fact]
    public void Releases_TheAddress_WhereANewerWriteTookTheDetachmentsPlace()
    {
        var site = OnN6(out var agent);
        site.Put(K1, TestSite.Kubernetes(""));
        site.Put(K1, TestSite.Kubernetes("").Replace("1.33.1", "1.34.0", StringComparison.Ordinal));
        site.Report(agent, true);
        site.CompleteOperations();
        Assert.Empty(site.Leases("~c/l3Networks/n6"));
    }

    private const string OSDevice = "'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'OSDevice'}]";

    private static TestSite OnN6(out string agent)
    {
        var site = TestSite.Small();
        site.Put(K1, TestSite.Kubernetes(OSDevice));
        site.Put(TestSite.NodeId("w1"), TestSite.Node(Node, "BareMetal"));
        site.CompleteOperations();
        agent = site.Enrol(K1, "a1");
        site.Report(agent, true);
        return site;
    }

    private static TestSite TwoClusters(out string one, out string two, out string other)
    {
        var site = TestSite.Small();
        site.Put(K2, TestSite.Kubernetes(""));
        site.CompleteOperations();
        one = site.Enrol(K1, "a1");
        two = site.Enrol(K1, "a2");
        other = site.Enrol(K2, "a3");
        return site;
    }
}
