using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Attachments.Admission;

/// <summary>Finds what keeps a pod from its networks before it is started (docs/specs/lint.md).</summary>
internal static class PodLint
{
    /// <summary>Checks a pod.</summary>
    /// <param name="pod">The pod (<c>kind: Pod</c>), as the API server shows it to a webhook or as its manifest has
    /// it.</param>
    /// <param name="namespace">The namespace it goes to; a pod's own <c>metadata.namespace</c> is not looked
    /// at.</param>
    /// <returns>All findings, in the order of the rules.</returns>
    public static ImmutableArray<LintFinding> Check(JsonElement pod, string @namespace, LintContext lintContext)
    {
        ArgumentNullException.ThrowIfNull(@namespace);
        var findings = new Findings();
        Check(pod, "", @namespace, lintContext, findings);
        return findings.All;
    }

    /// <summary>
    /// Adds the device requests that a pod's networks need and that it doesn't have: to its first container,
    /// <c>requests</c> and <c>limits</c> alike, as many as it has attachments of that resource. Nothing else is
    /// changed, ever.
    /// </summary>
    /// <returns>The change; an empty one where nothing is missing, or where a container names the resource already:
    /// what a person wrote is not overwritten.</returns>
    public static PodPatch Mutate(JsonElement pod, string @namespace, LintContext lintContext)
    {
        ArgumentNullException.ThrowIfNull(@namespace);
        var unread = new Findings();
        var view = PodView.Read(pod, "", @namespace, lintContext, unread);
        var containers = view.Containers.Select(c => c.Container).ToList();
        if (!unread.All.IsEmpty || containers.Count == 0)
            return new PodPatch([], []);
        var missing = DeviceRules
            .RequiredDevices(view)
            .Where(need =>
                containers.All(c =>
                    DeviceRules.RequestedCount(c, need.Key) == 0 && !DeviceRules.MentionsResource(c, need.Key)
                )
            )
            .ToList();
        if (missing.Count == 0)
            return new PodPatch([], []);
        var operations = new JsonArray();
        AddParents(containers[0].Member("resources"), operations);
        foreach (var (resource, count) in missing)
            AddRequest(resource, count, operations);
        var notes = missing.Select(need => DescribeRequest(view, containers[0], need.Key, need.Value));
        return new PodPatch(operations, [.. notes]);
    }

    private static void AddRequest(string resource, int count, JsonArray operations)
    {
        // RFC 6901, section 3.
        var token = resource.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
        foreach (var list in (string[])["requests", "limits"])
            operations.Add(
                (JsonNode)AddOperation(
                    $"/spec/containers/0/resources/{list}/{token}",
                    count.ToString(CultureInfo.InvariantCulture)
                )
            );
    }

    private static string DescribeRequest(PodView pod, JsonElement container, string resource, int count)
    {
        var titles = pod.Selections.Where(s => s.Definition?.Resource == resource).Select(s => s.Title);
        return $"weft added {count} of {resource} to the requests and limits of container '{container.Text("name")}', "
            + $"the pod's first, for {string.Join(", ", titles)}";
    }

    internal static void Check(
        JsonElement pod,
        string path,
        string @namespace,
        LintContext lintContext,
        Findings findings
    )
    {
        var view = PodView.Read(pod, path, @namespace, lintContext, findings);
        AnnotationRules.Check(view, findings);
        ReferenceRules.Check(view, findings);
        DeviceRules.Check(view, findings);
        AddressRules.Check(view, findings);
        InterfaceRules.Check(view, findings);
        TrunkRules.Check(view, findings);
    }

    /// <summary>A patch adds a member to an object that is there: those that aren't are added first.</summary>
    private static void AddParents(JsonElement resources, JsonArray operations)
    {
        if (resources.ValueKind != JsonValueKind.Object)
            operations.Add((JsonNode)AddOperation("/spec/containers/0/resources", new JsonObject()));
        foreach (
            var list in ((string[])["requests", "limits"]).Where(l =>
                resources.Member(l).ValueKind != JsonValueKind.Object
            )
        )
            operations.Add((JsonNode)AddOperation($"/spec/containers/0/resources/{list}", new JsonObject()));
    }

    private static JsonObject AddOperation(string path, JsonNode value) =>
        new()
        {
            ["op"] = "add",
            ["path"] = path,
            ["value"] = value,
        };
}
