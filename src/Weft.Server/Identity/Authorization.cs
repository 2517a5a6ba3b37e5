using Weft.Access;
using Weft.Resources;

namespace Weft.Server.Identity;

/// <summary>
/// What a request needs of its caller (docs/specs/identity.md). Lists are shown to everybody, and hold what the caller
/// may see.
/// </summary>
internal static class Authorization
{
    /// <summary>Checks a request for a resource, a collection or an action.</summary>
    /// <returns>Why not, or null.</returns>
    public static Refusal? Check(Caller caller, string method, string path)
    {
        var reads = HttpMethods.IsGet(method) || HttpMethods.IsHead(method);
        if (ResourceId.TryParse(path, out var id))
            return id.Type == ResourceId.SubscriptionType && reads
                ? null
                : Require(caller, reads ? Privilege.Read : Privilege.Write, id);
        if (reads)
            return null;
        var slash = path.LastIndexOf('/');
        if (slash <= 0 || !ResourceId.TryParse(path[..slash], out var target))
            return null;
        // Whether a sender's or a listener's, the body says: who may neither isn't asked for it.
        if (
            target.Type == TargetConnection.ResourceType
            && path[(slash + 1)..].Equals(TargetConnection.CredentialsAction, StringComparison.OrdinalIgnoreCase)
        )
            return caller.HasPrivilege(Privilege.Listen, target) ? null : Require(caller, Privilege.Connect, target);
        return Require(caller, Privilege.Write, target);
    }

    /// <summary>Checks one privilege.</summary>
    /// <param name="on">Where; null for the whole site.</param>
    /// <returns>Why not, or null.</returns>
    public static Refusal? Require(Caller caller, Privilege privilege, ResourceId? on) =>
        caller.HasPrivilege(privilege, on)
            ? null
            : new Refusal(
                RefusalCode.AuthorizationFailed,
                $"{caller.Name} may not {VerbOf(privilege)} {on?.ToString() ?? "the whole site"}: "
                    + $"it takes the role {MinimumRoleFor(privilege)} there or further up",
                on?.ToString()
            );

    private static string VerbOf(Privilege privilege) =>
        privilege switch
        {
            Privilege.Read => "read",
            Privilege.Connect => "connect to",
            Privilege.Listen => "listen for",
            Privilege.Write => "change",
            _ => "administer",
        };

    private static string MinimumRoleFor(Privilege privilege) =>
        privilege switch
        {
            Privilege.Read => nameof(Role.Reader),
            Privilege.Connect => nameof(Role.RelayUser),
            Privilege.Listen => nameof(Role.RelayListener),
            Privilege.Write => nameof(Role.Contributor),
            _ => nameof(Role.Owner),
        };
}
