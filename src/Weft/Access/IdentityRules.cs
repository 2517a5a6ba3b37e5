using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Access;

/// <summary>What principals, groups and roles must keep: names, words that are known, and that nobody gives what he hasn't.</summary>
internal sealed class IdentityRules(Kinds kinds)
{
    /// <summary>The name of who needs no principal.</summary>
    public const string AdministratorName = "admin";

    private static readonly string[] TimeFormats = ["yyyy-MM-ddTHH:mm:ssK", "yyyy-MM-ddTHH:mm:ss.FFFFFFFK"];

    /// <summary>Checks a name.</summary>
    public static void CheckName(IdentityCollection collection, string name, List<Refusal> findings)
    {
        if (collection.AllowsName(name) && name != AdministratorName && !IsBuiltInRole(collection, name))
            return;
        var taken =
            collection == IdentityCollection.Roles
                ? string.Join(", ", Role.BuiltIn.Select(role => role.Name))
                : AdministratorName;
        findings.Add(
            new Refusal(
                RefusalCode.InvalidResourceName,
                $"'{name}' is no name of a {collection.Noun}: it must match {collection.NamePattern}, and '{taken}' "
                    + "can't be had",
                "name"
            )
        );
    }

    /// <summary>Checks the properties of one of them, which have the form of its schema.</summary>
    /// <param name="properties">The properties; verbs and kinds are brought to the spelling of the lists.</param>
    public void Check(
        IdentityCollection collection,
        JsonObject properties,
        Row? old,
        IdentityAuthor author,
        Identities known,
        List<Refusal> findings
    )
    {
        if (collection == IdentityCollection.Roles)
        {
            CheckRules(properties, author, findings);
            return;
        }

        CheckAssignments(properties, old, author, known, findings);
        if (
            properties["expiresAt"]?.ToString() is { } text
            && !DateTimeOffset.TryParseExact(
                text,
                TimeFormats,
                CultureInfo.InvariantCulture,
                DateTimeStyles.AssumeUniversal,
                out _
            )
        )
            findings.Add(Invalid("properties.expiresAt", $"'{text}' is no time; write it as 2027-01-31T12:00:00Z"));
    }

    /// <summary>What of some assignments the author hasn't got himself.</summary>
    public static IEnumerable<Refusal> Lacking(
        IdentityAuthor author,
        IEnumerable<RoleAssignment> assignments,
        string target
    ) =>
        assignments
            .DistinctBy(assignment => (assignment.Role.Name, assignment.Scope))
            .Select(assignment => FindLack(author, assignment.Role, assignment.Scope, target))
            .OfType<Refusal>();

    /// <summary>Who stands in the way of a role's deletion: every principal and group that has it.</summary>
    public static IEnumerable<Refusal> UsersOf(string role, ReadTransaction transaction) =>
        from collection in new[] { IdentityCollection.Principals, IdentityCollection.Groups }
        from row in transaction.Range(collection.Partition)
        let scopes = ResourceKind
            .PropertiesOf(row)
            .Elements("assignments")
            .Where(a => role.Equals(a.Text("role"), StringComparison.OrdinalIgnoreCase))
            .Select(a => a.Text("scope"))
            .ToList()
        where scopes.Count > 0
        let name = row.Json.Text("name")!
        select new Refusal(
            RefusalCode.InUse,
            $"the role {role} can't be deleted: {collection.Noun} {name} has it in {string.Join(", ", scopes)}",
            IdentityCollection.Roles.PathOf(role),
            collection.PathOf(name)
        );

    /// <summary>That a built-in role stays as it is.</summary>
    public static Refusal BuiltInRefusal(Role role) =>
        new(
            RefusalCode.MethodNotAllowed,
            $"{role.Name} is a built-in role; it is neither changed nor deleted",
            IdentityCollection.Roles.PathOf(role.Name)
        );

    private static bool IsBuiltInRole(IdentityCollection collection, string name) =>
        collection == IdentityCollection.Roles && Role.FindBuiltIn(name) is not null;

    private static void CheckAssignments(
        JsonObject properties,
        Row? old,
        IdentityAuthor author,
        Identities known,
        List<Refusal> findings
    )
    {
        var had = old is null ? [] : known.AssignmentsOf(old, null).Select(a => (a.Role.Name, a.Scope)).ToHashSet();
        foreach (var (assignment, i) in properties["assignments"]!.AsArray().Select((a, i) => (a!.AsObject(), i)))
        {
            var path = $"properties.assignments[{i}]";
            var (text, named) = (assignment["scope"]!.ToString(), assignment["role"]!.ToString());
            var (scope, role) = (RoleAssignment.NormaliseScope(text), known.FindRole(named));
            if (scope is null)
                findings.Add(Invalid($"{path}.scope", $"'{text}' is no scope; write / or a resource id"));
            if (role is null)
                findings.Add(
                    Invalid($"{path}.role", $"'{named}' is no role; there are {string.Join(", ", known.RoleNames)}")
                );
            else
                assignment["role"] = role.Name;
            // What it had stays, whoever writes the rest.
            if (
                scope is not null
                && role is not null
                && !had.Contains((role.Name, scope))
                && FindLack(author, role, scope, path) is { } lack
            )
                findings.Add(lack);
        }
    }

    private void CheckRules(JsonObject properties, IdentityAuthor author, List<Refusal> findings)
    {
        var verbs = AccessVerb.All(kinds);
        List<string> types = [RoleRule.AnyKind, .. kinds.All.Select(kind => kind.Type.ToString())];
        foreach (var (rule, i) in properties["rules"]!.AsArray().Select((rule, i) => (rule!.AsObject(), i)))
        {
            var path = $"properties.rules[{i}]";
            var before = findings.Count;
            Canonicalise(rule["verbs"]!.AsArray(), verbs, $"{path}.verbs", "verb", findings);
            Canonicalise(rule["kinds"]!.AsArray(), types, $"{path}.kinds", "kind", findings);
            if (findings.Count > before)
                continue;
            var read = new RoleRule([.. TextsOf(rule["verbs"]!)], [.. TextsOf(rule["kinds"]!)]);
            foreach (var verb in read.Verbs.Where(verb => IsForNoneOf(read, verb)))
                findings.Add(Invalid($"{path}.verbs", $"'{verb}' is an action of none of the kinds named"));
            // Who changes a role changes what others may wherever they have it.
            if (FindLack(author, new Role("", "", [read]), RoleAssignment.RootScope, path) is { } lack)
                findings.Add(lack);
        }
    }

    private bool IsForNoneOf(RoleRule rule, string verb)
    {
        var owners = kinds.All.Where(kind => kind.Actions.Contains(verb)).Select(kind => kind.Type.ToString()).ToList();
        return owners.Count > 0 && !rule.Kinds.Contains(RoleRule.AnyKind) && !owners.Exists(rule.Kinds.Contains);
    }

    /// <summary>Brings words to the spelling of a list.</summary>
    private static void Canonicalise(
        JsonArray words,
        IReadOnlyCollection<string> known,
        string path,
        string what,
        List<Refusal> findings
    )
    {
        for (var i = 0; i < words.Count; i++)
        {
            var word = words[i]!.ToString();
            if (known.FirstOrDefault(k => k.Equals(word, StringComparison.OrdinalIgnoreCase)) is { } match)
            {
                words[i] = match;
                continue;
            }

            var near = Suggestions.Find(word, known);
            var list =
                near.Count > 0 ? $"did you mean {string.Join(" or ", near)}?" : $"there are {string.Join(", ", known)}";
            findings.Add(Invalid($"{path}[{i}]", $"'{word}' is no {what}; {list}"));
        }
    }

    private static Refusal? FindLack(IdentityAuthor author, Role role, string scope, string target)
    {
        var lacks = author.Principal.LacksOf(role, scope).Distinct().ToList();
        return lacks.Count == 0
            ? null
            : new Refusal(
                RefusalCode.AuthorizationFailed,
                $"'{target}': {author.Principal.Name} can't give what {author.Principal.Name} hasn't got in {scope}: "
                    + string.Join(", ", lacks),
                target
            );
    }

    private static IEnumerable<string> TextsOf(JsonNode list) => list.AsArray().Select(word => word!.ToString());

    private static Refusal Invalid(string path, string why) => new(RefusalCode.InvalidMember, $"'{path}': {why}", path);
}
