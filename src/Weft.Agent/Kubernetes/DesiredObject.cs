using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Agent.Manifests;
using Weft.Resources;

namespace Weft.Agent.Kubernetes;

/// <summary>An object that the desired state asks for, with the agent's marks on it.</summary>
internal sealed class DesiredObject
{
    /// <summary>The annotation that says whose an object is, and the label that says it shortly.</summary>
    public const string ClusterAnnotation = "weft.dev/cluster";

    /// <summary>The annotation that says which manifest it was applied from.</summary>
    public const string DigestAnnotation = "weft.dev/digest";

    private DesiredObject(ObjectKey key, string digest, JsonObject body)
    {
        (Key, Digest, Body) = (key, digest, Json.ToUtf8(body));
        Leaves = FieldSet.LeavesOf(body);
    }

    /// <summary>Its place.</summary>
    public ObjectKey Key { get; }

    /// <summary>The digest of its manifest as it was rendered.</summary>
    public string Digest { get; }

    /// <summary>What is applied.</summary>
    public byte[] Body { get; }

    /// <summary>The fields that are applied, with their values.</summary>
    public IReadOnlyDictionary<string, JsonNode?> Leaves { get; }

    /// <summary>
    /// The label of every object of a cluster: a hash, because a label's value has at most 63 characters and an id
    /// has more.
    /// </summary>
    public static string LabelOf(string cluster) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(cluster.ToLowerInvariant())))[..32];

    /// <summary>Takes a manifest of a desired state.</summary>
    /// <returns>The object, or why the agent doesn't write it.</returns>
    public static Outcome<DesiredObject> FromManifest(JsonElement manifest, string cluster)
    {
        var (version, kind) = (manifest.Text("apiVersion"), manifest.Text("kind"));
        var given = manifest.Member("metadata");
        var (space, name) = (given.Text("namespace"), given.Text("name"));
        if (
            ObjectKind.All.FirstOrDefault(k => k.ApiVersion == version && k.Name == kind) is not { } known
            || name is null
        )
            return NotWritable($"{version} {kind} {name}", "it writes no such kind");
        var key = new ObjectKey(known, space, name);
        if (known.IsNamespaced != space is not null || !WatchScope.All.Any(scope => scope.Covers(key)))
            return NotWritable(key.ToString(), $"it writes {string.Join(", ", WatchScope.All)} alone");

        var digest = $"sha256-{Convert.ToHexStringLower(SHA256.HashData(ManifestJson.Serialize(manifest)))}";
        return new DesiredObject(key, digest, CreateBody(manifest, cluster, digest));
    }

    /// <summary>The manifest without what the API server wouldn't keep, and with the agent's marks.</summary>
    private static JsonObject CreateBody(JsonElement manifest, string cluster, string digest)
    {
        var body = JsonObject.Create(manifest)!;
        StripEmpty(body);
        var metadata = Members(body, "metadata");
        Members(metadata, "labels")[ClusterAnnotation] = LabelOf(cluster);
        var annotations = Members(metadata, "annotations");
        annotations[ClusterAnnotation] = cluster;
        annotations[DigestAnnotation] = digest;
        return body;
    }

    // The API server keeps neither null nor an empty map of its own kinds: such a field would look missing for ever.
    private static void StripEmpty(JsonObject holder)
    {
        foreach (var (name, value) in holder.ToList())
        {
            if (value is JsonObject members)
                StripEmpty(members);
            if (value is null or JsonObject { Count: 0 })
                holder.Remove(name);
        }
    }

    private static JsonObject Members(JsonObject holder, string name)
    {
        if (holder[name] is JsonObject members)
            return members;
        var made = new JsonObject();
        holder[name] = made;
        return made;
    }

    private static Refusal NotWritable(string what, string why) =>
        new(
            RefusalCode.InvalidMember,
            $"{what} of the desired state is not written: {why}; are weftd and the agent of the same version?",
            what
        );
}
