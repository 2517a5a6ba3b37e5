using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Cli.Primitives;
using Weft.Resources;

namespace Weft.Cli.Kinds;

/// <summary>A column of a kind's table.</summary>
/// <param name="IsWide">Whether it is shown with <c>-o wide</c> only.</param>
internal sealed record Column(string Header, Func<ResourceRow, string> Cell, bool IsWide = false);

/// <summary>A resource, as its table sees it.</summary>
internal sealed record ResourceRow(JsonObject Resource, DateTimeOffset Now)
{
    /// <summary>The resource's id, or null where it has none that can be read.</summary>
    public ResourceId? Id => ResourceId.TryParse(Text("id"), out var id) ? id : null;

    /// <summary>A member as text; empty where there is none.</summary>
    public string Text(string path) =>
        Find(path) switch
        {
            null => "",
            JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
            JsonArray list => string.Join(
                ",",
                list.Select(item =>
                    item is JsonValue v && v.GetValueKind() == JsonValueKind.String
                        ? v.GetValue<string>()
                        : JsonFormatter.Compact(item)
                )
            ),
            var node => JsonFormatter.Compact(node),
        };

    /// <summary>The members of a list; none where there is no list.</summary>
    public IEnumerable<JsonObject> Objects(string path) => (Find(path) as JsonArray ?? []).OfType<JsonObject>();

    /// <summary>The texts of a list; none where there is no list.</summary>
    public IEnumerable<string> Texts(string path) =>
        (Find(path) as JsonArray ?? []).Select(item => item?.ToString() ?? "");

    /// <summary>How many members a list has.</summary>
    public string Count(string path) => ((Find(path) as JsonArray)?.Count ?? 0).ToString(CultureInfo.InvariantCulture);

    /// <summary>The names at the end of the ids in a member.</summary>
    /// <param name="path">Names, separated by dots; the member is an id or a list of ids.</param>
    public string NameOf(string path)
    {
        IEnumerable<string> ids = Find(path) is JsonArray list
            ? list.Select(item => item?.ToString() ?? "")
            : [Text(path)];
        return string.Join(",", ids.Select(text => ResourceId.TryParse(text, out var id) ? id.Name : text));
    }

    /// <summary>
    /// How it stands: what the platform says of it once it is provisioned, else where provisioning is.
    /// </summary>
    public string Status
    {
        get
        {
            var provisioning = Text("properties.provisioningState");
            var detailed = Text("properties.detailedStatus");
            return provisioning is "" or "Succeeded" && detailed.Length > 0 ? detailed : provisioning;
        }
    }

    /// <summary>How long ago it was made.</summary>
    public string Age => AgeSince("systemData.createdAt");

    /// <summary>How long ago a moment was.</summary>
    /// <returns>A short text; empty where there is no moment.</returns>
    public string AgeSince(string path) =>
        DateTimeOffset.TryParse(Text(path), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var then)
            ? Duration.FormatAge(Now - then)
            : "";

    private JsonNode? Find(string path)
    {
        JsonNode? node = Resource;
        foreach (var name in path.Split('.'))
            node = (node as JsonObject)?[name];
        return node;
    }
}
