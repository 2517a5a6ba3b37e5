using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Weft.Testing.Kubernetes;

/// <summary>What the API server takes for an object, and what it leaves of it.</summary>
internal static partial class KubeValidation
{
    public static void CheckName(KubeResource resource, string name)
    {
        if (!Name().IsMatch(name) || name.Length > 253)
            throw KubeError.Invalid(
                $"{resource.Kind} \"{name}\" is invalid: metadata.name: Invalid value: \"{name}\": "
                    + "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'"
            );
    }

    public static void CheckTypes(KubeResource resource, JsonObject body)
    {
        if ((string?)body["kind"] != resource.Kind || (string?)body["apiVersion"] != resource.ApiVersion)
            throw new KubeError(
                400,
                "BadRequest",
                $"the object provided is unrecognized (must be of type {resource.Kind})"
            );
        if (
            resource.Plural == "configmaps"
            && body["data"] is JsonObject data
            && data.Any(d => d.Value is not JsonValue v || !v.TryGetValue<string>(out _))
        )
            throw new KubeError(
                400,
                "BadRequest",
                "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: "
                    + "json: cannot unmarshal into Go struct field ConfigMap.data of type string"
            );
        if (
            resource.Group == "k8s.cni.cncf.io"
            && body["spec"]?["config"] is { } config
            && (config is not JsonValue text || !text.TryGetValue<string>(out _))
        )
            throw KubeError.Invalid(
                $"{resource.Kind} is invalid: spec.config: Invalid value: spec.config in body must be of type string"
            );
    }

    /// <summary>What has a type loses empty maps on its way through it.</summary>
    public static void DropEmpty(JsonObject of)
    {
        foreach (var (name, value) in of.ToList())
        {
            if (value is JsonObject members)
                DropEmpty(members);
            if (name != "metadata" && value is JsonObject { Count: 0 })
                of.Remove(name);
        }
    }

    public static void Prune(JsonObject of)
    {
        foreach (var none in of.Where(m => m.Value is null).Select(m => m.Key).ToList())
            of.Remove(none);
    }

    [GeneratedRegex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")]
    private static partial Regex Name();
}
