using System.Collections.Immutable;
using Weft.Agent.Linux;
using Weft.Attachments.Admission;
using Weft.Attachments.Verification;
using Weft.Contracts;

namespace Weft.Agent.Verification;

/// <summary>Proves a node, or a pod on it, against a desired state.</summary>
/// <param name="node">The node served, or null.</param>
internal sealed class Verifier(string? node, PodNamespaces pods, ProbeTimings timings)
{
    // Probes mostly wait; a node with many silent networks would else take minutes.
    private const int MaxParallelism = 8;

    /// <summary>Does a task.</summary>
    /// <param name="desired">The desired state, as the control plane rendered it.</param>
    /// <param name="netns">The namespace to look in, where the caller knows it better than the task.</param>
    public async Task<VerificationReport> Run(VerificationTask task, DesiredStateDocument desired, string? netns = null)
    {
        var facts = desired.Networks.ToList();
        if (task.Network is { } only && !facts.Exists(f => IsNamed(f, only)))
            return Wrong(
                $"the cluster has no network '{only}'; it has {string.Join(", ", facts.Select(f => f.Id.Name))}"
            );
        try
        {
            if (task.Pod is null && netns is null)
                return await VerifyNode(task, desired, facts);
            return (netns ?? pods.Find(task.Pod!)) is { } path
                ? await VerifyPod(task, facts, path)
                : Elsewhere($"the pod {task.Pod} doesn't run on {node}");
        }
        catch (IOException e)
        {
            return Wrong(e.Message);
        }
    }

    private async Task<VerificationReport> VerifyNode(
        VerificationTask task,
        DesiredStateDocument desired,
        List<NetworkFacts> facts
    )
    {
        if (node is null)
            return Elsewhere("this agent serves no node");
        var nodes = desired.Nodes ?? [];
        if (nodes.FirstOrDefault(each => each.Name == node) is not { } mine)
            return Wrong(
                $"the cluster has no node '{node}'; it has {string.Join(", ", nodes.Select(each => each.Name))}"
            );
        if (!mine.Configuration.TryGet(out var configuration, out var refusal))
            return Wrong($"the node's configuration can't be read: {refusal.Message}");
        return await Probe(InterfaceExpectation.ForNode(configuration, facts, task.Network), null);
    }

    private async Task<VerificationReport> VerifyPod(VerificationTask task, List<NetworkFacts> facts, string netns)
    {
        var links = await NetworkNamespace.Run(netns, LinkState.ReadAll);
        var expectations =
            from link in links.Values.OrderBy(l => l.Name, StringComparer.Ordinal)
            where link.Name != "lo" && (task.Interface is null || link.Name == task.Interface)
            let network = NetworkOf(link, task, facts)
            where network is not null && (task.Network is null || IsNamed(network, task.Network))
            select InterfaceExpectation.ForPod(network, link.Name, facts);
        ImmutableArray<InterfaceExpectation> found = [.. expectations];
        return found.IsEmpty ? Wrong(DescribeNone(task, links.Keys)) : await Probe(found, netns);
    }

    /// <summary>
    /// A pod's interface says by its address which network it is on; one without is named by whoever asks.
    /// </summary>
    private static NetworkFacts? NetworkOf(LinkState link, VerificationTask task, List<NetworkFacts> facts)
    {
        var byAddress = facts.Find(f => link.Addresses.Any(a => f.Subnets.Any(s => s.Prefix.Contains(a.Address))));
        if (byAddress is not null || task.Interface is null || task.Network is not { } named)
            return byAddress;
        return facts.Find(f => IsNamed(f, named));
    }

    private static bool IsNamed(NetworkFacts network, string name) =>
        InterfaceExpectation.IsNetwork(network.Id.ToString(), name);

    private static string DescribeNone(VerificationTask task, IEnumerable<string> names)
    {
        var there = string.Join(", ", names.Order(StringComparer.Ordinal));
        if (task.Interface is { } name && !names.Contains(name))
            return $"the pod has no interface '{name}'; it has {there}";
        return $"no interface of the pod ({there}) has an address of {task.Network ?? "a network of the cluster"}; "
            + "name it, and its network, with --interface and --network";
    }

    private async Task<VerificationReport> Probe(ImmutableArray<InterfaceExpectation> expectations, string? netns)
    {
        using var gate = new SemaphoreSlim(MaxParallelism);
        var reports = await Task.WhenAll(
            expectations.Select(async expectation =>
            {
                await gate.WaitAsync();
                try
                {
                    return await NetworkNamespace.Run(netns, () => new InterfaceProbe(expectation, timings).Run());
                }
                finally
                {
                    gate.Release();
                }
            })
        );
        return new VerificationReport(node, null, [.. reports]);
    }

    private VerificationReport Wrong(string why) => new(node, why, []);

    private VerificationReport Elsewhere(string why) => new(node, why, []) { IsElsewhere = true };
}
