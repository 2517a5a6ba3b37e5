using System.Globalization;
using Weft.Resources;

namespace Weft.Attachments;

/// <summary>What things are called in Kubernetes: said once, for those who draw them and those who look for collisions.</summary>
public static class DefinitionNames
{
    /// <summary>The NetworkAttachmentDefinition of a network.</summary>
    public static string Of(ResourceId network)
    {
        return DnsLabel.Of(network.Name);
    }

    /// <summary>The NetworkAttachmentDefinition of one VLAN of a trunk.</summary>
    /// <returns>Such as <c>ran-v602</c>.</returns>
    public static string Of(ResourceId trunk, int vlan) => string.Create(CultureInfo.InvariantCulture, $"{Of(trunk)}-v{vlan}");

    /// <summary>
    /// The device plugin's resource behind <see cref="DevicePool.Prefix"/>. It has underscores for hyphens, because it becomes part of an
    /// environment variable in the pod; two labels stay two, because a label has no underscore.
    /// </summary>
    /// <returns>At most 63 letters, digits and underscores.</returns>
    public static string Resource(ResourceId network) => Of(network).Replace('-', '_');

    /// <summary>Whether a plugin draws one definition more for each VLAN of a trunk.</summary>
    /// <returns>True for those that can tag for the pod: SRIOV and DPDK in the card, IPVLAN on the node.</returns>
    public static bool HasOnePerVlan(PluginType plugin) => plugin is PluginType.SRIOV or PluginType.DPDK or PluginType.IPVLAN;
}
