using System.Text.Json.Nodes;

namespace Weft.Agent.Kubernetes;

/// <summary>
/// Fields of an object as server-side apply counts them. A field is written as the names of its path joined by a
/// character that no name has. Source: structured-merge-diff, <c>fieldpath</c>; docs/specs/agent-kubernetes.md,
/// "Applying".
/// </summary>
internal static class FieldSet
{
    private const char Join = '\u001f';

    /// <summary>
    /// The fields that an applied configuration owns: its leaves. A list counts as one value, as it does in every kind
    /// we write.
    /// </summary>
    public static Dictionary<string, JsonNode?> LeavesOf(JsonObject applied)
    {
        var leaves = new Dictionary<string, JsonNode?>(StringComparer.Ordinal);
        foreach (var (name, value) in applied)
        {
            if (name is not ("apiVersion" or "kind"))
                Collect(name, value, leaves);
        }

        leaves.Remove(Path("metadata", "name"));
        leaves.Remove(Path("metadata", "namespace"));
        return leaves;
    }

    /// <summary>
    /// The fields of one entry of <c>managedFields</c>, without the containers that exist for them (<c>"."</c>).
    /// </summary>
    /// <param name="fields">Its <c>fieldsV1</c>.</param>
    public static HashSet<string> Read(JsonObject? fields)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        if (fields is not null)
            Read("", fields, found);
        return found;
    }

    /// <summary>The value of a field in an object; no value where the object hasn't got it.</summary>
    /// <returns>False where the object hasn't got it.</returns>
    public static bool TryGet(JsonObject live, string field, out JsonNode? value)
    {
        value = live;
        foreach (var name in field.Split(Join))
        {
            if (value is not JsonObject holder || !holder.TryGetPropertyValue(name, out value))
                return false;
        }

        return true;
    }

    /// <summary>A field for people: <c>spec.config</c>.</summary>
    /// <returns>Its names with dots between them; a name with dots in brackets.</returns>
    public static string Title(string field) =>
        string.Join(
            "",
            field
                .Split(Join)
                .Select(
                    (name, i) =>
                        name.Contains('.', StringComparison.Ordinal) ? $"[{name}]"
                        : i == 0 ? name
                        : $".{name}"
                )
        );

    /// <summary>Names of a path joined.</summary>
    public static string Path(params ReadOnlySpan<string> names) => string.Join(Join, names);

    private static void Collect(string at, JsonNode? value, Dictionary<string, JsonNode?> leaves)
    {
        if (value is not JsonObject { Count: > 0 } members)
        {
            leaves[at] = value;
            return;
        }

        foreach (var (name, each) in members)
            Collect($"{at}{Join}{name}", each, leaves);
    }

    private static void Read(string at, JsonObject fields, HashSet<string> found)
    {
        foreach (var (element, below) in fields)
        {
            if (element == ".")
                continue;
            // f:NAME is a member; k:, v: and i: are elements of lists, which no configuration of ours has: they count
            // as they stand.
            var name = element.StartsWith("f:", StringComparison.Ordinal) ? element[2..] : element;
            var path = at.Length == 0 ? name : $"{at}{Join}{name}";
            if (below is JsonObject { Count: > 0 } more && more.Any(m => m.Key != "."))
                Read(path, more, found);
            else
                found.Add(path);
        }
    }
}
