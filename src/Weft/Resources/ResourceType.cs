namespace Weft.Resources;

/// <summary>
/// A resource type: the provider's namespace and the path of types, such as <c>Microsoft.NetworkCloud/l3Networks</c>.
/// </summary>
/// <param name="Namespace">The provider, such as <c>Microsoft.NetworkCloud</c>.</param>
/// <param name="Path">The types from parent to child, such as <c>kubernetesClusters/agentPools</c>.</param>
/// <remarks>Types compare without regard to case, as ARM demands of ids.</remarks>
internal readonly record struct ResourceType(string Namespace, string Path)
{
    /// <summary>The last part of the path: <c>agentPools</c>.</summary>
    public string Leaf => Path[(Path.LastIndexOf('/') + 1)..];

    /// <summary>Reads <c>Namespace/type[/type…]</c>.</summary>
    /// <param name="text">The text; it must hold a slash.</param>
    /// <exception cref="FormatException">It holds no slash.</exception>
    public static ResourceType Parse(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return slash > 0
            ? new(text[..slash], text[(slash + 1)..])
            : throw new FormatException($"'{text}' is no resource type");
    }

    /// <inheritdoc/>
    public bool Equals(ResourceType other) =>
        string.Equals(Namespace, other.Namespace, StringComparison.OrdinalIgnoreCase)
        && string.Equals(Path, other.Path, StringComparison.OrdinalIgnoreCase);

    /// <inheritdoc/>
    public override int GetHashCode() =>
        HashCode.Combine(
            StringComparer.OrdinalIgnoreCase.GetHashCode(Namespace ?? ""),
            StringComparer.OrdinalIgnoreCase.GetHashCode(Path ?? "")
        );

    /// <summary>The text form.</summary>
    /// <returns><c>Namespace/type[/type…]</c>.</returns>
    public override string ToString() => $"{Namespace}/{Path}";
}
