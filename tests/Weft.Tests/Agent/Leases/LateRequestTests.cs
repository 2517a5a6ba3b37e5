using System.Runtime.Versioning;
using Weft.Contracts;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Tests.Agent.Leases;

/// <summary>An agent and a real weftd with a proxy between them that holds requests back.</summary>
[SupportedOSPlatform("linux")]
public sealed class LateRequestTests
{
    private const string N6 = $"{Documents.Cloud}/l3Networks/n6";

    [Fact]
    public async Task Leaks_Nothing_WhereAnAcquireComesBehindItsRelease()
    {
        await using var server = await InProcessServer.WithSite();
        await using var proxy = await HoldingProxy.Start(server.Client.BaseAddress!);
        await using var harness = await AgentHarness.Join(
            server,
            AgentHarness.FastTimings with
            {
                RequestTimeout = TimeSpan.FromSeconds(1),
            }
        );
        harness.Options = harness.Options with { Server = proxy.Url };
        await harness.StartAgentAndReport();

        proxy.Held = AgentApi.Root + AgentApi.Acquire;
        var answer = await harness.Send(AgentHarness.Request("acquire", "late", network: N6));
        Assert.Equal("ServiceUnavailable", AgentHarness.CodeOf(answer));
        Assert.Equal("{}", (await harness.Send(AgentHarness.Request("release", "late", network: N6))).ToJsonString());
        await AgentHarness.Eventually(
            () => proxy.Passed.Contains((AgentApi.Root + AgentApi.Release, 204)),
            "the release has reached weftd"
        );
        proxy.Release();
        await AgentHarness.Eventually(
            () => proxy.Passed.Any(passed => passed.Path == AgentApi.Root + AgentApi.Acquire),
            "the acquire has reached weftd"
        );
        Assert.Contains((AgentApi.Root + AgentApi.Acquire, 409), proxy.Passed);
        Assert.Empty(NetworkPool.HoldingsOf(server.Store.Current, ResourceId.Parse(N6).Value).Leases);
        Assert.NotNull(
            AgentHarness.AddressOf(await harness.Send(AgentHarness.Request("acquire", "next", network: N6)))
        );
    }
}
