using Weft.Testing.Soak;

namespace Weft.EndToEnd.Soak;

/// <summary>The short form of <c>bench/run soak</c>: each fault once, with leases under way.</summary>
public sealed class SoakTests
{
    private const long Calls = 4000;

    [Fact]
    public async Task Keeps_AHistoryThatCanBeExplained_WhateverFails()
    {
        await using var run = new SoakRun(
            Programs.PathOf("Weft.Server", "weftd"),
            Programs.PathOf("Weft.Agent", "weft-agent"),
            new SoakPlan(
                Calls,
                ServerClients: 12,
                AgentClients: 4,
                TimeSpan.FromMilliseconds(500),
                TimeSpan.FromMinutes(3)
            )
        );

        var report = await run.Run();

        Assert.True(report.Problems.Count == 0, $"{string.Join('\n', report.Problems.Take(10))}\n{run.Logs}");
        Assert.InRange(report.Calls, Calls, long.MaxValue);
        Assert.All(report.Faults.Values, times => Assert.True(times > 0));
        Assert.Contains("all killed", report.Faults.Keys);
    }
}
