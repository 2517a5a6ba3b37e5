using Weft.Resources;

namespace Weft.Cli.Kinds;

/// <summary>Short names of resources for people: <c>l3networks/n6</c>, <c>agentpools/core-east/pool1</c>.</summary>
internal static class Label
{
    /// <summary>The label of an id.</summary>
    /// <returns>The kind and the names from the resource group down.</returns>
    public static string For(ResourceId id)
    {
        var kind = KindTable.FindByType(id.Type);
        if (kind is { IsExtension: true } && id.Parent is { } place)
            return $"{kind.Plural}/{TargetNames.Format(place)}";
        return $"{kind?.Plural ?? id.Type.Leaf.ToLowerInvariant()}/{Path(id)}";
    }

    /// <summary>The label of what should be an id.</summary>
    /// <returns>The label, or the text where it is no id.</returns>
    public static string For(string text) => ResourceId.TryParse(text, out var id) ? For(id) : text;

    /// <summary>
    /// The names from the resource group down, as the command line takes them: <c>core-east/pool1</c>.
    /// </summary>
    public static string Path(ResourceId id) =>
        id.Parent is { } parent
        && parent.Type != ResourceId.ResourceGroupType
        && parent.Type != ResourceId.SubscriptionType
            ? $"{Path(parent)}/{id.Name}"
            : id.Name;
}
