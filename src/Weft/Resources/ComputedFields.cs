using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>What a caller read and sent back: a member that the server computed is not a request to set it.</summary>
internal static class ComputedFields
{
    /// <summary>
    /// A body without the members that are computed today, are not stored, and come back as they were computed.
    /// </summary>
    /// <param name="body">The body as the caller sent it.</param>
    public static JsonObject Strip(JsonObject body, JsonObject drawn, JsonObject stored)
    {
        var copy = body.DeepClone().AsObject();
        StripIn(copy, drawn, stored);
        return copy;
    }

    private static void StripIn(JsonNode? body, JsonNode? drawn, JsonNode? stored)
    {
        switch (body, drawn, stored)
        {
            case (JsonObject wanted, JsonObject read, JsonObject kept):
                foreach (var (name, value) in wanted.ToList())
                {
                    if (kept.ContainsKey(name))
                        StripIn(value, read[name], kept[name]);
                    else if (read.ContainsKey(name) && JsonNode.DeepEquals(value, read[name]))
                        wanted.Remove(name);
                }

                break;
            case (JsonArray wanted, JsonArray read, JsonArray kept)
                when wanted.Count == kept.Count && read.Count == kept.Count:
                for (var i = 0; i < wanted.Count; i++)
                    StripIn(wanted[i], read[i], kept[i]);
                break;
        }
    }
}
