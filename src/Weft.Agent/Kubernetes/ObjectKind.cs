using Weft.Attachments.DevicePools;

namespace Weft.Agent.Kubernetes;

/// <summary>A kind of objects that the agent writes, as the API server serves it.</summary>
/// <param name="ApiVersion">Group and version; <c>v1</c> for the core.</param>
/// <param name="ApplyOrder">When it is applied, counted from 0: what others need comes first.</param>
internal sealed record ObjectKind(string ApiVersion, string Name, string Plural, bool IsNamespaced, int ApplyOrder)
{
    /// <summary>The namespace of what Weft keeps in a cluster for itself.</summary>
    public const string SystemNamespace = "weft-system";

    /// <summary>Namespaces.</summary>
    public static readonly ObjectKind Namespace = new("v1", "Namespace", "namespaces", false, 0);

    /// <summary>ConfigMaps.</summary>
    public static readonly ObjectKind ConfigMap = new("v1", "ConfigMap", "configmaps", true, 1);

    /// <summary>Definitions of networks that pods attach to.</summary>
    public static readonly ObjectKind Definition = new(
        "k8s.cni.cncf.io/v1",
        "NetworkAttachmentDefinition",
        "network-attachment-definitions",
        true,
        2
    );

    /// <summary>All of them, in the order they are applied.</summary>
    public static readonly IReadOnlyList<ObjectKind> All = [Namespace, ConfigMap, Definition];

    /// <summary>The path of all objects of the kind, or of those in one namespace.</summary>
    /// <param name="space">The namespace, or null for all.</param>
    /// <returns>The path, without a leading slash.</returns>
    public string Collection(string? space) =>
        $"{(ApiVersion == "v1" ? "api/v1" : $"apis/{ApiVersion}")}/{(space is null ? "" : $"namespaces/{space}/")}{Plural}";
}

/// <summary>One object's place.</summary>
/// <param name="Namespace">Its namespace, or null.</param>
internal sealed record ObjectKey(ObjectKind Kind, string? Namespace, string Name)
{
    /// <summary>Its path, without a leading slash.</summary>
    public string Path => $"{Kind.Collection(Namespace)}/{Uri.EscapeDataString(Name)}";

    /// <summary>As people call it: <c>NetworkAttachmentDefinition default/n6</c>.</summary>
    public override string ToString() => Namespace is null ? $"{Kind.Name} {Name}" : $"{Kind.Name} {Namespace}/{Name}";
}

/// <summary>A part of the cluster that is watched, and the only places that are ever written.</summary>
/// <param name="Namespace">The only namespace; null for all.</param>
/// <param name="Name">The only name; null for all.</param>
internal sealed record WatchScope(ObjectKind Kind, string? Namespace, string? Name)
{
    /// <summary>
    /// All of them. One name is watched by a field selector, which is what lets a role be limited to that name.
    /// </summary>
    public static readonly IReadOnlyList<WatchScope> All =
    [
        new(ObjectKind.Namespace, null, ObjectKind.SystemNamespace),
        new(ObjectKind.ConfigMap, ObjectKind.SystemNamespace, null),
        new(ObjectKind.ConfigMap, DevicePluginConfig.Namespace, DevicePluginConfig.Name),
        new(ObjectKind.Definition, null, null),
    ];

    /// <summary>The path of its list.</summary>
    public string Path =>
        $"{Kind.Collection(Namespace)}?{(Name is null ? "" : $"fieldSelector=metadata.name%3D{Name}&")}";

    /// <summary>Whether an object is in it.</summary>
    public bool Covers(ObjectKey key) =>
        key.Kind == Kind && (Namespace is null || Namespace == key.Namespace) && (Name is null || Name == key.Name);

    /// <summary>For logs and findings.</summary>
    public override string ToString() =>
        $"{Kind.Plural}{(Name is null ? "" : $" {Name}")}{(Namespace is null ? "" : $" in {Namespace}")}";
}
