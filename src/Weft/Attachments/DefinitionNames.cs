using System.Globalization;
using Weft.Resources;

namespace Weft.Attachments;

/// <summary>
/// What things are called in Kubernetes: said once, for those who render them and those who look for collisions.
/// </summary>
internal static class DefinitionNames
{
    /// <summary>The NetworkAttachmentDefinition of a network.</summary>
    public static string NameOf(ResourceId network)
    {
        return DnsLabel.From(network.Name);
    }

    /// <summary>The NetworkAttachmentDefinition of one VLAN of a trunk.</summary>
    /// <returns>Such as <c>ran-v602</c>.</returns>
    public static string NameOf(ResourceId trunk, int vlan) =>
        string.Create(CultureInfo.InvariantCulture, $"{NameOf(trunk)}-v{vlan}");

    /// <summary>
    /// The device plugin's resource behind <see cref="DevicePools.DevicePool.ResourcePrefix"/>. It has underscores for hyphens,
    /// because it becomes part of an environment variable in the pod; two labels stay two, because a label has no
    /// underscore.
    /// </summary>
    /// <returns>At most 63 letters, digits and underscores.</returns>
    public static string ResourceNameOf(ResourceId network) => NameOf(network).Replace('-', '_');
}
