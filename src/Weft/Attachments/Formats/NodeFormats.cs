using System.Collections.Immutable;
using Weft.Attachments.Nodes;

namespace Weft.Attachments.Formats;

/// <summary>The formats of node configuration.</summary>
internal enum NodeFormat
{
    /// <summary>One file of netplan.</summary>
    Netplan,

    /// <summary>Files of systemd-networkd.</summary>
    Networkd,

    /// <summary>The desired state of nmstate, with .link files for the names of ports.</summary>
    Nmstate,

    /// <summary>A <c>NodeNetworkConfigurationPolicy</c> of kubernetes-nmstate.</summary>
    Nncp,

    /// <summary>The trunk guard alone.</summary>
    Nftables,

    /// <summary>The network-config of cloud-init, for a node's first boot.</summary>
    CloudInit,
}

/// <summary>Renders a node's configuration as files.</summary>
/// <remarks>Source: docs/specs/node-configuration.md, "Files".</remarks>
internal static class NodeFormats
{
    /// <summary>What travels in the desired state of a cluster: netplan, and the trunk guard.</summary>
    public static ImmutableArray<NodeFile> RenderDefault(NodeConfiguration configuration)
    {
        var layout = NodeLayout.Arrange(configuration);
        return [NetplanFile(layout), .. TrunkGuardFiles(layout, null)];
    }

    /// <summary>Renders a format.</summary>
    /// <param name="previous">What the node had before, or null: formats that must be told what goes are told.</param>
    /// <returns>The files, or every fault of the configuration.</returns>
    public static Outcome<ImmutableArray<NodeFile>> Render(
        NodeFormat format,
        NodeConfiguration configuration,
        NodeConfiguration? previous = null
    )
    {
        if (!NodeLayout.Create(configuration).TryGet(out var layout, out var refusal))
            return refusal;
        var old = previous is null ? null : NodeLayout.Arrange(previous);
        ImmutableArray<NodeFile> files = format switch
        {
            NodeFormat.Netplan => [NetplanFile(layout), .. TrunkGuardFiles(layout, old)],
            NodeFormat.Networkd => [.. NetworkdFiles.Render(layout), .. TrunkGuardFiles(layout, old)],
            NodeFormat.Nmstate =>
            [
                new NodeFile("/etc/nmstate/60-weft.yml", "0600", NmstateDocument.Write(layout, old)),
                .. NetworkdFiles.RenderLinkFiles(layout),
                .. TrunkGuardFiles(layout, old),
            ],
            NodeFormat.Nncp =>
            [
                new NodeFile($"weft-{layout.Node}.nncp.yaml", "0644", NmstateDocument.WritePolicy(layout, old)),
            ],
            NodeFormat.Nftables => [.. TrunkGuardFiles(layout, old)],
            NodeFormat.CloudInit => [new NodeFile("network-config", "0644", NetplanDocument.Write(layout))],
            _ => throw new ArgumentOutOfRangeException(nameof(format), format, "no format of node configuration"),
        };
        return files;
    }

    private static NodeFile NetplanFile(NodeLayout layout) =>
        new("/etc/netplan/60-weft.yaml", "0600", NetplanDocument.Write(layout));

    private static IEnumerable<NodeFile> TrunkGuardFiles(NodeLayout layout, NodeLayout? previous) =>
        TrunkGuardRuleset.Write(layout, previous) is { Length: > 0 } rules
            ? [new NodeFile("/etc/weft/trunk-guard.nft", "0644", rules)]
            : [];
}
