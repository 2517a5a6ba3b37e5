using System.ComponentModel;
using Weft.Agent.ControlPlane;
using Weft.Agent.Linux;
using Weft.Agent.Linux.Netlink;
using Weft.Agent.Manifests;
using Weft.Agent.Nodes.Operations;
using Weft.Agent.Nodes.Planning;
using Weft.Agent.Reconcilers;
using Weft.Attachments.Nodes;

namespace Weft.Agent.Nodes;

/// <summary>The network of the node that the agent runs on.</summary>
internal sealed class NodeReconciler : IReconciler, IDisposable
{
    private readonly string _node;
    private readonly Rtnetlink _kernel;
    private readonly NetworkMonitor _monitor;
    private readonly NodeApplier _applier;
    private readonly DesiredNodeBuilder _builder;
    private readonly ControlPlaneProbe? _probe;
    private readonly NodePolicyGate _gate;
    private readonly string _service;

    /// <summary>Takes charge of the network namespace that the thread is in.</summary>
    /// <param name="network">Who has charge of interfaces: <see cref="NetworkService.All"/>.</param>
    /// <param name="probe">The way to the control plane; null where nobody asks for it.</param>
    /// <exception cref="StartupException">There is no netlink.</exception>
    public NodeReconciler(
        string node,
        string state,
        string network,
        NodePolicyFile policy,
        NodeApplyOptions options,
        ControlPlaneAddresses addresses,
        ControlPlaneProbe? probe,
        TimeProvider clock,
        ILogger log
    )
    {
        var sysfs = new Sysfs();
        (_node, _probe) = (node, probe);
        try
        {
            _kernel = Rtnetlink.Open();
            _monitor = new NetworkMonitor(clock, log);
        }
        catch (NetlinkException e)
        {
            throw new StartupException(
                $"this node's network can't be reached: {e.Message}; run the agent as root on Linux",
                e
            );
        }

        var reader = new NodeReader(_kernel, sysfs);
        var store = new NodeStateStore(state);
        _service = NetworkService.Resolve(network, sysfs);
        _builder = new DesiredNodeBuilder(_kernel, reader, store, _service, clock);
        _applier = new NodeApplier(
            reader,
            new NodeOperationExecutor(_kernel, sysfs, log, module => policy.Current.Modules.RuleAgainst(module)),
            store,
            probe is null ? null : probe.WaitUntilReachable,
            options,
            clock,
            log
        );
        _gate = new NodePolicyGate(_kernel, reader, store, _service, policy, addresses, log);
        log.NodeNetwork(node, _service, options.RollbackAfter);
    }

    /// <inheritdoc/>
    public string Name => "node";

    /// <inheritdoc/>
    public async Task<ReconcileResult> Reconcile(DesiredState desired, CancellationToken cancel)
    {
        _probe?.Digest = desired.Digest;
        if (!desired.Configuration.TryGet(out var configuration, out var refusal))
            return new ReconcileResult(0, 0, [.. refusal.Findings.Select(each => each.Message)]);
        return await Reconcile(configuration, cancel);
    }

    /// <summary>Makes the node true to a configuration.</summary>
    public async Task<ReconcileResult> Reconcile(NodeConfiguration configuration, CancellationToken cancel)
    {
        try
        {
            var verdict = await _gate.Judge(configuration, isPlan: false, cancel);
            var result = await Apply(verdict.Allowed, cancel);
            return result with
            {
                Findings = [.. _gate.Problem is { } problem ? [problem] : Array.Empty<string>(), .. result.Findings],
                Drift = [.. result.Drift, .. verdict.Refused.Select(DriftOf)],
            };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or Win32Exception)
        {
            return new ReconcileResult(0, 0, [$"the network of node {_node}: {e.Message}"]);
        }
    }

    /// <summary>What would be done, and what the node's policy refuses of it.</summary>
    /// <exception cref="IOException">The node can't be read.</exception>
    public async Task<(NodePlan Plan, IReadOnlyList<Drift> Refused)> Plan(
        NodeConfiguration configuration,
        CancellationToken cancel
    )
    {
        var verdict = await _gate.Judge(configuration, isPlan: true, cancel);
        var plan = _builder.Build(verdict.Allowed).TryGet(out var desired, out var refusal)
            ? _applier.Plan(desired)
            : new NodePlan([], [.. refusal.Findings.Select(each => each.Message)], []);
        return (plan, [.. verdict.Refused.Select(DriftOf)]);
    }

    private async Task<ReconcileResult> Apply(NodeConfiguration configuration, CancellationToken cancel)
    {
        if (!_builder.Build(configuration).TryGet(out var desired, out var refusal))
            return new ReconcileResult(0, 0, [.. refusal.Findings.Select(each => each.Message)]);
        var result = await _applier.Apply(desired, cancel);
        var isServices = _service is NetworkService.Netplan or NetworkService.Networkd;
        return isServices && result.Written + result.Removed > 0
            ? result with
            {
                Findings = [.. result.Findings, .. await _builder.Verify(configuration, cancel)],
            }
            : result;
    }

    private Drift DriftOf(PolicyFinding finding) =>
        new(
            $"{finding.Member} of {_node}: {finding.Value}",
            $"refused by the node's policy, {finding.Rule}: {finding.Reason}",
            IsRepaired: false
        );

    /// <inheritdoc/>
    public Task WaitForChange(CancellationToken cancel) => _monitor.WaitForChange(cancel);

    /// <inheritdoc/>
    public void Dispose()
    {
        _monitor.Dispose();
        _kernel.Dispose();
    }
}
