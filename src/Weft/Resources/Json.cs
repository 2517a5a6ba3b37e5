using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>Reading and writing of JSON trees without reflection.</summary>
internal static class Json
{
    /// <summary>How all JSON is written that nobody reads line by line.</summary>
    // Ids and prefixes are full of '/' and '+': the default encoder would turn a readable body into six-byte escapes.
    public static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonWriterOptions Indented = Compact with { Indented = true };

    /// <summary>The bytes of a tree, compact, in the order it has.</summary>
    public static byte[] ToUtf8(JsonNode node) => Write(node, Compact);

    /// <summary>The bytes of an object that is written member by member, without a tree in between.</summary>
    public static byte[] ToUtf8(Action<Utf8JsonWriter> members)
    {
        var buffer = new ArrayBufferWriter<byte>(4096);
        using (var writer = new Utf8JsonWriter(buffer, Compact))
        {
            writer.WriteStartObject();
            members(writer);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The SHA-256 of the same bytes, without having them all at once.</summary>
    public static byte[] Hash(Action<Utf8JsonWriter> members)
    {
        using var hash = new HashingWriter();
        using (var writer = new Utf8JsonWriter(hash, Compact))
        {
            writer.WriteStartObject();
            members(writer);
            writer.WriteEndObject();
        }

        return hash.Finish();
    }

    /// <summary>The text of a tree, indented by two blanks, with a line feed at its end.</summary>
    public static string ToIndentedText(JsonNode node) => Encoding.UTF8.GetString(Write(node, Indented)) + "\n";

    /// <summary>Reads a JSON object strictly: no comments, no trailing commas, no member twice.</summary>
    /// <returns>The object, or a refusal that says where it breaks.</returns>
    public static Outcome<JsonObject> ParseObject(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            using var document = JsonDocument.Parse(
                utf8,
                new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 64 }
            );
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                return new Refusal(RefusalCode.InvalidRequestContent, "the body must be a JSON object");
            var root = document.RootElement.Clone();
            EnsureReadable(root);
            return JsonObject.Create(root)!;
        }
        catch (InvalidOperationException)
        {
            return new Refusal(
                RefusalCode.InvalidRequestContent,
                "the body is no JSON: a text in it is no Unicode (bytes that are no UTF-8, or half of a surrogate pair)"
            );
        }
        catch (JsonException e)
        {
            var where = e.LineNumber is { } line ? $" at line {line + 1}, byte {e.BytePositionInLine + 1}" : "";
            return new Refusal(
                RefusalCode.InvalidRequestContent,
                $"the body is no JSON{where}: {e.Message.Split(" LineNumber", 2)[0]}"
            );
        }
    }

    /// <summary>A text member, or null where it is absent or no text.</summary>
    public static string? Text(this JsonElement element, string name) =>
        element.TryMember(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>A whole number, or null where it is absent or none.</summary>
    public static long? Integer(this JsonElement element, string name) =>
        element.TryMember(name, out var value)
        && value.ValueKind == JsonValueKind.Number
        && value.TryGetInt64(out var whole)
            ? whole
            : null;

    /// <summary>Whether a flag is <c>True</c>.</summary>
    public static bool BooleanString(this JsonElement element, string name) =>
        string.Equals(element.Text(name), "True", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether a boolean is <c>true</c>.</summary>
    public static bool Boolean(this JsonElement element, string name) =>
        element.Member(name).ValueKind == JsonValueKind.True;

    /// <summary>The elements of a list member; none where it is absent.</summary>
    public static IEnumerable<JsonElement> Elements(this JsonElement element, string name) =>
        element.TryMember(name, out var value) && value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : [];

    /// <summary>The texts of a list member.</summary>
    public static IEnumerable<string> Texts(this JsonElement element, string name) =>
        element.Elements(name).Where(e => e.ValueKind == JsonValueKind.String).Select(e => e.GetString()!);

    /// <summary>
    /// An object member; an empty element (<see cref="JsonValueKind.Undefined"/>) where it is absent.
    /// </summary>
    /// <returns>The member; reading members of an absent one gives nothing.</returns>
    public static JsonElement Member(this JsonElement element, string name) =>
        element.TryMember(name, out var value) ? value : default;

    /// <summary>An id member, or null where it is absent or none.</summary>
    public static ResourceId? Id(this JsonElement element, string name) =>
        ResourceId.TryParse(element.Text(name), out var id) ? id : null;

    private static bool TryMember(this JsonElement element, string name, out JsonElement value)
    {
        value = default;
        return element.ValueKind == JsonValueKind.Object
            && element.TryGetProperty(name, out value)
            && value.ValueKind != JsonValueKind.Null;
    }

    /// <summary>Reads every text once: the parser lets pass what can't be read as text later.</summary>
    private static void EnsureReadable(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                _ = element.GetString();
                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray())
                    EnsureReadable(item);
                break;
            case JsonValueKind.Object:
                foreach (var member in element.EnumerateObject())
                {
                    _ = member.Name;
                    EnsureReadable(member.Value);
                }

                break;
        }
    }

    private static byte[] Write(JsonNode node, JsonWriterOptions options)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, options))
            node.WriteTo(writer);
        return stream.ToArray();
    }
}
