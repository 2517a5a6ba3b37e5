using Weft.Contracts;

namespace Weft.Fleet.Reclaim;

/// <summary>
/// What is known of one holder at one moment: what was found out by asking, and what wasn't. Nothing is known unless
/// somebody has said it.
/// </summary>
internal sealed record LeaseEvidence
{
    /// <summary>The pod, by the cluster's agent.</summary>
    public PodState Pod { get; init; }

    /// <summary>Whether the pod is known by its UID: then another pod of the same name isn't taken for it.</summary>
    public bool HasUid { get; init; }

    /// <summary>The node, by the cluster's agent.</summary>
    public KubeNodeState Node { get; init; }

    /// <summary>The holder, by the node's agent.</summary>
    public HolderState Holder { get; init; }

    /// <summary>Its sandbox, by the node's agent.</summary>
    public SandboxState Sandbox { get; init; }

    /// <summary>Whether there is a node of that name, or an agent that serves one.</summary>
    public bool IsNodeKnown { get; init; }

    /// <summary>Whether the same pod has a newer lease of the same network for the same interface in another sandbox.</summary>
    public bool IsSuperseded { get; init; }

    /// <summary>Whether the cluster has the pod on another node than the agent that leased for it.</summary>
    public bool IsElsewhere { get; init; }

    /// <summary>How long it has held its addresses.</summary>
    public TimeSpan Age { get; init; }
}
