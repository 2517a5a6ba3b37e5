using Weft.Contracts;
using Weft.Fleet;
using Weft.Fleet.Reclaim;
using Weft.Resources;
using Weft.Server.Inquiries;

namespace Weft.Server.Reclaim;

/// <summary>A holder, and what was found of it.</summary>
/// <param name="Agent">The agent that keeps its lease, where it has answered; null where nobody has.</param>
internal sealed record JudgedHolder(HeldAddresses Held, LeaseVerdict Verdict, ResourceId? Agent);

/// <summary>
/// Asks those who know about holders: the agent of each node for its own, and the cluster's agent for pods and nodes. All of
/// them at once; whoever doesn't answer in time has said nothing.
/// </summary>
internal sealed class EvidenceCollector(ControlPlane controlPlane, AgentInquiries inquiries)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Judges holders, all of one cluster.</summary>
    /// <returns>One for each, in the same order.</returns>
    public async Task<IReadOnlyList<JudgedHolder>> Judge(
        ResourceId cluster,
        IReadOnlyList<HeldAddresses> holders,
        CancellationToken cancel
    )
    {
        var state = controlPlane.Store.Current;
        var agents = Agent.ListIn(state, cluster).Where(row => !Provisioning.IsDeleting(row)).ToList();
        var pods = AskForPods(
            [.. agents.Where(row => Agent.NodeOf(row) is null).Select(ResourceKind.IdOf)],
            holders,
            cancel
        );
        var held = AskForHolders(agents, holders, cancel);
        var known = KnownNodes(state, cluster, agents);
        var (ofPods, ofHolders) = (await pods, await held);
        return
        [
            .. holders.Select(holder =>
            {
                var pod = ofPods.GetValueOrDefault(holder, PodObservation.Unknown);
                var (agent, found) = ofHolders.GetValueOrDefault(holder, (null, HolderObservation.Unknown));
                var evidence = new LeaseEvidence
                {
                    Pod = pod.State,
                    HasUid = holder.Holder.PodUid is not null,
                    Node = pod.NodeState,
                    Holder = found.State,
                    Sandbox = found.Sandbox,
                    IsNodeKnown = holder.Holder.Node is not { } node || known.Contains(node),
                    IsSuperseded = holder.IsSuperseded,
                    IsElsewhere =
                        pod is { State: PodState.Present, Node: { } there }
                        && holder.Holder.Node is { } here
                        && !there.Equals(here, StringComparison.OrdinalIgnoreCase),
                    Age = controlPlane.UtcNow - holder.Since,
                };
                return new JudgedHolder(holder, LeaseVerdict.Of(evidence), agent);
            }),
        ];
    }

    /// <summary>Has an agent release what a holder has.</summary>
    /// <returns>Whether it does.</returns>
    public async Task<bool> Release(
        ResourceId agent,
        HeldAddresses held,
        InquiryRelease release,
        CancellationToken cancel
    ) =>
        await inquiries.Ask(agent, [], [ToInquired(held)], release, Patience, cancel)
            is { Holders: [{ State: HolderState.Releasing }] };

    private static HashSet<string> KnownNodes(StoreState state, ResourceId cluster, List<Row> agents) =>
        state
            .Range($"{StoreKey.PartitionOf(Node.ResourceType)}|{cluster.Key}/")
            .Select(row => ResourceKind.IdOf(row).Name)
            .Concat(agents.Select(Agent.NodeOf).OfType<string>())
            .ToHashSet(StringComparer.OrdinalIgnoreCase);

    private async Task<Dictionary<HeldAddresses, PodObservation>> AskForPods(
        IReadOnlyList<ResourceId> agents,
        IReadOnlyList<HeldAddresses> holders,
        CancellationToken cancel
    )
    {
        var found = new Dictionary<HeldAddresses, PodObservation>(ReferenceEqualityComparer.Instance);
        var asked = holders.Where(holder => AddressClaims.PodOf(holder.Holder) is not null).ToList();
        foreach (var part in asked.Chunk(AgentInquiry.MaxItems))
        {
            foreach (var agent in agents)
            {
                if (
                    await inquiries.Ask(agent, [.. part.Select(ToReference)], [], InquiryRelease.No, Patience, cancel)
                    is not { } report
                )
                    continue;
                for (var i = 0; i < part.Length; i++)
                    found[part[i]] = report.Pods[i];
                // Replicas of it are one agent; a second one of a cluster knows the same API server.
                if (report.Pods.Any(pod => pod.State != PodState.Unknown))
                    break;
            }
        }

        return found;
    }

    private async Task<Dictionary<HeldAddresses, (ResourceId? Agent, HolderObservation Found)>> AskForHolders(
        List<Row> agents,
        IReadOnlyList<HeldAddresses> holders,
        CancellationToken cancel
    )
    {
        var found = new Dictionary<HeldAddresses, (ResourceId?, HolderObservation)>(ReferenceEqualityComparer.Instance);
        var questions = holders
            .GroupBy(holder => KeeperOf(agents, holder))
            .Where(group => group.Key is not null)
            .SelectMany(group => group.Chunk(AgentInquiry.MaxItems).Select(part => (Agent: group.Key!, Part: part)))
            .Select(async question =>
            {
                var asked = question.Part.Select(ToInquired).ToList();
                var report = await inquiries.Ask(question.Agent, [], asked, InquiryRelease.No, Patience, cancel);
                return (question.Agent, question.Part, report);
            });
        foreach (var (agent, part, report) in await Task.WhenAll(questions))
        {
            for (var i = 0; report is not null && i < part.Length; i++)
                found[part[i]] = (agent, report.Holders[i]);
        }

        return found;
    }

    /// <summary>The agent that keeps a lease: that of its node, or else one of the cluster as a whole.</summary>
    private static ResourceId? KeeperOf(List<Row> agents, HeldAddresses holder) =>
        (
            agents.Find(row =>
                Agent.NodeOf(row) is { } node && node.Equals(holder.Holder.Node, StringComparison.OrdinalIgnoreCase)
            ) ?? agents.Find(row => Agent.NodeOf(row) is null)
        )
            is { } agent
            ? ResourceKind.IdOf(agent)
            : null;

    private static InquiredHolder ToInquired(HeldAddresses held) =>
        new(held.Network.ToString(), held.ContainerId, held.Interface);

    private static PodReference ToReference(HeldAddresses held)
    {
        var (space, name) = AddressClaims.PodOf(held.Holder)!.Value;
        return new PodReference(space, name, held.Holder.PodUid, held.Holder.Node);
    }
}
