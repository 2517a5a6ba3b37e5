using System.Runtime.Versioning;
using System.Text.Json.Nodes;

namespace Weft.Tests.Agent.Leases;

/// <summary>What the agent gives back when a runtime lists what it still has.</summary>
[SupportedOSPlatform("linux")]
public sealed class CollectTests
{
    [Fact]
    public async Task Releases_WhatTheConfigurationCameTo_AndIsntListed()
    {
        await using var site = await AgentHarness.Start();
        foreach (var (container, configuration) in new[] { ("a", "n6"), ("b", "n6"), ("c", "other"), ("d", null) })
        {
            var request = AgentHarness.Request("acquire", container);
            if (configuration is not null)
                request["configuration"] = configuration;
            Assert.Null(AgentHarness.CodeOf(await site.Send(request)));
        }

        Assert.Null(AgentHarness.CodeOf(await site.Send(Collect(["b"]))));
        await site.Plane.Until(() => !site.Plane.Leases.ContainsKey("a/net1"), "a is given back");
        // Of another configuration, and of one that nobody has named.
        Assert.Equal(["b/net1", "c/net1", "d/net1"], site.Plane.Leases.Keys.Order(StringComparer.Ordinal));

        // What it knows of configurations outlives it.
        await site.StopAgent();
        await site.StartAgent();
        Assert.Null(AgentHarness.CodeOf(await site.Send(Collect([]))));
        await site.Plane.Until(() => !site.Plane.Leases.ContainsKey("b/net1"), "b is given back");
        Assert.Equal(["c/net1", "d/net1"], site.Plane.Leases.Keys.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("network")]
    [InlineData("configuration")]
    [InlineData("valid")]
    public async Task Refuses_AListThatLacksSomething(string member)
    {
        await using var site = await AgentHarness.Start();
        await site.Send("acquire", "a");
        var request = Collect([]);
        request.Remove(member);
        var answer = await site.Send(request);
        Assert.Equal(("MissingMember", member), (AgentHarness.CodeOf(answer), (string?)answer["error"]!["target"]));
        Assert.Single(site.Plane.Leases);
    }

    private static JsonObject Collect(string[] valid) =>
        new()
        {
            ["verb"] = "collect",
            ["network"] = AgentHarness.Network,
            ["configuration"] = "n6",
            ["valid"] = new JsonArray([
                .. valid.Select(container =>
                    (JsonNode)new JsonObject { ["containerId"] = container, ["interface"] = "net1" }
                ),
            ]),
        };
}
