using System.Text.Json;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Attachments.Admission;

/// <summary>A NetworkAttachmentDefinition as a cluster has it, whoever made it.</summary>
/// <param name="Config">The text of <c>spec.config</c>; null where it has none.</param>
/// <param name="Resource">The device resource it stands on (<c>k8s.v1.cni.cncf.io/resourceName</c>), or null.</param>
/// <param name="Network">The id of the network it was rendered for (<c>weft.dev/network</c>), or null where Weft didn't
/// render it.</param>
internal sealed record NetworkAttachmentDefinition(
    string Namespace,
    string Name,
    string? Config,
    string? Resource,
    string? Network
)
{
    /// <summary>The kind's name.</summary>
    public const string Kind = "NetworkAttachmentDefinition";

    /// <summary>
    /// The annotation that names the device resource. Source: network attachment definition client, <c>deviceInfo</c>.
    /// </summary>
    public const string ResourceAnnotation = "k8s.v1.cni.cncf.io/resourceName";

    /// <summary>The annotation that names Weft's network.</summary>
    public const string NetworkAnnotation = "weft.dev/network";

    /// <summary>The annotation that lists the VLANs a pod has on a trunk.</summary>
    public const string VlansAnnotation = "weft.dev/vlans";

    /// <summary>
    /// The VLANs a pod has on it, where it was rendered for a trunk, or for one VLAN of one; else null.
    /// </summary>
    public VlanSet? Vlans { get; init; }

    /// <summary><c>namespace/name</c>.</summary>
    public string Title => $"{Namespace}/{Name}";

    /// <summary>Reads a manifest.</summary>
    /// <returns>The definition, or null where the manifest is none.</returns>
    public static NetworkAttachmentDefinition? Read(JsonElement manifest, string usual = "default")
    {
        if (manifest.Text("kind") != Kind || manifest.Member("metadata").Text("name") is not { } name)
            return null;
        var metadata = manifest.Member("metadata");
        var annotations = metadata.Member("annotations");
        return new NetworkAttachmentDefinition(
            metadata.Text("namespace") ?? usual,
            name,
            manifest.Member("spec").Text("config"),
            annotations.Text(ResourceAnnotation),
            annotations.Text(NetworkAnnotation)
        )
        {
            Vlans =
                annotations.Text(VlansAnnotation) is { } text && VlanSet.Parse(text).TryGet(out var vlans, out _)
                    ? vlans
                    : null,
        };
    }
}
