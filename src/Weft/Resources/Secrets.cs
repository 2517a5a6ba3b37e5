using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>
/// Members that are never given back: kept where a caller can't send them again, and left out of everything that is
/// shown.
/// </summary>
internal static class Secrets
{
    /// <summary>
    /// Carries the secrets of what is there into what is to replace it, wherever they were not sent again.
    /// </summary>
    public static void CarryOver(SchemaMember member, JsonNode value, JsonElement before)
    {
        if (member.Type == MemberType.Object && value is JsonObject body)
        {
            foreach (var inner in member.Members)
            {
                var old = before.Member(inner.Name);
                if (body[inner.Name] is { } given)
                    CarryOver(inner, given, old);
                else if (inner.Mutability == Mutability.Secret && old.ValueKind != JsonValueKind.Undefined)
                    body[inner.Name] = JsonNode.Parse(old.GetRawText());
            }
        }
        else if (member.Type == MemberType.List && value is JsonArray list && before.ValueKind == JsonValueKind.Array)
        {
            foreach (var (element, i) in list.Select((e, i) => (e, i)))
            {
                if (element is not null)
                    CarryOver(member.Element!, element, CounterpartOf(element, i, before));
            }
        }
    }

    /// <summary>Takes the secrets out of an object.</summary>
    public static void Redact(IEnumerable<SchemaMember> members, JsonObject body)
    {
        foreach (var member in members)
        {
            if (member.Mutability == Mutability.Secret)
                body.Remove(member.Name);
            else
                Redact(member, body[member.Name]);
        }
    }

    /// <summary>A copy without secrets.</summary>
    public static JsonNode? Redacted(SchemaMember? member, JsonNode? value)
    {
        var copy = value?.DeepClone();
        if (member is not null)
            Redact(member, copy);
        return copy;
    }

    private static void Redact(SchemaMember member, JsonNode? value)
    {
        if (value is JsonObject body)
            Redact(member.Members, body);
        else if (value is JsonArray list && member.Element is { } element)
        {
            foreach (var item in list)
                Redact(element, item);
        }
    }

    /// <summary>
    /// The element that another one replaces: the one of its name, or of its place where elements have no names.
    /// </summary>
    private static JsonElement CounterpartOf(JsonNode element, int at, JsonElement before)
    {
        if (element is JsonObject body && body["name"]?.ToString() is { } name)
            return before.EnumerateArray().FirstOrDefault(old => old.Text("name") == name);
        return at < before.GetArrayLength() ? before[at] : default;
    }
}
