using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Cli.Contexts;
using Weft.Cli.Kinds;
using Weft.Resources;

namespace Weft.Cli.Documents;

/// <summary>From raw documents to resources: settles who each one is.</summary>
internal sealed class ResourceReader(Settings settings, List<Finding> findings)
{
    private static readonly string[] Envelope = ["id", "name", "type", "parent", "apiVersion"];

    /// <summary>The one provider whose API has booleans; the others' flags are the texts <c>True</c> and <c>False</c>.</summary>
    private const string WithBooleans = "Microsoft.Relay";

    private readonly Dictionary<ResourceId, Document> _seen = [];

    /// <summary>The resources of a document: one, or a list.</summary>
    public IEnumerable<Document> Read(RawDocument raw)
    {
        var (list, path) = raw.Value switch
        {
            JsonArray array => (array, ""),
            JsonObject map when map["value"] is JsonArray array && !map.ContainsKey("id") && !map.ContainsKey("type") => (array, "value"),
            _ => (null, ""),
        };
        if (list is null)
            return One(raw.Value, raw, "");
        return [.. list.SelectMany((item, i) => One(item, raw, Origin.Item(path, i)))];
    }

    private IEnumerable<Document> One(JsonNode? node, RawDocument raw, string path)
    {
        var origin = raw.Origin;
        if (node is not JsonObject map)
        {
            Find(origin.At(path), "a resource is an object with 'id', or with 'type' and 'name'");
            yield break;
        }

        var id = map.ContainsKey("id") ? ById(map, origin, path) : ByName(map, origin, path);
        if (id is null)
            yield break;
        var body = (JsonObject)map.DeepClone();
        foreach (var member in Envelope)
            body.Remove(member);
        if (raw.IsYaml && id.Type.Namespace != WithBooleans)
            Spell(body);
        var version = Text(map, "apiVersion", origin, path) ?? KindTable.Of(id.Type)?.ApiVersion ?? KindTable.WeftVersion;
        var document = new Document(id, version, body, origin, path);
        if (_seen.TryAdd(id, document))
            yield return document;
        else
            Find(document.Place, $"{Label.Of(id)} is declared at {_seen[id].Place} already");
    }

    /// <summary>Spells the booleans of YAML as flags: nobody writes <c>"True"</c> there.</summary>
    private static void Spell(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject map:
                foreach (var (name, value) in map.ToList())
                {
                    if (Flag(value) is { } flag)
                        map[name] = flag;
                    else
                        Spell(value);
                }

                break;
            case JsonArray list:
                for (var i = 0; i < list.Count; i++)
                {
                    if (Flag(list[i]) is { } flag)
                        list[i] = flag;
                    else
                        Spell(list[i]);
                }

                break;
        }

        static string? Flag(JsonNode? value) => value?.GetValueKind() switch { JsonValueKind.True => "True", JsonValueKind.False => "False", _ => null };
    }

    private ResourceId? ById(JsonObject map, Origin origin, string path)
    {
        var at = origin.At(Origin.Member(path, "id"));
        var text = Text(map, "id", origin, path);
        if (text is null)
            return null;
        if (!ResourceId.Parse(text, "id").TryGet(out var id, out var refusal))
        {
            Find(at, refusal.Message);
            return null;
        }

        if (Text(map, "type", origin, path) is { } type && KindOrType(type) != id.Type)
            Find(origin.At(Origin.Member(path, "type")), $"'type' says {type}, and 'id' says {id.Type}");
        if (Text(map, "name", origin, path) is { } name && !name.EndsWith(id.Name, StringComparison.OrdinalIgnoreCase))
            Find(origin.At(Origin.Member(path, "name")), $"'name' says {name}, and 'id' says {id.Name}");
        return id;
    }

    private ResourceId? ByName(JsonObject map, Origin origin, string path)
    {
        var text = Needed("type");
        var name = Needed("name");
        if (text is null || name is null)
            return null;
        if (KindTable.Find(text) is not { } kind)
        {
            Find(origin.At(Origin.Member(path, "type")), $"there is no type '{text}': {NearNames.Sentence(text)}");
            return null;
        }

        var at = origin.At(Origin.Member(path, "name"));
        var parent = Text(map, "parent", origin, path);
        var hasParent = kind.Parent is not null || kind.StandsAtTargets;
        if (parent is not null && (!hasParent || name.Contains('/', StringComparison.Ordinal)))
        {
            Find(origin.At(Origin.Member(path, "parent")), !hasParent ? $"a {kind.Singular} has no parent" : $"the name '{name}' says the parent already");
            return null;
        }

        try
        {
            return new Scope(settings).Id(kind, name, parent);
        }
        catch (Complaint complaint)
        {
            Find(at, kind.Parent is not null && parent is null && !name.Contains('/', StringComparison.Ordinal)
                ? $"which {kind.Parent.Singular} is '{name}' of? Write PARENT/{name}, or 'parent'"
                : complaint.Next is null ? complaint.Message : $"{complaint.Message}: {complaint.Next}");
            return null;
        }

        string? Needed(string member)
        {
            if (!map.ContainsKey(member))
                Find(origin.At(path), $"'{member}' is missing: a resource has 'id', or 'type' and 'name'");
            return Text(map, member, origin, path);
        }
    }

    private static ResourceType KindOrType(string text) =>
        KindTable.Find(text)?.Type ?? (text.Contains('/', StringComparison.Ordinal) ? ResourceType.Parse(text) : default);

    private string? Text(JsonObject map, string member, Origin origin, string path)
    {
        if (map[member] is not { } node)
            return null;
        if (node is JsonValue value && value.GetValueKind() is JsonValueKind.String && value.GetValue<string>() is { Length: > 0 } text)
            return text;
        Find(origin.At(Origin.Member(path, member)), $"'{member}' must be a text" + (node is JsonValue ? ": put it in quotes" : ""));
        return null;
    }

    private void Find(Place at, string message) => findings.Add(new Finding(at, message));
}
