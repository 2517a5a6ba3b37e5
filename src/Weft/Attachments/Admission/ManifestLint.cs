using System.Collections.Immutable;
using System.Text.Json;
using Weft.Resources;

namespace Weft.Attachments.Admission;

/// <summary>Checks manifests of every kind that has to do with networks: pods, workloads, definitions, device pools.</summary>
public static class ManifestLint
{
    // Where each kind of workload has its template of a pod.
    private static readonly ImmutableDictionary<string, string> Templates = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["Deployment"] = "spec.template", ["StatefulSet"] = "spec.template", ["DaemonSet"] = "spec.template", ["ReplicaSet"] = "spec.template",
        ["ReplicationController"] = "spec.template", ["Job"] = "spec.template", ["CronJob"] = "spec.jobTemplate.spec.template", ["PodTemplate"] = "template",
    }.ToImmutableDictionary();

    /// <summary>Checks a manifest. One of a kind that has nothing to do with networks has no findings.</summary>
    /// <param name="usual">The namespace of a manifest that names none.</param>
    /// <returns>All findings, in the order of the rules.</returns>
    public static ImmutableArray<LintFinding> Check(JsonElement manifest, string usual, LintSurroundings surroundings)
    {
        var findings = new Findings();
        var kind = manifest.Text("kind") ?? "";
        var space = manifest.Member("metadata").Text("namespace") ?? usual;
        if (kind == "Pod")
            PodLint.Check(manifest, "", space, surroundings, findings);
        else if (Templates.TryGetValue(kind, out var template))
            Workload(manifest, template, space, surroundings, findings);
        else if (Definition.Of(manifest, usual) is { } definition)
            DefinitionRules.Check(definition, surroundings, findings);
        else if (kind == "ConfigMap")
            DevicePluginRules.Check(manifest, findings);
        return findings.All;
    }

    /// <summary>Whether a manifest is of a kind that is checked.</summary>
    public static bool Concerns(JsonElement manifest) => manifest.Text("kind") is { } kind
        && (kind is "Pod" or Definition.Kind || Templates.ContainsKey(kind) || PluginResource.ConfigurationsIn(manifest).Any());

    private static void Workload(JsonElement manifest, string template, string space, LintSurroundings surroundings, Findings findings)
    {
        var (around, path) = (manifest, "");
        foreach (var part in template.Split('.'))
        {
            // Metadata on the way: the workload's own, and in a CronJob the job's.
            if (around.Member("metadata").ValueKind == JsonValueKind.Object)
                SelectionRules.CheckOutside(around.Member("metadata"), $"{path}metadata.", template + ".", findings);
            around = around.Member(part);
            path += part + ".";
        }

        PodLint.Check(around, template + ".", space, surroundings, findings);
    }
}
