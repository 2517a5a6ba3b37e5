using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>
/// One step of an apply: a PUT of a document, or the enabling of an isolation domain that its document asks for.
/// </summary>
/// <param name="Body">The document for the PUT, without what only an action can set; null for an enabling step.</param>
/// <param name="DependsOn">The steps that must be done before, by their place in the list; all of them smaller than its
/// own.</param>
internal sealed record ApplyStep(ResourceId Id, JsonObject? Body, ImmutableArray<int> DependsOn)
{
    /// <summary>Whether it enables an isolation domain.</summary>
    public bool IsEnabling => Body is null;
}

/// <summary>
/// The order in which documents can be applied: what is referred to comes first. Documents say by their ids what they
/// refer to, so the order follows from them alone, and is the same on the server that plans and in the program that
/// applies.
/// </summary>
internal static class ApplyOrder
{
    private const string AdministrativeState = "administrativeState";

    /// <summary>Puts documents in order.</summary>
    /// <param name="documents">Documents with an <c>id</c> each, in any order.</param>
    /// <returns>The steps, or every document that has no id, appears twice, or refers to itself in a circle.</returns>
    public static Outcome<ImmutableArray<ApplyStep>> Sort(IReadOnlyList<JsonObject> documents)
    {
        var findings = new List<Refusal>();
        var nodes = new List<DocumentNode>();
        foreach (var (document, i) in documents.Select((d, i) => (d, i)))
        {
            if (document["id"] is not JsonValue value || !value.TryGetValue<string>(out var text))
                findings.Add(
                    new Refusal(RefusalCode.MissingMember, $"document {i + 1} has no 'id'", $"resources[{i}].id")
                );
            else if (!ResourceId.Parse(text, $"resources[{i}].id").TryGet(out var id, out var refusal))
                findings.Add(refusal);
            else if (nodes.Exists(n => n.Id.Equals(id)))
                findings.Add(
                    new Refusal(RefusalCode.Overlap, $"{id} is there twice", $"resources[{i}].id", id.ToString())
                );
            else
                nodes.AddRange(NodesOf(id, document));
        }

        if (findings.Count > 0)
            return Refusal.Combine(findings, "resources");
        foreach (var node in nodes)
            node.Dependencies.AddRange(nodes.Where(other => other != node && DependsOn(node, other)));
        return SortTopologically(nodes);
    }

    private static IEnumerable<DocumentNode> NodesOf(ResourceId id, JsonObject document)
    {
        var body = document.DeepClone().AsObject();
        var properties = body["properties"] as JsonObject;
        var enabled =
            string.Equals(properties?[AdministrativeState]?.ToString(), "Enabled", StringComparison.OrdinalIgnoreCase)
            && id.Type.Leaf.EndsWith("IsolationDomains", StringComparison.OrdinalIgnoreCase);
        properties?.Remove(AdministrativeState);
        yield return new DocumentNode(id, body, [.. ReferencedIds(body)]);
        if (enabled)
            yield return new DocumentNode(id, null, []);
    }

    private static bool DependsOn(DocumentNode node, DocumentNode other)
    {
        if (node.Body is null)
            return other.Body is not null && (other.Id.Equals(node.Id) || other.Id.IsUnder(node.Id));
        if (other.Id.Equals(node.Id))
            return false;
        if (other.Body is not null && node.Id.IsUnder(other.Id))
            return true;
        // An extension of a resource may speak of that resource's children by name.
        if (
            other.Body is not null
            && node.Id.IsExtension
            && !other.Id.IsExtension
            && node.Id.Parent!.Equals(other.Id.Parent)
        )
            return true;
        if (node.ReferencedKeys.Contains(other.Id.Key))
            return true;
        // Who names a resource needs its children too (a domain's internal networks), whether the resource itself is
        // among the documents or not.
        return other.Body is not null
            && !other.Id.IsExtension
            && other.Id.Parent is { Parent.Parent: not null } parent
            && node.ReferencedKeys.Contains(parent.Key)
            && !node.Id.IsUnder(parent);
    }

    private static Outcome<ImmutableArray<ApplyStep>> SortTopologically(List<DocumentNode> nodes)
    {
        var steps = ImmutableArray.CreateBuilder<ApplyStep>();
        var place = new Dictionary<DocumentNode, int>();
        while (place.Count < nodes.Count)
        {
            var ready = nodes.FirstOrDefault(n =>
                !place.ContainsKey(n) && n.Dependencies.TrueForAll(place.ContainsKey)
            );
            if (ready is null)
            {
                var circle = nodes.Where(n => !place.ContainsKey(n)).Select(n => n.Id.Name);
                return new Refusal(
                    RefusalCode.Mismatch,
                    $"these documents refer to each other in a circle: {string.Join(", ", circle)}",
                    "resources"
                );
            }

            place[ready] = steps.Count;
            steps.Add(new ApplyStep(ready.Id, ready.Body, [.. ready.Dependencies.Select(n => place[n]).Order()]));
        }

        return steps.ToImmutable();
    }

    /// <summary>Every id in a document; a custom location stands for its cluster.</summary>
    private static IEnumerable<string> ReferencedIds(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject body:
                return body.Where(member => member.Key != "id").SelectMany(member => ReferencedIds(member.Value));
            case JsonArray list:
                return list.SelectMany(ReferencedIds);
            case JsonValue value
                when value.GetValueKind() == JsonValueKind.String
                    && ResourceId.TryParse(value.GetValue<string>(), out var id):
                return
                [
                    id.Key,
                    id.Key.Replace(
                        "/providers/microsoft.extendedlocation/customlocations/",
                        "/providers/microsoft.networkcloud/clusters/",
                        StringComparison.Ordinal
                    ),
                ];
            default:
                return [];
        }
    }

    private sealed record DocumentNode(ResourceId Id, JsonObject? Body, HashSet<string> ReferencedKeys)
    {
        public List<DocumentNode> Dependencies { get; } = [];

        public bool Equals(DocumentNode? other) => ReferenceEquals(this, other);

        public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);
    }
}
