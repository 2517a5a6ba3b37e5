using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>
/// The document of a resource in the store: its id, its body, <c>systemData</c>, and what <see cref="Provisioning"/>
/// keeps.
/// </summary>
internal static class StoredDocument
{
    private const string SystemData = "systemData";

    /// <summary>The document of a write.</summary>
    public static JsonObject Create(ResourceId id, JsonObject body, Row? old, WriteRequest request)
    {
        var document = new JsonObject { ["id"] = id.ToString() };
        foreach (var (name, value) in body)
            document[name] = value?.DeepClone();
        var before = old?.ToJsonObject();
        var stamps =
            before?[SystemData]?.DeepClone() as JsonObject
            ?? new JsonObject
            {
                ["createdBy"] = request.Caller,
                ["createdByType"] = request.CallerType,
                ["createdAt"] = request.Now,
            };
        stamps["lastModifiedBy"] = request.Caller;
        stamps["lastModifiedByType"] = request.CallerType;
        stamps["lastModifiedAt"] = request.Now;
        document[SystemData] = stamps;
        if (before?[Provisioning.MemberName] is { } weft)
            document[Provisioning.MemberName] = weft.DeepClone();
        return document;
    }

    /// <summary>What the caller wrote: the document without what the server keeps.</summary>
    public static JsonObject CallerFields(Row row)
    {
        var document = row.ToJsonObject();
        document.Remove("id");
        document.Remove(SystemData);
        document.Remove(Provisioning.MemberName);
        return document;
    }

    /// <summary>Whether the caller wrote the same in both.</summary>
    public static bool HaveSameCallerFields(Row left, Row right) =>
        JsonNode.DeepEquals(CallerFields(left), CallerFields(right));
}
