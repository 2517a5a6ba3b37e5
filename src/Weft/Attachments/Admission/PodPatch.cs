using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Weft.Attachments.Admission;

/// <summary>A change to a pod.</summary>
/// <param name="Operations">The operations of a JSON Patch (RFC 6902); empty where there is nothing to change.</param>
/// <param name="Warnings">What was changed and why, a sentence each: an admission webhook's <c>warnings</c>.</param>
internal sealed record PodPatch(JsonArray Operations, ImmutableArray<string> Warnings)
{
    /// <summary>Whether there is nothing to change.</summary>
    public bool IsEmpty => Operations.Count == 0;
}
