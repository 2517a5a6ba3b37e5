using System.Runtime.InteropServices;
using Weft.Agent.Kubernetes;

namespace Weft.Agent;

/// <summary>weft-agent, from top to bottom.</summary>
internal static class Program
{
    private static Task<int> Main(string[] args) =>
        new CommandLine().Command(RunUntilStopped).Parse(args).InvokeAsync(new() { ProcessTerminationTimeout = null });

    /// <summary>All parts of the agent, wired and running until one of them fails or it is told to stop.</summary>
    /// <exception cref="StartupException">A person has to fix something first.</exception>
    public static async Task Run(
        AgentOptions options,
        AgentTimings timings,
        TimeProvider clock,
        ILogger log,
        CancellationToken stop
    )
    {
        var host = new AgentHost(options, timings, clock, log);
        using var cluster = options.Kubernetes is { } kubernetes
            ? KubeCluster.Open(kubernetes, timings.Kubernetes, clock, log)
            : null;
        if (cluster is null)
        {
            await host.Run(null, stop);
            return;
        }

        try
        {
            await cluster.RunWhileLeading(leading => host.Run(cluster, leading), stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // It stood by, and had nothing to end.
        }
    }

    private static async Task<int> RunUntilStopped(AgentOptions options)
    {
        using var stop = new CancellationTokenSource();
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }

        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        var log = AgentLog.Open(Console.Error, TimeProvider.System, options.LogLevel);
        try
        {
            await Run(options, new AgentTimings(), TimeProvider.System, log, stop.Token);
            return 0;
        }
        catch (StartupException e)
        {
            await Console.Error.WriteLineAsync($"weft-agent: {e.Message}");
            return 1;
        }
        catch (Exception e)
        {
            log.Failed(e);
            return 1;
        }
    }
}
