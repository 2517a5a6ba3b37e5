using Weft.Agent.Blocks;
using Weft.Agent.ControlPlane;
using Weft.Agent.Inquiries;
using Weft.Agent.Inventory;
using Weft.Agent.Kubernetes;
using Weft.Agent.Leases;
using Weft.Agent.Linux;
using Weft.Agent.Manifests;
using Weft.Agent.Nodes;
using Weft.Agent.Reconcilers;
using Weft.Agent.Relay;
using Weft.Agent.Verification;
using Weft.Contracts;

namespace Weft.Agent;

/// <summary>
/// Composes the agent's parts and runs them together. By hand, not by a container: docs/adr/0012-native-aot.md says
/// what that saves.
/// </summary>
internal sealed class AgentHost(AgentOptions options, AgentTimings timings, TimeProvider clock, ILogger log)
{
    /// <summary>Runs all parts until one ends, or it is stopped.</summary>
    /// <param name="cluster">The cluster's API server, where one is written to.</param>
    public async Task Run(KubeCluster? cluster, CancellationToken stop)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var state = StateDirectory.Open(options.State);
        using var http = Transport.Open(options);
        var services = CreateServices(state, http, cluster);
        using var plane = services.Plane;
        var enrolment = await ResumeEnrolment(services, stop);
        using var rotation = CreateRotation(services);
        var table = new LeaseTable();
        await using var journal = Journal.Open(state.Journal, table, log);
        using var socket = await LeaseSocket.Open(options.Socket, timings, clock, log);
        var loop = CreateAgentLoop(services, enrolment, rotation);
        log.Started(AgentOptions.Version, options.Name, options.Server, options.State);

        await using var relay = CreateRelayLoop(services);
        await RunUntilFirstEnds(
            [
                loop.Run(stopping.Token),
                rotation.Run(stopping.Token),
                .. RunLeases(services, table, journal, socket, stopping.Token),
                .. RunInventory(services, stopping.Token),
                .. RunCluster(services, stopping.Token),
                CreateVerificationLoop(services, loop).Run(stopping.Token),
                .. RunRelay(relay, stopping.Token),
            ],
            stopping,
            stop
        );
        log.Stopped();
    }

    private SharedServices CreateServices(StateDirectory state, HttpClient http, KubeCluster? cluster)
    {
        var connectivity = new Connectivity(timings.ConnectivityGrace, clock);
        var plane = new ControlPlaneClient(http, connectivity, timings, clock);
        return new SharedServices(state, plane, connectivity, cluster, cluster?.CreateReconciler());
    }

    private async Task<Enrolment> ResumeEnrolment(SharedServices services, CancellationToken stop)
    {
        var credential = services.State.Credential;
        var secret = services.Cluster?.IdentitySecret;
        if (secret is not null)
            await secret.Fetch(credential, stop);
        var enrolment = new Enrolment(services.Plane, options, credential, clock, secret is null ? null : secret.Save);
        enrolment.Resume(mode => log.CredentialOpenToOthers(credential, mode));
        return enrolment;
    }

    private CredentialRotation CreateRotation(SharedServices services) =>
        new(
            services.Plane,
            services.State.Credential,
            options.CredentialMaxAge,
            timings,
            clock,
            log,
            services.Cluster?.IdentitySecret is { } secret ? secret.Save : null
        );

    private AgentLoop CreateAgentLoop(SharedServices services, Enrolment enrolment, CredentialRotation rotation) =>
        new(
            services.Plane,
            enrolment,
            rotation,
            services.State.Desired,
            [.. CreateReconcilers(services)],
            options.Node,
            options.ClusterAuthority is { } file ? new ClusterAuthorityFile(file, log) : null,
            timings,
            clock,
            log
        );

    /// <summary>What the agent keeps true, as its options say.</summary>
    private IEnumerable<IReconciler> CreateReconcilers(SharedServices services)
    {
        var state = services.State;
        if (services.Reconciler is { } reconciler)
            yield return reconciler;
        else
            yield return new FolderReconciler(
                "manifests",
                OpenFolder(options.Manifests, state.OwnedManifests),
                files => files.Manifests
            );
        yield return new FolderReconciler(
            "node-files",
            OpenFolder(options.Nodes, state.OwnedNodeFiles),
            files => files.NodeFiles
        );
        if (options is { ApplyNode: true, Node: { } node })
            yield return CreateNodeReconciler(services, node);
    }

    private Folder OpenFolder(string path, string owned) => new(path, new OwnedFiles(owned, path, log));

    private NodeReconciler CreateNodeReconciler(SharedServices services, string node) =>
        new(
            node,
            services.State.Root,
            options.NodeNetwork,
            NodePolicyFile.Open(options.NodePolicy, log),
            new NodeApplyOptions(options.RollbackAfter, options.RepairsDrift),
            new ControlPlaneAddresses(options.Server, services.State.ControlPlaneAddresses, clock, log),
            new ControlPlaneProbe(options, services.Plane, clock),
            clock,
            log
        );

    private Task[] RunLeases(
        SharedServices services,
        LeaseTable table,
        Journal journal,
        LeaseSocket socket,
        CancellationToken stop
    )
    {
        var (plane, connectivity, locks) = (services.Plane, services.Connectivity, new KeyedLock());
        var calls = new LeaseCalls(plane, stop);
        var releases = new ReleaseLoop(table, journal, locks, plane, calls, timings, clock, log);
        var demand = new BlockDemands(clock);
        var leases = new LeaseService(
            table,
            journal,
            locks,
            releases,
            demand,
            plane,
            calls,
            connectivity,
            timings,
            clock,
            log,
            stop
        );
        var confirmations = new ConfirmationLoop(table, journal, locks, calls, timings, clock, log);
        var blocks = options.Node is null ? null : CreateBlockLoop(services, table, journal, demand);
        var registrations = new RegistrationLoop(table, leases, plane, timings, clock, log);
        plane.RegistrationAsked = registrations.Ask;
        var handler = new LeaseRequestHandler(leases, options.Node, log);
        var holders = new HolderObserver(table, leases, new SandboxDirectory(options.Sandboxes), log);
        // Who runs in a cluster is for the agent of the cluster to say.
        var pods = options.Node is null ? services.Cluster?.CreatePodObserver() : null;
        var inquiries = new InquiryLoop(plane, pods, holders, blocks, timings, clock);
        return
        [
            releases.Run(stop),
            confirmations.Run(stop),
            registrations.Run(stop),
            inquiries.Run(stop),
            socket.Serve(handler.Handle, stop),
            .. blocks is null ? (Task[])[] : [blocks.Run(stop)],
        ];
    }

    private BlockLoop CreateBlockLoop(
        SharedServices services,
        LeaseTable table,
        Journal journal,
        BlockDemands demand
    ) =>
        new(
            table,
            journal,
            demand,
            services.Plane,
            PlaceMark.Read(new SystemTree(options.Sys), new SystemTree(options.Proc), services.State.Root),
            timings,
            clock,
            log
        );

    /// <summary>
    /// Only the agent of a node reports an inventory: the agent of a cluster runs on any node.
    /// </summary>
    private Task[] RunInventory(SharedServices services, CancellationToken stop)
    {
        if (options.Node is null)
            return [];
        var reader = new InventoryReader(new SystemTree(options.Sys), new SystemTree(options.Proc), LinkFacts.Query);
        var plugins = new PluginBinaries(options.PluginFolders, TimeSpan.FromSeconds(5), log);
        return [new InventoryLoop(services.Plane, reader, plugins, timings, clock, log).Run(stop)];
    }

    private IEnumerable<Task> RunCluster(SharedServices services, CancellationToken stop)
    {
        if (services is not { Cluster: { } cluster, Reconciler: { } reconciler })
            return [];
        // Who signs a cluster's tokens is for the agent of the cluster to say.
        Task[] issuer = options.Node is null ? [cluster.ReportIssuer(services.Plane, timings, stop)] : [];
        return [reconciler.RunInformers(stop), .. cluster.ServeWebhook(reconciler, stop), .. issuer];
    }

    private VerificationLoop CreateVerificationLoop(SharedServices services, AgentLoop loop)
    {
        var verifier = new Verifier(options.Node, new PodNamespaces(), new ProbeTimings());
        DesiredStateDocument? Held() => loop.Current?.Document;
        return new VerificationLoop(services.Plane, verifier, Held, services.State.Desired, timings, clock, log);
    }

    private RelayLoop? CreateRelayLoop(SharedServices services) =>
        options.Relay is { } targets ? new RelayLoop(services.Plane, targets, timings, clock, log) : null;

    private static Task[] RunRelay(RelayLoop? relay, CancellationToken stop) => relay is null ? [] : [relay.Run(stop)];

    /// <summary>One part's end is the end of all; what it failed with is what the agent fails with.</summary>
    private async Task RunUntilFirstEnds(Task[] parts, CancellationTokenSource stopping, CancellationToken stop)
    {
        var first = await Task.WhenAny(parts);
        var wasTold = stop.IsCancellationRequested;
        await stopping.CancelAsync();
        await Task.WhenAny(Task.WhenAll(parts), Task.Delay(timings.ShutdownTimeout, clock, CancellationToken.None));
        // Whoever is told to stop in the midst of a request may hear that it failed: that is how it ended, and no fault.
        if (first.IsFaulted && !wasTold)
            await first;
    }

    /// <summary>What several parts use.</summary>
    /// <param name="Reconciler">Keeps the cluster's objects true; null where there is no API server to write to.</param>
    private sealed record SharedServices(
        StateDirectory State,
        ControlPlaneClient Plane,
        Connectivity Connectivity,
        KubeCluster? Cluster,
        KubernetesReconciler? Reconciler
    );
}
