using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Weft.Resources;

namespace Weft.Access;

/// <summary>The providers of the relay: Microsoft's, and Weft's own.</summary>
internal static class RelayVersions
{
    /// <summary>Azure Relay's provider.</summary>
    public const string Namespace = "Microsoft.Relay";

    /// <summary>Weft's own, for what Azure Relay lacks.</summary>
    public const string WeftNamespace = "Weft.Relay";

    /// <summary>The dates of Azure Relay's API; the resources here are the same in all of them.</summary>
    public static readonly ImmutableArray<string> All = ["2021-11-01", "2024-01-01", "2026-01-01"];
}

/// <summary>
/// The kind of relay namespaces. A namespace is the first segment of its hybrid connections' paths, so its name is
/// unique in the whole site; six characters are the least, and leave shorter words to Weft's own paths.
/// </summary>
internal sealed class RelayNamespace : ResourceKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(RelayVersions.Namespace, "namespaces");

    /// <summary>The authorization rule that each namespace begins with, as in Azure.</summary>
    public const string DefaultRuleName = "RootManageSharedAccessKey";

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "relay namespace";

    /// <inheritdoc/>
    public override string Plural => "relaynamespaces";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["rns"];

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => RelayVersions.All;

    /// <inheritdoc/>
    public override string NamePattern => Pattern;

    private const string Pattern = "^[a-zA-Z][a-zA-Z0-9-]{4,48}[a-zA-Z0-9]$";

    /// <summary>Whether a namespace may have a name.</summary>
    public static bool IsName(string name) => !name.EndsWith('\n') && Regex.IsMatch(name, Pattern);

    /// <inheritdoc/>
    public override bool IsSynchronous => true;

    /// <inheritdoc/>
    public override Schema Schema { get; } =
        new([
            .. Tracked(
                false,
                SchemaMember.Enum(
                    "publicNetworkAccess",
                    "*Enabled|Disabled",
                    "Disabled: nobody comes in, whatever the rules say"
                ),
                SchemaMember.Text("provisioningState").ReadOnly(),
                SchemaMember.Text("status").ReadOnly(),
                SchemaMember.Text("createdAt").ReadOnly(),
                SchemaMember.Text("updatedAt").ReadOnly()
            ).Members,
            (
                SchemaMember.Object(
                    "sku",
                    SchemaMember.Enum("name", "Standard").Required(),
                    SchemaMember.Enum("tier", "Standard")
                ) with
                {
                    Description = "kept; there is one",
                }
            ),
        ]);

    /// <summary>Whether a namespace lets nobody in.</summary>
    public static bool IsPublicAccessDisabled(Row row) => PropertiesOf(row).Text("publicNetworkAccess") == "Disabled";

    /// <inheritdoc/>
    public override void Validate(ValidationContext context)
    {
        var taken = context
            .Transaction.List(ResourceType)
            .Select(IdOf)
            .FirstOrDefault(other =>
                !other.Equals(context.Id) && other.Name.Equals(context.Id.Name, StringComparison.OrdinalIgnoreCase)
            );
        if (taken is not null)
            context.AddError(
                RefusalCode.Overlap,
                "name",
                $"the name '{context.Id.Name}' is taken by {taken}: it is the first segment of a path, and paths are the whole site's",
                taken
            );
    }

    /// <inheritdoc/>
    public override IEnumerable<Mutation> SideEffects(ValidationContext context, StoreState after)
    {
        if (context.Old is not null)
        {
            LockoutRules.Check(context, after, context.Id);
            return [];
        }

        var ruleSet = NamespaceRuleSet.IdOf(context.Id);
        var rule = context.Id.Child(RelayAuthorizationRule.NamespaceRuleType.Leaf, DefaultRuleName);
        return
        [
            Mutation.Put(ruleSet, CreateChild(context, ruleSet, NamespaceRuleSet.CreateDefault())),
            Mutation.Put(
                rule,
                CreateChild(context, rule, new JsonObject { ["rights"] = new JsonArray("Listen", "Manage", "Send") })
            ),
            .. RelayKeys.CreateFor(rule, context.Request),
        ];
    }

    /// <inheritdoc/>
    public override void AddComputedFields(Row row, JsonObject properties, StoreState state)
    {
        properties["status"] = "Active";
        WriteTimestamps(row, properties);
    }

    /// <summary>Writes when a resource was created and last changed, as Microsoft.Relay shows it.</summary>
    internal static void WriteTimestamps(Row row, JsonObject properties)
    {
        properties["createdAt"] = row.Json.Member("systemData").Text("createdAt");
        properties["updatedAt"] = row.Json.Member("systemData").Text("lastModifiedAt");
    }

    private static JsonObject CreateChild(ValidationContext context, ResourceId id, JsonObject properties)
    {
        var document = new JsonObject { ["id"] = id.ToString(), ["properties"] = properties };
        if (context.Proposed.ToJsonObject()["systemData"] is { } stamps)
            document["systemData"] = stamps.DeepClone();
        document[Provisioning.MemberName] = new JsonObject { ["state"] = Provisioning.Succeeded };
        return document;
    }
}
