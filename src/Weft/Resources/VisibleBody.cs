using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>
/// A body as somebody may see it who doesn't read everything: lists that are computed hold what they may read, and what
/// the resource itself names.
/// </summary>
internal static class VisibleBody
{
    private const string MessageName = "detailedStatusMessage";

    /// <summary>Takes out of a rendered body what tells of others.</summary>
    /// <param name="body">The body, to be changed in place.</param>
    /// <param name="mayRead">Whether who asks may read what has an id.</param>
    public static void Restrict(ResourceKind kind, Row row, JsonObject body, Func<string, bool> mayRead)
    {
        if (body["properties"] is not JsonObject properties)
            return;
        var own = kind.Schema.References(row.Json).Select(reference => reference.Id.Key).ToHashSet();
        bool IsHidden(JsonNode? element) =>
            element is JsonValue value
            && value.TryGetValue<string>(out var text)
            && ResourceId.TryParse(text, out var id)
            && !own.Contains(id.Key)
            && !mayRead(text);
        foreach (
            var list in (kind.Schema.Find("properties")?.Members ?? [])
                .Where(member => member.Mutability == Mutability.ReadOnly)
                .Select(member => properties[member.Name])
                .OfType<JsonArray>()
        )
        {
            for (var i = list.Count - 1; i >= 0; i--)
            {
                if (IsHidden(list[i]))
                    list.RemoveAt(i);
            }
        }

        if (
            Provisioning.DisclosedBy(row) is { } told
            && !mayRead(told)
            && properties[MessageName]?.ToString() == Provisioning.MessageOf(row)
        )
            properties[MessageName] = RefusalCode.Conflict.ConcealedText();
    }
}
