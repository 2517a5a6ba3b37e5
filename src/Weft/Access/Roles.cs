using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Access;

/// <summary>What somebody is allowed to be in a scope.</summary>
public enum Role
{
    /// <summary>Reads everything.</summary>
    Reader,

    /// <summary>Reads, and connects to clusters, nodes and machines through the relay.</summary>
    RelayUser,

    /// <summary>Reads, and stands in at the relay for clusters, nodes and machines: what listens in a machine needs no more.</summary>
    RelayListener,

    /// <summary>Reads, writes and connects; keys and network rules are of what it writes.</summary>
    Contributor,

    /// <summary>A contributor; of the whole site it also says who else there is.</summary>
    Owner,
}

/// <summary>What a request needs.</summary>
public enum Privilege
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
/// <param name="Scope">The key of a resource id, which is good for the resource and all under it; or <see cref="Everywhere"/>.</param>
public sealed record Assignment(Role Role, string Scope)
{
    /// <summary>The scope that holds all others.</summary>
    public const string Everywhere = "/";

    /// <summary>Whether the assignment gives a privilege.</summary>
    /// <param name="on">The resource; null for what is nobody's, such as questions about the whole site.</param>
    public bool Gives(Privilege privilege, ResourceId? on) => Grants(privilege) && Covers(on);

    /// <summary>Whether a resource stands somewhere above the scope or in it: then it may be named in a list.</summary>
    public bool Touches(ResourceId id)
    {
        return Covers(id) || Scope.StartsWith($"{id.Key}/", StringComparison.Ordinal);
    }

    private bool Covers(ResourceId? on) =>
        Scope == Everywhere || (on is not null && on.Key.StartsWith(Scope, StringComparison.Ordinal) && (on.Key.Length == Scope.Length || on.Key[Scope.Length] == '/'));

    private bool Grants(Privilege privilege) => Role switch
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
public sealed record Principal(string Name, ImmutableArray<Assignment> Assignments)
{
    /// <summary>The partition of principals.</summary>
    public const string Partition = "principal";

    /// <summary>The type they are shown as.</summary>
    public static readonly ResourceType ResourceType = new("Weft.Identity", "principals");

    /// <summary>What a principal's name must match.</summary>
    public const string NamePattern = "^[a-z0-9]([a-z0-9._@-]{0,62}[a-z0-9])?$";

    /// <summary>The body of a principal.</summary>
    public static readonly Shape Shape = new(
    [
        Member.Group("properties",
            Member.Text("description").Within(0, 256),
            Member.List("assignments", Member.Group("",
                Member.Choice("role", string.Join('|', Enum.GetNames<Role>())).Demanded(),
                Member.Text("scope", "/ for everything, or a resource id").Demanded().Within(1, 2048)), "what it may, and where").Demanded().Within(1, 32),
            Member.Text("expiresAt", "when its token ends to be good, RFC 3339; left out, never"),
            Member.Text("tokenIssuedAt").Drawn()).Demanded(),
    ]);

    /// <summary>Whether it has a privilege.</summary>
    /// <param name="on">The resource; null for what is nobody's.</param>
    public bool May(Privilege privilege, ResourceId? on) => Assignments.Any(assignment => assignment.Gives(privilege, on));

    /// <summary>The key of a principal's row.</summary>
    public static string KeyOf(string name) => $"{Partition}|{name}";

    /// <summary>Reads a stored principal.</summary>
    public static Principal Of(Stored row)
    {
        return row.As(r => new Principal(r.Json.Text("name")!, [.. ResourceKind.PropertiesOf(r).Each("assignments").Select(a =>
            new Assignment(Enum.Parse<Role>(a.Text("role")!), ScopeOf(a.Text("scope")!)!))]));
    }

    /// <summary>A scope as it is compared.</summary>
    /// <returns>The key, or null where it is no scope.</returns>
    public static string? ScopeOf(string text) => text == Assignment.Everywhere ? text : ResourceId.TryParse(text, out var id) ? id.Key : null;
}
