using System.ComponentModel;
using Weft.Agent.Manifests;
using Weft.Agent.Netlink;
using Weft.Agent.Targets;

namespace Weft.Agent.Nodes;

/// <summary>The network of the node that the agent runs on.</summary>
internal sealed class NodeTarget : ITarget, IDisposable
{
    private readonly string _node;
    private readonly Rtnetlink _kernel;
    private readonly NodeWatch _watch;
    private readonly NodePass _pass;
    private readonly NodeWisher _wisher;
    private readonly ControlPlanePath? _path;
    private readonly string _service;

    /// <summary>Takes charge of the network namespace that the thread is in.</summary>
    /// <param name="network">Who has charge of interfaces: <see cref="NetworkService.All"/>.</param>
    /// <param name="path">The way to the control plane; null where nobody asks for it.</param>
    /// <exception cref="CannotStartException">There is no netlink.</exception>
    public NodeTarget(string node, string state, string network, NodePolicy policy, ControlPlanePath? path, TimeProvider clock, Log log)
    {
        var sysfs = new Sysfs();
        (_node, _path) = (node, path);
        try
        {
            _kernel = Rtnetlink.Open();
            _watch = new NodeWatch(clock, log);
        }
        catch (NetlinkException e)
        {
            throw new CannotStartException($"this node's network can't be reached: {e.Message}; run the agent as root on Linux", e);
        }

        var reader = new NodeReader(_kernel, sysfs);
        var memory = new NodeMemory(state);
        _service = NetworkService.Resolve(network, sysfs);
        _wisher = new NodeWisher(_kernel, reader, memory, _service, clock);
        _pass = new NodePass(reader, new NodeWriter(_kernel, sysfs, log), memory, path is null ? null : path.Reach, policy, clock, log);
        log.Note("node-network", ("node", node), ("service", _service), ("rollback-after", policy.RollbackAfter));
    }

    /// <inheritdoc/>
    public string Name => "node";

    /// <inheritdoc/>
    public async Task<TargetOutcome> Apply(Picture picture, CancellationToken cancel)
    {
        _path?.Digest = picture.Digest;
        if (!NodeWisher.Read(picture.Content, _node).TryGet(out var configuration, out var refusal))
            return new TargetOutcome(0, 0, [.. refusal.Findings.Select(each => each.Message)]);
        return await Apply(configuration, cancel);
    }

    /// <summary>Makes the node true to a configuration.</summary>
    public async Task<TargetOutcome> Apply(Attachments.NodeConfiguration configuration, CancellationToken cancel)
    {
        try
        {
            if (!_wisher.Of(configuration).TryGet(out var wish, out var refusal))
                return new TargetOutcome(0, 0, [.. refusal.Findings.Select(each => each.Message)]);
            var outcome = await _pass.Run(wish, cancel);
            var isServices = _service is NetworkService.Netplan or NetworkService.Networkd;
            return isServices && outcome.Written + outcome.Removed > 0
                ? outcome with { Findings = [.. outcome.Findings, .. await _wisher.Verify(configuration, cancel)] } : outcome;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or Win32Exception)
        {
            return new TargetOutcome(0, 0, [$"the network of node {_node}: {e.Message}"]);
        }
    }

    /// <summary>What would be done.</summary>
    /// <exception cref="IOException">The node can't be read.</exception>
    public NodePlan Plan(Attachments.NodeConfiguration configuration) => _wisher.Of(configuration).TryGet(out var wish, out var refusal)
        ? _pass.Plan(wish) : new NodePlan([], [.. refusal.Findings.Select(each => each.Message)], []);

    /// <inheritdoc/>
    public Task Changed(CancellationToken cancel) => _watch.Changed(cancel);

    /// <inheritdoc/>
    public void Dispose()
    {
        _watch.Dispose();
        _kernel.Dispose();
    }
}
