using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Cli.Documents;
using Weft.Resources;

namespace Weft.Cli.Linting;

/// <summary>A manifest in a file.</summary>
/// <param name="Path">Its path in its document: <c>items[3]</c> in a list, else empty.</param>
internal sealed record LintManifest(JsonElement Body, SourceMap SourceMap, string Path)
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
    public static IEnumerable<LintManifest> FromDocuments(IEnumerable<RawDocument> documents) =>
        documents.SelectMany(document => FromDocuments(document.Value, document.SourceMap, ""));

    private static IEnumerable<LintManifest> FromDocuments(JsonNode? node, SourceMap sourceMap, string path)
    {
        var list =
            node as JsonArray
            ?? (
                node is JsonObject map && map["kind"]?.ToString().EndsWith("List", StringComparison.Ordinal) == true
                    ? map["items"] as JsonArray
                    : null
            );
        if (list is not null)
            return list.SelectMany(
                (item, i) =>
                    FromDocuments(
                        item,
                        sourceMap,
                        SourceMap.ItemPath(node is JsonArray ? path : SourceMap.MemberPath(path, "items"), i)
                    )
            );
        return node is JsonObject ? [new LintManifest(JsonElement.Parse(Json.ToUtf8(node)), sourceMap, path)] : [];
    }
}
