using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Attachments.DevicePools;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Attachments.Plugins;

/// <summary>The NetworkAttachmentDefinition that a pod names in its annotation.</summary>
/// <remarks>Source: Kubernetes Network Custom Resource Definition De-facto Standard v1.3, §3.</remarks>
internal static class DefinitionRenderer
{
    /// <summary>The version that every plugin since 1.0 takes; 1.1.0 is refused by the plugins of Debian 12.</summary>
    private const string CniVersion = "1.0.0";

    /// <summary>
    /// The namespace: <c>default</c> may be named from every namespace even where Multus isolates them.
    /// </summary>
    internal const string Namespace = "default";

    /// <summary>By it Multus finds out which resource's device the plugin is to be given.</summary>
    private const string ResourceNameAnnotation = "k8s.v1.cni.cncf.io/resourceName";

    /// <summary>A definition named after its network, or after one VLAN of its trunk.</summary>
    /// <param name="vlan">The VLAN it is narrowed to, or null for the network itself.</param>
    /// <param name="plugins">The CNI plugins' configurations without the envelope: one alone, or a chain. They become
    /// part of the object.</param>
    public static Manifest Render(AttachedNetwork attached, int? vlan, params ReadOnlySpan<JsonObject> plugins)
    {
        var network = attached.Network;
        var name = vlan is { } one ? DefinitionNames.NameOf(network.Id, one) : DefinitionNames.NameOf(network.Id);
        var spec = new JsonObject
        {
            ["config"] = System.Text.Encoding.UTF8.GetString(Json.ToUtf8(RenderConfig(name, plugins))),
        };
        return Manifest.Create(
            "k8s.cni.cncf.io/v1",
            "NetworkAttachmentDefinition",
            Namespace,
            name,
            new JsonObject { ["spec"] = spec },
            RenderAnnotations(attached, vlan)
        );
    }

    private static JsonObject RenderConfig(string name, ReadOnlySpan<JsonObject> plugins)
    {
        // The inner name is the definition's own: plugins keep their state by it, and two definitions must not share
        // any.
        var config = new JsonObject { ["cniVersion"] = CniVersion, ["name"] = name };
        if (plugins.Length > 1)
        {
            config["plugins"] = new JsonArray([.. plugins]);
            return config;
        }

        // Taken over and not copied: a site's desired state has thousands of these.
        foreach (var (member, value) in plugins[0].ToList())
        {
            plugins[0].Remove(member);
            config[member] = value;
        }

        return config;
    }

    private static JsonObject RenderAnnotations(AttachedNetwork attached, int? vlan)
    {
        var network = attached.Network;
        var annotations = new JsonObject { ["weft.dev/network"] = network.Id.ToString() };
        // Nothing in a trunk's configuration says its VLANs where the workload tags; people and lints look here.
        if (network.Type == NetworkType.Trunked)
            annotations["weft.dev/vlans"] = vlan?.ToString(CultureInfo.InvariantCulture) ?? network.Vlans.ToString();
        if (attached.Attachment.Plugin.NeedsDevices)
            annotations[ResourceNameAnnotation] =
                $"{DevicePool.ResourcePrefix}/{DefinitionNames.ResourceNameOf(network.Id)}";
        return annotations;
    }

    /// <summary>Gives a plugin its capabilities and its IPAM.</summary>
    /// <param name="pool">The L3 network that addresses come from, or null where there is no IPAM.</param>
    /// <param name="capabilities">What the plugin itself takes at run time.</param>
    public static JsonObject WithIpam(JsonObject plugin, ResourceId? pool, params ReadOnlySpan<string> capabilities)
    {
        var all = new JsonObject();
        foreach (var capability in capabilities)
            all[capability] = true;
        // Only an IPAM that reads them may be offered addresses: otherwise a pod's request would be dropped silently.
        if (pool is not null)
            all["ips"] = true;
        if (all.Count > 0)
            plugin["capabilities"] = all;
        if (pool is not null)
            plugin["ipam"] = new JsonObject { ["type"] = IpamPlugins.WeftIpam, ["network"] = pool.ToString() };
        return plugin;
    }

    /// <summary>Gives a plugin that can't do without an address the IPAM that takes them from the pod.</summary>
    public static JsonObject WithStaticIpam(JsonObject plugin)
    {
        plugin["capabilities"] = new JsonObject { ["ips"] = true };
        plugin["ipam"] = new JsonObject { ["type"] = IpamPlugins.Static };
        return plugin;
    }
}
