using Weft.Resources;

namespace Weft.Agent.Leases;

/// <summary>Who holds a pod's address. The cluster, which belongs to it as well, is the agent's own.</summary>
/// <param name="ContainerId">The sandbox; never used twice.</param>
internal sealed record Holder(ResourceId Network, string ContainerId, string Interface)
{
    /// <summary>For logs.</summary>
    public override string ToString() => $"{Network.Name}/{ContainerId}/{Interface}";
}
