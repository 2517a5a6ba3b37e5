using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Attachments.Renderers;

/// <summary>The NetworkAttachmentDefinition that a pod names in its annotation.</summary>
/// <remarks>Source: Kubernetes Network Custom Resource Definition De-facto Standard v1.3, §3.</remarks>
internal static class NetworkAttachmentDefinition
{
    /// <summary>The version that every plugin since 1.0 takes; 1.1.0 is refused by the plugins of Debian 12.</summary>
    private const string CniVersion = "1.0.0";

    /// <summary>The namespace: <c>default</c> may be named from every namespace even where Multus isolates them.</summary>
    internal const string Namespace = "default";

    /// <summary>A definition named after its network.</summary>
    /// <param name="attached">The attachment.</param>
    /// <param name="plugin">The CNI plugin's configuration, without the envelope.</param>
    public static Manifest Of(AttachedNetwork attached, JsonObject plugin)
    {
        var name = DnsLabel.Of(attached.Network.Id.Name);
        // The inner name is the definition's own: plugins keep their state by it, and two definitions must not share any.
        var config = new JsonObject { ["cniVersion"] = CniVersion, ["name"] = name };
        foreach (var (member, value) in plugin)
            config[member] = value?.DeepClone();
        if (attached.Attachment.Ipam)
            config["ipam"] = new JsonObject { ["type"] = "weft-ipam", ["network"] = attached.Network.Id.ToString() };
        var annotations = new JsonObject { ["weft.dev/network"] = attached.Network.Id.ToString() };
        var spec = new JsonObject { ["config"] = System.Text.Encoding.UTF8.GetString(Json.Bytes(config)) };
        return Manifest.Of("k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition", Namespace, name, new JsonObject { ["spec"] = spec }, annotations);
    }
}
