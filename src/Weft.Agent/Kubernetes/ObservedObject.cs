using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Agent.Kubernetes;

/// <summary>An object as the API server has it.</summary>
internal sealed class ObservedObject(JsonObject body)
{
    private const string FieldManager = KubeApi.FieldOwner;

    private readonly Lazy<JsonElement> _element = new(() => JsonElement.Parse(Json.ToUtf8(body)));

    /// <summary>The object.</summary>
    public JsonObject Body => body;

    /// <summary>The object to be read from; made once, when it is first asked for.</summary>
    public JsonElement Element => _element.Value;

    /// <summary>Its name.</summary>
    public string Name => Text("name") ?? "";

    /// <summary>Its namespace, or null.</summary>
    public string? Namespace => Text("namespace");

    /// <summary>What tells it from another of the same name.</summary>
    public string Uid => Text("uid") ?? "";

    /// <summary>Its version; asked for as a number only to tell older from newer.</summary>
    public string Version => Text("resourceVersion") ?? "";

    /// <summary>Whether it goes once its finalizers are gone.</summary>
    public bool IsDeleting => Text("deletionTimestamp") is not null;

    /// <summary>The Weft cluster it is marked for, or null.</summary>
    public string? Cluster => Annotation(DesiredObject.ClusterAnnotation);

    /// <summary>The digest of the manifest it was applied from, or null.</summary>
    public string? Digest => Annotation(DesiredObject.DigestAnnotation);

    /// <summary>The fields that the agent owns by applying; null where it never applied the object.</summary>
    public HashSet<string>? OwnedFields =>
        ManagedFields
            .Where(entry =>
                TextOf(entry, "manager") == FieldManager
                && TextOf(entry, "operation") == "Apply"
                && TextOf(entry, "subresource") is null or ""
            )
            .Select(entry => FieldSet.Read(entry["fieldsV1"] as JsonObject))
            .FirstOrDefault();

    /// <summary>Whoever has written it, the agent aside, the latest first.</summary>
    public IEnumerable<string> OtherManagers =>
        ManagedFields
            .OrderByDescending(entry => TextOf(entry, "time"), StringComparer.Ordinal)
            .Select(entry => TextOf(entry, "manager"))
            .OfType<string>()
            .Where(manager => manager != FieldManager)
            .Distinct();

    private IEnumerable<JsonObject> ManagedFields =>
        (body["metadata"]?["managedFields"] as JsonArray ?? []).OfType<JsonObject>();

    /// <summary>Whose object it is.</summary>
    public bool BelongsTo(string cluster) =>
        Cluster is { } mark ? mark.Equals(cluster, StringComparison.OrdinalIgnoreCase) : OwnedFields is not null;

    /// <summary>Who owns a field, the agent aside; the latest first.</summary>
    /// <returns>A manager, or null where nobody says so.</returns>
    public string? ManagerOf(string field) =>
        ManagedFields
            .OrderByDescending(entry => TextOf(entry, "time"), StringComparer.Ordinal)
            .Where(entry =>
                TextOf(entry, "manager") != FieldManager
                && FieldSet.Read(entry["fieldsV1"] as JsonObject).Contains(field)
            )
            .Select(entry => TextOf(entry, "manager"))
            .FirstOrDefault();

    /// <summary>
    /// Whether this is an earlier state than another. Source: Kubernetes API conventions since 1.35: versions compare
    /// as whole numbers.
    /// </summary>
    public bool IsOlderThan(ObservedObject other) =>
        ulong.TryParse(Version, NumberStyles.None, CultureInfo.InvariantCulture, out var mine)
        && ulong.TryParse(other.Version, NumberStyles.None, CultureInfo.InvariantCulture, out var theirs)
        && mine < theirs;

    private string? Text(string member) => TextOf(body["metadata"] as JsonObject, member);

    private string? Annotation(string name) => TextOf(body["metadata"]?["annotations"] as JsonObject, name);

    private static string? TextOf(JsonObject? holder, string member) =>
        holder?[member] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
}
