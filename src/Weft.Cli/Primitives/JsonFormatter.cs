using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weft.Cli.Primitives;

/// <summary>JSON for people and pipes: two spaces, members in the order they came.</summary>
internal static class JsonFormatter
{
    // The text goes to a terminal or a file, never into HTML: names keep their letters.
    private static readonly JsonWriterOptions IndentedOptions = new()
    {
        Indented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NewLine = "\n",
    };
    private static readonly JsonWriterOptions CompactOptions = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The text of a node.</summary>
    /// <returns>Without a line break at its end.</returns>
    public static string Indented(JsonNode? node) => Write(node, IndentedOptions);

    /// <summary>The text of a node on one line, for messages.</summary>
    public static string Compact(JsonNode? node) => Write(node, CompactOptions);

    private static string Write(JsonNode? node, JsonWriterOptions options)
    {
        if (node is null)
            return "null";
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, options))
            node.WriteTo(writer);
        return VisibleText.ForJson(Encoding.UTF8.GetString(buffer.WrittenSpan));
    }
}
