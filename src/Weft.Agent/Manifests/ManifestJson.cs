using System.Text.Encodings.Web;
using System.Text.Json;

namespace Weft.Agent.Manifests;

/// <summary>
/// The one text of a manifest: members in ordinal order, indented by two, so that equal manifests are equal files.
/// </summary>
internal static class ManifestJson
{
    private static readonly JsonWriterOptions Indented = new()
    {
        // Written to files, not into a page: the quotes within a network configuration stay readable.
        Indented = true,
        IndentSize = 2,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Writes a manifest.</summary>
    /// <returns>UTF-8, with a newline at the end.</returns>
    public static byte[] Serialize(JsonElement manifest)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, Indented))
            Write(writer, manifest);
        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    private static void Write(Utf8JsonWriter writer, JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (var member in element.EnumerateObject().OrderBy(each => each.Name, StringComparer.Ordinal))
                {
                    writer.WritePropertyName(member.Name);
                    Write(writer, member.Value);
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in element.EnumerateArray())
                    Write(writer, item);
                writer.WriteEndArray();
                break;
            default:
                element.WriteTo(writer);
                break;
        }
    }
}
