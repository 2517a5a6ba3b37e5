using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Weft.Resources;

/// <summary>The kinds there are, by type.</summary>
internal sealed class Kinds
{
    private readonly FrozenDictionary<ResourceType, ResourceKind> _byType;
    private readonly FrozenDictionary<ResourceType, ImmutableArray<ResourceKind>> _referrers;

    /// <summary>A set of kinds.</summary>
    public Kinds(IEnumerable<ResourceKind> kinds)
    {
        All = [.. kinds];
        _byType = All.ToFrozenDictionary(kind => kind.Type);
        _referrers = All.ToFrozenDictionary(
            kind => kind.Type,
            kind => All.Where(other => ReferencedTypes(other.Schema.Members).Contains(kind.Type)).ToImmutableArray()
        );
    }

    /// <summary>All kinds, in the order they were listed.</summary>
    public ImmutableArray<ResourceKind> All { get; }

    /// <summary>The kind of a type.</summary>
    /// <returns>The kind, or null.</returns>
    public ResourceKind? Find(ResourceType type) => _byType.GetValueOrDefault(type);

    /// <summary>
    /// The kind that a resource is judged as by roles: its own, or for what is computed (a lease, a connection) or is a
    /// part of what it stands on, that of the latter.
    /// </summary>
    /// <returns>The kind, or null for what is of no kind.</returns>
    public ResourceKind? KindJudged(ResourceId id)
    {
        while (id.IsExtension && Find(id.Type) is null or { IsJudgedAsScope: true })
            id = id.Parent!;
        return Find(id.Type);
    }

    /// <summary>The kind of a stored resource.</summary>
    public ResourceKind KindOf(Row row) => _byType[ResourceKind.IdOf(row).Type];

    /// <summary>An id with its types spelt as the kinds spell them; names stay as the caller spelt them.</summary>
    /// <returns>The same id: ids compare without regard to case.</returns>
    public ResourceId CanonicaliseTypes(ResourceId id)
    {
        if (id.Parent is not { } parent || Find(id.Type) is not { } kind || kind.Type == ResourceId.ResourceGroupType)
            return id;
        return kind.ParentType is null
            ? CanonicaliseTypes(parent).Extend(kind.Type, id.Name)
            : CanonicaliseTypes(parent).Child(kind.Type.Leaf, id.Name);
    }

    /// <summary>The kinds whose bodies may name a resource of a type.</summary>
    public ImmutableArray<ResourceKind> ReferrersOf(ResourceType type) =>
        _referrers.TryGetValue(type, out var kinds) ? kinds : [];

    /// <summary>The kinds that stand directly under a type: its children and its extensions.</summary>
    public IEnumerable<ResourceKind> ChildKindsOf(ResourceType type) =>
        All.Where(kind => kind.ParentType == type || kind.Extends.Contains(type));

    private static IEnumerable<ResourceType> ReferencedTypes(ImmutableArray<SchemaMember> members) =>
        members
            .Where(member => member.Mutability != Mutability.ReadOnly)
            .SelectMany(member =>
                member.RefersTo.Concat(ReferencedTypes(member.Element is { } element ? [element] : member.Members))
            );
}
