using System.Runtime.Versioning;
using System.Text.Json.Nodes;
using Weft.Attachments.Nodes;

namespace Weft.Tests.Agent.Inventory;

/// <summary>When the agent tells the control plane what its node has.</summary>
[SupportedOSPlatform("linux")]
public sealed class InventoryLoopTests
{
    [Fact]
    public async Task Reports_AtStart_AndOnlyWhatHasChanged()
    {
        using var tree = new KernelTree();
        tree.Port("ens1f0", "0000:3b:00.0", "8086", "1592", "ice", 64, 2, ("1889", "iavf"));
        await using var harness = await AgentHarness.Create(
            AgentHarness.FastTimings with
            {
                InventoryInterval = TimeSpan.FromMilliseconds(30),
            }
        );
        harness.Options = harness.Options with { Sys = tree.Sys, Proc = tree.ProcRoot };
        await harness.StartAgent();

        await harness.Plane.Until(() => harness.Plane.Inventories.Count > 0, "the agent reports what its node has");
        Assert.Equal(["ens1f0", "ens1f0v0", "ens1f0v1"], Names(harness.Plane.Inventories[0]));
        tree.Write("devices/pci0000:00/0000:3b:00.0/net/ens1f0/mtu", "9000");
        await harness.Plane.Until(() => harness.Plane.Inventories.Count > 1, "the agent reports the change");

        Assert.Equal(9000, harness.Plane.Inventories[1].Devices[0].Mtu);
        // The control plane hears from it again and again meanwhile, but not that.
        var polls = harness.Plane.Polls;
        await harness.Plane.Until(() => harness.Plane.Polls > polls + 1, "time passes");
        Assert.Equal(2, harness.Plane.Inventories.Count);
    }

    [Fact]
    public async Task Shows_AtTheServer_WhatTheNodeHas_AndWhatHasChanged()
    {
        const string Node = $"{Documents.East}/providers/Weft.Fleet/nodes/w1";
        using var tree = new KernelTree();
        tree.Port("ens1f0", "0000:3b:00.0", "8086", "1592", "ice", 64, 2, ("1889", "iavf"));
        await using var server = await InProcessServer.WithSite();
        _ = await server.Create(Documents.Node("east", "w1"));
        var timings = AgentHarness.FastTimings with { InventoryInterval = TimeSpan.FromMilliseconds(30) };
        await using var harness = await AgentHarness.Join(server, timings);
        harness.Options = harness.Options with { Sys = tree.Sys, Proc = tree.ProcRoot };
        JsonObject? Inventory() => server.Get(Node).Result.Json["properties"]!["inventory"]?.AsObject();
        await harness.StartAgent();

        await AgentHarness.Eventually(() => Inventory() is not null, "the server shows what the node has");
        Assert.Equal(["ens1f0", "ens1f0v0", "ens1f0v1"], Names(Inventory()!));
        tree.Write("devices/pci0000:00/0000:3b:00.0/net/ens1f0/mtu", "9000");

        await AgentHarness.Eventually(
            () => (int?)Inventory()!["devices"]![0]!["mtu"] == 9000,
            "the server shows the change"
        );
    }

    [Fact]
    public async Task Goes_OnAfterARefusal_AndSaysItOnce()
    {
        using var tree = new KernelTree();
        await using var harness = await AgentHarness.Create(
            AgentHarness.FastTimings with
            {
                InventoryInterval = TimeSpan.FromMilliseconds(20),
            }
        );
        harness.Options = harness.Options with { Sys = tree.Sys, Proc = tree.ProcRoot };
        harness.Plane.OnInventory = context =>
            ScriptedControlPlane.Refuse(context, 409, "Conflict", "no node of yours");
        await harness.StartAgent();

        await harness.Plane.Until(() => harness.Plane.Inventories.Count > 3, "the agent tries again");
        harness.Plane.OnInventory = null;
        var before = harness.Plane.Inventories.Count;
        await harness.Plane.Until(() => harness.Plane.Inventories.Count > before, "the agent is heard");

        Assert.Equal(
            1,
            harness.Log.Split('\n').Count(line => line.Contains("inventory-refused", StringComparison.Ordinal))
        );
        await AgentHarness.Eventually(
            () => harness.Log.Contains("inventory-reported", StringComparison.Ordinal),
            "the log says so"
        );
    }

    [Fact]
    public async Task Reports_Nothing_ForAClusterAsAWhole()
    {
        await using var harness = await AgentHarness.Create(
            AgentHarness.FastTimings with
            {
                InventoryInterval = TimeSpan.FromMilliseconds(10),
            }
        );
        harness.Options = harness.Options with { Node = null };
        await harness.StartAgent();

        await harness.Plane.Until(() => harness.Plane.Polls > 3, "the agent lives");

        Assert.Empty(harness.Plane.Inventories);
    }

    private static IEnumerable<string?> Names(NodeInventory inventory) =>
        inventory.Devices.Select(device => device.Name);

    private static IEnumerable<string?> Names(JsonObject inventory) =>
        inventory["devices"]!.AsArray().Select(device => (string?)device!["name"]);
}
