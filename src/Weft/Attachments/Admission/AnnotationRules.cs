using System.Collections.Immutable;
using System.Text.Json;
using Weft.Resources;

namespace Weft.Attachments.Admission;

/// <summary>W1: the annotation itself: its key, its place, its text.</summary>
internal static class AnnotationRules
{
    public static readonly LintRule MisspeltKey = new(
        "W101",
        Severity.Error,
        "an annotation's key is almost, and not, one of Multus'"
    );
    public static readonly LintRule WrongPlace = new(
        "W102",
        Severity.Error,
        "the annotation is on the workload, or among labels, where Multus doesn't look"
    );
    public static readonly LintRule Unreadable = new(
        "W103",
        Severity.Error,
        "the annotation's text can't be read as Multus reads it"
    );
    public static readonly LintRule BadName = new("W104", Severity.Error, "a name in the annotation can't be one");
    public static readonly LintRule WrongType = new(
        "W105",
        Severity.Error,
        "a member of the JSON form is of the wrong sort, and Multus fails the pod"
    );
    public static readonly LintRule UnknownMember = new(
        "W106",
        Severity.Warning,
        "a member of the JSON form is unknown and dropped"
    );
    public static readonly LintRule HostNetwork = new(
        "W107",
        Severity.Error,
        "the pod is in its node's network, where no CNI plugin is run"
    );

    // All that Multus reads or writes on a pod. Source: multus-cni, pkg/k8sclient.
    private static readonly ImmutableArray<string> KnownKeys =
    [
        PodView.NetworksAnnotation,
        "k8s.v1.cni.cncf.io/network-status",
        "v1.multus-cni.io/default-network",
    ];

    // Found on pods of many clusters; Multus of old wrote it.
    private static readonly ImmutableArray<string> HarmlessKeys =
    [
        "k8s.v1.cni.cncf.io/networks-status",
        NetworkAttachmentDefinition.ResourceAnnotation,
        "k8s.v1.cni.cncf.io/policy-for",
    ];

    public static ImmutableArray<LintRule> All =>
        [MisspeltKey, WrongPlace, Unreadable, BadName, WrongType, UnknownMember, HostNetwork];

    /// <summary>Checks a pod or a template.</summary>
    public static void Check(PodView pod, Findings findings)
    {
        foreach (var (map, at) in MapsOf(pod.Metadata, $"{pod.Path}metadata."))
        {
            foreach (var key in map.EnumerateObject().Select(m => m.Name))
            {
                if (at.EndsWith("labels", StringComparison.Ordinal) && KnownKeys.Contains(key))
                    findings.Add(
                        WrongPlace,
                        $"{at}.{key}",
                        "it is a label, and Multus reads annotations",
                        "move it to metadata.annotations"
                    );
                else if (FindIntendedKey(key) is { } meant)
                    findings.Add(
                        MisspeltKey,
                        $"{at}.{key}",
                        $"'{key}' is no key that Multus reads: the pod starts without the network, and nobody says so",
                        $"write '{meant}'"
                    );
            }
        }

        if (pod.Networks is not null && pod.Spec.Member("hostNetwork").ValueKind == JsonValueKind.True)
            findings.Add(
                HostNetwork,
                pod.NetworksPath,
                "the pod has hostNetwork: true, so no CNI plugin is run for it and it gets none of these networks",
                "take away hostNetwork, or the annotation"
            );
    }

    /// <summary>Checks the metadata around a template: nobody looks for networks there.</summary>
    public static void CheckOutside(JsonElement metadata, string path, string templatePath, Findings findings)
    {
        foreach (var (map, at) in MapsOf(metadata, path))
        {
            foreach (var key in map.EnumerateObject().Select(m => m.Name))
            {
                if (
                    key == PodView.NetworksAnnotation
                    || key == "v1.multus-cni.io/default-network"
                    || FindIntendedKey(key) is not null
                )
                    findings.Add(
                        WrongPlace,
                        $"{at}.{key}",
                        "it is on the workload, and its pods don't inherit it: they start without the network",
                        $"move it to {templatePath}metadata.annotations"
                    );
            }
        }
    }

    private static IEnumerable<(JsonElement Map, string Path)> MapsOf(JsonElement metadata, string path) =>
        ((string[])["annotations", "labels"])
            .Select(name => (metadata.Member(name), path + name))
            .Where(m => m.Item1.ValueKind == JsonValueKind.Object);

    /// <summary>The key that was meant, where one that isn't known is near enough.</summary>
    private static string? FindIntendedKey(string key)
    {
        if (KnownKeys.Contains(key) || HarmlessKeys.Contains(key))
            return null;
        var (domain, name) = key.IndexOf('/', StringComparison.Ordinal) is var cut and > 0
            ? (key[..cut].ToLowerInvariant(), key[(cut + 1)..].ToLowerInvariant())
            : ("", key.ToLowerInvariant());
        foreach (var known in KnownKeys)
        {
            if (Suggestions.DamerauDistance(key.ToLowerInvariant(), known) <= 3)
                return known;
        }

        var isOurs =
            domain.Contains("cni.cncf", StringComparison.Ordinal)
            || domain.Contains("cni.cnf", StringComparison.Ordinal)
            || domain.Contains("cnf.io", StringComparison.Ordinal)
            || domain.Contains("multus", StringComparison.Ordinal)
            || Suggestions.DamerauDistance(domain, "k8s.v1.cni.cncf.io") <= 5;
        var isBare = domain.Length == 0 && name is "networks" or "multus-networks";
        return (isOurs && Suggestions.DamerauDistance(name, "networks") <= 2) || isBare ? PodView.NetworksAnnotation
            : isOurs && Suggestions.DamerauDistance(name, "default-network") <= 3 ? "v1.multus-cni.io/default-network"
            : null;
    }
}
