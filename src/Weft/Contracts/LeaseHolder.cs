using Weft.Resources;

namespace Weft.Contracts;

/// <summary>
/// Who holds the addresses of a pod's interface. The cluster, which belongs to it as well, is the agent's own.
/// </summary>
/// <param name="ContainerId">The sandbox; never used twice.</param>
internal sealed record LeaseHolder(ResourceId Network, string ContainerId, string Interface)
{
    /// <summary>For logs.</summary>
    public override string ToString() => $"{Network.Name}/{ContainerId}/{Interface}";
}
