using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Cli.Documents;
using Weft.Resources;

namespace Weft.Cli.Linting;

/// <summary>A manifest in a file.</summary>
/// <param name="Path">Its path in its document: <c>items[3]</c> in a list, else empty.</param>
internal sealed record LintManifest(JsonElement Body, Origin Origin, string Path)
{
    /// <summary><c>Pod core/upf-0</c>.</summary>
    public string Title
    {
        get
        {
            var (kind, metadata) = (Body.Text("kind") ?? "?", Body.Member("metadata"));
            var name = metadata.Text("name") ?? metadata.Text("generateName") ?? "?";
            return metadata.Text("namespace") is { } space ? $"{kind} {space}/{name}" : $"{kind} {name}";
        }
    }

    /// <summary>The manifests in documents; lists are taken apart.</summary>
    public static IEnumerable<LintManifest> Of(IEnumerable<RawDocument> documents) => documents.SelectMany(document => Of(document.Value, document.Origin, ""));

    private static IEnumerable<LintManifest> Of(JsonNode? node, Origin origin, string path)
    {
        var list = node as JsonArray ?? (node is JsonObject map && map["kind"]?.ToString().EndsWith("List", StringComparison.Ordinal) == true ? map["items"] as JsonArray : null);
        if (list is not null)
            return list.SelectMany((item, i) => Of(item, origin, Origin.Item(node is JsonArray ? path : Origin.Member(path, "items"), i)));
        return node is JsonObject ? [new LintManifest(JsonElement.Parse(Json.Bytes(node)), origin, path)] : [];
    }
}
