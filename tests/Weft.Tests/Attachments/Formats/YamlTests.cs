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
    /// <summary>What a reader of YAML 1.1 or 1.2 takes for another type, for syntax, or for other white space.</summary>
    public static TheoryData<string> Lookalikes =>
        [
            "",
            "~",
            "null",
            "Null",
            "true",
            "FALSE",
            "yes",
            "No",
            "on",
            "OFF",
            "y",
            "N",
            "1",
            "-1",
            "+1",
            "0o17",
            "017",
            "0x1F",
            "0b1",
            "1_000",
            "1.5",
            ".5",
            "1e3",
            "1.0e+3",
            ".inf",
            "-.INF",
            ".nan",
            "1:20",
            "52:54:00",
            "12:34:56:01:02:03",
            "2026-11-22",
            "2026-11-22T10:00:00Z",
            "=",
            "<<",
            "-",
            "- a",
            "a: b",
            "a:",
            "a #b",
            "#a",
            "*a",
            "a *b",
            "&a",
            "!a",
            "@a",
            "`a",
            "%a",
            "'a'",
            "\"a\"",
            "[a]",
            "{a}",
            " a",
            "a ",
            "a\tb",
            "a\nb",
            "a\nb\n",
            "a\n\n",
            "\na",
            "  a\nb\n",
            "a\n  b\n",
            "a \nb\n",
            "a\r\nb",
            "a\u0001\nb",
            "a\u0085b\n",
            "a\u2028b\n",
            "\ufeffa\n",
            "---",
            "...",
            "--- a\n--- b\n",
            "ünï 漢字 🙂",
            "10.20.6.17/24",
            "fd20::1/64",
        ];

    [Theory]
    [MemberData(nameof(Lookalikes))]
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
            |[-+]?(?:[0-9][0-9_]*)?\.[0-9._]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*(?:[eE][-+]?[0-9]+)
            |[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*
            |[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|\d{4}-\d\d?-\d\d?(?:[Tt\ \t].*)?)$
            """,
        RegexOptions.IgnorePatternWhitespace
    )]
    private static partial Regex Implicit();
}
