using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Cli.Kinds;

/// <summary>A kind of resource as a row: what people call it, where it lives and what its table shows.</summary>
/// <param name="Plural">Its name in lists and labels, in lower case.</param>
/// <param name="ApiVersion">The newest version of its wire form that this program knows.</param>
internal sealed record Kind(string Plural, string Singular, ResourceType Type, string ApiVersion)
{
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
        return Parent is { } parent && parent.Type.Namespace == Type.Namespace
            ? scope.Child(Type.Leaf, name)
            : scope.Extend(Type, name);
    }

    /// <summary>The path that lists this kind in a scope.</summary>
    /// <param name="scope">A subscription, a resource group or the parent.</param>
    /// <returns>A path, without a query.</returns>
    public string ListPath(ResourceId scope)
    {
        if (IsGroup)
            return $"{scope}/resourceGroups";
        return Parent is { } parent && parent.Type.Namespace == Type.Namespace
            ? $"{scope}/{Type.Leaf}"
            : $"{scope}/providers/{Type}";
    }
}
