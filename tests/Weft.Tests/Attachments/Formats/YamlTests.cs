using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CsCheck;
using Weft.Attachments.Formats;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Weft.Tests.Attachments.Formats;

public sealed partial class YamlTests
{
    [Theory]
    [InlineData("")]
    [InlineData("~")]
    [InlineData("null")]
    [InlineData("Null")]
    [InlineData("true")]
    [InlineData("FALSE")]
    [InlineData("yes")]
    [InlineData("No")]
    [InlineData("on")]
    [InlineData("OFF")]
    [InlineData("y")]
    [InlineData("N")]
    [InlineData("1")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData("0o17")]
    [InlineData("017")]
    [InlineData("0x1F")]
    [InlineData("0b1")]
    [InlineData("1_000")]
    [InlineData("1.5")]
    [InlineData(".5")]
    [InlineData("1e3")]
    [InlineData("1.0e+3")]
    [InlineData(".inf")]
    [InlineData("-.INF")]
    [InlineData(".nan")]
    [InlineData("1:20")]
    [InlineData("52:54:00")]
    [InlineData("12:34:56:01:02:03")]
    [InlineData("2026-11-22")]
    [InlineData("2026-11-22T10:00:00Z")]
    [InlineData("=")]
    [InlineData("<<")]
    [InlineData("-")]
    [InlineData("- a")]
    [InlineData("a: b")]
    [InlineData("a:")]
    [InlineData("a #b")]
    [InlineData("#a")]
    [InlineData("*a")]
    [InlineData("a *b")]
    [InlineData("&a")]
    [InlineData("!a")]
    [InlineData("@a")]
    [InlineData("`a")]
    [InlineData("%a")]
    [InlineData("'a'")]
    [InlineData("\"a\"")]
    [InlineData("[a]")]
    [InlineData("{a}")]
    [InlineData(" a")]
    [InlineData("a ")]
    [InlineData("a\tb")]
    [InlineData("a\nb")]
    [InlineData("a\nb\n")]
    [InlineData("a\n\n")]
    [InlineData("\na")]
    [InlineData("  a\nb\n")]
    [InlineData("a\n  b\n")]
    [InlineData("a \nb\n")]
    [InlineData("a\r\nb")]
    [InlineData("a\u0001\nb")]
    [InlineData("a\u0085b\n")]
    [InlineData("a\u2028b\n")]
    [InlineData("\ufeffa\n")]
    [InlineData("---")]
    [InlineData("...")]
    [InlineData("--- a\n--- b\n")]
    [InlineData("ünï 漢字 🙂")]
    [InlineData("10.20.6.17/24")]
    [InlineData("fd20::1/64")]
    public void RoundTrips_TextThatLooksLikeSomethingElse(string text)
    {
        var tree = new JsonObject
        {
            ["value"] = text,
            [text] = "key",
            ["list"] = new JsonArray(text, text),
        };
        Same(tree);
    }

    [Fact]
    public void Reads_BackWhateverItWrites() =>
        Trees.Sample(tree => Same(new JsonObject { ["top"] = tree }), iter: 2000);

    [Fact]
    public void Writes_EmptyCollectionsAndScalars()
    {
        var tree = JsonNode.Parse("""{"a":[],"b":{},"c":null,"d":[[],{}],"e":true,"f":-1.5}""")!;
        Assert.Equal("a: []\nb: {}\nc: null\nd:\n- []\n- {}\ne: true\nf: -1.5\n", Yaml.Write(tree));
    }

    [Fact]
    public void Separates_Documents()
    {
        var text = Yaml.WriteAll([new JsonObject { ["a"] = 1 }, new JsonObject { ["b"] = "x\n---\ny\n" }]);
        Assert.Equal(2, Load(text).Count);
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
    }

    private static Gen<string> Texts =>
        Gen.OneOf(
            Gen.OneOf(
                "",
                "a",
                "null",
                "1:20",
                "yes",
                " ",
                "\n",
                "\t",
                ":",
                "#",
                "-",
                "? ",
                "0x1",
                "e",
                ".",
                "\\",
                "\"",
                "'"
            ),
            Gen.Char["ab:0 -#\n\t\r'\"\\?!&*|>%@`{}[],~.\u0001\u0085\u00a0\u2028\ufeffü"]
                .Array[0, 12]
                .Select(c => new string(c))
        );

    private static Gen<JsonNode?> Trees =>
        Gen.Recursive<JsonNode?>(
            (depth, inner) =>
                depth > 3
                    ? Texts.Select(t => (JsonNode?)JsonValue.Create(t))
                    : Gen.Frequency(
                        (4, Texts.Select(t => (JsonNode?)JsonValue.Create(t))),
                        (1, Gen.Int.Select(n => (JsonNode?)JsonValue.Create(n))),
                        (1, Gen.Bool.Select(b => (JsonNode?)JsonValue.Create(b))),
                        (1, Gen.Const((JsonNode?)null)),
                        (
                            2,
                            inner.Array[0, 4].Select(a => (JsonNode?)new JsonArray([.. a.Select(n => n?.DeepClone())]))
                        ),
                        (
                            2,
                            Gen.Select(Texts, inner)
                                .Array[0, 4]
                                .Select(a =>
                                    (JsonNode?)
                                        new JsonObject(
                                            a.DistinctBy(m => m.Item1)
                                                .Select(m => KeyValuePair.Create(m.Item1, m.Item2?.DeepClone()))
                                        )
                                )
                        )
                    )
        );

    private static void Same(JsonNode tree)
    {
        var text = Yaml.Write(tree);
        IList<YamlDocument> documents = [];
        var refused = Record.Exception(() => documents = Load(text));
        Assert.True(refused is null, $"{refused?.Message}\n{text}");
        Assert.True(documents.Count == 1, text);
        Assert.True(Same(tree, documents[0].RootNode), text);
    }

    private static IList<YamlDocument> Load(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return stream.Documents;
    }

    private static bool Same(JsonNode? tree, YamlNode yaml) =>
        (tree, yaml) switch
        {
            (JsonObject body, YamlMappingNode map) => body.Count == map.Children.Count
                && body.Zip(map.Children)
                    .All(m => Same(JsonValue.Create(m.First.Key), m.Second.Key) && Same(m.First.Value, m.Second.Value)),
            (JsonArray list, YamlSequenceNode items) => list.Count == items.Children.Count
                && list.Zip(items.Children).All(i => Same(i.First, i.Second)),
            (null, YamlScalarNode { Style: ScalarStyle.Plain, Value: "null" }) => true,
            (JsonValue value, YamlScalarNode scalar) => value.GetValueKind() == JsonValueKind.String
                ? scalar.Value == value.GetValue<string>()
                    && (scalar.Style != ScalarStyle.Plain || !Implicit().IsMatch(scalar.Value!))
                : scalar.Style == ScalarStyle.Plain && scalar.Value == value.ToJsonString(),
            _ => false,
        };

    // Every plain scalar that YAML 1.1 takes for something else than text (yaml.org/type: bool, float, int, merge,
    // null, timestamp, value).
    [GeneratedRegex(
        """
            ^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF|~|null|Null|NULL||=|<<
            |[-+]?0b[0-1_]+|[-+]?0o?[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+
            |[-+]?(?:[0-9][0-9_]*)?\.[0-9._]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*(?:[eE][-+]?[0-9]+)|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*
            |[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|\d{4}-\d\d?-\d\d?(?:[Tt\ \t].*)?)$
            """,
        RegexOptions.IgnorePatternWhitespace
    )]
    private static partial Regex Implicit();
}
