using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Attachments.DevicePools;
using Weft.Resources;

namespace Weft.Agent.Kubernetes;

/// <summary>
/// Has the pods of a DaemonSet made anew on the nodes whose configuration has changed, because they read it only when
/// they start. What was done is noted on the ConfigMap by a field manager of its own: a restart that a crash cut off is
/// done again, one that is done never is.
/// </summary>
internal sealed class DevicePluginRestart(KubeApi api, ILogger log)
{
    /// <summary>The annotation with the digests that pods were made anew for. Written here.</summary>
    public const string RestartedNodesAnnotation = "weft.dev/restarted-nodes";

    private const string FieldManager = "weft-agent-restarts";
    private const string Pods = $"api/v1/namespaces/{DevicePluginConfig.Namespace}/pods";

    /// <summary>Restarts what a ConfigMap that is as it was rendered asks for.</summary>
    /// <returns>The ConfigMap with the note, or null where there was nothing to do.</returns>
    /// <exception cref="KubeException">It couldn't be done; the next pass does it.</exception>
    public async Task<ObservedObject?> Run(ObjectKey key, ObservedObject observed, CancellationToken cancel)
    {
        var annotations = observed.Body["metadata"]?["annotations"] as JsonObject;
        if (
            Text(annotations, DevicePluginConfig.RestartAnnotation) is not { } target
            || ParseDigests(Text(annotations, DevicePluginConfig.RestartNodesAnnotation)) is not { } wanted
        )
            return null;
        // Whatever weftd says: the pods of anybody else are nobody's to delete.
        if (target != DevicePluginConfig.RestartTarget)
            throw new KubeException(
                $"{key} asks for a restart of '{target}': only {DevicePluginConfig.RestartTarget} is restarted; "
                    + "are weftd and the agent of the same version?"
            )
            {
                Status = 400,
            };
        var done = ParseDigests(Text(annotations, RestartedNodesAnnotation)) ?? [];
        var stale = wanted
            .Where(node => done.GetValueOrDefault(node.Key) != node.Value)
            .Select(node => node.Key)
            .ToList();
        if (stale.Count == 0 && done.Count == wanted.Count)
            return null;
        foreach (var node in stale)
            await Restart(node, cancel);
        return new ObservedObject(await api.ApplyAs(FieldManager, key.Path, WriteAnnotation(key, wanted), cancel));
    }

    private async Task Restart(string node, CancellationToken cancel)
    {
        var pods = await api.List($"{Pods}?fieldSelector=spec.nodeName%3D{Uri.EscapeDataString(node)}", cancel);
        foreach (var pod in (pods["items"] as JsonArray ?? []).OfType<JsonObject>().Where(IsDevicePlugin))
        {
            var observed = new ObservedObject(pod);
            if (observed.IsDeleting)
                continue;
            try
            {
                // By its uid alone: its status changes all the time, and any state of this very pod is an old one.
                await api.Delete($"{Pods}/{observed.Name}", observed, cancel, anyVersion: true);
                log.Restarted(DevicePluginConfig.DaemonSet, node, observed.Name);
            }
            catch (KubeException e) when (e.Status is 404 or 409)
            {
                // Its successor is there already, and has read what is there now.
            }
        }
    }

    private static bool IsDevicePlugin(JsonObject pod) =>
        (pod["metadata"]?["ownerReferences"] as JsonArray ?? [])
            .OfType<JsonObject>()
            .Any(owner => Text(owner, "kind") == "DaemonSet" && Text(owner, "name") == DevicePluginConfig.DaemonSet);

    private static byte[] WriteAnnotation(ObjectKey key, Dictionary<string, string> digests) =>
        Json.ToUtf8(
            new JsonObject
            {
                ["apiVersion"] = key.Kind.ApiVersion,
                ["kind"] = key.Kind.Name,
                ["metadata"] = new JsonObject
                {
                    ["name"] = key.Name,
                    ["namespace"] = key.Namespace,
                    ["annotations"] = new JsonObject
                    {
                        [RestartedNodesAnnotation] = Encoding.UTF8.GetString(
                            Json.ToUtf8(
                                new JsonObject(
                                    digests
                                        .OrderBy(d => d.Key, StringComparer.Ordinal)
                                        .Select(d => KeyValuePair.Create(d.Key, (JsonNode?)d.Value))
                                )
                            )
                        ),
                    },
                },
            }
        );

    private static Dictionary<string, string>? ParseDigests(string? text)
    {
        try
        {
            return text is not null && JsonNode.Parse(text) is JsonObject body
                ? body.Where(d => d.Value is JsonValue)
                    .ToDictionary(d => d.Key, d => d.Value!.ToString(), StringComparer.Ordinal)
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string? Text(JsonObject? holder, string name) =>
        holder?[name] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
}
