using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Access;

/// <summary>A group of principals, as a record: what it is assigned, its members have.</summary>
internal sealed record PrincipalGroup(
    string Name,
    ImmutableArray<string> Members,
    ImmutableArray<RoleAssignment> Assignments
);

/// <summary>The roles, groups and principals of one state of the store.</summary>
internal sealed class Identities
{
    private readonly Dictionary<string, Role> _roles = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads them.</summary>
    /// <param name="list">The rows of a collection.</param>
    public Identities(Func<IdentityCollection, IEnumerable<Row>> list)
    {
        CustomRoles = [.. list(IdentityCollection.Roles).Select(ReadRole)];
        // A built-in role that came with a newer Weft takes the name from one that somebody had made.
        foreach (var role in Role.BuiltIn.Concat(CustomRoles))
            _ = _roles.TryAdd(role.Name, role);
        Groups = [.. list(IdentityCollection.Groups).Select(ReadGroup)];
    }

    /// <summary>The roles that somebody made.</summary>
    public ImmutableArray<Role> CustomRoles { get; }

    /// <summary>The groups.</summary>
    public ImmutableArray<PrincipalGroup> Groups { get; }

    /// <summary>All names of roles, the built-in ones first.</summary>
    public IEnumerable<string> RoleNames => Role.BuiltIn.Concat(CustomRoles).Select(role => role.Name);

    /// <summary>Reads those of a state.</summary>
    public static Identities Of(StoreState state) => new(collection => state.Range($"{collection.Partition}|"));

    /// <summary>The revision that last changed who there is or what they may.</summary>
    public static long RevisionOf(StoreState state) =>
        IdentityCollection.All.Max(collection => state.LastRevisionOf(collection.Partition));

    /// <summary>The role of a name.</summary>
    /// <returns>The role, or null.</returns>
    public Role? FindRole(string name) => _roles.GetValueOrDefault(name);

    /// <summary>The groups that a principal is a member of.</summary>
    public IEnumerable<PrincipalGroup> GroupsOf(string principal) =>
        Groups.Where(group => group.Members.Contains(principal, StringComparer.Ordinal));

    /// <summary>A stored principal with all that it may.</summary>
    public Principal Resolve(Row row)
    {
        var name = row.Json.Text("name")!;
        return new Principal(
            name,
            [.. AssignmentsOf(row, null), .. GroupsOf(name).SelectMany(group => group.Assignments)]
        );
    }

    /// <summary>The assignments that a principal's or a group's own body holds.</summary>
    /// <param name="via">The group's name; null for a principal.</param>
    /// <remarks>A role that is not known any more gives nothing.</remarks>
    public IEnumerable<RoleAssignment> AssignmentsOf(Row row, string? via) =>
        from assignment in ResourceKind.PropertiesOf(row).Elements("assignments")
        let role = FindRole(assignment.Text("role")!)
        let scope = RoleAssignment.NormaliseScope(assignment.Text("scope")!)
        where role is not null && scope is not null
        select new RoleAssignment(role!, scope!, via);

    /// <summary>A role as its body says it.</summary>
    public static Role ReadRole(Row row)
    {
        var properties = ResourceKind.PropertiesOf(row);
        return new Role(
            row.Json.Text("name")!,
            properties.Text("description") ?? "",
            [
                .. properties
                    .Elements("rules")
                    .Select(rule => new RoleRule([.. rule.Texts("verbs")], [.. rule.Texts("kinds")])),
            ]
        );
    }

    private PrincipalGroup ReadGroup(Row row)
    {
        var name = row.Json.Text("name")!;
        return new PrincipalGroup(
            name,
            [.. row.Json.Texts(IdentityCollection.MembersName)],
            [.. AssignmentsOf(row, name)]
        );
    }
}
