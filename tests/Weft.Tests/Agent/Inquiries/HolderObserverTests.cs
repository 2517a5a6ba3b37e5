using System.Runtime.Versioning;
using System.Text.Json.Nodes;
using Weft.Contracts;

namespace Weft.Tests.Agent.Inquiries;

/// <summary>What a node's agent says of holders, and how it lets go of what weftd takes back.</summary>
[SupportedOSPlatform("linux")]
public sealed class HolderObserverTests
{
    [Fact]
    public async Task Tells_WhatItsJournalHolds_AndWhichSandboxesAreThere()
    {
        await using var site = await AgentHarness.Create();
        var sandboxes = Directory.CreateDirectory(Path.Join(site.Root, "sandboxes")).FullName;
        site.Options = site.Options with { Sandboxes = sandboxes };
        await Start(site);
        await site.Send("acquire", "a");
        await site.Send("acquire", "b");
        // A folder without a sandbox isn't the runtime's.
        Assert.Equal(new HolderObservation(HolderState.Held), (await Ask(site, InquiryRelease.No, "a"))[0]);
        Directory.CreateDirectory(Path.Join(sandboxes, "b"));
        Assert.Equal(
            [
                new HolderObservation(HolderState.Held, SandboxState.Absent),
                new HolderObservation(HolderState.Held, SandboxState.Present),
                new HolderObservation(HolderState.NotHeld, SandboxState.Absent),
            ],
            await Ask(site, InquiryRelease.No, "a", "b", "c")
        );
    }

    [Fact]
    public async Task Releases_WhatIsGone_AndKeepsWhatRuns()
    {
        await using var site = await AgentHarness.Create();
        var sandboxes = Directory.CreateDirectory(Path.Join(site.Root, "sandboxes")).FullName;
        Directory.CreateDirectory(Path.Join(sandboxes, "b"));
        site.Options = site.Options with { Sandboxes = sandboxes };
        await Start(site);
        foreach (var container in (string[])["a", "b"])
            Assert.Null(AgentHarness.CodeOf(await site.Send("acquire", container)));
        Assert.Equal(
            [
                new HolderObservation(HolderState.Releasing, SandboxState.Absent),
                new HolderObservation(HolderState.Held, SandboxState.Present),
            ],
            await Ask(site, InquiryRelease.IfGone, "a", "b")
        );
        await site.Plane.Until(() => site.Plane.Calls.Contains(("release", "a/net1")), "it is given back");
        Assert.Equal(["b/net1"], site.Plane.Leases.Keys);
        // It doesn't answer for what it has let go of.
        Assert.Equal("ResourceNotFound", AgentHarness.CodeOf(await site.Send(Check("a"))));
        Assert.Null(AgentHarness.CodeOf(await site.Send("acquire", "b")));

        Assert.Equal(HolderState.Releasing, (await Ask(site, InquiryRelease.Always, "b"))[0].State);
        await site.Plane.Until(() => site.Plane.Leases.Count == 0, "an operator's word is done");
    }

    /// <summary>Where its journal was lost, weftd has leases that it doesn't know: they are given back all the same.</summary>
    [Fact]
    public async Task Releases_WhatItDoesntKnow()
    {
        await using var site = await AgentHarness.Start();
        Assert.Equal(HolderState.Releasing, (await Ask(site, InquiryRelease.IfGone, "lost"))[0].State);
        await site.Plane.Until(() => site.Plane.Calls.Contains(("release", "lost/net1")), "it is given back");
    }

    /// <summary>The agent of a node has no say about pods of the cluster.</summary>
    [Fact]
    public async Task Knows_NothingOfPods()
    {
        await using var site = await AgentHarness.Start();
        site.Plane.Inquiry = new AgentInquiry("q", [new PodReference("core", "upf-0")], []);
        await site.Plane.Until(() => site.Plane.InquiryReports.Count > 0, "it has answered");
        Assert.Equal(PodObservation.Unknown, Assert.Single(site.Plane.InquiryReports[0].Pods));
    }

    private static async Task Start(AgentHarness site)
    {
        await site.StartAgent();
        await site.Plane.Until(() => site.Plane.Polls > 0, "it is enrolled");
    }

    private static JsonObject Check(string container)
    {
        var request = AgentHarness.Request("check", container);
        request["addresses"] = new JsonArray();
        return request;
    }

    private static async Task<IReadOnlyList<HolderObservation>> Ask(
        AgentHarness site,
        InquiryRelease release,
        params string[] containers
    )
    {
        var before = site.Plane.InquiryReports.Count;
        site.Plane.Inquiry = new AgentInquiry(
            Guid.NewGuid().ToString("N"),
            [],
            [.. containers.Select(container => new InquiredHolder(AgentHarness.Network, container, "net1"))],
            release
        );
        await site.Plane.Until(() => site.Plane.InquiryReports.Count > before, "it has answered");
        return site.Plane.InquiryReports[^1].Holders;
    }
}
