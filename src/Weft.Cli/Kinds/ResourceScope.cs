using Weft.Cli.Contexts;
using Weft.Resources;

namespace Weft.Cli.Kinds;

/// <summary>From what people write to ids, and back to where they meant.</summary>
internal sealed class ResourceScope(Settings settings)
{
    // What stands at a target once bears this name there (docs/specs/relay-rules.md).
    private const string DefaultName = "default";

    /// <summary>The resource group that names are looked up in.</summary>
    public ResourceId Group => ResourceId.ForResourceGroup(settings.RequiredSubscription, settings.RequiredGroup);

    /// <summary>The subscription.</summary>
    public ResourceId Subscription => ResourceId.ForSubscription(settings.RequiredSubscription);

    /// <summary>Where lists look: the resource group if there is one, else the subscription.</summary>
    /// <param name="allGroups">Whether to look in all groups all the same.</param>
    public ResourceId ListScope(bool allGroups) => allGroups || settings.ResourceGroup is null ? Subscription : Group;

    /// <summary>The id of something somebody named.</summary>
    /// <param name="text">A name, <c>PARENT/NAME</c>, or a whole id.</param>
    /// <param name="parent">The parent's name or id, where it was given apart; else null.</param>
    /// <exception cref="CliError">It names no such thing.</exception>
    public ResourceId ResolveId(Kind kind, string text, string? parent = null)
    {
        if (text.StartsWith('/'))
            return ParseFullId(kind, text);
        if (text.Length == 0 || text.Split('/').Any(part => part.Length == 0))
            throw CliError.Usage($"'{text}' is no name of a {kind.Singular}");
        if (kind.IsGroup)
            return ResourceId.ForResourceGroup(settings.RequiredSubscription, text);
        if (kind.IsExtension)
            return TargetNames.Require(this, parent ?? text).Extend(kind.Type, DefaultName);
        if (kind.Parent is not { } above)
            return kind.IdOf(Group, RequireSimpleName(kind, text));
        var slash = text.LastIndexOf('/');
        if (slash > 0)
            return kind.IdOf(ResolveId(above, text[..slash]), text[(slash + 1)..]);
        if (parent is null)
            throw CliError.Usage(
                $"which {above.Singular} is the {kind.Singular} '{text}' of?",
                $"add --{kind.ParentOption} NAME, or write {above.Singular.ToUpperInvariant()}/{text}"
            );
        return kind.IdOf(ResolveId(above, parent), text);
    }

    private static string RequireSimpleName(Kind kind, string text) =>
        text.Contains('/', StringComparison.Ordinal)
            ? throw CliError.Usage($"'{text}' is no name of a {kind.Singular}: a {kind.Singular} has no parent")
            : text;

    private static ResourceId ParseFullId(Kind kind, string text)
    {
        if (!ResourceId.TryParse(text, out var id))
            throw CliError.Usage(
                $"'{text}' is no resource id",
                "write /subscriptions/SUB/resourceGroups/GROUP/providers/NAMESPACE/TYPE/NAME"
            );
        return id.Type == kind.Type ? id : throw CliError.Usage($"'{text}' is a {id.Type}, not a {kind.Singular}");
    }
}
