using System.Collections.Immutable;
using Weft.Attachments.Nodes;

namespace Weft.Agent.Nodes.Planning;

/// <summary>The interfaces that the agent sets up by netlink: the layout that files are written from too.</summary>
internal static class DesiredLinks
{
    /// <summary>
    /// A layout's interfaces, ports first, each tagged one with its <see cref="NodeLink.Parent"/>. Unlike files, netlink
    /// also sets up the ports that the node's own files have, because what stands on them needs them up and wide
    /// enough; and it knows the port of virtual functions by name, so those without a MAC address have one too.
    /// </summary>
    public static ImmutableArray<NodeLink> FromLayout(NodeLayout layout)
    {
        var linkPorts = layout.LinkPorts.ExceptBy(layout.Tagged.Select(link => link.Name), port => port.Name);
        var functionPorts = layout.PhysicalFunctions.Select(NodeLayout.PortOf).ToList();
        var links = linkPorts
            .Concat(layout.Tagged)
            .Concat(functionPorts)
            .GroupBy(link => link.Name, StringComparer.Ordinal)
            .Select(same => same.First() with { Mtu = same.Max(link => link.Mtu) })
            .ToList();
        return
        [
            .. links.Where(link => link.Vlan is null).Select(port => AsWideAsChildren(port, links)),
            .. links.Where(link => link.Vlan is not null),
        ];
    }

    private static NodeLink AsWideAsChildren(NodeLink port, List<NodeLink> links) =>
        port with
        {
            Mtu = links
                .Where(l => l.Vlan is not null && l.Parent == port.Name)
                .Select(l => l.Mtu)
                .Append(port.Mtu)
                .Max(),
        };
}
