using System.Text.Json;

namespace Weft.Contracts;

/// <summary>Members that stay away from the wire where there is nothing to say.</summary>
internal static class MemberWriter
{
    /// <summary>Writes a text, unless it is null.</summary>
    public static void WriteText(this Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
            json.WriteString(name, value);
    }

    /// <summary>Writes a list of texts, unless it is null.</summary>
    public static void WriteTexts(this Utf8JsonWriter json, string name, IEnumerable<string?>? values)
    {
        if (values is null)
            return;
        json.WriteStartArray(name);
        foreach (var value in values)
            json.WriteStringValue(value);
        json.WriteEndArray();
    }
}
