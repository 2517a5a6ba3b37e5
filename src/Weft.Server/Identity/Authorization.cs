using Weft.Access;
using Weft.Resources;
using Weft.Storage;

namespace Weft.Server.Identity;

/// <summary>
/// What a request needs of its caller (docs/specs/identity.md). Refusals are the same whether what is asked for is there
/// or not.
/// </summary>
internal static class Authorization
{
    /// <summary>Checks a request for a resource, a collection or an action.</summary>
    /// <returns>Why not, or null.</returns>
    public static Refusal? Check(Caller caller, string method, string path)
    {
        var verb = AccessVerb.OfMethod(method);
        if (ResourceId.TryParse(path, out var id))
            return id.Type == ResourceId.SubscriptionType && verb == AccessVerb.Read ? null : Require(caller, verb, id);
        if (verb == AccessVerb.Read)
            return null;
        var slash = path.LastIndexOf('/');
        if (slash <= 0 || !ResourceId.TryParse(path[..slash], out var target))
            return null;
        var action = path[(slash + 1)..];
        // Whether a sender's or a listener's, the body says: who may neither isn't asked for it.
        if (
            target.Type == TargetConnection.ResourceType
            && action.Equals(TargetConnection.CredentialsAction, StringComparison.OrdinalIgnoreCase)
        )
            return caller.May(AccessVerb.Listen, target) ? null : Require(caller, AccessVerb.Connect, target);
        return Require(caller, AccessVerb.OfAction(AllKinds.List.Find(target.Type), action), target);
    }

    /// <summary>Checks one verb.</summary>
    /// <param name="on">On what; null for the whole site.</param>
    /// <returns>Why not, or null.</returns>
    public static Refusal? Require(Caller caller, string verb, ResourceId? on) =>
        caller.May(verb, on)
            ? null
            : new Refusal(
                RefusalCode.AuthorizationFailed,
                $"{caller.Name} may not {AccessVerb.PhraseOf(verb)} {on?.ToString() ?? "the whole site"}: "
                    + $"it takes the role {Role.LeastFor(verb, Caller.KindOf(on))} there or further up",
                on?.ToString()
            );

    /// <summary>
    /// Checks a list: it holds what the caller may see, and is shown to whoever may see anything where it is of. Nobody
    /// else learns whether that is there.
    /// </summary>
    /// <param name="scope">What the list is of: a group or a resource.</param>
    /// <returns>Why not, or null.</returns>
    public static Refusal? CheckList(Caller caller, ResourceId scope) =>
        scope.Type == ResourceId.SubscriptionType || caller.Principal!.Assignments.Any(a => a.IsVisible(scope))
            ? null
            : Require(caller, AccessVerb.Read, scope);

    /// <summary>
    /// Checks that a caller may refer to a resource. Azure's words leave open whether it is there, and so do these.
    /// </summary>
    /// <param name="path">The member that names it.</param>
    /// <returns>Why not, or null.</returns>
    public static Refusal? CheckJoin(Caller caller, string path, ResourceId id) =>
        caller.May(AccessVerb.Join, id)
            ? null
            : new Refusal(
                RefusalCode.LinkedAuthorizationFailed,
                $"'{path}': {caller.Name} has no right to join {id}, or it isn't there: it takes the role "
                    + $"{Role.LeastFor(AccessVerb.Join, Caller.KindOf(id))} there or further up",
                path
            );
}
