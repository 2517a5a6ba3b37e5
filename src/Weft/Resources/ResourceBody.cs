using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>A resource as it is read: what was written, and everything that is drawn.</summary>
public static class ResourceBody
{
    /// <summary>Draws the body that GET answers.</summary>
    /// <returns>The ARM body, without secrets.</returns>
    public static JsonObject Draw(ResourceKind kind, Stored row, Image now)
    {
        var stored = row.ToObject();
        var id = ResourceKind.IdOf(row);
        var body = new JsonObject { ["id"] = id.ToString(), ["name"] = id.Name, ["type"] = kind.Type.ToString() };
        foreach (var (name, value) in stored)
        {
            if (name is not ("id" or "properties" or Provisioning.Member))
                body[name] = value?.DeepClone();
        }

        body["etag"] = Provisioning.ETagOf(row);
        var properties = stored["properties"]?.DeepClone() as JsonObject ?? [];
        Secrets.Conceal(kind.Shape.Find("properties")?.Members ?? [], properties);
        properties["provisioningState"] = Provisioning.StateOf(row);
        kind.Draw(row, properties, now);
        body["properties"] = properties;
        return body;
    }
}
