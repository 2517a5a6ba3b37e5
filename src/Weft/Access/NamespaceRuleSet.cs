using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Access;

/// <summary>
/// The kind of a relay namespace's network rules, in Azure Relay's own shape: addresses and prefixes that are let in.
/// There is one in each namespace, from the first.
/// </summary>
internal sealed class NamespaceRuleSet : ResourceKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(RelayVersions.Namespace, "namespaces/networkRuleSets");

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "namespace's network rule set";

    /// <inheritdoc/>
    public override string Plural => "namespacerulesets";

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => RelayVersions.All;

    /// <inheritdoc/>
    public override string NamePattern => "^default$";

    /// <inheritdoc/>
    public override bool IsSynchronous => true;

    /// <inheritdoc/>
    public override bool IsPermanent => true;

    /// <inheritdoc/>
    public override Schema Schema { get; } =
        Proxy(
            SchemaMember.Enum("defaultAction", "Allow|*Deny", "what becomes of those that no rule is about"),
            SchemaMember
                .List(
                    "ipRules",
                    SchemaMember.Object(
                        "",
                        SchemaMember.Text("ipMask", "an address or a prefix, IPv4 or IPv6").Required().Range(1, 64),
                        SchemaMember.Enum("action", "*Allow")
                    ),
                    "the networks that are let in"
                )
                .Range(0, NetworkRuleSet.MaxRules),
            SchemaMember.Enum(
                "publicNetworkAccess",
                "*Enabled|Disabled",
                "Disabled: nobody comes in, whatever the rules say"
            ),
            SchemaMember.Boolean("trustedServiceAccessEnabled", false, "kept; there are no trusted services here"),
            SchemaMember.Text("provisioningState").ReadOnly()
        );

    /// <summary>The id of a namespace's rule set.</summary>
    public static ResourceId IdOf(ResourceId relayNamespace) =>
        relayNamespace.Child(ResourceType.Leaf, NetworkRuleSet.DefaultName);

    /// <summary>The rules of a namespace that nobody has written any for.</summary>
    /// <returns>The properties: everybody may come who has a token.</returns>
    internal static JsonObject CreateDefault() =>
        new()
        {
            ["defaultAction"] = "Allow",
            ["ipRules"] = new JsonArray(),
            ["publicNetworkAccess"] = "Enabled",
            ["trustedServiceAccessEnabled"] = false,
        };

    /// <inheritdoc/>
    public override void Validate(ValidationContext context)
    {
        NetworkRuleSet.CheckMasks(context);
    }

    /// <inheritdoc/>
    public override IEnumerable<Mutation> SideEffects(ValidationContext context, StoreState after)
    {
        LockoutRules.Check(context, after, context?.Id.Parent!);
        return [];
    }
}
