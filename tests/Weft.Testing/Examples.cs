using System.Text.Json.Nodes;
using YamlDotNet.RepresentationModel;

namespace Weft.Testing;

/// <summary>The examples of the repository.</summary>
internal static class Examples
{
    /// <summary>The documents of a folder of examples, in the order of their files.</summary>
    public static IReadOnlyList<JsonObject> Documents(string folder = "5g-site") =>
        [
            .. Directory
                .GetFiles(Path.Combine(Repository.Root, "examples", folder), "*.yaml")
                .Order(StringComparer.Ordinal)
                .SelectMany(f => Read(File.ReadAllText(f)))
                .Select(n => n!.AsObject()),
        ];

    /// <summary>
    /// The documents of a YAML text as JSON trees: plain scalars by YAML's core schema, the others as text.
    /// </summary>
    public static IEnumerable<JsonNode?> Read(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return stream.Documents.Select(d => ToJson(d.RootNode));
    }

    private static JsonNode? ToJson(YamlNode node) =>
        node switch
        {
            YamlMappingNode map => new JsonObject(
                map.Children.Select(c => KeyValuePair.Create(((YamlScalarNode)c.Key).Value!, ToJson(c.Value)))
            ),
            YamlSequenceNode list => new JsonArray([.. list.Children.Select(ToJson)]),
            YamlScalarNode { Style: not YamlDotNet.Core.ScalarStyle.Plain } quoted => JsonValue.Create(quoted.Value),
            YamlScalarNode { Value: "null" or "~" or "" } => null,
            YamlScalarNode { Value: "true" or "false" } flag => JsonValue.Create(flag.Value == "true"),
            YamlScalarNode plain when plain.Value!.All(char.IsAsciiDigit) => JsonNode.Parse(plain.Value!),
            YamlScalarNode plain => JsonValue.Create(plain.Value),
            _ => throw new FormatException($"{node} is no tree"),
        };
}
