using Weft.Contracts;
using Weft.Fleet;
using Weft.Resources;
using Weft.Server.Leases;

namespace Weft.Server.Agents;

/// <summary>What an agent's request about a pod means: its credential says more than its body.</summary>
internal static class PodRequests
{
    /// <summary>The request as the allocator takes it.</summary>
    /// <param name="row">The agent's row.</param>
    /// <returns>It; or why the agent has no say about that pod.</returns>
    public static Outcome<LeaseRequest> Of(this PodLeaseRequest request, ResourceId agent, Row row)
    {
        // The agent of a node speaks for the pods of that node alone, whatever the body says.
        var node = Agent.NodeOf(row);
        if (node is not null && request.Node is { } said && !said.Equals(node, StringComparison.OrdinalIgnoreCase))
            return new Refusal(
                RefusalCode.AuthorizationFailed,
                $"agent {agent.Name} serves the node {node}, so it has no say about pods of {said}",
                "node"
            );
        var (network, container, name) = request.Holder;
        var pod = request.Pod is null ? null : $"{request.Namespace ?? "default"}/{request.Pod}";
        var cluster = agent.Parent!;
        return new LeaseRequest(
            cluster,
            network,
            AddressClaims.PodHolderOf(cluster, container, name, pod, node ?? request.Node) with
            {
                PodUid = request.Uid,
                // A namespace is the bound of trust: nobody in another can claim the same.
                Claim = request is { Claim: { } claim, Namespace: { } space, Pod: not null }
                    ? $"{space}/{claim}"
                    : null,
            },
            request.Ips,
            false
        )
        {
            Agent = agent,
            Order = request.Order,
            OnlyOfNode = node,
        };
    }
}
