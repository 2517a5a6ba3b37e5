using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Tests.Resources;

public sealed class JsonTests
{
    [Theory]
    [InlineData("{", "the body is no JSON at line 1, byte 2")]
    [InlineData("{\n \"a\": x}", "the body is no JSON at line 2, byte 7")]
    [InlineData("[1]", "the body must be a JSON object")]
    [InlineData("\"a\"", "the body must be a JSON object")]
    [InlineData("""{"a":1,"a":2}""", "the body is no JSON")]
    [InlineData("""{"a":1,}""", "the body is no JSON at line 1")]
    [InlineData("""{"a":1}//x""", "the body is no JSON at line 1")]
    [InlineData("{\"a\":\"\\ud800\"}", "a text in it is no Unicode")]
    [InlineData("{\"\\ud800\":1}", "a text in it is no Unicode")]
    [InlineData("""{"b":[{"c":["x\udc00"]}]}""", "a text in it is no Unicode")]
    public void Refuses_WhatIsNoObject_AndSaysWhere(string text, string says)
    {
        var refusal = Json.ParseObject(Encoding.UTF8.GetBytes(text)).Refusal;
        Assert.Equal(RefusalCode.InvalidRequestContent, refusal?.Code);
        Assert.Contains(says, refusal!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_BytesThatAreNoUtf8_AndDepthWithoutEnd()
    {
        Assert.NotNull(
            Json.ParseObject(
                new byte[] { (byte)'{', (byte)'"', 0xff, (byte)'"', (byte)':', (byte)'1', (byte)'}' }
            ).Refusal
        );
        string Nested(int depth) => $"{{\"a\":{new string('[', depth - 1)}{new string(']', depth - 1)}}}";
        Assert.Null(Json.ParseObject(Encoding.UTF8.GetBytes(Nested(64))).Refusal);
        Assert.NotNull(Json.ParseObject(Encoding.UTF8.GetBytes(Nested(65))).Refusal);
    }

    [Fact]
    public void Reads_Members_AndNothingFromWhatIsNoneOrOfAnotherType()
    {
        var element = JsonElement.Parse(
            """{"t":"x","n":7,"f":1.5,"yes":true,"no":false,"True":"true","l":["a",1,"b"],"o":{"i":3},"null":null}"""u8
        );
        Assert.Equal(("x", null, null), (element.Text("t"), element.Text("n"), element.Text("null")));
        Assert.Equal((7L, null, null), (element.Integer("n"), element.Integer("f"), element.Integer("t")));
        Assert.True(element.Boolean("yes"));
        Assert.False(element.Boolean("no") || element.Boolean("t") || element.Boolean("absent"));
        Assert.True(element.BooleanString("True"));
        Assert.False(element.BooleanString("yes") || element.BooleanString("t"));
        Assert.Equal(["a", "b"], element.Texts("l"));
        Assert.Equal(3, element.Elements("l").Count());
        Assert.Empty(element.Elements("o"));
        Assert.Equal(3L, element.Member("o").Integer("i"));
        Assert.Null(element.Member("t").Text("i"));
        Assert.Null(element.Member("absent").Text("i"));
        Assert.Equal(JsonValueKind.Undefined, element.Member("null").ValueKind);
    }

    [Fact]
    public void Hashes_TheBytesThatItWrites_HoweverManyTheyAre()
    {
        foreach (var length in new[] { 0, 1, 1000, 16 * 1024, 40_000, 300_000 })
        {
            void Members(Utf8JsonWriter writer)
            {
                writer.WriteString("a", new string('x', length));
                writer.WriteString("b", "ä/+");
                writer.WriteNumber("c", 1);
            }

            Assert.Equal(SHA256.HashData(Json.ToUtf8(Members)), Json.Hash(Members));
        }
    }

    [Fact]
    public void Writes_IdsLegibly()
    {
        var tree = new JsonObject { ["id"] = "/a+b/ä", ["n"] = new JsonArray(1, null) };
        Assert.Equal("""{"id":"/a+b/ä","n":[1,null]}""", Encoding.UTF8.GetString(Json.ToUtf8(tree)));
        Assert.Equal("{\n  \"id\": \"/a+b/ä\",\n  \"n\": [\n    1,\n    null\n  ]\n}\n", Json.ToIndentedText(tree));
    }
}
