using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Attachments.Nodes;
using Weft.Attachments.Plugins;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Attachments;

/// <summary>What a set of attachments of one cluster must keep, whoever of its pools they belong to.</summary>
internal static class AttachmentRules
{
    /// <summary>Names of interfaces that every node has already.</summary>
    private static readonly ImmutableHashSet<string> ReservedInterfaceNames =
    [
        Network.CniInterfaceName,
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
        var (path, network) = (attachment.Path, attachment.Network);
        if (attachment.Plugin.ReasonNotServing(attachment.NetworkType) is { } reason)
            context.AddError(PluginNotAllowedError(attachment, reason));
        if (ReservedInterfaceNames.Contains(name))
            context.AddError(
                RefusalCode.Overlap,
                path,
                $"'{path}': the interface name '{name}' of {network.Name} is taken on every node; give the network another interfaceName",
                network
            );
        if (NodeLayoutRules.IsPodInterfaceName(name))
            context.AddError(
                RefusalCode.Overlap,
                path,
                $"'{path}': the interface name '{name}' of {network.Name} is what Multus calls interfaces in pods, "
                    + "and one that comes back to the node would take its place; give the network another interfaceName",
                network
            );
        if (!SplitsTrunk(attachment))
            return;
        var longest = TrunkLinks.SubInterfaceNameOf(name, TrunkedNetwork.VlansOf(row).Max());
        if (longest.Length > InterfaceName.MaxLength)
            context.AddError(
                RefusalCode.InvalidMember,
                path,
                $"'{path}': the sub-interface name '{longest}' is longer than the kernel's {InterfaceName.MaxLength} characters; "
                    + $"give {network.Name} a shorter interfaceName",
                network
            );
    }

    private static Refusal PluginNotAllowedError(Attachment attachment, string reason)
    {
        var path = $"{attachment.Path}.pluginType";
        var network = attachment.NetworkType switch
        {
            NetworkType.L2 => "L2 network",
            NetworkType.L3 => "L3 network",
            _ => "trunked network",
        };
        var others = PluginRegistry.ListNames(plugin => plugin.ReasonNotServing(attachment.NetworkType) is null, "or");
        return new Refusal(
            RefusalCode.PluginNotAllowed,
            $"'{path}': {attachment.Plugin.Name} can't serve the {network} {attachment.Network.Name}, because {reason}; use {others}",
            path,
            attachment.Network.ToString()
        );
    }

    private static void CheckPair(ValidationContext context, NamedAttachment current, NamedAttachment other)
    {
        if (!current.Attachment.Network.Equals(other.Attachment.Network))
            CheckNames(context, current, other);
        else if (current.Attachment.Plugin == other.Attachment.Plugin)
            CheckRepeated(context, current.Attachment, other.Attachment);
        else
            CheckPlugins(context, current.Attachment, other.Attachment);
    }

    private static void CheckNames(ValidationContext context, NamedAttachment current, NamedAttachment other)
    {
        var (path, network) = (current.Attachment.Path, current.Attachment.Network);
        var (earlier, earlierPath) = (other.Attachment.Network, other.Attachment.Path);
        if (current.Interfaces.Intersect(other.Interfaces, StringComparer.Ordinal).FirstOrDefault() is { } name)
            context.AddError(
                RefusalCode.Overlap,
                path,
                $"'{path}': {network.Name} and {earlier.Name} ({earlierPath}) have the same interface name '{name}'; "
                    + "give one of the networks another interfaceName",
                earlier
            );
        if (current.Definitions.Intersect(other.Definitions, StringComparer.Ordinal).FirstOrDefault() is { } label)
            context.AddError(
                RefusalCode.Overlap,
                path,
                $"'{path}': {network.Name} and {earlier.Name} ({earlierPath}) would both be the NetworkAttachmentDefinition '{label}'",
                earlier
            );
    }

    /// <summary>One network by one plugin: once in a scope, and alike in all.</summary>
    private static void CheckRepeated(ValidationContext context, Attachment attachment, Attachment earlier)
    {
        var (path, network) = (attachment.Path, attachment.Network);
        if (IsSameScope(path, earlier.Path))
            context.AddError(
                RefusalCode.Overlap,
                path,
                $"'{path}': {network.Name} is attached twice by {attachment.Plugin.Name} (also {earlier.Path})",
                network
            );
        else if (attachment.Ipam != earlier.Ipam)
            context.AddError(
                RefusalCode.Mismatch,
                $"{path}.ipamEnabled",
                $"'{path}.ipamEnabled': {network.Name} is attached with ipamEnabled {earlier.Ipam} in {earlier.Path}; "
                    + "one NetworkAttachmentDefinition can't be both",
                network
            );
    }

    /// <summary>One network by two plugins.</summary>
    private static void CheckPlugins(ValidationContext context, Attachment attachment, Attachment earlier)
    {
        var (plugin, other) = (attachment.Plugin, earlier.Plugin);
        var conflict =
            plugin.ServesPods && other.ServesPods
                ? "and its NetworkAttachmentDefinition can be only one; "
                    + $"{PluginRegistry.ListNames(p => !p.ServesPods, "or")} may stand beside it"
            : attachment.NetworkType == NetworkType.Trunked && TakesTags(plugin, other)
                ? "and a node's sub-interface takes the tag away from pods on the same port"
            : null;
        if (conflict is not null)
            context.AddError(
                RefusalCode.Overlap,
                attachment.Path,
                $"'{attachment.Path}': {attachment.Network.Name} is attached by {other.Name} already ({earlier.Path}), {conflict}",
                attachment.Network
            );
    }

    private static bool TakesTags(IPlugin left, IPlugin right) =>
        left.TagsOnPort && right.SplitsTrunks || left.SplitsTrunks && right.TagsOnPort;

    /// <summary>
    /// The interfaces that an attachment makes on a node: its own, and for a trunk that the node takes apart one for
    /// each VLAN.
    /// </summary>
    private static ImmutableArray<string> InterfaceNamesOf(Attachment attachment, Row row)
    {
        var name = Network.InterfaceNameOf(row);
        return !SplitsTrunk(attachment)
            ? [name]
            : [name, .. TrunkedNetwork.VlansOf(row).Select(vlan => TrunkLinks.SubInterfaceNameOf(name, vlan))];
    }

    /// <summary>
    /// The NetworkAttachmentDefinitions that an attachment makes: its own, and for a trunk that can be narrowed one for
    /// each VLAN.
    /// </summary>
    private static ImmutableArray<string> DefinitionNamesOf(Attachment attachment, Row row)
    {
        if (!attachment.Plugin.ServesPods)
            return [];
        var name = DefinitionNames.NameOf(attachment.Network);
        return attachment.NetworkType != NetworkType.Trunked || !attachment.Plugin.HasPerVlanDefinitions
            ? [name]
            : [name, .. TrunkedNetwork.VlansOf(row).Select(vlan => DefinitionNames.NameOf(attachment.Network, vlan))];
    }

    private static bool SplitsTrunk(Attachment attachment) =>
        attachment.Plugin.SplitsTrunks && attachment.NetworkType == NetworkType.Trunked;

    private static bool IsSameScope(string left, string right) => ScopeOf(left) == ScopeOf(right);

    private static string ScopeOf(string path) =>
        path[..path.LastIndexOf("attachedNetworkConfiguration", StringComparison.Ordinal)];

    private sealed record NamedAttachment(
        Attachment Attachment,
        ImmutableArray<string> Interfaces,
        ImmutableArray<string> Definitions
    );
}
