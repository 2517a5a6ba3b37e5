using Weft.Contracts;
using Weft.Networks.Blocks;
using Weft.Resources;

namespace Weft.Fleet.Blocks;

/// <summary>What is known of the node that a block is out on.</summary>
internal sealed record BlockEvidence
{
    /// <summary>Whether its agent is enrolled.</summary>
    public bool HasAgent { get; init; }

    /// <summary>Whether its agent listens now: then the node runs, whatever else is said.</summary>
    public bool IsHeard { get; init; }

    /// <summary>Whether there is a node resource, or another agent, of the node's name.</summary>
    public bool IsNodeKnown { get; init; }

    /// <summary>What the cluster says of the node.</summary>
    public KubeNodeState Node { get; init; }
}

/// <summary>Whether a block comes back without its owner's word (docs/specs/blocks.md, "Coming back").</summary>
/// <param name="IsBack">Whether it does: nothing runs on its node that holds what nobody told.</param>
internal sealed record BlockReturn(bool IsBack, string Reason)
{
    /// <summary>Judges. What isn't known counts as alive.</summary>
    public static BlockReturn Of(AddressBlock block, BlockEvidence evidence)
    {
        if (evidence is { IsHeard: false, Node: KubeNodeState.Absent or KubeNodeState.OutOfService })
            return new(
                true,
                evidence.Node == KubeNodeState.Absent
                    ? "the cluster has no such node any more"
                    : "the cluster says that its node is out of service"
            );
        if (block.State != BlockState.Lost && evidence.HasAgent)
            return new(false, "its agent has it");
        if (evidence is { HasAgent: false, IsNodeKnown: false })
            return new(true, "neither its agent nor its node is there any more");
        return new(
            false,
            $"{block.Reason ?? "its agent is gone"}, and pods of {block.Node} may hold what nobody told: start the node anew, or delete "
                + $"it; once nothing runs there: weft ipam blocks {block.Network.Name} --return --force"
        );
    }

    /// <summary>What becomes of the blocks of an agent that is forgotten: nobody gives of them any more.</summary>
    public static IEnumerable<Mutation> Forget(StoreState state, ResourceId agent) =>
        BlockBook
            .Of(state, agent)
            .Blocks.Select(block =>
                (block with { State = BlockState.Lost, Reason = "its agent was forgotten" }).ToMutation()
            );
}
