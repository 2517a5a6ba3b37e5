using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Attachments.Nodes;

namespace Weft.Attachments.Plugins;

/// <summary>
/// The parts that attachments add to a node, put together: what several of them say about one port is said once.
/// </summary>
internal static class NodeParts
{
    /// <summary>Puts parts together.</summary>
    /// <returns>All that the node must have.</returns>
    public static NodeConfiguration Merge(string node, IReadOnlyList<NodePart> parts)
    {
        ImmutableArray<NodeLink> links = [.. parts.SelectMany(part => part.Links)];
        return new NodeConfiguration(
            node,
            links,
            [.. MergePorts(parts)],
            [.. parts.SelectMany(part => part.Devices)],
            [.. MergeGuards(parts, links)]
        );
    }

    private static IEnumerable<PhysicalFunction> MergePorts(IReadOnlyList<NodePart> parts) =>
        parts
            .SelectMany(part => part.PhysicalFunctions)
            .GroupBy(port => port.Name, StringComparer.Ordinal)
            .Select(same =>
                same.First() with
                {
                    Functions = [.. same.SelectMany(port => port.Functions).OrderBy(function => function.Index)],
                }
            );

    /// <summary>
    /// One guard for one port. On a trunk port the node's own interfaces stand beside the pods', so their tags and
    /// untagged frames pass as well. Frames that come in for the node's VLANs never reach the pods even so: the kernel
    /// looks for a VLAN interface before it looks for children of the port.
    /// </summary>
    private static IEnumerable<TrunkGuard> MergeGuards(IReadOnlyList<NodePart> parts, ImmutableArray<NodeLink> links)
    {
        foreach (
            var same in parts.SelectMany(part => part.Guards).GroupBy(guard => guard.Interface, StringComparer.Ordinal)
        )
        {
            var shared = links.Any(link => link.Name == same.Key && link.Uplink.IsTrunkPort);
            var own = shared
                ? links
                    .Where(link => link.Vlan is not null && (link.Parent ?? link.Uplink.Name) == same.Key)
                    .Select(link => link.Vlan!.Value)
                : [];
            yield return new TrunkGuard(
                same.Key,
                string.Join(", ", same.Select(guard => guard.Network)),
                VlanSet.Create(same.SelectMany(guard => guard.Vlans).Concat(own)),
                shared
            );
        }
    }
}
