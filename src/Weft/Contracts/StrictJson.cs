using System.Text.Json;
using System.Text.Unicode;

namespace Weft.Contracts;

/// <summary>JSON from others, read so that nothing in it surprises us later.</summary>
internal static class StrictJson
{
    /// <summary>Reads a JSON object and all of its texts.</summary>
    /// <exception cref="JsonException">It is no JSON, no object, or has text that is no Unicode.</exception>
    internal static JsonElement ParseObject(ReadOnlyMemory<byte> text)
    {
        RejectInvalidText(text.Span);
        var root = JsonElement.Parse(text.Span);
        return root.ValueKind == JsonValueKind.Object
            ? root
            : throw new JsonException($"it is {NameOf(root.ValueKind)}");
    }

    /// <summary>The text of a member.</summary>
    /// <returns>Null where it is absent or null.</returns>
    /// <exception cref="JsonException">It is something else than text.</exception>
    internal static string? TextOf(this JsonElement owner, string name)
    {
        if (!owner.TryGetMember(name, out var member))
            return null;
        return member.ValueKind == JsonValueKind.String
            ? member.GetString()
            : throw new JsonException($"'{name}' is {NameOf(member.ValueKind)}, not text");
    }

    /// <summary>Finds a member; one that is null is as good as absent, as it is to the Go programs around us.</summary>
    internal static bool TryGetMember(this JsonElement owner, string name, out JsonElement member) =>
        owner.TryGetProperty(name, out member) && member.ValueKind != JsonValueKind.Null;

    /// <summary>The values of a member that is a list.</summary>
    /// <returns>Nothing where the member is absent or null.</returns>
    /// <exception cref="JsonException">It is something else than a list.</exception>
    internal static JsonElement.ArrayEnumerator ListOf(this JsonElement owner, string name)
    {
        if (!owner.TryGetMember(name, out var member))
            return default;
        return member.ValueKind == JsonValueKind.Array
            ? member.EnumerateArray()
            : throw new JsonException($"'{name}' is {NameOf(member.ValueKind)}, not a list");
    }

    /// <summary>The object of a member.</summary>
    /// <returns>False where the member is absent or null.</returns>
    /// <exception cref="JsonException">It is something else than an object.</exception>
    internal static bool TryGetObject(this JsonElement owner, string name, out JsonElement member)
    {
        if (!owner.TryGetMember(name, out member))
            return false;
        return member.ValueKind == JsonValueKind.Object
            ? true
            : throw new JsonException($"'{name}' is {NameOf(member.ValueKind)}, not an object");
    }

    // The reader decodes texts only when they are asked for, and then throws what looks like an error of ours.
    private static void RejectInvalidText(ReadOnlySpan<byte> text)
    {
        if (!Utf8.IsValid(text))
            throw new JsonException("it is no UTF-8");
        var reader = new Utf8JsonReader(text);
        while (reader.Read())
        {
            if (!reader.ValueIsEscaped)
                continue;
            try
            {
                reader.GetString();
            }
            catch (InvalidOperationException e)
            {
                throw new JsonException($"the text at byte {reader.TokenStartIndex} is no Unicode", e);
            }
        }
    }

    private static string NameOf(JsonValueKind kind) =>
        kind switch
        {
            JsonValueKind.Object => "an object",
            JsonValueKind.Array => "a list",
            JsonValueKind.String => "text",
            JsonValueKind.Number => "a number",
            JsonValueKind.Null => "null",
            _ => "true or false",
        };
}
