using System.Text.Json.Nodes;
using Weft.Attachments.Formats;
using Weft.Cli.Output;
using Weft.Cli.Primitives;

namespace Weft.Tests.Cli;

public sealed class OutputTests
{
    [Fact]
    public void Writes_Yaml_InBlockStyleWithQuotesWhereNeeded()
    {
        var node = JsonNode.Parse(
            """
            {"apiVersion":"v1","flag":"True","version":"1.30","off":"no","vlan":606,"free":null,"yes":true,"labels":{},"list":[],
             "prefixes":["10.0.0.0/24",{"a":1,"b":[2]}],
             "config":"{\n  \"type\": \"macvlan\"\n}\n","colon":"a: b","dash":"- x","time":"2026-11-22T10:00:00Z",
              "mac":"02:00:5e:00:53:01","id":"/subscriptions/s"}
            """
        );
        Assert.Equal(
            """
            apiVersion: v1
            flag: "True"
            version: "1.30"
            "off": "no"
            vlan: 606
            free: null
            "yes": true
            labels: {}
            list: []
            prefixes:
            - 10.0.0.0/24
            - a: 1
              b:
              - 2
            config: |
              {
                "type": "macvlan"
              }
            colon: 'a: b'
            dash: '- x'
            time: "2026-11-22T10:00:00Z"
            mac: "02:00:5e:00:53:01"
            id: /subscriptions/s

            """.ReplaceLineEndings("\n"),
            Yaml.Write(node)
        );
    }

    [Fact]
    public void Writes_ManyDocuments_EachAfterItsLine() =>
        Assert.Equal(
            "---\na: 1\n---\nb: 2\n",
            Yaml.WriteAll([JsonNode.Parse("{\"a\":1}"), JsonNode.Parse("{\"b\":2}")])
        );

    [Fact]
    public void Writes_Json_WithLettersKept() =>
        Assert.Equal(
            "{\n  \"note\": \"Gerät <1> + 'ü'\",\n  \"n\": 1.30\n}",
            JsonFormatter.Indented(JsonNode.Parse("{\"note\":\"Ger\\u00e4t <1> + 'ü'\",\"n\":1.30}"))
        );

    [Fact]
    public void Writes_Table_InColumnsWithDashForNothing()
    {
        using var text = new StringWriter { NewLine = "\n" };
        TableText.Write(
            new Terminal(text, false, false),
            ["NAME", "VLAN", "STATUS"],
            [
                ["n6", "606", ""],
                ["management", "", "Available"],
            ]
        );
        Assert.Equal(
            "NAME         VLAN   STATUS\nn6           606    -\nmanagement   -      Available\n",
            text.ToString()
        );
    }

    [Fact]
    public void Shows_ControlCharacters_ThatWouldSteerTheTerminal()
    {
        using var text = new StringWriter { NewLine = "\n" };
        new Terminal(text, true, false).WriteLine("a\u001b[31mb\u0007\u009bc");
        Assert.Equal("a\ufffd[31mb\ufffd\ufffdc\n", text.ToString());
    }

    [Theory]
    [InlineData("a\u202eb", "a\\u202Eb")]
    [InlineData("\u2066x\u2069\u200f", "\\u2066x\\u2069\\u200F")]
    [InlineData("zero\u200bwidth\ufeff", "zero\\u200Bwidth\\uFEFF")]
    [InlineData("line\u2028break", "line\\u2028break")]
    [InlineData("tag\U000e0041", "tag\\uDB40\\uDC41")]
    [InlineData("größe 東京", "größe 東京")]
    public void Escapes_WhatReordersOrHides_InTablesAndJson(string text, string shown)
    {
        using var output = new StringWriter { NewLine = "\n" };
        TableText.Write(
            new Terminal(output, false, false),
            ["NAME", "ID"],
            [
                [text, "1"],
            ]
        );
        // A line end of any kind is a blank in a table.
        var cell = shown.Replace("\\u2028", " ", StringComparison.Ordinal);
        Assert.Equal($"{cell}   1", output.ToString().Split('\n')[1]);
        var json = JsonFormatter.Indented(new JsonObject { ["name"] = text, [text] = 1 });
        Assert.Contains($"\"{shown}\": 1", json, StringComparison.Ordinal);
        Assert.Equal(text, JsonNode.Parse(json)!["name"]!.ToString());
    }

    [Fact]
    public void Diffs_ChangedLine_WithThreeAround() =>
        Assert.Equal(
            ["@@ -2,7 +2,7 @@", " 2", " 3", " 4", "-5", "+five", " 6", " 7", " 8"],
            UnifiedDiff.Create("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n")
        );

    [Fact]
    public void Diffs_FarChanges_InHunksOfTheirOwn()
    {
        var old = string.Join('\n', Enumerable.Range(1, 30));
        var now = old.Replace("\n5\n", "\n", StringComparison.Ordinal) + "\n31";
        Assert.Equal(
            [
                "@@ -2,7 +2,6 @@",
                " 2",
                " 3",
                " 4",
                "-5",
                " 6",
                " 7",
                " 8",
                "@@ -28,3 +27,4 @@",
                " 28",
                " 29",
                " 30",
                "+31",
            ],
            UnifiedDiff.Create(old, now)
        );
    }

    [Fact]
    public void Diffs_RepeatedLine_AsTheLaterOne() =>
        Assert.Equal(
            ["@@ -1,4 +1,6 @@", " a", " b", "+x", "+b", " c", " d"],
            UnifiedDiff.Create("a\nb\nc\nd", "a\nb\nx\nb\nc\nd")
        );

    [Fact]
    public void Diffs_EqualTexts_AsNothing() => Assert.Empty(UnifiedDiff.Create("a\nb", "a\nb\n"));

    [Theory]
    [InlineData("90s", 90)]
    [InlineData("10m", 600)]
    [InlineData("1h30m", 5400)]
    [InlineData("45", 45)]
    [InlineData("1.5", 1.5)]
    public void Reads_Duration(string text, double seconds)
    {
        Assert.True(Duration.TryParse(text, out var span));
        Assert.Equal(seconds, span.TotalSeconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("-5m")]
    [InlineData("m")]
    [InlineData("10 m")]
    [InlineData("999999h")]
    public void Refuses_Duration_ThatIsNone(string text) => Assert.False(Duration.TryParse(text, out _));

    [Theory]
    [InlineData(45, "45s")]
    [InlineData(600, "10m")]
    [InlineData(12000, "3h20m")]
    [InlineData(10800, "3h")]
    [InlineData(86400, "24h")]
    [InlineData(432000, "5d")]
    [InlineData(-3, "0s")]
    public void Shortens_Age(int seconds, string text) =>
        Assert.Equal(text, Duration.FormatAge(TimeSpan.FromSeconds(seconds)));
}
