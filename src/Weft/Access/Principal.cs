using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Access;

/// <summary>A role in a scope.</summary>
/// <param name="Scope">The key of a resource id, which is good for the resource and all under it; or
/// <see cref="RootScope"/>.</param>
/// <param name="Group">The group that it comes by; null for the principal's own.</param>
internal sealed record RoleAssignment(Role Role, string Scope, string? Group = null)
{
    /// <summary>The scope that holds all others.</summary>
    public const string RootScope = "/";

    /// <summary>A scope as it is compared.</summary>
    /// <returns>The key, or null where it is no scope.</returns>
    public static string? NormaliseScope(string text) =>
        text == RootScope ? text
        : ResourceId.TryParse(text, out var id) ? id.Key
        : null;

    /// <summary>Whether a resource stands somewhere above the scope or in it: then it may be named in a list.</summary>
    public bool IsVisible(ResourceId id) => Covers(id.Key) || Scope.StartsWith($"{id.Key}/", StringComparison.Ordinal);

    /// <summary>Whether another scope lies in this one, by whole segments.</summary>
    public bool Covers(string scope) =>
        Scope == RootScope
        || (
            scope.StartsWith(Scope, StringComparison.Ordinal)
            && (scope.Length == Scope.Length || scope[Scope.Length] == '/')
        );
}

/// <summary>Somebody who may call: a person or a program.</summary>
/// <param name="Name">The name, which <c>systemData</c> and logs show.</param>
/// <param name="Assignments">Its own, and those of the groups that it is a member of.</param>
internal sealed record Principal(string Name, ImmutableArray<RoleAssignment> Assignments)
{
    /// <summary>Whether it may do something: the one question of authorization.</summary>
    /// <param name="kind">The type of what it is done to, or <see cref="RoleRule.AnyKind"/> for what is the whole
    /// site's.</param>
    /// <param name="scope">The key of what it is done to, or <see cref="RoleAssignment.RootScope"/>.</param>
    public bool Allows(string verb, string kind, string scope) =>
        Assignments.Any(assignment => assignment.Covers(scope) && assignment.Role.Allows(verb, kind));

    /// <summary>What of a role it hasn't got in a scope, and so can't give to anybody.</summary>
    /// <returns>Such as <c>delete of Microsoft.NetworkCloud/l3Networks</c>; none where it may give it.</returns>
    public IEnumerable<string> LacksOf(Role role, string scope) =>
        from rule in role.Rules
        from verb in rule.Verbs
        from kind in rule.Kinds
        where !Allows(verb, kind, scope)
        select $"{verb} of {kind}";
}
