using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Cli.Kinds;

/// <summary>A kind of resource as a row: what people call it, where it lives and what its table shows.</summary>
/// <param name="Plural">Its name in lists and labels, in lower case.</param>
/// <param name="ApiVersion">The version of its wire form that this program speaks.</param>
internal sealed record Kind(string Plural, ResourceType Type, string ApiVersion)
{
    /// <summary>Its name for one.</summary>
    public string Singular => Plural[..^1];

    /// <summary>Other names.</summary>
    public ImmutableArray<string> ShortNames { get; init; } = [];

    /// <summary>The kind it is a child of, or null.</summary>
    public Kind? Parent { get; init; }

    /// <summary>The option that names the parent, without its dashes; null where there is no parent.</summary>
    public string? ParentOption { get; init; }

    /// <summary>
    /// Whether it stands at resources of several kinds, one at each: then it is named by what it stands at.
    /// </summary>
    public bool IsExtension { get; init; }

    /// <summary>The columns of its table.</summary>
    public required ImmutableArray<Column> Columns { get; init; }

    /// <summary>All names.</summary>
    public IEnumerable<string> Names => [Plural, Singular, .. ShortNames];

    /// <summary>Whether it is a resource group, which has a path of its own.</summary>
    public bool IsGroup => Type == ResourceId.ResourceGroupType;

    /// <summary>The id of one of this kind.</summary>
    /// <param name="scope">The resource group, the parent, or the subscription of a group.</param>
    public ResourceId IdOf(ResourceId scope, string name)
    {
        if (IsGroup)
            return ResourceId.ForResourceGroup(scope.Subscription, name);
        return HasPathOfParent ? scope.Child(Type.Leaf, name) : scope.Extend(Type, name);
    }

    /// <summary>The path that lists this kind in a scope.</summary>
    /// <param name="scope">A subscription, a resource group or the parent.</param>
    /// <returns>A path, without a query.</returns>
    public string ListPath(ResourceId scope)
    {
        if (IsGroup)
            return $"{scope}/resourceGroups";
        return HasPathOfParent ? $"{scope}/{Type.Leaf}" : $"{scope}/providers/{Type}";
    }

    private bool HasPathOfParent => Parent is { } parent && parent.Type.Namespace == Type.Namespace;
}
