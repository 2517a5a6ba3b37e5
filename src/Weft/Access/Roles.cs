using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Access;

/// <summary>What somebody is allowed to be in a scope.</summary>
internal enum Role
{
    /// <summary>Reads everything.</summary>
    Reader,

    /// <summary>Reads, and connects to clusters, nodes and machines through the relay.</summary>
    RelayUser,

    /// <summary>
    /// Reads, and stands in at the relay for clusters, nodes and machines: what listens in a machine needs no more.
    /// </summary>
    RelayListener,

    /// <summary>Reads, writes and connects; keys and network rules are of what it writes.</summary>
    Contributor,

    /// <summary>A contributor; of the whole site it also says who else there is.</summary>
    Owner,
}

/// <summary>What a request needs.</summary>
internal enum Privilege
{
    /// <summary>To see.</summary>
    Read,

    /// <summary>To be given what a sender needs at the relay.</summary>
    Connect,

    /// <summary>To be given what a listener needs: it stands in for the target.</summary>
    Listen,

    /// <summary>To change, and to see keys.</summary>
    Write,

    /// <summary>To say who there is and what they may.</summary>
    Administer,
}

/// <summary>A role in a scope.</summary>
/// <param name="Scope">The key of a resource id, which is good for the resource and all under it; or
/// <see cref="RootScope"/>.</param>
internal sealed record RoleAssignment(Role Role, string Scope)
{
    /// <summary>The scope that holds all others.</summary>
    public const string RootScope = "/";

    /// <summary>Whether the assignment gives a privilege.</summary>
    /// <param name="on">The resource; null for what is nobody's, such as questions about the whole site.</param>
    public bool Allows(Privilege privilege, ResourceId? on) => RoleGrants(privilege) && CoversScope(on);

    /// <summary>Whether a resource stands somewhere above the scope or in it: then it may be named in a list.</summary>
    public bool IsVisible(ResourceId id)
    {
        return CoversScope(id) || Scope.StartsWith($"{id.Key}/", StringComparison.Ordinal);
    }

    private bool CoversScope(ResourceId? on) =>
        Scope == RootScope
        || (
            on is not null
            && on.Key.StartsWith(Scope, StringComparison.Ordinal)
            && (on.Key.Length == Scope.Length || on.Key[Scope.Length] == '/')
        );

    private bool RoleGrants(Privilege privilege) =>
        Role switch
        {
            Role.Reader => privilege is Privilege.Read,
            Role.RelayUser => privilege is Privilege.Read or Privilege.Connect,
            Role.RelayListener => privilege is Privilege.Read or Privilege.Listen,
            Role.Contributor => privilege is not Privilege.Administer,
            _ => true,
        };
}

/// <summary>Somebody who may call: a person or a program.</summary>
/// <param name="Name">The name, which <c>systemData</c> and logs show.</param>
internal sealed record Principal(string Name, ImmutableArray<RoleAssignment> Assignments)
{
    /// <summary>The partition of principals.</summary>
    public const string Partition = "principal";

    /// <summary>The type they are shown as.</summary>
    public static readonly ResourceType ResourceType = new("Weft.Identity", "principals");

    /// <summary>What a principal's name must match.</summary>
    public const string NamePattern = "^[a-z0-9]([a-z0-9._@-]{0,62}[a-z0-9])?$";

    /// <summary>The body of a principal.</summary>
    public static readonly Schema Shape = new([
        SchemaMember
            .Object(
                "properties",
                SchemaMember.Text("description").Range(0, 256),
                SchemaMember
                    .List(
                        "assignments",
                        SchemaMember.Object(
                            "",
                            SchemaMember.Enum("role", string.Join('|', Enum.GetNames<Role>())).Required(),
                            SchemaMember.Text("scope", "/ for everything, or a resource id").Required().Range(1, 2048)
                        ),
                        "what it may, and where"
                    )
                    .Required()
                    .Range(1, 32),
                SchemaMember.Text("expiresAt", "when its token ends to be good, RFC 3339; left out, never"),
                SchemaMember.Text("tokenIssuedAt").ReadOnly()
            )
            .Required(),
    ]);

    /// <summary>Whether it has a privilege.</summary>
    /// <param name="on">The resource; null for what is nobody's.</param>
    public bool HasPrivilege(Privilege privilege, ResourceId? on) =>
        Assignments.Any(assignment => assignment.Allows(privilege, on));

    /// <summary>The key of a principal's row.</summary>
    public static string KeyOf(string name) => $"{Partition}|{name}";

    /// <summary>Reads a stored principal.</summary>
    public static Principal Read(Row row)
    {
        return row.ReadAs(r => new Principal(
            r.Json.Text("name")!,
            [
                .. ResourceKind
                    .PropertiesOf(r)
                    .Elements("assignments")
                    .Select(a => new RoleAssignment(
                        Enum.Parse<Role>(a.Text("role")!),
                        NormaliseScope(a.Text("scope")!)!
                    )),
            ]
        ));
    }

    /// <summary>A scope as it is compared.</summary>
    /// <returns>The key, or null where it is no scope.</returns>
    public static string? NormaliseScope(string text) =>
        text == RoleAssignment.RootScope ? text
        : ResourceId.TryParse(text, out var id) ? id.Key
        : null;
}
