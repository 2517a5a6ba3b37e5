using System.Text.Json;
using Weft.Attachments.DevicePools;
using Weft.Resources;

namespace Weft.Attachments.Admission;

/// <summary>
/// A pool of devices as the configuration of the SR-IOV device plugin makes it: a resource that pods request.
/// </summary>
/// <param name="Name">The full resource name, prefix and all.</param>
/// <param name="IsUserSpace">Whether its devices go to a driver in user space (DPDK): such pods need huge pages and may
/// lock memory.</param>
internal sealed record DevicePluginResource(string Name, bool IsUserSpace)
{
    /// <summary>
    /// The prefix where a pool names none. Source: SR-IOV network device plugin, <c>--resource-prefix</c>.
    /// </summary>
    public const string DefaultPrefix = "intel.com";

    // ConnectX cards are driven from user space beside the kernel's driver; asking for RDMA is how one is asked for.
    private const string RdmaKey = "isRdma";

    /// <summary>The pools that a ConfigMap of the device plugin makes.</summary>
    /// <returns>Its pools; none where it is no such ConfigMap or what it holds can't be read.</returns>
    public static IEnumerable<DevicePluginResource> ReadAll(JsonElement manifest)
    {
        foreach (var (_, text) in ReadConfigurations(manifest))
        {
            if (Parse(text) is not { } root)
                continue;
            foreach (var pool in root.Elements("resourceList").Where(p => p.Text("resourceName") is not null))
                yield return new DevicePluginResource(
                    $"{pool.Text("resourcePrefix") ?? DefaultPrefix}/{pool.Text("resourceName")}",
                    SelectorsOf(pool).Any(IsForUserSpace)
                );
        }
    }

    /// <summary>
    /// The texts of a ConfigMap that are configurations of the device plugin: those that have a <c>resourceList</c>.
    /// </summary>
    /// <returns>The key and the text of each.</returns>
    internal static IEnumerable<(string Key, string Text)> ReadConfigurations(JsonElement manifest)
    {
        if (
            manifest.Text("kind") != "ConfigMap"
            || manifest.Member("data") is not { ValueKind: JsonValueKind.Object } data
        )
            yield break;
        foreach (var member in data.EnumerateObject())
        {
            if (
                member.Value.ValueKind == JsonValueKind.String
                && member.Value.GetString()!.Contains("\"resourceList\"", StringComparison.Ordinal)
            )
                yield return (member.Name, member.Value.GetString()!);
        }
    }

    /// <summary>The selectors of a pool: a list, or one object.</summary>
    /// <param name="pool">A member of <c>resourceList</c>.</param>
    internal static IEnumerable<JsonElement> SelectorsOf(JsonElement pool) =>
        pool.Member("selectors") is { ValueKind: JsonValueKind.Object } one ? [one] : pool.Elements("selectors");

    private static bool IsForUserSpace(JsonElement selector) =>
        selector.Texts("drivers").Any(DeviceDrivers.IsUserSpace)
        || selector.Member(RdmaKey).ValueKind == JsonValueKind.True;

    private static JsonElement? Parse(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
