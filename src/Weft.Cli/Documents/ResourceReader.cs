using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Cli.Contexts;
using Weft.Cli.Kinds;
using Weft.Resources;

namespace Weft.Cli.Documents;

/// <summary>From raw documents to resources: resolves which resource each one is.</summary>
internal sealed class ResourceReader(Settings settings, List<Finding> findings)
{
    private static readonly string[] EnvelopeMembers = ["id", "name", "type", "parent", "apiVersion"];

    /// <summary>
    /// The one provider whose API has booleans; the others' flags are the texts <c>True</c> and <c>False</c>.
    /// </summary>
    private const string NativeBooleanNamespace = "Microsoft.Relay";

    private readonly Dictionary<ResourceId, Document> _seen = [];

    /// <summary>The resources of a document: one, or a list.</summary>
    public IEnumerable<Document> Read(RawDocument raw)
    {
        var (list, path) = raw.Value switch
        {
            JsonArray array => (array, ""),
            JsonObject map when map["value"] is JsonArray array && !map.ContainsKey("id") && !map.ContainsKey("type") =>
                (array, "value"),
            _ => (null, ""),
        };
        if (list is null)
            return ReadOne(raw.Value, raw, "");
        return [.. list.SelectMany((item, i) => ReadOne(item, raw, SourceMap.ItemPath(path, i)))];
    }

    private IEnumerable<Document> ReadOne(JsonNode? node, RawDocument raw, string path)
    {
        var sourceMap = raw.SourceMap;
        if (node is not JsonObject map)
        {
            AddFinding(sourceMap.LocationOf(path), "a resource is an object with 'id', or with 'type' and 'name'");
            yield break;
        }

        var id = map.ContainsKey("id") ? ReadById(map, sourceMap, path) : ReadByName(map, sourceMap, path);
        if (id is null)
            yield break;
        var body = (JsonObject)map.DeepClone();
        foreach (var member in EnvelopeMembers)
            body.Remove(member);
        if (raw.IsYaml && id.Type.Namespace != NativeBooleanNamespace)
            ConvertBooleans(body);
        var version =
            TextOf(map, "apiVersion", sourceMap, path)
            ?? KindTable.FindByType(id.Type)?.ApiVersion
            ?? KindTable.WeftApiVersion;
        var document = new Document(id, version, body, sourceMap, path);
        if (_seen.TryAdd(id, document))
            yield return document;
        else
            AddFinding(document.Location, $"{Label.For(id)} is declared at {_seen[id].Location} already");
    }

    /// <summary>Spells the booleans of YAML as flags: nobody writes <c>"True"</c> there.</summary>
    private static void ConvertBooleans(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject map:
                foreach (var (name, value) in map.ToList())
                {
                    if (Flag(value) is { } flag)
                        map[name] = flag;
                    else
                        ConvertBooleans(value);
                }

                break;
            case JsonArray list:
                for (var i = 0; i < list.Count; i++)
                {
                    if (Flag(list[i]) is { } flag)
                        list[i] = flag;
                    else
                        ConvertBooleans(list[i]);
                }

                break;
        }

        static string? Flag(JsonNode? value) =>
            value?.GetValueKind() switch
            {
                JsonValueKind.True => "True",
                JsonValueKind.False => "False",
                _ => null,
            };
    }

    private ResourceId? ReadById(JsonObject map, SourceMap sourceMap, string path)
    {
        var location = sourceMap.LocationOf(SourceMap.MemberPath(path, "id"));
        var text = TextOf(map, "id", sourceMap, path);
        if (text is null)
            return null;
        if (!ResourceId.Parse(text, "id").TryGet(out var id, out var refusal))
        {
            AddFinding(location, refusal.Message);
            return null;
        }

        if (TextOf(map, "type", sourceMap, path) is { } type && ResolveType(type) != id.Type)
            AddFinding(
                sourceMap.LocationOf(SourceMap.MemberPath(path, "type")),
                $"'type' says {type}, and 'id' says {id.Type}"
            );
        if (
            TextOf(map, "name", sourceMap, path) is { } name
            && !name.EndsWith(id.Name, StringComparison.OrdinalIgnoreCase)
        )
            AddFinding(
                sourceMap.LocationOf(SourceMap.MemberPath(path, "name")),
                $"'name' says {name}, and 'id' says {id.Name}"
            );
        return id;
    }

    private ResourceId? ReadByName(JsonObject map, SourceMap sourceMap, string path)
    {
        var text = Needed("type");
        var name = Needed("name");
        if (text is null || name is null)
            return null;
        if (KindTable.Find(text) is not { } kind)
        {
            AddFinding(
                sourceMap.LocationOf(SourceMap.MemberPath(path, "type")),
                $"there is no type '{text}': {KindSuggestions.HintFor(text)}"
            );
            return null;
        }

        var location = sourceMap.LocationOf(SourceMap.MemberPath(path, "name"));
        var parent = TextOf(map, "parent", sourceMap, path);
        var hasParent = kind.Parent is not null || kind.IsExtension;
        if (parent is not null && (!hasParent || name.Contains('/', StringComparison.Ordinal)))
        {
            AddFinding(
                sourceMap.LocationOf(SourceMap.MemberPath(path, "parent")),
                !hasParent ? $"a {kind.Singular} has no parent" : $"the name '{name}' says the parent already"
            );
            return null;
        }

        try
        {
            return new ResourceScope(settings).ResolveId(kind, name, parent);
        }
        catch (CliError cliError)
        {
            var lacksParent = parent is null && !name.Contains('/', StringComparison.Ordinal);
            AddFinding(location, DescribeUnresolved(kind, name, lacksParent, cliError));
            return null;
        }

        string? Needed(string member)
        {
            if (!map.ContainsKey(member))
                AddFinding(
                    sourceMap.LocationOf(path),
                    $"'{member}' is missing: a resource has 'id', or 'type' and 'name'"
                );
            return TextOf(map, member, sourceMap, path);
        }
    }

    private static string DescribeUnresolved(Kind kind, string name, bool lacksParent, CliError cliError)
    {
        if (lacksParent && kind.Parent is { } above)
            return $"which {above.Singular} is '{name}' of? Write PARENT/{name}, or 'parent'";
        return cliError.NextStep is { } next ? $"{cliError.Message}: {next}" : cliError.Message;
    }

    private static ResourceType ResolveType(string text) =>
        KindTable.Find(text)?.Type
        ?? (text.Contains('/', StringComparison.Ordinal) ? ResourceType.Parse(text) : default);

    private string? TextOf(JsonObject map, string member, SourceMap sourceMap, string path)
    {
        if (map[member] is not { } node)
            return null;
        if (
            node is JsonValue value
            && value.GetValueKind() is JsonValueKind.String
            && value.GetValue<string>() is { Length: > 0 } text
        )
            return text;
        AddFinding(
            sourceMap.LocationOf(SourceMap.MemberPath(path, member)),
            $"'{member}' must be a text" + (node is JsonValue ? ": put it in quotes" : "")
        );
        return null;
    }

    private void AddFinding(SourceLocation location, string message) => findings.Add(new Finding(location, message));
}
