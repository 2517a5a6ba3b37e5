using System.Collections.Immutable;
using System.Text.Json;

namespace Weft.Attachments.Admission;

/// <summary>Finds what keeps a pod from its networks before it is started (docs/specs/lint.md).</summary>
public static class PodLint
{
    /// <summary>Checks a pod.</summary>
    /// <param name="pod">The pod (<c>kind: Pod</c>), as the API server shows it to a webhook or as its manifest has it.</param>
    /// <param name="namespace">The namespace it goes to; a pod's own <c>metadata.namespace</c> is not looked at.</param>
    /// <param name="surroundings">What the cluster has.</param>
    /// <returns>All findings, in the order of the rules.</returns>
    public static ImmutableArray<LintFinding> Check(JsonElement pod, string @namespace, LintSurroundings surroundings)
    {
        ArgumentNullException.ThrowIfNull(@namespace);
        ArgumentNullException.ThrowIfNull(surroundings);
        return [];
    }

    /// <summary>
    /// Adds the device requests that a pod's networks need and that it doesn't have: to its first container, <c>requests</c> and <c>limits</c> alike,
    /// as many as it has attachments of that resource. Nothing else is changed, ever.
    /// </summary>
    /// <param name="pod">The pod.</param>
    /// <param name="namespace">The namespace it goes to.</param>
    /// <param name="surroundings">What the cluster has.</param>
    /// <returns>The change; an empty one where nothing is missing or the annotation can't be read.</returns>
    public static PodPatch Mutate(JsonElement pod, string @namespace, LintSurroundings surroundings)
    {
        ArgumentNullException.ThrowIfNull(@namespace);
        ArgumentNullException.ThrowIfNull(surroundings);
        return new PodPatch([], []);
    }
}
