using System.Runtime.InteropServices;
using Weft.Agent.ControlPlane;
using Weft.Agent.Disk;
using Weft.Agent.Inventory;
using Weft.Agent.Kubernetes;
using Weft.Agent.Leases;
using Weft.Agent.Manifests;
using Weft.Agent.Nodes;
using Weft.Agent.Relaying;
using Weft.Agent.Targets;
using Weft.Agent.Verify;

namespace Weft.Agent;

/// <summary>weft-agent, from top to bottom.</summary>
internal static class Program
{
    private static Task<int> Main(string[] args) =>
        new CommandLine().Command(RunUntilStopped).Parse(args).InvokeAsync(new() { ProcessTerminationTimeout = null });

    /// <summary>All parts of the agent, wired and running until one of them fails or it is told to stop.</summary>
    /// <exception cref="CannotStartException">A person has to mend something first.</exception>
    public static async Task Run(AgentOptions options, Pace pace, TimeProvider clock, Log log, CancellationToken stop)
    {
        using var cluster = options.Kubernetes is { } kubernetes ? KubeCluster.Open(kubernetes, pace.Kubernetes, clock, log) : null;
        if (cluster is null)
        {
            await RunParts(options, pace, clock, log, null, stop);
            return;
        }

        try
        {
            await cluster.Lead(leading => RunParts(options, pace, clock, log, cluster, leading), stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // It stood by, and had nothing to end.
        }
    }

    private static async Task RunParts(AgentOptions options, Pace pace, TimeProvider clock, Log log, KubeCluster? cluster, CancellationToken stop)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var state = StateDirectory.Open(options.State);
        using var http = Transport.Open(options);
        var contact = new Contact(pace.Grace, clock);
        var plane = new ControlPlaneClient(http, contact, pace, clock);
        if (cluster?.Identity is { } kept)
            await kept.Fetch(state.Credential, stop);
        var enrolment = new Enrolment(plane, options, state.Credential, cluster?.Identity is { } secret ? secret.Keep : null);
        enrolment.Resume();

        var book = new LeaseBook();
        await using var journal = Journal.Open(state.Journal, book, log);
        var lanes = new Lanes();
        var releases = new ReleaseLoop(book, journal, lanes, plane, pace, clock, log);
        var desk = new LeaseDesk(book, journal, lanes, releases, plane, contact, pace, clock, log, stopping.Token);
        var answers = new LeaseAnswers(desk, options.Node, log);
        using var socket = await LeaseSocket.Open(options.Socket, pace, clock, log);

        var objects = cluster?.NewTarget();
        var loop = new AgentLoop(
            plane,
            enrolment,
            state.Desired,
            [.. Targets(options, state, objects, plane, clock, log)],
            options.Node,
            options.ClusterAuthority is { } file ? new ClusterAuthorityFile(file, log) : null,
            pace,
            clock,
            log);

        log.Note("started", ("version", AgentOptions.Version), ("name", options.Name), ("server", options.Server), ("state", options.State));
        List<Task> parts = [loop.Run(stopping.Token), releases.Run(stopping.Token), socket.Serve(answers.Answer, stopping.Token), .. Reports(options, plane, pace, clock, log, stopping.Token)];
        if (objects is not null)
            parts.AddRange([objects.Follow(stopping.Token), .. cluster!.Serve(objects, stopping.Token)]);
        parts.Add(new VerifyLoop(plane, new Verifier(options.Node, new PodNamespaces(), new ProbePace()), state.Desired, pace, clock, log).Run(stopping.Token));
        await using var relay = options.Relay is { } reachable ? new RelayLoop(plane, reachable, pace, clock, log) : null;
        if (relay is not null)
            parts.Add(relay.Run(stopping.Token));
        await EndTogether(parts, pace, clock, stopping);
        log.Note("stopped");
    }

    /// <summary>What the node has is told by the agent of a node alone: one that serves the cluster runs on some node, and not on a certain one.</summary>
    private static IEnumerable<Task> Reports(AgentOptions options, ControlPlaneClient plane, Pace pace, TimeProvider clock, Log log, CancellationToken stop)
    {
        if (options.Node is null)
            yield break;
        var reader = new InventoryReader(new SystemTree(options.Sys), new SystemTree(options.Proc), LinkFacts.Ask);
        yield return new InventoryLoop(plane, reader, new PluginBinaries(options.PluginFolders, TimeSpan.FromSeconds(5), log), pace, clock, log).Run(stop);
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
        var log = new Log(Console.Error, TimeProvider.System);
        try
        {
            await Run(options, new Pace(), TimeProvider.System, log, stop.Token);
            return 0;
        }
        catch (CannotStartException e)
        {
            await Console.Error.WriteLineAsync($"weft-agent: {e.Message}");
            return 1;
        }
        catch (Exception e)
        {
            log.Fault("failed", e);
            return 1;
        }
    }

    /// <summary>What the agent keeps true, as its options say.</summary>
    private static IEnumerable<ITarget> Targets(
        AgentOptions options, StateDirectory state, KubernetesTarget? objects, ControlPlaneClient plane, TimeProvider clock, Log log)
    {
        if (objects is not null)
            yield return objects;
        else
            yield return new FolderTarget("manifests", new Folder(options.Manifests, new MadeFiles(state.MadeManifests, options.Manifests, log)), files => files.Manifests);
        yield return new FolderTarget("node-files", new Folder(options.Nodes, new MadeFiles(state.MadeNodeFiles, options.Nodes, log)), files => files.NodeFiles);
        if (options is { ApplyNode: true, Node: { } node })
            yield return new NodeTarget(node, state.Root, options.NodeNetwork, new NodePolicy(options.RollbackAfter, options.MendsDrift), new ControlPlanePath(options, () => plane.Identity, clock), clock, log);
    }

    /// <summary>One part's end is the end of all; what it failed with is what the agent fails with.</summary>
    private static async Task EndTogether(List<Task> parts, Pace pace, TimeProvider clock, CancellationTokenSource stopping)
    {
        var first = await Task.WhenAny(parts);
        await stopping.CancelAsync();
        await Task.WhenAny(Task.WhenAll(parts), Task.Delay(pace.Stop, clock));
        if (first.IsFaulted)
            await first;
    }
}
