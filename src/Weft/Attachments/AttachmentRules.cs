using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Attachments.Nodes;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Attachments;

/// <summary>What a set of attachments of one cluster must keep, whoever of its pools they belong to.</summary>
internal static class AttachmentRules
{
    /// <summary>Names of interfaces that every node has already.</summary>
    private static readonly ImmutableHashSet<string> ReservedInterfaceNames =
    [
        "defaultcni",
        CloudServicesNetwork.Interface,
        "lo",
        "eth0",
    ];

    /// <summary>Checks attachments together; each finding names the attachment and the other one.</summary>
    /// <param name="attachments">All attachments of the cluster and its pools; those that are in this write come with
    /// their paths.</param>
    public static void Check(ValidationContext context, IReadOnlyList<Attachment> attachments)
    {
        var known = new List<NamedAttachment>();
        foreach (var attachment in attachments)
        {
            if (context.Transaction.Get(attachment.Network) is not { } row)
                continue;
            var current = new NamedAttachment(
                attachment,
                InterfaceNamesOf(attachment, row),
                DefinitionNamesOf(attachment, row)
            );
            CheckAlone(context, attachment, current.Interfaces[0], row);
            foreach (var other in known)
                CheckPair(context, current, other);
            known.Add(current);
        }
    }

    private static void CheckAlone(ValidationContext context, Attachment attachment, string name, Row row)
    {
        if (attachment.Plugin == PluginType.IPVLAN && attachment.Network.Type == L2Network.ResourceType)
        {
            var path = $"{attachment.Path}.pluginType";
            context.AddError(
                RefusalCode.PluginNotAllowed,
                path,
                $"'{path}': IPVLAN can't serve the L2 network {attachment.Network.Name}, because its interfaces are told apart by IP alone; use MACVLAN, SRIOV, DPDK or OSDevice",
                attachment.Network
            );
        }

        if (ReservedInterfaceNames.Contains(name))
            context.AddError(
                RefusalCode.Overlap,
                attachment.Path,
                $"'{attachment.Path}': the interface name '{name}' of {attachment.Network.Name} is taken on every node; give the network another interfaceName",
                attachment.Network
            );
        if (NodeLayoutRules.IsPodInterfaceName(name))
            context.AddError(
                RefusalCode.Overlap,
                attachment.Path,
                $"'{attachment.Path}': the interface name '{name}' of {attachment.Network.Name} is what Multus calls interfaces in pods, and one that comes back to the node would take its place; give the network another interfaceName",
                attachment.Network
            );
        if (HasSubInterfaces(attachment) && attachment.Network.Type == TrunkedNetwork.ResourceType)
        {
            var longest = $"{name}.{TrunkedNetwork.VlansOf(row).Max()}";
            if (longest.Length > InterfaceName.MaxLength)
                context.AddError(
                    RefusalCode.InvalidMember,
                    attachment.Path,
                    $"'{attachment.Path}': the sub-interface name '{longest}' is longer than the kernel's {InterfaceName.MaxLength} characters; give {attachment.Network.Name} a shorter interfaceName",
                    attachment.Network
                );
        }
    }

    private static void CheckPair(ValidationContext context, NamedAttachment current, NamedAttachment other)
    {
        var (attachment, earlier) = (current.Attachment, other.Attachment);
        var path = attachment.Path;
        if (!attachment.Network.Equals(earlier.Network))
        {
            if (current.Interfaces.Intersect(other.Interfaces, StringComparer.Ordinal).FirstOrDefault() is { } name)
                context.AddError(
                    RefusalCode.Overlap,
                    path,
                    $"'{path}': {attachment.Network.Name} and {earlier.Network.Name} ({earlier.Path}) have the same interface name '{name}'; give one of the networks another interfaceName",
                    earlier.Network
                );
            if (current.Definitions.Intersect(other.Definitions, StringComparer.Ordinal).FirstOrDefault() is { } label)
                context.AddError(
                    RefusalCode.Overlap,
                    path,
                    $"'{path}': {attachment.Network.Name} and {earlier.Network.Name} ({earlier.Path}) would both be the NetworkAttachmentDefinition '{label}'",
                    earlier.Network
                );
            return;
        }

        if (attachment.Plugin == earlier.Plugin && attachment.Ipam == earlier.Ipam && !IsSameScope(path, earlier.Path))
            return;
        if (attachment.Plugin == earlier.Plugin && IsSameScope(path, earlier.Path))
            context.AddError(
                RefusalCode.Overlap,
                path,
                $"'{path}': {attachment.Network.Name} is attached twice by {attachment.Plugin} (also {earlier.Path})",
                attachment.Network
            );
        else if (attachment.Plugin == earlier.Plugin)
            context.AddError(
                RefusalCode.Mismatch,
                $"{path}.ipamEnabled",
                $"'{path}.ipamEnabled': {attachment.Network.Name} is attached with ipamEnabled {earlier.Ipam} in {earlier.Path}; one NetworkAttachmentDefinition can't be both",
                attachment.Network
            );
        else if (attachment.Network.Type == TrunkedNetwork.ResourceType && UsesPort(attachment) && UsesPort(earlier))
            context.AddError(
                RefusalCode.Overlap,
                path,
                $"'{path}': {attachment.Network.Name} is attached by {earlier.Plugin} already ({earlier.Path}), and a node's sub-interface takes the tag away from pods on the same port",
                attachment.Network
            );
        else if (attachment.ServesPods && earlier.ServesPods)
            context.AddError(
                RefusalCode.Overlap,
                path,
                $"'{path}': {attachment.Network.Name} is attached by {earlier.Plugin} already ({earlier.Path}), and its NetworkAttachmentDefinition can be only one; OSDevice may stand beside it",
                attachment.Network
            );
    }

    /// <summary>
    /// The interfaces that an attachment makes on a node: its own, and for a trunk that the node takes apart one for
    /// each VLAN.
    /// </summary>
    private static ImmutableArray<string> InterfaceNamesOf(Attachment attachment, Row row)
    {
        var name = Network.InterfaceNameOf(row);
        return !HasSubInterfaces(attachment) || attachment.Network.Type != TrunkedNetwork.ResourceType
            ? [name]
            : [name, .. TrunkedNetwork.VlansOf(row).Select(vlan => $"{name}.{vlan}")];
    }

    /// <summary>
    /// The NetworkAttachmentDefinitions that an attachment makes: its own, and for a trunk that can be narrowed one for
    /// each VLAN.
    /// </summary>
    private static ImmutableArray<string> DefinitionNamesOf(Attachment attachment, Row row)
    {
        if (!attachment.ServesPods)
            return [];
        var name = DefinitionNames.NameOf(attachment.Network);
        return
            attachment.Network.Type != TrunkedNetwork.ResourceType
            || !DefinitionNames.HasPerVlanDefinitions(attachment.Plugin)
            ? [name]
            : [name, .. TrunkedNetwork.VlansOf(row).Select(vlan => DefinitionNames.NameOf(attachment.Network, vlan))];
    }

    private static bool HasSubInterfaces(Attachment attachment) =>
        attachment.Plugin is PluginType.OSDevice or PluginType.IPVLAN;

    private static bool UsesPort(Attachment attachment) =>
        attachment.Plugin is PluginType.MACVLAN or PluginType.OSDevice;

    private static bool IsSameScope(string left, string right) => ScopeOf(left) == ScopeOf(right);

    private static string ScopeOf(string path) =>
        path[..path.LastIndexOf("attachedNetworkConfiguration", StringComparison.Ordinal)];

    private sealed record NamedAttachment(
        Attachment Attachment,
        ImmutableArray<string> Interfaces,
        ImmutableArray<string> Definitions
    );
}
