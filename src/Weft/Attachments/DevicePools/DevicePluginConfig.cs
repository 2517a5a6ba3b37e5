using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Weft.Attachments.Nodes;
using Weft.Resources;

namespace Weft.Attachments.DevicePools;

/// <summary>A node with its pools.</summary>
/// <param name="Inventory">What its agent found, or null.</param>
internal sealed record PooledNode(
    string Name,
    ImmutableArray<Uplink> Uplinks,
    NodeInventory? Inventory,
    ImmutableArray<DevicePool> Pools
);

/// <summary>
/// The configuration of the SR-IOV device plugin: one file for each node, because the same name or address may be
/// another device elsewhere.
/// </summary>
/// <remarks>
/// Source: sriov-network-device-plugin, README "Configurations"; docs/specs/plugins.md, "Device pools".
/// </remarks>
internal static class DevicePluginConfig
{
    /// <summary>The ConfigMap's name, as upstream's manifests have it.</summary>
    public const string Name = "sriovdp-config";

    /// <summary>Its namespace.</summary>
    public const string Namespace = "kube-system";

    /// <summary>The file that the plugin reads when nobody tells it otherwise.</summary>
    public const string DefaultFileName = "config.json";

    /// <summary>
    /// The annotation that says whose pods must be recreated, because they read the configuration only when they start.
    /// </summary>
    public const string RestartAnnotation = "weft.dev/restart";

    /// <summary>
    /// The annotation with a digest of each node's file: a pod is recreated when its node's digest changes.
    /// </summary>
    public const string RestartNodesAnnotation = "weft.dev/restart-nodes";

    /// <summary>The annotation that says why there is no <see cref="DefaultFileName"/>.</summary>
    public const string NoDefaultFileAnnotation = "weft.dev/config-json-left-out";

    /// <summary>What upstream's manifests call the plugin; its pods are the only ones that are ever restarted.</summary>
    public const string DaemonSet = "kube-sriov-device-plugin";

    /// <summary>The value of <see cref="RestartAnnotation"/>.</summary>
    public const string RestartTarget = $"daemonset {Namespace}/{DaemonSet}";

    /// <summary>Renders the ConfigMap.</summary>
    /// <param name="nodes">All nodes of the cluster; one without pools gets a file without resources, since the plugin
    /// ends where it finds none.</param>
    public static Manifest Render(ImmutableArray<PooledNode> nodes)
    {
        var data = new JsonObject();
        var digests = new JsonObject();
        var texts = new HashSet<string>(StringComparer.Ordinal);
        foreach (var node in nodes.OrderBy(node => node.Name, StringComparer.Ordinal))
        {
            var text = RenderFile(node.Pools);
            data[node.Name] = text;
            texts.Add(text);
            digests[node.Name] = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16];
        }

        var annotations = new JsonObject
        {
            [RestartAnnotation] = RestartTarget,
            [RestartNodesAnnotation] = Encoding.UTF8.GetString(Json.ToUtf8(digests)),
        };
        // Most clusters' nodes are alike; only where they aren't is there something to think about.
        if (texts.Count == 1)
            data[DefaultFileName] = texts.First();
        else if (MergePools(nodes) is var union && FindAmbiguity(nodes, union) is { } why)
            annotations[NoDefaultFileAnnotation] = why;
        else
            data[DefaultFileName] = RenderFile(union);
        return Manifest.Create("v1", "ConfigMap", Namespace, Name, new JsonObject { ["data"] = data }, annotations);
    }

    /// <summary>A file of the plugin.</summary>
    public static string RenderFile(IEnumerable<DevicePool> pools)
    {
        return Json.ToIndentedText(
            new JsonObject
            {
                ["resourceList"] = new JsonArray([
                    .. pools.OrderBy(p => p.ResourceName, StringComparer.Ordinal).Select(p => (JsonNode)p.ToJson()),
                ]),
            }
        );
    }

    /// <summary>
    /// The pools of all nodes as if they were one's: a device belongs to a resource if one node says so.
    /// </summary>
    private static ImmutableArray<DevicePool> MergePools(ImmutableArray<PooledNode> nodes) =>
        [
            .. nodes
                .SelectMany(node => node.Pools)
                .GroupBy(pool => pool.ResourceName, StringComparer.Ordinal)
                .Select(same =>
                    same.First() with
                    {
                        Selectors =
                        [
                            .. same.SelectMany(pool => pool.Selectors).DistinctBy(s => s.ToJson().ToJsonString()),
                        ],
                    }
                ),
        ];

    /// <summary>
    /// Why one file can't serve all nodes: on one of them it would take a device for a resource that the node's own
    /// file doesn't.
    /// </summary>
    private static string? FindAmbiguity(ImmutableArray<PooledNode> nodes, ImmutableArray<DevicePool> union)
    {
        var claims = union
            .SelectMany(pool => pool.Selectors.SelectMany(ClaimsOf).Select(claim => (pool.ResourceName, Claim: claim)))
            .ToHashSet();
        foreach (var node in nodes)
        {
            var own = node
                .Pools.SelectMany(pool =>
                    pool.Selectors.SelectMany(ClaimsOf).Select(claim => (pool.ResourceName, Claim: claim))
                )
                .ToHashSet();
            foreach (
                var (resource, claim) in claims
                    .Where(c => !own.Contains(c) && HasPort(node, c.Claim.Port))
                    .OrderBy(c => c.ResourceName, StringComparer.Ordinal)
                    .ThenBy(c => c.Claim)
            )
            {
                var device = claim.Index is { } index ? $"function {index} of {claim.Port}" : claim.Port;
                return $"{device} is {resource}'s on another node, but not on {node.Name}: "
                    + "start the plugin with --config-file=/etc/pcidp/$(NODE_NAME)";
            }
        }

        return null;
    }

    private static bool HasPort(PooledNode node, string port) =>
        node.Uplinks.Any(u => u.Name.Equals(port, StringComparison.OrdinalIgnoreCase) || u.PciAddress == port)
        || node.Inventory?.Devices.Any(d =>
            d.PciAddress == port || port.Equals(d.Name, StringComparison.OrdinalIgnoreCase)
        ) == true
        || node.Pools.Any(pool => pool.Selectors.Any(s => s.PciAddresses.Contains(port)));

    private static IEnumerable<(string Port, int? Index)> ClaimsOf(DeviceSelector selector)
    {
        foreach (var address in selector.PciAddresses)
            yield return (address, null);
        foreach (var entry in selector.PfNames)
        {
            var hash = entry.IndexOf('#', StringComparison.Ordinal);
            foreach (var range in entry[(hash + 1)..].Split(','))
            {
                var ends = range
                    .Split('-')
                    .Select(end => int.Parse(end, System.Globalization.CultureInfo.InvariantCulture))
                    .ToArray();
                for (var index = ends[0]; index <= ends[^1]; index++)
                    yield return (entry[..hash], index);
            }
        }
    }
}
