using System.Runtime.Versioning;
using System.Text.Json.Nodes;
using Weft.Tests.Agent;

namespace Weft.Tests.Agent.Inventory;

/// <summary>When the agent tells the control plane what its node has.</summary>
[SupportedOSPlatform("linux")]
public sealed class ReportTests
{
    [Fact]
    public async Task Reports_AtStart_AndOnlyWhatHasChanged()
    {
        using var tree = new KernelTree();
        tree.Port("ens1f0", "0000:3b:00.0", "8086", "1592", "ice", 64, 2, ("1889", "iavf"));
        await using var site = await Site.Make(Site.Quick with { Inventory = TimeSpan.FromMilliseconds(30) });
        site.Options = site.Options with { Sys = tree.Sys, Proc = tree.ProcRoot };
        await site.StartAgent();

        await site.Plane.Until(() => site.Plane.Inventories.Count > 0, "the agent reports what its node has");
        Assert.Equal(["ens1f0", "ens1f0v0", "ens1f0v1"], Names(site.Plane.Inventories[0]));
        tree.Write("devices/pci0000:00/0000:3b:00.0/net/ens1f0/mtu", "9000");
        await site.Plane.Until(() => site.Plane.Inventories.Count > 1, "the agent reports the change");

        Assert.Equal(9000, (int)site.Plane.Inventories[1]["devices"]![0]!["mtu"]!);
        // The control plane hears from it again and again meanwhile, but not that.
        var polls = site.Plane.Polls;
        await site.Plane.Until(() => site.Plane.Polls > polls + 1, "time passes");
        Assert.Equal(2, site.Plane.Inventories.Count);
    }

    [Fact]
    public async Task Goes_OnAfterARefusal_AndSaysItOnce()
    {
        using var tree = new KernelTree();
        await using var site = await Site.Make(Site.Quick with { Inventory = TimeSpan.FromMilliseconds(20) });
        site.Options = site.Options with { Sys = tree.Sys, Proc = tree.ProcRoot };
        site.Plane.OnInventory = context => FakeControlPlane.Refuse(context, 409, "Conflict", "no node of yours");
        await site.StartAgent();

        await site.Plane.Until(() => site.Plane.Inventories.Count > 3, "the agent tries again");
        site.Plane.OnInventory = null;
        var before = site.Plane.Inventories.Count;
        await site.Plane.Until(() => site.Plane.Inventories.Count > before, "the agent is heard");

        Assert.Equal(1, site.Log.Split('\n').Count(line => line.Contains("inventory-refused", StringComparison.Ordinal)));
        await Site.Eventually(() => site.Log.Contains("inventory-reported", StringComparison.Ordinal), "the log says so");
    }

    [Fact]
    public async Task Reports_Nothing_ForAClusterAsAWhole()
    {
        await using var site = await Site.Make(Site.Quick with { Inventory = TimeSpan.FromMilliseconds(10) });
        site.Options = site.Options with { Node = null };
        await site.StartAgent();

        await site.Plane.Until(() => site.Plane.Polls > 3, "the agent lives");

        Assert.Empty(site.Plane.Inventories);
    }

    private static IEnumerable<string> Names(JsonObject inventory) => inventory["devices"]!.AsArray().Select(d => d!["name"]!.ToString());
}
