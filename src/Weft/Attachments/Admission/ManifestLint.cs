using System.Collections.Immutable;
using System.Text.Json;
using Weft.Resources;

namespace Weft.Attachments.Admission;

/// <summary>
/// Checks manifests of every kind that has to do with networks: pods, workloads, definitions, device pools.
/// </summary>
internal static class ManifestLint
{
    // Where each kind of workload has its template of a pod.
    private static readonly ImmutableDictionary<string, string> PodTemplatePaths = new Dictionary<string, string>(
        StringComparer.Ordinal
    )
    {
        ["Deployment"] = "spec.template",
        ["StatefulSet"] = "spec.template",
        ["DaemonSet"] = "spec.template",
        ["ReplicaSet"] = "spec.template",
        ["ReplicationController"] = "spec.template",
        ["Job"] = "spec.template",
        ["CronJob"] = "spec.jobTemplate.spec.template",
        ["PodTemplate"] = "template",
    }.ToImmutableDictionary();

    /// <summary>Checks a manifest. One of a kind that has nothing to do with networks has no findings.</summary>
    /// <param name="usual">The namespace of a manifest that names none.</param>
    /// <returns>All findings, in the order of the rules.</returns>
    public static ImmutableArray<LintFinding> Check(JsonElement manifest, string usual, LintContext lintContext)
    {
        var findings = new Findings();
        var kind = manifest.Text("kind") ?? "";
        var space = manifest.Member("metadata").Text("namespace") ?? usual;
        if (kind == "Pod")
            PodLint.Check(manifest, "", space, lintContext, findings);
        else if (PodTemplatePaths.TryGetValue(kind, out var template))
            CheckWorkload(manifest, template, space, lintContext, findings);
        else if (NetworkAttachmentDefinition.Read(manifest, usual) is { } definition)
            DefinitionRules.Check(definition, lintContext, findings);
        else if (kind == "ConfigMap")
            DevicePluginRules.Check(manifest, findings);
        return findings.All;
    }

    /// <summary>Whether a manifest is of a kind that is checked.</summary>
    public static bool AppliesTo(JsonElement manifest) =>
        manifest.Text("kind") is { } kind
        && (
            kind is "Pod" or NetworkAttachmentDefinition.Kind
            || PodTemplatePaths.ContainsKey(kind)
            || DevicePluginResource.ReadConfigurations(manifest).Any()
        );

    private static void CheckWorkload(
        JsonElement manifest,
        string template,
        string space,
        LintContext lintContext,
        Findings findings
    )
    {
        var (around, path) = (manifest, "");
        foreach (var part in template.Split('.'))
        {
            // Metadata on the way: the workload's own, and in a CronJob the job's.
            if (around.Member("metadata").ValueKind == JsonValueKind.Object)
                AnnotationRules.CheckOutside(around.Member("metadata"), $"{path}metadata.", template + ".", findings);
            around = around.Member(part);
            path += part + ".";
        }

        PodLint.Check(around, template + ".", space, lintContext, findings);
    }
}
