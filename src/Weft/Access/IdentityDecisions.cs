using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Access;

/// <summary>Who says who there is, and when.</summary>
/// <param name="Now">The time, RFC 3339.</param>
internal sealed record IdentityAuthor(Principal Principal, string Now);

/// <summary>
/// Writes of principals, groups and roles: functions from what is stored and what is asked to one commit or a refusal.
/// </summary>
internal sealed class IdentityDecisions(Kinds kinds)
{
    private readonly IdentityRules _rules = new(kinds);

    /// <summary>PUT: it is to be exactly this. A principal's token and a group's members stay.</summary>
    public Outcome<Decision> Put(
        IdentityCollection collection,
        string name,
        JsonObject body,
        IdentityAuthor author,
        ReadTransaction transaction
    )
    {
        var findings = new List<Refusal>();
        IdentityRules.CheckName(collection, name, findings);
        var wanted = collection.Shape.Normalise(body, default, findings);
        var old = transaction.Get(collection.KeyOf(name));
        if (findings.Count == 0)
            _rules.Check(collection, wanted["properties"]!.AsObject(), old, author, ReadAll(transaction), findings);
        if (findings.Count > 0)
            return Refusal.Combine(findings, collection.PathOf(name));
        var document = old?.ToJsonObject() ?? CreateDocument(name, author);
        document["properties"] = wanted["properties"]!.DeepClone();
        return Write(collection, old, document, author, transaction);
    }

    /// <summary>DELETE. A principal leaves its groups with it; a role that somebody has stays.</summary>
    public static Outcome<Decision> Delete(IdentityCollection collection, string name, ReadTransaction transaction)
    {
        var old = transaction.Get(collection.KeyOf(name));
        if (collection == IdentityCollection.Roles)
        {
            if (Role.FindBuiltIn(name) is { } builtIn)
                return IdentityRules.BuiltInRefusal(builtIn);
            List<Refusal> users = [.. IdentityRules.UsersOf(name, transaction)];
            if (old is not null && users.Count > 0)
                return Refusal.Combine(users, collection.PathOf(name));
        }

        if (old is null)
            return new Decision([], null, transaction.State, false, null);
        ImmutableArray<Mutation> changes =
        [
            Mutation.Remove(old.Key),
            .. collection == IdentityCollection.Principals ? WithoutMember(name, transaction) : [],
        ];
        return new Decision(changes, null, transaction.State.Next(changes), false, null) { Before = old };
    }

    /// <summary>A new token of a principal, by its hash: who gives it could use it, so must have what it gives.</summary>
    public static Outcome<Decision> RotateToken(
        string name,
        string tokenHash,
        IdentityAuthor author,
        ReadTransaction transaction
    )
    {
        var collection = IdentityCollection.Principals;
        if (transaction.Get(collection.KeyOf(name)) is not { } row)
            return NotFound(collection, name);
        List<Refusal> lacking =
        [
            .. IdentityRules.Lacking(author, ReadAll(transaction).Resolve(row).Assignments, collection.PathOf(name)),
        ];
        if (lacking.Count > 0)
            return Refusal.Combine(lacking, collection.PathOf(name));
        var document = row.ToJsonObject();
        document["tokenHash"] = tokenHash;
        document["tokenIssuedAt"] = author.Now;
        return Write(collection, row, document, author, transaction);
    }

    /// <summary>Takes a principal into a group, or out of it; a second time changes nothing.</summary>
    public static Outcome<Decision> SetMember(
        string name,
        string member,
        bool isMember,
        IdentityAuthor author,
        ReadTransaction transaction
    )
    {
        var collection = IdentityCollection.Groups;
        if (transaction.Get(collection.KeyOf(name)) is not { } row)
            return NotFound(collection, name);
        var members = row.Json.Texts(IdentityCollection.MembersName).ToList();
        if (members.Contains(member) == isMember)
            return new Decision([], row, transaction.State, false, null);
        if (isMember && CheckNewMember(row, member, members.Count, author, transaction) is { } refusal)
            return refusal;
        var document = row.ToJsonObject();
        document[IdentityCollection.MembersName] = ToArray(
            isMember ? members.Append(member) : members.Where(other => other != member)
        );
        return Write(collection, row, document, author, transaction);
    }

    /// <summary>That something isn't there.</summary>
    public static Refusal NotFound(IdentityCollection collection, string name) =>
        new(RefusalCode.ResourceNotFound, $"there is no {collection.Noun} '{name}'", collection.PathOf(name));

    private static Refusal? CheckNewMember(
        Row group,
        string member,
        int count,
        IdentityAuthor author,
        ReadTransaction transaction
    )
    {
        var (name, path) = (group.Json.Text("name")!, IdentityCollection.Groups.PathOf(group.Json.Text("name")!));
        if (transaction.Get(IdentityCollection.Principals.KeyOf(member)) is null)
            return new Refusal(
                RefusalCode.ReferenceNotFound,
                $"there is no principal '{member}' to be in {name}",
                path
            );
        if (count >= IdentityCollection.MaxMembers)
            return new Refusal(
                RefusalCode.Conflict,
                $"group {name} has {count} members already, and these are the most",
                path
            );
        List<Refusal> lacking =
        [
            .. IdentityRules.Lacking(author, ReadAll(transaction).AssignmentsOf(group, name), path),
        ];
        return lacking.Count > 0 ? Refusal.Combine(lacking, path) : null;
    }

    /// <summary>Who is made later by the same name is somebody else, and must not be found in a group.</summary>
    private static IEnumerable<Mutation> WithoutMember(string name, ReadTransaction transaction)
    {
        foreach (var group in transaction.Range(IdentityCollection.Groups.Partition))
        {
            var members = group.Json.Texts(IdentityCollection.MembersName).ToList();
            if (!members.Contains(name))
                continue;
            var document = group.ToJsonObject();
            document[IdentityCollection.MembersName] = ToArray(members.Where(other => other != name));
            yield return Mutation.Put(group.Key, document);
        }
    }

    private static Identities ReadAll(ReadTransaction transaction) =>
        new(collection => transaction.Range(collection.Partition));

    private static JsonObject CreateDocument(string name, IdentityAuthor author) =>
        new()
        {
            ["name"] = name,
            ["systemData"] = new JsonObject
            {
                ["createdBy"] = author.Principal.Name,
                ["createdByType"] = "User",
                ["createdAt"] = author.Now,
            },
        };

    private static Decision Write(
        IdentityCollection collection,
        Row? old,
        JsonObject document,
        IdentityAuthor author,
        ReadTransaction transaction
    )
    {
        var stamps = document["systemData"]!.AsObject();
        stamps["lastModifiedBy"] = author.Principal.Name;
        stamps["lastModifiedByType"] = "User";
        stamps["lastModifiedAt"] = author.Now;
        var change = Mutation.Put(collection.KeyOf(document["name"]!.ToString()), document);
        var after = transaction.State.Next([change]);
        return new Decision([change], after.Get(change.Key), after, old is null, null) { Before = old };
    }

    private static JsonArray ToArray(IEnumerable<string> words) =>
        new([.. words.Order(StringComparer.Ordinal).Select(word => JsonValue.Create(word))]);
}
