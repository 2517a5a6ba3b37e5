using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>What a caller read and sent back: a member that the server drew is no wish.</summary>
internal static class Echo
{
    /// <summary>A body without the members that are drawn today, are not stored, and come back as they were drawn.</summary>
    /// <param name="body">The body as the caller sent it.</param>
    public static JsonObject Drop(JsonObject body, JsonObject drawn, JsonObject stored)
    {
        var copy = body.DeepClone().AsObject();
        DropIn(copy, drawn, stored);
        return copy;
    }

    private static void DropIn(JsonNode? body, JsonNode? drawn, JsonNode? stored)
    {
        switch (body, drawn, stored)
        {
            case (JsonObject wanted, JsonObject read, JsonObject kept):
                foreach (var (name, value) in wanted.ToList())
                {
                    if (kept.ContainsKey(name))
                        DropIn(value, read[name], kept[name]);
                    else if (read.ContainsKey(name) && JsonNode.DeepEquals(value, read[name]))
                        wanted.Remove(name);
                }

                break;
            case (JsonArray wanted, JsonArray read, JsonArray kept) when wanted.Count == kept.Count && read.Count == kept.Count:
                for (var i = 0; i < wanted.Count; i++)
                    DropIn(wanted[i], read[i], kept[i]);
                break;
        }
    }
}
