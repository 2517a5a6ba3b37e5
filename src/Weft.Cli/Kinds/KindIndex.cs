using System.Collections.Immutable;
using Weft.Networks;
using Weft.Networks.Blocks;
using Weft.Resources;

namespace Weft.Cli.Kinds;

/// <summary>
/// Kinds by all their names, made from what the kinds declare of themselves: to add one, nothing is written here.
/// </summary>
internal sealed class KindIndex
{
    private readonly ImmutableArray<ResourceKind> _declared;
    private readonly Dictionary<ResourceType, Kind> _byType = [];
    private readonly Dictionary<string, Kind> _byName;

    /// <summary>An index of kinds, and of the leases of networks' pools.</summary>
    /// <param name="declared">The kinds, in the order in which a site is built up.</param>
    /// <exception cref="ArgumentException">Two of them have a name in common.</exception>
    public KindIndex(ImmutableArray<ResourceKind> declared)
    {
        _declared = declared;
        foreach (var kind in declared)
            Add(kind);
        AddLeases();
        All = [.. KindColumns.Arrange(declared.Select(kind => kind.Type)).Select(type => _byType[type])];
        _byName = All.SelectMany(kind => kind.Names.Select(name => (name, kind)))
            .ToDictionary(pair => pair.name, pair => pair.kind, StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>All kinds, what is depended upon first.</summary>
    public ImmutableArray<Kind> All { get; }

    /// <summary>The kind that somebody means.</summary>
    /// <param name="text">A name of a kind, or a type as ARM spells it.</param>
    /// <returns>The kind, or null.</returns>
    public Kind? Find(string text)
    {
        if (_byName.TryGetValue(text, out var kind))
            return kind;
        return text.Contains('/', StringComparison.Ordinal) && text[0] != '/'
            ? FindByType(ResourceType.Parse(text))
            : null;
    }

    /// <summary>The kind of a type.</summary>
    /// <returns>The kind, or null.</returns>
    public Kind? FindByType(ResourceType type) => _byType.GetValueOrDefault(type);

    /// <summary>Where a kind stands in the order of dependence; unknown ones last.</summary>
    public int Rank(ResourceType type) => FindByType(type) is { } kind ? All.IndexOf(kind) : All.Length;

    private Kind Add(ResourceKind kind)
    {
        if (FindByType(kind.Type) is { } known)
            return known;
        var parent = _declared.FirstOrDefault(other => other.Type == ParentTypeOf(kind));
        var option = parent?.Noun.Split(' ')[^1];
        return _byType[kind.Type] = new Kind(kind.Plural, kind.Type, kind.PreferredVersion)
        {
            ShortNames = kind.ShortNames,
            Parent = parent is null ? null : Add(parent),
            ParentOption = option,
            IsExtension = kind.Extends.Length > 1,
            Columns = KindColumns.Find(kind.Type) ?? KindColumns.DefaultFor(option),
        };
    }

    // The server makes leases and blocks as pods and agents ask for them; nobody declares one, so no kind speaks for them.
    private void AddLeases()
    {
        if (FindByType(L3Network.ResourceType) is not { } network)
            return;
        _byType[NetworkPool.LeaseType] = new Kind("leases", NetworkPool.LeaseType, KindTable.WeftApiVersion)
        {
            ShortNames = ["le"],
            Parent = network,
            ParentOption = "network",
            Columns = KindColumns.Find(NetworkPool.LeaseType)!.Value,
        };
        _byType[AddressBlock.ResourceType] = new Kind("blocks", AddressBlock.ResourceType, KindTable.WeftApiVersion)
        {
            ShortNames = ["blk"],
            Parent = network,
            ParentOption = "network",
            Columns = KindColumns.Find(AddressBlock.ResourceType)!.Value,
        };
    }

    /// <summary>What a kind stands under; null where that is a resource group, or one of several kinds.</summary>
    private static ResourceType? ParentTypeOf(ResourceKind kind) => kind.Extends is [var only] ? only : kind.ParentType;
}
