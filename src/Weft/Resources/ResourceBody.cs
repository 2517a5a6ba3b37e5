using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>A resource as it is read: what was written, and everything that is computed.</summary>
internal static class ResourceBody
{
    /// <summary>Renders the body that GET answers.</summary>
    /// <returns>The ARM body, without secrets.</returns>
    public static JsonObject Render(ResourceKind kind, Row row, StoreState state)
    {
        var stored = row.ToJsonObject();
        var id = ResourceKind.IdOf(row);
        var body = new JsonObject
        {
            ["id"] = id.ToString(),
            ["name"] = id.Name,
            ["type"] = kind.Type.ToString(),
        };
        foreach (var (name, value) in stored)
        {
            if (name is not ("id" or "properties" or Provisioning.MemberName))
                body[name] = value?.DeepClone();
        }

        body["etag"] = Provisioning.ETagOf(row);
        var properties = stored["properties"]?.DeepClone() as JsonObject ?? [];
        Secrets.Redact(kind.Schema.Find("properties")?.Members ?? [], properties);
        properties["provisioningState"] = Provisioning.StateOf(row);
        kind.AddComputedFields(row, properties, state);
        body["properties"] = properties;
        return body;
    }
}
