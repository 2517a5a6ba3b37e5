using System.Collections.Immutable;
using System.Text.Json;
using Weft.Resources;

namespace Weft.Attachments.Admission;

/// <summary>A pod, or a workload's template of one, and what it asks for.</summary>
/// <param name="Path">What its paths begin with: empty for a pod, <c>spec.template.</c> for a Deployment's.</param>
internal sealed record PodView(JsonElement Metadata, JsonElement Spec, string Path, string Namespace, LintSurroundings Surroundings)
{
    /// <summary>The annotation that selects networks. Source: network custom resource definition standard v1.3, §4.1.</summary>
    public const string NetworksKey = "k8s.v1.cni.cncf.io/networks";

    /// <summary>The attachments that could be read.</summary>
    public ImmutableArray<Selection> Selections { get; init; } = [];

    /// <summary>Where the annotation stands.</summary>
    public string NetworksPath => $"{Path}metadata.annotations.{NetworksKey}";

    /// <summary>The annotation's text, or null.</summary>
    public string? Networks => Metadata.Member("annotations").Text(NetworksKey);

    /// <summary>Its containers, and where each stands.</summary>
    public IEnumerable<(JsonElement Container, string Path)> Containers =>
        Spec.Each("containers").Select((container, i) => (container, $"{Path}spec.containers[{i}]"));

    /// <summary>The view of a pod whose annotation has been read.</summary>
    /// <param name="findings">Takes why the annotation can't be read.</param>
    public static PodView Of(JsonElement pod, string path, string @namespace, LintSurroundings surroundings, Findings findings)
    {
        var view = new PodView(pod.Member("metadata"), pod.Member("spec"), path, @namespace, surroundings);
        if (view.Networks is not { } text)
            return view;
        var byTitle = surroundings.Definitions.DistinctBy(d => d.Title).ToDictionary(d => d.Title, StringComparer.Ordinal);
        return view with { Selections = [.. SelectionText.Read(text, view.NetworksPath, @namespace, findings).Select(Found)] };

        Selection Found(Selection selection)
        {
            if (!byTitle.TryGetValue(selection.Title, out var definition))
                return selection;
            var config = definition.Config is { } json ? CniConfig.Read(json, out _) : null;
            return selection with { Definition = definition, Config = config, Network = surroundings.NetworkOf(definition) };
        }
    }
}
