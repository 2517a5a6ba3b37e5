using System.Globalization;
using System.Text.Json.Nodes;

namespace Weft.Testing.Kubernetes;

/// <summary>The kinds of patch that change what is there.</summary>
internal static class KubePatch
{
    public static JsonObject Merge(JsonObject live, JsonObject patch)
    {
        foreach (var (name, value) in patch)
        {
            if (value is null)
                live.Remove(name);
            else
                live[name] = value is JsonObject members
                    ? Merge(live[name] as JsonObject is { } there ? there.DeepClone().AsObject() : [], members)
                    : value.DeepClone();
        }

        return live;
    }

    public static JsonObject Json(JsonObject live, JsonArray operations)
    {
        foreach (var operation in operations)
        {
            var names = ((string)operation!["path"]!)
                .Split('/')[1..]
                .Select(n =>
                    n.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)
                )
                .ToArray();
            JsonNode at = live;
            foreach (var name in names[..^1])
                at =
                    (at is JsonArray list ? list[int.Parse(name, CultureInfo.InvariantCulture)] : at[name])
                    ?? throw new KubeError(
                        422,
                        "Invalid",
                        $"the server rejected our request due to an error in our request: no {operation["path"]}"
                    );
            var holder = at.AsObject();
            switch ((string)operation["op"]!)
            {
                case "test" when !JsonNode.DeepEquals(holder[names[^1]], operation["value"]):
                    throw new KubeError(
                        422,
                        "Invalid",
                        "the server rejected our request due to an error in our request: testing value failed"
                    );
                case "test":
                    break;
                case "remove":
                    holder.Remove(names[^1]);
                    break;
                default:
                    holder[names[^1]] = operation["value"]?.DeepClone();
                    break;
            }
        }

        return live;
    }
}
