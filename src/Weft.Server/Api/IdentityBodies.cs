using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Resources;
using Weft.Server.Identity;

namespace Weft.Server.Api;

/// <summary>Principals, groups and roles as they are shown.</summary>
internal static class IdentityBodies
{
    /// <summary>What is stored, without hashes.</summary>
    public static JsonNode Render(IdentityCollection collection, Row row, StoreState state)
    {
        var stored = row.ToJsonObject();
        var properties = stored["properties"]!.DeepClone().AsObject();
        var name = stored["name"]!.ToString();
        if (collection == IdentityCollection.Principals)
        {
            properties["tokenIssuedAt"] = stored["tokenIssuedAt"]?.DeepClone();
            properties["groups"] = ToArray(Identities.Of(state).GroupsOf(name).Select(group => group.Name));
        }
        else if (collection == IdentityCollection.Groups)
            properties[IdentityCollection.MembersName] =
                stored[IdentityCollection.MembersName]?.DeepClone() ?? new JsonArray();
        else
            properties["roleType"] = "CustomRole";
        var body = RenderEnvelope(collection, name, properties);
        body["systemData"] = stored["systemData"]!.DeepClone();
        return body;
    }

    /// <summary>A built-in role in the form of one that somebody made.</summary>
    public static JsonNode RenderBuiltIn(Role role) =>
        RenderEnvelope(
            IdentityCollection.Roles,
            role.Name,
            new JsonObject
            {
                ["description"] = role.Description,
                ["rules"] = RenderRules(role),
                ["roleType"] = "BuiltInRole",
            }
        );

    /// <summary>Who asks, and what it may: its own assignments and those that it has by groups.</summary>
    public static JsonObject RenderSelf(Caller caller, StoreState state) =>
        new()
        {
            ["name"] = caller.Name,
            ["groups"] = ToArray(Identities.Of(state).GroupsOf(caller.Name).Select(group => group.Name)),
            ["assignments"] = new JsonArray([
                .. caller.Principal!.Assignments.Select(assignment =>
                    (JsonNode)
                        new JsonObject
                        {
                            ["role"] = assignment.Role.Name,
                            ["scope"] = assignment.Scope,
                            ["group"] = assignment.Group,
                            ["rules"] = RenderRules(assignment.Role),
                        }
                ),
            ]),
        };

    private static JsonObject RenderEnvelope(IdentityCollection collection, string name, JsonObject properties) =>
        new()
        {
            ["id"] = collection.PathOf(name),
            ["name"] = name,
            ["type"] = collection.Type.ToString(),
            ["properties"] = properties,
        };

    private static JsonArray RenderRules(Role role) =>
        new([
            .. role.Rules.Select(rule =>
                (JsonNode)new JsonObject { ["verbs"] = ToArray(rule.Verbs), ["kinds"] = ToArray(rule.Kinds) }
            ),
        ]);

    private static JsonArray ToArray(IEnumerable<string> words) =>
        new([.. words.Select(word => JsonValue.Create(word))]);
}
