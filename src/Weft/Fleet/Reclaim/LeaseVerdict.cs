using Weft.Contracts;

namespace Weft.Fleet.Reclaim;

/// <summary>
/// Whether a holder is gone for certain, and why or why not (docs/specs/reclaim.md, "When a holder is gone"). What isn't
/// known counts as alive: an address that stays held too long is a nuisance, one that two have is a fault that nobody finds.
/// </summary>
/// <param name="IsGone">Whether its addresses may be given to others.</param>
/// <param name="Reason">Why, or why not: a part of a sentence, for people.</param>
internal sealed record LeaseVerdict(bool IsGone, string Reason)
{
    /// <summary>
    /// Whether a person must look: the pod is gone and its node may still run it, or what its agent says isn't what the
    /// cluster says.
    /// </summary>
    public bool IsUnproven { get; private init; }

    /// <summary>
    /// How old a lease must be before it is judged. The kubelet gives a sandbox four minutes to start (twice its
    /// runtimeRequestTimeout of 2 minutes): a younger one may be of an ADD that is still under way.
    /// </summary>
    public static readonly TimeSpan MinAge = TimeSpan.FromMinutes(5);

    /// <summary>Judges.</summary>
    public static LeaseVerdict Of(LeaseEvidence evidence) =>
        evidence.Age < MinAge ? Alive("it is younger than the longest start of a pod")
        : evidence.Sandbox == SandboxState.Present ? OfPresentSandbox(evidence)
        : evidence.Holder == HolderState.Releasing ? Alive("its node's agent is giving it back")
        : evidence.Pod switch
        {
            PodState.Present => OfPresentPod(evidence),
            PodState.Absent or PodState.Ended => OfGonePod(evidence),
            _ => OfUnknownPod(evidence),
        };

    private static LeaseVerdict OfPresentSandbox(LeaseEvidence evidence) =>
        evidence.Pod is PodState.Absent or PodState.Ended
            ? Unproven("the cluster has no such pod any more, but its node's agent says that its sandbox is there")
            : Alive("its sandbox is on the node");

    /// <summary>A pod has one sandbox at a time; what an earlier one of it held is nobody's.</summary>
    private static LeaseVerdict OfPresentPod(LeaseEvidence evidence) =>
        evidence is { Sandbox: SandboxState.Absent, Holder: HolderState.Held or HolderState.NotHeld }
            ? Gone("its sandbox isn't on the node any more, and the pod runs in another")
        : evidence is { IsSuperseded: true, HasUid: true }
            ? Gone("the pod has another sandbox since, which holds another address")
        : evidence.IsElsewhere ? Unproven("the cluster has its pod on another node than the agent that leased for it")
        : Alive("its pod is there");

    private static LeaseVerdict OfGonePod(LeaseEvidence evidence)
    {
        var how = evidence.Pod == PodState.Ended ? "its pod has ended" : "its pod isn't there any more";
        if (evidence.Sandbox == SandboxState.Absent)
            return Gone($"{how}, and its sandbox isn't on the node");
        return evidence.Node switch
        {
            KubeNodeState.Ready when evidence.Holder is HolderState.Held or HolderState.NotHeld => Gone(
                $"{how}, and its node is well"
            ),
            KubeNodeState.Ready => Unproven($"{how}, but its node's agent doesn't say what it holds"),
            KubeNodeState.Absent => Gone($"{how}, and neither is its node"),
            KubeNodeState.OutOfService => Gone($"{how}, and its node is marked out of service"),
            KubeNodeState.NotReady => Unproven($"{how}, but its node isn't ready and may still run it"),
            _ => evidence.IsNodeKnown
                ? Unproven($"{how}, but nobody knows whether its node still runs it")
                : Gone($"{how}, and its node and its node's agent are deleted"),
        };
    }

    /// <summary>Without the cluster's word only the runtime's counts, or that of whoever has deleted node and agent.</summary>
    private static LeaseVerdict OfUnknownPod(LeaseEvidence evidence) =>
        evidence is { Sandbox: SandboxState.Absent, Holder: HolderState.Held or HolderState.NotHeld }
            ? Gone("its sandbox isn't on the node any more")
        : evidence is { Node: KubeNodeState.Absent, IsNodeKnown: false } ? Gone("its node is gone")
        : Alive("nobody knows whether its pod is there");

    private static LeaseVerdict Alive(string why) => new(false, why);

    private static LeaseVerdict Unproven(string why) => new(false, why) { IsUnproven = true };

    private static LeaseVerdict Gone(string why) => new(true, why);
}
