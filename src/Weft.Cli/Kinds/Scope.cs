using Weft.Cli.Contexts;
using Weft.Resources;

namespace Weft.Cli.Kinds;

/// <summary>From what people write to ids, and back to where they meant.</summary>
internal sealed class Scope(Settings settings)
{
    // What stands at a target once bears this name there (docs/specs/relay-rules.md).
    private const string OnlyName = "default";

    /// <summary>The resource group that names are looked up in.</summary>
    public ResourceId Group => ResourceId.OfResourceGroup(settings.RequiredSubscription, settings.RequiredGroup);

    /// <summary>The subscription.</summary>
    public ResourceId Subscription => ResourceId.OfSubscription(settings.RequiredSubscription);

    /// <summary>Where lists look: the resource group if there is one, else the subscription.</summary>
    /// <param name="allGroups">Whether to look in all groups all the same.</param>
    public ResourceId Lists(bool allGroups) => allGroups || settings.ResourceGroup is null ? Subscription : Group;

    /// <summary>The id of something somebody named.</summary>
    /// <param name="text">A name, <c>PARENT/NAME</c>, or a whole id.</param>
    /// <param name="parent">The parent's name or id, where it was given apart; else null.</param>
    /// <exception cref="Complaint">It names no such thing.</exception>
    public ResourceId Id(Kind kind, string text, string? parent = null)
    {
        if (text.StartsWith('/'))
            return WholeId(kind, text);
        if (text.Length == 0 || text.Split('/').Any(part => part.Length == 0))
            throw Complaint.OfUsage($"'{text}' is no name of a {kind.Singular}");
        if (kind.IsGroup)
            return ResourceId.OfResourceGroup(settings.RequiredSubscription, text);
        if (kind.StandsAtTargets)
            return TargetNames.Need(this, parent ?? text).Extend(kind.Type, OnlyName);
        if (kind.Parent is not { } above)
            return kind.IdOf(Group, OneName(kind, text));
        var slash = text.LastIndexOf('/');
        if (slash > 0)
            return kind.IdOf(Id(above, text[..slash]), text[(slash + 1)..]);
        if (parent is null)
            throw Complaint.OfUsage($"which {above.Singular} is the {kind.Singular} '{text}' of?", $"add --{kind.ParentOption} NAME, or write {above.Singular.ToUpperInvariant()}/{text}");
        return kind.IdOf(Id(above, parent), text);
    }

    private static string OneName(Kind kind, string text) => text.Contains('/', StringComparison.Ordinal)
        ? throw Complaint.OfUsage($"'{text}' is no name of a {kind.Singular}: a {kind.Singular} has no parent")
        : text;

    private static ResourceId WholeId(Kind kind, string text)
    {
        if (!ResourceId.TryParse(text, out var id))
            throw Complaint.OfUsage($"'{text}' is no resource id", "write /subscriptions/SUB/resourceGroups/GROUP/providers/NAMESPACE/TYPE/NAME");
        return id.Type == kind.Type ? id : throw Complaint.OfUsage($"'{text}' is a {id.Type}, not a {kind.Singular}");
    }
}
