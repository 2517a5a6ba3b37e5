using System.Text.Json.Nodes;
using CsCheck;
using Weft.Attachments.Formats;
using Weft.Cli.Documents;
using Weft.Cli.Primitives;

namespace Weft.Tests.Cli;

public sealed class YamlReaderTests
{
    private static readonly string[] Tricky =
    [
        "true",
        "no",
        "0x1F",
        "1e3",
        "12:30",
        "~",
        "<<",
        "=",
        "0o7",
        ".5",
        "1_000",
        "2026-11-22",
        "- a",
        "\n",
        "a\n\nb\n",
        "  a\n b",
        "y",
        "NULL",
        "-.inf",
        "---",
        "a\n---\nb",
    ];

    [Theory]
    [InlineData("606", "606")]
    [InlineData("-1", "-1")]
    [InlineData("+7", "7")]
    [InlineData("012", "12")]
    [InlineData("0o17", "15")]
    [InlineData("0xFf", "255")]
    [InlineData("123456789012345678901", "123456789012345678901")]
    [InlineData("1.30", "1.30")]
    [InlineData("1e3", "1e3")]
    [InlineData(".5", "0.5")]
    [InlineData("~", "null")]
    [InlineData("null", "null")]
    [InlineData("", "null")]
    [InlineData("'606'", "\"606\"")]
    [InlineData("\"True\"", "\"True\"")]
    [InlineData("yes", "\"yes\"")]
    [InlineData("2026-11-22", "\"2026-11-22\"")]
    [InlineData("1:30", "\"1:30\"")]
    [InlineData("!!str 606", "\"606\"")]
    [InlineData("1.2.3", "\"1.2.3\"")]
    [InlineData("02:00:5e:00:53:01", "\"02:00:5e:00:53:01\"")]
    public void Reads_Scalar_AsCoreSchemaDefines(string scalar, string json) =>
        Assert.Equal(json, JsonFormatter.Compact(Member(scalar)));

    [Theory]
    [InlineData("true", true)]
    [InlineData("True", true)]
    [InlineData("FALSE", false)]
    [InlineData("false", false)]
    public void Reads_Boolean_AsCoreSchemaDefines(string scalar, bool value) =>
        Assert.Equal(value, Member(scalar)!.GetValue<bool>());

    [Fact]
    public void Reads_EveryDocument_AndLeavesOutEmptyOnes()
    {
        var (documents, findings) = Read("---\na: 1\n---\n# nothing\n---\nb: [x, {c: 2}]\n...\n");
        Assert.Empty(findings);
        Assert.Equal(["{\"a\":1}", "{\"b\":[\"x\",{\"c\":2}]}"], documents.Select(d => JsonFormatter.Compact(d.Value)));
    }

    [Fact]
    public void Places_Members_ByLineAndColumn()
    {
        var (documents, _) = Read(
            "id: x\nproperties:\n  vlan: 606\n  subnets:\n    - prefix: 10.0.0.0/24\n    - prefix: 10.0.1.0/24\n"
        );
        var sourceMap = documents[0].SourceMap;
        Assert.Equal("site.yaml:3:3", sourceMap.LocationOf("properties.vlan").ToString());
        Assert.Equal("site.yaml:6:7", sourceMap.LocationOf("properties.subnets[1].prefix").ToString());
        Assert.Equal("site.yaml:2:1", sourceMap.LocationOf("properties.mtu").ToString());
    }

    [Fact]
    public void Copies_Anchor_ToItsAliases()
    {
        var (documents, findings) = Read("a: &x {v: 1}\nb: *x\n");
        Assert.Empty(findings);
        Assert.Equal("{\"a\":{\"v\":1},\"b\":{\"v\":1}}", JsonFormatter.Compact(documents[0].Value));
    }

    [Theory]
    [InlineData("a: 1\na: 2\n", "site.yaml:2:1: 'a' is given twice")]
    [InlineData("<<: {a: 1}\n", "site.yaml:1:1: merge keys (<<) are YAML 1.1; write the members out")]
    [InlineData("a: .inf\n", "site.yaml:1:4: '.inf' has no form in JSON")]
    [InlineData("a: !secret x\n", "site.yaml:1:4: the tag !secret means nothing here")]
    [InlineData("a: *nowhere\n", "site.yaml:1:4: no YAML: there is no anchor 'nowhere' before this alias")]
    public void Finds_WhatIsWrong_WhereItIs(string yaml, string finding) =>
        Assert.Equal([finding], Read(yaml).Findings.Select(f => f.ToString()));

    [Fact]
    public void Finds_BrokenSyntax_WithItsLine()
    {
        var finding = Assert.Single(Read("a: 1\nb: [1, 2\nc: 3\n").Findings);
        Assert.True(finding.Location.Line >= 2, finding.ToString());
        Assert.StartsWith("no YAML: ", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_AliasesThatMultiply()
    {
        var lines = Enumerable
            .Range(1, 8)
            .Select(i => $"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]");
        var (_, findings) = Read("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + string.Join("\n", lines) + "\n");
        Assert.Contains("more than 1000000 values", Assert.Single(findings).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_NestingWithoutEnd()
    {
        var (_, findings) = Read(new string('[', 5000));
        Assert.Contains("nested deeper", Assert.Single(findings).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Reads_BackEveryText_ThatIsWritten() =>
        Gen.OneOf(
                Gen.String[Gen.Char["aZ09 :-#'\"\n\t\\{}[]&*!|>%@`,?~=<.é\u0085\u00a0\u2028\ufeff"], 0, 20],
                Gen.Int[0, Tricky.Length - 1].Select(i => Tricky[i])
            )
            .Sample(text =>
            {
                var yaml = Yaml.Write(
                    new JsonObject { ["a"] = text, ["b"] = new JsonArray(text, new JsonObject { [text] = 1 }) }
                );
                var (documents, findings) = Read(yaml);
                Assert.Empty(findings);
                var read = documents[0].Value!;
                return read["a"]!.GetValue<string>() == text
                    && read["b"]![0]!.GetValue<string>() == text
                    && read["b"]![1]!.AsObject().ContainsKey(text);
            });

    private static JsonNode? Member(string scalar)
    {
        var (documents, findings) = Read($"a: {scalar}\n");
        Assert.Empty(findings);
        return documents[0].Value!["a"];
    }

    private static (List<RawDocument> Documents, List<Finding> Findings) Read(string yaml)
    {
        var findings = new List<Finding>();
        using var reader = new StringReader(yaml);
        return (YamlReader.Read("site.yaml", reader, findings), findings);
    }
}
