using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Access;

/// <summary>
/// The kind of authorization rules: who knows a key of it may listen, send, or both. Once for namespaces, once for
/// hybrid connections.
/// </summary>
internal sealed class RelayAuthorizationRule(ResourceType scope) : ResourceKind
{
    /// <summary>The most rules of a scope: Azure's quota.</summary>
    public const int MaxPerScope = 12;

    /// <summary>The type of a namespace's rules.</summary>
    public static readonly ResourceType NamespaceRuleType = RuleTypeOf(RelayNamespace.ResourceType);

    /// <summary>The type of a hybrid connection's rules.</summary>
    public static readonly ResourceType ConnectionRuleType = RuleTypeOf(HybridConnection.ResourceType);

    /// <summary>The action that shows its keys.</summary>
    public const string ListKeysAction = "listKeys";

    /// <summary>The action that replaces one of its keys.</summary>
    public const string RegenerateKeysAction = "regenerateKeys";

    /// <summary>Both actions.</summary>
    public static readonly ImmutableArray<string> ActionNames = [ListKeysAction, RegenerateKeysAction];

    /// <inheritdoc/>
    public override ImmutableArray<string> Actions => ActionNames;

    /// <inheritdoc/>
    public override ResourceType Type { get; } = RuleTypeOf(scope);

    /// <inheritdoc/>
    public override string Noun => "authorization rule";

    /// <inheritdoc/>
    public override string Plural => Type == NamespaceRuleType ? "namespacekeys" : "connectionkeys";

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => RelayVersions.All;

    /// <inheritdoc/>
    public override string NamePattern => "^[A-Za-z0-9]([A-Za-z0-9._-]{0,48}[A-Za-z0-9])?$";

    /// <inheritdoc/>
    public override bool IsSynchronous => true;

    /// <inheritdoc/>
    public override Schema Schema { get; } =
        Proxy(
            SchemaMember
                .List(
                    "rights",
                    SchemaMember.Enum("", "Listen|Send|Manage"),
                    "what its keys are good for; Manage goes with both others"
                )
                .Required()
                .Range(1, 3),
            SchemaMember.Text("provisioningState").ReadOnly()
        );

    /// <summary>Whether a type is one of authorization rules.</summary>
    public static bool IsRuleType(ResourceType type) => type == NamespaceRuleType || type == ConnectionRuleType;

    /// <inheritdoc/>
    public override void Validate(ValidationContext context)
    {
        const string Path = "properties.rights";
        var rights = PropertiesOf(context.Proposed).Texts("rights").ToList();
        if (rights.Distinct().Count() < rights.Count)
            context.AddError(RefusalCode.InvalidMember, Path, $"'{Path}': a right is named twice");
        if (rights.Contains("Manage") && rights.Distinct().Count() < 3)
            context.AddError(
                RefusalCode.InvalidMember,
                Path,
                $"'{Path}': Manage goes with Listen and Send; write all three"
            );
        if (context.Old is null && context.Transaction.List(Type, context.Id.Parent).Count() >= MaxPerScope)
            context.AddError(
                RefusalCode.Conflict,
                "name",
                $"{context.Id.Parent!.Name} has {MaxPerScope} authorization rules already, and these are the most",
                context.Id.Parent
            );
    }

    /// <inheritdoc/>
    public override IEnumerable<Mutation> SideEffects(ValidationContext context, StoreState after)
    {
        return context.Old is null ? RelayKeys.CreateFor(context.Id, context.Request) : [];
    }

    /// <inheritdoc/>
    public override IEnumerable<Mutation> RemovalSideEffects(Row row, StoreState state) =>
        [Mutation.Remove(RelayKeys.KeyOf(IdOf(row)))];

    /// <inheritdoc/>
    public override void AddComputedFields(Row row, JsonObject properties, StoreState state) { }

    private static ResourceType RuleTypeOf(ResourceType scope) =>
        scope with
        {
            Path = $"{scope.Path}/authorizationRules",
        };
}
