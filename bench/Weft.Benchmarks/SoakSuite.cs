using System.Globalization;
using Weft.Testing.Soak;

namespace Weft.Benchmarks;

/// <summary>
/// A million leases taken, given back and asked for, while each program is killed, frozen, runs out of disk and has its time of day
/// stepped: whether all that clients were told can be explained by calls that happened one at a time.
/// </summary>
internal static class SoakSuite
{
    private const long Calls = 1_000_000;
    private const long QuickCalls = 100_000;
    private const int Shown = 20;

    public static async Task Run(string bin, bool quick)
    {
        Console.Error.WriteLine("bench: leases under faults: weftd and the agents of two nodes, clients of both");
        await using var run = new SoakRun(
            Path.Combine(bin, "weftd"),
            Path.Combine(bin, "weft-agent"),
            new SoakPlan(
                quick ? QuickCalls : Calls,
                ServerClients: 48,
                AgentClients: 8,
                TimeSpan.FromSeconds(1),
                TimeSpan.FromMinutes(quick ? 4 : 20)
            )
        );
        var report = await run.Run();
        foreach (var (fault, times) in report.Faults)
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"bench: {fault}: {times} times"));
        foreach (var problem in report.Problems.Take(Shown))
            Console.Error.WriteLine($"bench: {problem}");
        if (report.Problems.Count > 0)
            Console.Error.WriteLine(run.Logs);
        new Figure("soak-calls", report.Calls, "calls", ">=", quick ? QuickCalls : Calls).Print();
        new Figure("soak-faults", report.Faults.Values.Sum(), "faults", ">=", report.Faults.Count).Print();
        new Figure("soak-unexplained", report.Problems.Count, "findings", "<=", 0).Print();
        Console.Error.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"bench: {report.Calls / report.Elapsed.TotalSeconds:0} calls/s"
            )
        );
    }
}
