using Weft.Access;
using Weft.Resources;

namespace Weft.Server.Identity;

/// <summary>What a request needs of its caller (docs/specs/identity.md). Lists are shown to everybody, and hold what the caller may see.</summary>
internal static class Authorization
{
    /// <summary>Checks a request for a resource, a collection or an action.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="method">The HTTP method.</param>
    /// <param name="path">The path.</param>
    /// <returns>Why not, or null.</returns>
    public static Refusal? Check(Caller caller, string method, string path)
    {
        var reads = HttpMethods.IsGet(method) || HttpMethods.IsHead(method);
        if (ResourceId.TryParse(path, out var id))
            return id.Type == ResourceId.SubscriptionType && reads ? null : Need(caller, reads ? Permission.Read : Permission.Write, id);
        if (reads)
            return null;
        var slash = path.LastIndexOf('/');
        if (slash <= 0 || !ResourceId.TryParse(path[..slash], out var target))
            return null;
        var connects = target.Type == TargetConnection.ResourceType && path[(slash + 1)..].Equals("listCredentials", StringComparison.OrdinalIgnoreCase);
        return Need(caller, connects ? Permission.Connect : Permission.Write, target);
    }

    /// <summary>Checks one permission.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="permission">What is needed.</param>
    /// <param name="on">Where; null for the whole site.</param>
    /// <returns>Why not, or null.</returns>
    public static Refusal? Need(Caller caller, Permission permission, ResourceId? on) => caller.May(permission, on) ? null
        : new Refusal(RefusalCode.AuthorizationFailed, $"{caller.Name} may not {Word(permission)} {on?.ToString() ?? "the whole site"}: it takes the role {Least(permission)} there or further up", on?.ToString());

    private static string Word(Permission permission) => permission switch
    {
        Permission.Read => "read",
        Permission.Connect => "connect to",
        Permission.Write => "change",
        _ => "administer",
    };

    private static string Least(Permission permission) => permission switch
    {
        Permission.Read => nameof(Role.Reader),
        Permission.Connect => nameof(Role.RelayUser),
        Permission.Write => nameof(Role.Contributor),
        _ => nameof(Role.Owner),
    };
}
