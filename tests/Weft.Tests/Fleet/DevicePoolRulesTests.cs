using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Attachments.Nodes;
using Weft.Fleet;
using Weft.Resources;

namespace Weft.Tests.Fleet;

/// <summary>
/// What is refused at the API, warned of in a plan, and counted, because an agent has looked at its node.
/// </summary>
public sealed class DevicePoolRulesTests
{
    private const string K1 = "~c/kubernetesClusters/k1";
    private const string Sriov = "'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'SRIOV'}]";
    private const string Dpdk = "'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'DPDK'}]";

    private static readonly NetworkDevice Uplink = Port("bond0", null, "", 0) with { Kind = "bond" };

    [Fact]
    public void Accepts_FunctionsThatAreStillToBeCreated()
    {
        var site = Site(Port("ens1f0", "0000:3b:00.0", "ice", 64));
        site.Put(TestSite.NodeId("w1"), Bare("0-7"));

        site.Put(K1, TestSite.Kubernetes(Sriov));

        Assert.DoesNotContain(
            Warnings(site),
            w => w.Contains("weft.dev/n6", StringComparison.Ordinal) || w.Contains("ens1f0", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Refuses_APortThatTheNodeHasNot()
    {
        var site = Site(Port("ens2f0", "0000:3b:00.0", "ice", 64));
        site.Put(K1, TestSite.Kubernetes(Sriov));

        var finding = site.AssertRefused(
            RefusalCode.Mismatch,
            "properties.uplinks",
            TestSite.NodeId("w1"),
            Bare("0-7")
        );

        Assert.Contains(
            "node w1 has no port 'ens1f0'; its inventory has ens2f0 (0000:3b:00.0)",
            finding.Message,
            StringComparison.Ordinal
        );
        Assert.EndsWith("correct the uplink", finding.Message, StringComparison.Ordinal);
        Assert.Equal(TestSite.Id("~c/l3Networks/n6").ToString(), finding.ConflictsWith);
    }

    [Fact]
    public void Refuses_MoreFunctionsThanThePortCanHave()
    {
        var site = Site(Port("ens1f0", "0000:3b:00.0", "igb", 7));
        site.Put(K1, TestSite.Kubernetes(Sriov));

        var finding = site.AssertRefused(
            RefusalCode.Mismatch,
            "properties.uplinks",
            TestSite.NodeId("w1"),
            Bare("0-7")
        );

        Assert.Contains("0000:3b:00.0", finding.Message, StringComparison.Ordinal);
        Assert.Contains("7", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_AnAttachmentWhosePoolWouldGetNoDevice_WithTheStepThatPutsThemOut()
    {
        var port = Port("ens2f0", "0000:5e:00.0", "mlx5_core", 16) with { Vendor = "15b3", Functions = 2 };
        var site = Site(port, Function(port, 0, "mlx5_core"), Function(port, 1, "mlx5_core"));
        site.Put(TestSite.NodeId("w1"), Bare("0-1", "ens2f0"));

        // DPDK on this card needs RDMA, which is off.
        var finding = site.AssertRefused(RefusalCode.Mismatch, "properties", K1, TestSite.Kubernetes(Dpdk));

        Assert.Contains(
            "pool weft.dev/n6 of node w1 would get no device: 0000:5e:02.0, 0000:5e:02.1 ",
            finding.Message,
            StringComparison.Ordinal
        );
        Assert.Contains("has no RDMA (isRdma)", finding.Message, StringComparison.Ordinal);
        Assert.Contains("weft inventory --cluster k1 --node w1", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_ThePortOfTheDefaultRoute_AsADeviceForPods()
    {
        var site = Site(Port("eth1", "0000:00:05.0", "iavf", 0) with { HasDefaultRoute = true });
        site.Put(K1, TestSite.Kubernetes(Sriov));

        var finding = site.AssertRefused(
            RefusalCode.Mismatch,
            "properties.uplinks",
            TestSite.NodeId("w1"),
            TestSite.Node(
                "{'name':'eth0','macAddress':'52:54:00:00:00:01','networkId':'~c/l3Networks/oam'},{'name':'eth1',"
                    + "'pciAddress':'0000:00:05.0','macAddress':'52:54:00:00:00:02','networkId':'~c/l3Networks/n6'}"
            )
        );

        Assert.Contains("has the node's default route", finding.Message, StringComparison.Ordinal);
        Assert.Contains("hand over another device, or move the route", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Allows_Writes_ForWhatWasWrongBefore_AndWarnsInstead()
    {
        var site = Site(Port("ens1f0", "0000:3b:00.0", "ice", 64));
        site.Put(TestSite.NodeId("w1"), Bare("0-7"));
        site.Put(K1, TestSite.Kubernetes(Sriov));
        // The card fails; then somebody changes something else.
        Report(site, "w1", Uplink);

        site.Put(
            K1,
            TestSite.Kubernetes(Sriov + ",'l2Networks':[{'networkId':'~c/l2Networks/hb','pluginType':'MACVLAN'}]")
        );

        Assert.Contains(Warnings(site), w => w.Contains("node w1 has no port 'ens1f0'", StringComparison.Ordinal));
    }

    [Fact]
    public void Warns_WhereNothingCouldBeChecked()
    {
        var site = TestSite.Small();
        site.Put(TestSite.NodeId("w1"), Bare("0-7"));
        site.Put(K1, TestSite.Kubernetes(Sriov));

        Assert.Contains(
            Warnings(site),
            w =>
                w == "not checked: node w1 has reported no inventory, so nobody knows which devices its pools would get"
        );
    }

    [Fact]
    public void Counts_FunctionsByNodePortAndNetwork()
    {
        var site = Site(Port("ens1f0", "0000:3b:00.0", "ice", 64) with { Functions = 4 });
        site.Put(TestSite.NodeId("w1"), Bare("0-7"));
        site.Put(K1, TestSite.Kubernetes(Sriov));

        var functions = Plan(site)["capacity"]!["functions"]!.AsArray();

        var port = Assert.Single(functions)!.AsObject();
        Assert.Equal(
            ("k1/w1", "ens1f0", 8, 4, 64),
            (
                port["node"]!.ToString(),
                port["port"]!.ToString(),
                (int)port["declared"]!,
                (int)port["made"]!,
                (int)port["total"]!
            )
        );
        var network = Assert.Single(port["networks"]!.AsArray())!;
        Assert.Equal((8, 8), ((int)network["declared"]!, (int)network["pooled"]!));
    }

    [Fact]
    public void Counts_AddressesOfBothFamilies_BeforeAndAfter()
    {
        var site = TestSite.Small();
        site.Put(TestSite.NodeId("w1"), TestSite.Node("{'name':'bond0'}", "BareMetal"));
        const string Attached = "'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'OSDevice'}]";

        var plan = site
            .Plan.Create([Document(K1, TestSite.Kubernetes(Attached))], site.State, TestSite.Now, TestSite.Anybody)
            .Value.ToJson();

        var n6 = plan["capacity"]!["addresses"]!
            .AsArray()
            .OfType<JsonObject>()
            .Where(a => a["network"]!.ToString().EndsWith("/n6", StringComparison.Ordinal))
            .ToList();
        Assert.Equal(
            [("IPv4", "10.20.6.0/24", 0, 1), ("IPv6", "fd20:0:0:606::/64", 0, 1)],
            n6.Select(a => (a["family"]!.ToString(), a["prefix"]!.ToString(), (int)a["held"]!, (int)a["heldAfter"]!))
        );
        Assert.Equal(long.Parse(n6[0]["size"]!.ToString()) - 1, long.Parse(n6[0]["freeAfter"]!.ToString()));
    }

    [Fact]
    public void Warns_WhereThePoolsNodesWillWantMoreAddressesThanThereAre()
    {
        var site = TestSite.Small();
        site.Put(TestSite.NodeId("w1"), TestSite.Node("{'name':'bond0'}", "BareMetal"));
        site.Put(K1 + "/agentPools/workers", TestSite.Tracked("'mode':'System','count':400,'vmSkuName':'s'"));

        var warning = Assert.Single(Warnings(site), w => w.StartsWith("oam has", StringComparison.Ordinal));

        Assert.Contains(
            "free IPv4 addresses after this plan, but k1 is meant to have 399 nodes more",
            warning,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Warns_OfPluginsThatNodesLackOrThatAreTooOld()
    {
        var site = Site([new CniBinary("macvlan", ["0.4.0"], "v0.9.1")], Uplink);
        site.Put(TestSite.NodeId("w1"), TestSite.Node("{'name':'bond0'}", "BareMetal"));
        site.Put(
            K1,
            TestSite.Kubernetes(
                "'l3Networks':[{'networkId':'~c/l3Networks/n6','pluginType':'MACVLAN','ipamEnabled':'True'}]"
            )
        );

        var warnings = Warnings(site);

        Assert.Contains(
            warnings,
            w => w == "node w1 has no CNI plugin 'weft-ipam', which n6 of k1 needs: install it in /opt/cni/bin"
        );
        Assert.Contains(
            warnings,
            w =>
                w
                == "the CNI plugin 'macvlan' v0.9.1 of node w1 speaks 0.4.0 at most and not cniVersion 1.0.0, "
                    + "which n6 of k1 needs: install a newer one"
        );
    }

    [Fact]
    public void Warns_OfHugepagesAndIommuThatDpdkWants()
    {
        var site = Site(Port("ens1f0", "0000:3b:00.0", "ice", 64));
        site.Put(TestSite.NodeId("w1"), Bare("0-1"));
        site.Put(K1, TestSite.Kubernetes(Dpdk));

        var warnings = Warnings(site);

        Assert.Contains(
            warnings,
            w => w.StartsWith("node w1 has no huge pages, and n6 is attached by DPDK", StringComparison.Ordinal)
        );
        Assert.Contains(warnings, w => w.StartsWith("node w1 has no IOMMU", StringComparison.Ordinal));
    }

    [Fact]
    public void Shows_TheInventoryOnTheNode_WithWhoUsesWhat()
    {
        var port = Port("ens1f0", "0000:3b:00.0", "ice", 64) with { Functions = 2 };
        var site = Site(port, Function(port, 0, "iavf"), Function(port, 1, "iavf"));
        site.Put(TestSite.NodeId("w1"), Bare("1"));
        site.Put(K1, TestSite.Kubernetes(Sriov));

        var inventory = site.Render(TestSite.NodeId("w1"))["properties"]!["inventory"]!;

        Assert.Equal(TestSite.Now, inventory["reportedAt"]!.ToString());
        var devices = inventory["devices"]!.AsArray();
        Assert.Equal(1, (int)devices.Single(d => d!["name"]?.ToString() == "ens1f0")!["functionsDeclared"]!);
        Assert.Equal(
            TestSite.Id("~c/l3Networks/n6").ToString(),
            devices.Single(d => d!["functionIndex"]?.ToString() == "1")!["networks"]![0]!.ToString()
        );
        Assert.Null(devices.Single(d => d!["functionIndex"]?.ToString() == "0")!["networks"]);
        Assert.Contains(
            "oam",
            devices.Single(d => d!["name"]?.ToString() == "ens1f0")!["networks"]!.ToJsonString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Removes_TheInventory_WithTheNode()
    {
        var site = Site(Port("ens1f0", "0000:3b:00.0", "ice", 64));
        site.Put(TestSite.NodeId("w1"), Bare("0-7"));
        var id = TestSite.Id(TestSite.NodeId("w1"));
        Assert.NotNull(InventoryRows.Find(site.State, id));

        site.Delete(TestSite.NodeId("w1"));
        site.CompleteOperations();

        Assert.Null(InventoryRows.Find(site.State, id));
    }

    private static TestSite Site(params ImmutableArray<NetworkDevice> devices) => Site([], devices);

    private static TestSite Site(ImmutableArray<CniBinary> plugins, params ImmutableArray<NetworkDevice> devices)
    {
        var site = TestSite.Small();
        Report(
            site,
            "w1",
            new NodeInventory("6.1", false, devices.Contains(Uplink) ? devices : devices.Add(Uplink), [], plugins)
        );
        return site;
    }

    private static void Report(TestSite site, string node, params ImmutableArray<NetworkDevice> devices) =>
        Report(site, node, new NodeInventory("6.1", false, devices, [], []));

    private static void Report(TestSite site, string node, NodeInventory inventory)
    {
        var id = TestSite.Id(TestSite.NodeId(node));
        site.Commit(
            InventoryRows.CreateMutation(
                id,
                id.Parent!.Extend(Weft.Fleet.Agent.ResourceType, node),
                inventory.ToJson(),
                TestSite.Now
            )
        );
    }

    private static List<string> Warnings(TestSite site) =>
        [.. Plan(site)["warnings"]!.AsArray().Select(w => w!["what"]!.ToString())];

    /// <summary>A plan that changes nothing but touches the cluster.</summary>
    private static JsonObject Plan(TestSite site) =>
        site
            .Plan.Create(
                [Document(K1, StoredDocument.CallerFields(site.RowOf(K1)).ToJsonString())],
                site.State,
                TestSite.Now,
                TestSite.Anybody
            )
            .Value.ToJson();

    private static JsonObject Document(string id, string body)
    {
        var document = TestSite.Body(body);
        document["id"] = TestSite.Id(id).ToString();
        return document;
    }

    private static string Bare(string functions, string port = "ens1f0") =>
        TestSite.Node(
            "{'name':'"
                + port
                + "','virtualFunctions':[{'functions':'"
                + functions
                + "','networkId':'~c/l3Networks/n6'}]}",
            "BareMetal"
        );

    private static NetworkDevice Port(string name, string? address, string driver, int total) =>
        new(
            name,
            address,
            address is null ? "" : "8086",
            address is null ? "" : "1592",
            driver.Length > 0 ? driver : null,
            "3c:fd:fe:00:00:3b",
            9000,
            true,
            0
        )
        {
            TotalFunctions = total,
            LinkType = "ether",
        };

    private static NetworkDevice Function(NetworkDevice port, int index, string driver) =>
        new(null, $"{port.PciAddress![..8]}02.{index}", port.Vendor, "1889", driver, null, 0, false, 0)
        {
            PhysicalFunction = port.PciAddress,
            FunctionIndex = index,
        };
}
