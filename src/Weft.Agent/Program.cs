using System.Runtime.InteropServices;
using Weft.Agent.ControlPlane;
using Weft.Agent.Inventory;
using Weft.Agent.Kubernetes;
using Weft.Agent.Leases;
using Weft.Agent.Linux;
using Weft.Agent.Manifests;
using Weft.Agent.Nodes;
using Weft.Agent.Reconcilers;
using Weft.Agent.Relay;
using Weft.Agent.Verification;

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
        Log log,
        CancellationToken stop
    )
    {
        using var cluster = options.Kubernetes is { } kubernetes
            ? KubeCluster.Open(kubernetes, timings.Kubernetes, clock, log)
            : null;
        if (cluster is null)
        {
            await RunParts(options, timings, clock, log, null, stop);
            return;
        }

        try
        {
            await cluster.RunWhileLeading(leading => RunParts(options, timings, clock, log, cluster, leading), stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // It stood by, and had nothing to end.
        }
    }

    private static async Task RunParts(
        AgentOptions options,
        AgentTimings timings,
        TimeProvider clock,
        Log log,
        KubeCluster? cluster,
        CancellationToken stop
    )
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var state = StateDirectory.Open(options.State);
        using var http = Transport.Open(options);
        var connectivity = new Connectivity(timings.ConnectivityGrace, clock);
        var plane = new ControlPlaneClient(http, connectivity, timings, clock);
        if (cluster?.IdentitySecret is { } kept)
            await kept.Fetch(state.Credential, stop);
        var enrolment = new Enrolment(
            plane,
            options,
            state.Credential,
            cluster?.IdentitySecret is { } secret ? secret.Save : null
        );
        enrolment.Resume();

        var table = new LeaseTable();
        await using var journal = Journal.Open(state.Journal, table, log);
        var locks = new KeyedLock();
        var releases = new ReleaseLoop(table, journal, locks, plane, timings, clock, log);
        var leases = new LeaseService(
            table,
            journal,
            locks,
            releases,
            plane,
            connectivity,
            timings,
            clock,
            log,
            stopping.Token
        );
        var handler = new LeaseRequestHandler(leases, options.Node, log);
        using var socket = await LeaseSocket.Open(options.Socket, timings, clock, log);

        var reconciler = cluster?.CreateReconciler();
        var loop = new AgentLoop(
            plane,
            enrolment,
            state.Desired,
            [.. Reconcilers(options, state, reconciler, plane, clock, log)],
            options.Node,
            options.ClusterAuthority is { } file ? new ClusterAuthorityFile(file, log) : null,
            timings,
            clock,
            log
        );

        log.Info(
            "started",
            ("version", AgentOptions.Version),
            ("name", options.Name),
            ("server", options.Server),
            ("state", options.State)
        );
        List<Task> parts =
        [
            loop.Run(stopping.Token),
            releases.Run(stopping.Token),
            socket.Serve(handler.Handle, stopping.Token),
            .. InventoryReports(options, plane, timings, clock, log, stopping.Token),
        ];
        if (reconciler is not null)
            parts.AddRange([
                reconciler.RunInformers(stopping.Token),
                .. cluster!.ServeWebhook(reconciler, stopping.Token),
            ]);
        parts.Add(
            new VerificationLoop(
                plane,
                new Verifier(options.Node, new PodNamespaces(), new ProbeTimings()),
                () => loop.Current?.Document,
                state.Desired,
                timings,
                clock,
                log
            ).Run(stopping.Token)
        );
        await using var relay = options.Relay is { } reachable
            ? new RelayLoop(plane, reachable, timings, clock, log)
            : null;
        if (relay is not null)
            parts.Add(relay.Run(stopping.Token));
        await RunUntilFirstEnds(parts, timings, clock, stopping);
        log.Info("stopped");
    }

    /// <summary>
    /// What the node has is told by the agent of a node alone: one that serves the cluster runs on some node, and not
    /// on a certain one.
    /// </summary>
    private static IEnumerable<Task> InventoryReports(
        AgentOptions options,
        ControlPlaneClient plane,
        AgentTimings timings,
        TimeProvider clock,
        Log log,
        CancellationToken stop
    )
    {
        if (options.Node is null)
            yield break;
        var reader = new InventoryReader(new SystemTree(options.Sys), new SystemTree(options.Proc), LinkFacts.Query);
        yield return new InventoryLoop(
            plane,
            reader,
            new PluginBinaries(options.PluginFolders, TimeSpan.FromSeconds(5), log),
            timings,
            clock,
            log
        ).Run(stop);
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
            log.Error("failed", e);
            return 1;
        }
    }

    /// <summary>What the agent keeps true, as its options say.</summary>
    private static IEnumerable<IReconciler> Reconcilers(
        AgentOptions options,
        StateDirectory state,
        KubernetesReconciler? reconciler,
        ControlPlaneClient plane,
        TimeProvider clock,
        Log log
    )
    {
        if (reconciler is not null)
            yield return reconciler;
        else
            yield return new FolderReconciler(
                "manifests",
                new Folder(options.Manifests, new OwnedFiles(state.OwnedManifests, options.Manifests, log)),
                files => files.Manifests
            );
        yield return new FolderReconciler(
            "node-files",
            new Folder(options.Nodes, new OwnedFiles(state.OwnedNodeFiles, options.Nodes, log)),
            files => files.NodeFiles
        );
        if (options is { ApplyNode: true, Node: { } node })
            yield return new NodeReconciler(
                node,
                state.Root,
                options.NodeNetwork,
                new NodePolicy(options.RollbackAfter, options.RepairsDrift),
                new ControlPlaneProbe(options, () => plane.Identity, clock),
                clock,
                log
            );
    }

    /// <summary>One part's end is the end of all; what it failed with is what the agent fails with.</summary>
    private static async Task RunUntilFirstEnds(
        List<Task> parts,
        AgentTimings timings,
        TimeProvider clock,
        CancellationTokenSource stopping
    )
    {
        var first = await Task.WhenAny(parts);
        await stopping.CancelAsync();
        await Task.WhenAny(Task.WhenAll(parts), Task.Delay(timings.ShutdownTimeout, clock));
        if (first.IsFaulted)
            await first;
    }
}
