namespace Weft.Tests.Cli;

/// <summary><c>weft inventory</c>, and what a plan says of capacity.</summary>
public sealed class InventoryCommandTests : IDisposable
{
    private const string Networks = CommandLine.Group + "/providers/Microsoft.NetworkCloud";
    private const string Inventory = """
        {"agentPool":"p","inventory":{"reportedAt":"2026-11-22T10:00:00Z","kernel":"6.1","devices":[
           {"name":"ens1f0","pciAddress":"0000:3b:00.0","vendor":"8086","device":"1592","driver":"ice",
            "macAddress":"3c:fd:fe:00:00:3b","mtu":9000,"isUp":true,"numa":0,"totalFunctions":64,"functions":8,
            "functionsDeclared":4,"speed":25000,"isRdma":true,"kind":"","networks":["NC/l3Networks/n6"]},
           {"pciAddress":"0000:3b:02.0","vendor":"8086","device":"1889","driver":"vfio-pci","mtu":0,"isUp":false,
            "physicalFunction":"0000:3b:00.0","functionIndex":0,"iommuGroup":7,"networks":["NC/l3Networks/n6"]},
           {"name":"bond0","mtu":1500,"isUp":false,"kind":"bond","hasDefaultRoute":true}],
          "hugepages":[{"kilobytes":2048,"total":16,"free":9},{"kilobytes":2048,"total":16,"free":9,"numa":0}],
          "plugins":[{"name":"macvlan","versions":["0.4.0","1.0.0"],"release":"v1.1.1"}]}}
        """;

    private readonly CommandLine _weft = new();

    public InventoryCommandTests()
    {
        _weft.Store("Microsoft.NetworkCloud/kubernetesClusters/k1");
        _weft.Store(
            "Microsoft.NetworkCloud/kubernetesClusters/k1/providers/Weft.Fleet/nodes/w1",
            Inventory.Replace("NC", Networks, StringComparison.Ordinal)
        );
        _weft.Store(
            "Microsoft.NetworkCloud/kubernetesClusters/k1/providers/Weft.Fleet/nodes/w2",
            """{"agentPool":"p"}"""
        );
    }

    public void Dispose() => _weft.Dispose();

    [Fact]
    public async Task Lists_PortsAndWhoUsesThem()
    {
        var run = await _weft.RunInGroup("inventory", "--cluster", "k1");

        Assert.Equal(0, run.Exit);
        Assert.Equal(
            """
            NODE    DEVICE   PCI            DRIVER   NUMA   LINK   MTU    VFS    NETWORKS
            k1/w1   ens1f0   0000:3b:00.0   ice      0      up     9000   4/64   n6
            k1/w1   bond0    -              -        -      down   1500   -      -

            """.ReplaceLineEndings("\n"),
            run.Out
        );
        Assert.Contains("node k1/w2 has reported no inventory", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lists_FunctionsOneByOne_AndMoreWithWide()
    {
        var run = await _weft.RunInGroup("inventory", "--node", "w1", "--functions", "-o", "wide");

        Assert.Contains("k1/w1   0000:3b:00.0#0   0000:3b:02.0   vfio-pci", run.Out, StringComparison.Ordinal);
        Assert.Contains("8086:1592", run.Out, StringComparison.Ordinal);
        Assert.Contains("DEFAULT-ROUTE", run.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--plugins", "NODE    PLUGIN    RELEASE   CNI-VERSIONS\nk1/w1   macvlan   v1.1.1    0.4.0,1.0.0\n")]
    [InlineData(
        "--hugepages",
        "NODE    KIB    NUMA   TOTAL   FREE\nk1/w1   2048   -      16      9\nk1/w1   2048   0      16      9\n"
    )]
    public async Task Lists_WhatElseNodesHave(string option, string expected) =>
        Assert.Equal(expected, (await _weft.RunInGroup("inventory", "--cluster", "k1", option)).Out);

    [Fact]
    public async Task Fails_WhereNoAgentHasReported()
    {
        var run = await _weft.RunInGroup("inventory", "--node", "w2");

        Assert.Equal(1, run.Exit);
        Assert.Contains("does its agent run, with --node w2?", run.Error, StringComparison.Ordinal);
        Assert.Equal(1, (await _weft.RunInGroup("inventory", "--node", "w9")).Exit);
        Assert.Equal(64, (await _weft.RunInGroup("inventory", "--plugins", "--hugepages")).Exit);
    }

    [Fact]
    public async Task Prints_AsJson()
    {
        var run = await _weft.RunInGroup("inventory", "--node", "w1", "-o", "json");

        Assert.Equal("6.1", System.Text.Json.Nodes.JsonNode.Parse(run.Out)![0]!["inventory"]!["kernel"]!.ToString());
    }

    [Fact]
    public async Task Prints_CapacityAndWarningsOfAPlan()
    {
        _weft.Weftd.EditPlan = answer =>
        {
            foreach (
                var (name, value) in System
                    .Text.Json.Nodes.JsonNode.Parse(Plan.Replace("NC", Networks, StringComparison.Ordinal))!
                    .AsObject()
            )
                answer[name] = value?.DeepClone();
        };
        var site = _weft.WriteFile("site.yaml", "type: l3networks\nname: n6\nlocation: lab\n");

        var run = await _weft.RunInGroup("plan", "-f", site);

        Assert.Equal(2, run.Exit);
        Assert.Equal(
            """
            Resources
              + l3networks/n6

            Capacity
              l3networks/n6 10.20.6.0/24: 3 -> 5 of 250 addresses held, 245 free
              k1/w1 ens1f0: 8 of 64 virtual functions declared: l3networks/n6 8 (6 in its pool)
              k1/w1 ens1f0: 12 VLANs on each of 4 functions (trunkednetworks/ran), 8 at most
              k1/w1: 8 huge pages of 1048576 KiB wanted, 16 there, 12 free

            Warnings
              ? kubernetesclusters/k1: node w1 has no CNI plugin 'sriov'

            Plan: 1 to create, 0 to change, 0 unchanged.

            """.ReplaceLineEndings("\n"),
            run.Out
        );
        Assert.Contains(
            "l3networks/n5 10.20.5.0/24: 1 of 250 addresses held",
            (await _weft.RunInGroup("plan", "-f", site, "--detailed")).Out,
            StringComparison.Ordinal
        );
    }

    private const string Plan = """
        {"changes":[{"id":"NC/l3Networks/n6","action":"Create","members":[]}],
         "capacity":{"addresses":[{"network":"NC/l3Networks/n6","family":"IPv4","prefix":"10.20.6.0/24","size":"250","held":3,
          "heldAfter":5,"freeAfter":"245"},
                                  {"network":"NC/l3Networks/n5","family":"IPv4","prefix":"10.20.5.0/24","size":"250","held":1,
                                   "heldAfter":1,"freeAfter":"249"}],
                     "functions":[{"node":"k1/w1","port":"ens1f0","declared":8,"made":8,"total":64,
                      "networks":[{"network":"NC/l3Networks/n6","declared":8,"pooled":6}]}],
                     "vlans":[{"node":"k1/w1","port":"bond0","vlans":5},{"node":"k1/w1","port":"ens1f0",
                      "network":"NC/trunkedNetworks/ran","functions":4,"vlans":12,"limit":8}],
                     "hugepages":[{"node":"k1/w1","kilobytes":1048576,"wanted":8,"total":16,"free":12}]},
         "warnings":[{"id":"NC/kubernetesClusters/k1","what":"node w1 has no CNI plugin 'sriov'"}]}
        """;
}
