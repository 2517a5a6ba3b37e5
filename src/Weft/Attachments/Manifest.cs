using System.Text.Json.Nodes;

namespace Weft.Attachments;

/// <summary>A Kubernetes object that Weft renders.</summary>
internal sealed record Manifest(JsonObject Body)
{
    /// <summary>The label by which everything that Weft renders is known.</summary>
    public const string ManagedByLabel = "app.kubernetes.io/managed-by";

    /// <summary>The kind.</summary>
    public string Kind => Body["kind"]!.GetValue<string>();

    /// <summary>The name.</summary>
    public string Name => Body["metadata"]!["name"]!.GetValue<string>();

    /// <summary>The namespace, or null for an object of the cluster.</summary>
    public string? Namespace => Body["metadata"]!["namespace"]?.GetValue<string>();

    /// <summary>What a person calls it: <c>NetworkAttachmentDefinition default/n6</c>.</summary>
    public string Title => field ??= Namespace is null ? $"{Kind} {Name}" : $"{Kind} {Namespace}/{Name}";

    /// <summary>An object.</summary>
    /// <param name="space">Its namespace, or null.</param>
    /// <param name="rest">The members behind <c>metadata</c>; they are taken out of it.</param>
    /// <param name="annotations">Its annotations, or null.</param>
    /// <returns>The object, with the label that says it is Weft's.</returns>
    public static Manifest Create(
        string apiVersion,
        string kind,
        string? space,
        string name,
        JsonObject rest,
        JsonObject? annotations = null
    )
    {
        var metadata = new JsonObject { ["name"] = name };
        if (space is not null)
            metadata["namespace"] = space;
        metadata["labels"] = new JsonObject { [ManagedByLabel] = "weft" };
        if (annotations is not null)
            metadata["annotations"] = annotations;
        var body = new JsonObject
        {
            ["apiVersion"] = apiVersion,
            ["kind"] = kind,
            ["metadata"] = metadata,
        };
        foreach (var (member, value) in rest.ToList())
        {
            // Taken over and not copied: a site's desired state has thousands of these.
            rest.Remove(member);
            body[member] = value;
        }

        return new Manifest(body);
    }
}
