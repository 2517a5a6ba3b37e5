using System.Collections.Immutable;
using System.Text.Json;
using Weft.Resources;

namespace Weft.Attachments.Admission;

/// <summary>A pod, or a workload's template of one, and what it asks for.</summary>
/// <param name="Path">What its paths begin with: empty for a pod, <c>spec.template.</c> for a Deployment's.</param>
internal sealed record PodView(
    JsonElement Metadata,
    JsonElement Spec,
    string Path,
    string Namespace,
    LintContext Context
)
{
    /// <summary>
    /// The annotation that selects networks. Source: network custom resource definition standard v1.3, §4.1.
    /// </summary>
    public const string NetworksAnnotation = "k8s.v1.cni.cncf.io/networks";

    /// <summary>The attachments that could be read.</summary>
    public ImmutableArray<NetworkSelection> Selections { get; init; } = [];

    /// <summary>Where the annotation stands.</summary>
    public string NetworksPath => $"{Path}metadata.annotations.{NetworksAnnotation}";

    /// <summary>The annotation's text, or null.</summary>
    public string? Networks => Metadata.Member("annotations").Text(NetworksAnnotation);

    /// <summary>Its containers, and where each stands.</summary>
    public IEnumerable<(JsonElement Container, string Path)> Containers =>
        Spec.Elements("containers").Select((container, i) => (container, $"{Path}spec.containers[{i}]"));

    /// <summary>The view of a pod whose annotation has been read.</summary>
    /// <param name="findings">Collects why the annotation can't be read.</param>
    public static PodView Read(
        JsonElement pod,
        string path,
        string @namespace,
        LintContext lintContext,
        Findings findings
    )
    {
        var view = new PodView(pod.Member("metadata"), pod.Member("spec"), path, @namespace, lintContext);
        if (view.Networks is not { } text)
            return view;
        var byTitle = lintContext
            .Definitions.DistinctBy(d => d.Title)
            .ToDictionary(d => d.Title, StringComparer.Ordinal);
        return view with
        {
            Selections = [.. NetworkSelectionReader.Read(text, view.NetworksPath, @namespace, findings).Select(Found)],
        };

        NetworkSelection Found(NetworkSelection selection)
        {
            if (!byTitle.TryGetValue(selection.Title, out var definition))
                return selection;
            var config = definition.Config is { } json ? CniConfig.Parse(json, out _) : null;
            return selection with
            {
                Definition = definition,
                Config = config,
                Network = lintContext.NetworkOf(definition),
            };
        }
    }
}
