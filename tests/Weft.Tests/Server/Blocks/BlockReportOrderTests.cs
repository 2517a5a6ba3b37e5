using System.Runtime.Versioning;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Weft.Agent;
using Weft.Agent.ControlPlane;
using Weft.Contracts;
using Weft.Fleet.Quotas;
using Weft.Networks;
using Weft.Resources;
using Weft.Server.Blocks;
using Weft.Server.Inquiries;
using Weft.Server.Leases;
using Weft.Tests.Server.Leases;

namespace Weft.Tests.Server.Blocks;

/// <summary>A report says what a pod has, and its release that it has it no more: whatever comes first, nothing is left.</summary>
public sealed class BlockReportOrderTests
{
    [Fact]
    public async Task Releases_WhatIsBeingTakenIn_OnceItIs()
    {
        var store = new ContestedStore();
        await using var site = await AllocatorSite.Create(store: store);
        await store.Write(Mutation.Put(AllocatorSite.Agent, AgentOf("w1")));
        var refusals = new List<RefusalCode?>();
        store.BeforeCommit = async _ => refusals.Add(await site.TryRelease("c1"));

        var session = site.Sessions.Open(AllocatorSite.Agent).Session;
        var row = store.Current.Get(StoreKey.ForResource(AllocatorSite.Agent))!;
        var report = Report(AllocatorSite.Network, "c1") with { Session = session, Sequence = 1, Oldest = 1 };
        var taken = await ReportsOf(site).Take(row, report, "process", CancellationToken.None);

        Assert.Null(taken.Refusal);
        Assert.Equal(RefusalCode.Contended, Assert.Single(refusals));
        Assert.NotEmpty(site.Holdings.Leases);
        store.BeforeCommit = null;
        await site.Release("c1");
        Assert.Empty(site.Holdings.Leases);
    }

    /// <summary>weftd has started anew: the report is sent once more, and what it says then is what is so then.</summary>
    [Fact]
    [SupportedOSPlatform("linux")]
    public async Task Reports_WhatIsSo_WhenTheReportHasItsNumber()
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var server = await InProcessServer.WithSite();
        using var http = new HttpClient { BaseAddress = new Uri(server.Client.BaseAddress!, AgentApi.Root) };
        var credential = await server.Enrol(Documents.East, "w1", "w1");
        var plane = new ControlPlaneClient(
            http,
            new Connectivity(TimeSpan.Zero, TimeProvider.System),
            new AgentTimings(),
            TimeProvider.System
        )
        {
            Identity = new Identity("w1", "w1", Documents.East, credential),
        };
        var n6 = ResourceId.Parse($"{Documents.Cloud}/l3Networks/n6").Value;
        _ = await plane.ReportBlocks(() => Report(n6), cancel);
        _ = server
            .Service<LeaseSessions>()
            .Open(ResourceId.Parse($"{Documents.East}/providers/Weft.Fleet/agents/w1").Value);

        var said = new Queue<BlockReport>([Report(n6, "c1"), Report(n6)]);
        _ = await plane.ReportBlocks(said.Dequeue, cancel);
        Assert.Empty(said);
        Assert.Empty(NetworkPool.HoldingsOf(server.Store.Current, n6).Leases);

        _ = await plane.ReportBlocks(() => Report(n6, "c1"), cancel);
        Assert.NotEmpty(NetworkPool.HoldingsOf(server.Store.Current, n6).Leases);
    }

    private static BlockReports ReportsOf(AllocatorSite site) =>
        new(
            site.ControlPlane,
            site.Sessions,
            LeaseLimits.Default,
            new BlockRecalls(site.ControlPlane, new AgentInquiries(site.Time)),
            NullLogger<BlockReports>.Instance
        );

    private static BlockReport Report(ResourceId network, params string[] containers) =>
        new(
            "owner",
            1,
            "machine",
            "boot",
            [],
            [.. containers.Select(container => new BlockLease(network.ToString(), container, "net1", ["10.20.6.50"]))],
            []
        );

    private static JsonObject AgentOf(string node) =>
        new()
        {
            ["id"] = AllocatorSite.Agent.ToString(),
            ["properties"] = new JsonObject { ["node"] = node, ["enrolledAt"] = "2026-01-01T00:00:00Z" },
        };
}
