using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>The document of a resource in the store: its id, its body, <c>systemData</c>, and what <see cref="Provisioning"/> keeps.</summary>
internal static class StoredForm
{
    private const string SystemData = "systemData";

    /// <summary>The document of a write.</summary>
    public static JsonObject Of(ResourceId id, JsonObject body, Stored? old, WriteRequest request)
    {
        var document = new JsonObject { ["id"] = id.ToString() };
        foreach (var (name, value) in body)
            document[name] = value?.DeepClone();
        var before = old?.ToObject();
        var stamps = before?[SystemData]?.DeepClone() as JsonObject ?? new JsonObject
        {
            ["createdBy"] = request.Caller,
            ["createdByType"] = request.CallerType,
            ["createdAt"] = request.Now,
        };
        stamps["lastModifiedBy"] = request.Caller;
        stamps["lastModifiedByType"] = request.CallerType;
        stamps["lastModifiedAt"] = request.Now;
        document[SystemData] = stamps;
        if (before?[Provisioning.Member] is { } weft)
            document[Provisioning.Member] = weft.DeepClone();
        return document;
    }

    /// <summary>What the caller wrote: the document without what the server keeps.</summary>
    public static JsonObject Writable(Stored row)
    {
        var document = row.ToObject();
        document.Remove("id");
        document.Remove(SystemData);
        document.Remove(Provisioning.Member);
        return document;
    }

    /// <summary>Whether two writes wish the same.</summary>
    public static bool SameWish(Stored left, Stored right) => JsonNode.DeepEquals(Writable(left), Writable(right));
}
