using System.Collections.Immutable;
using Weft.Fabric;
using Weft.Fleet;
using Weft.Resources;

namespace Weft.Access;

/// <summary>
/// The kind of network rule sets: which networks may reach a cluster, a node, a machine, a hybrid connection, or all
/// that a Nexus Cluster hosts.
/// </summary>
internal sealed class NetworkRuleSet : ResourceKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(RelayVersions.WeftNamespace, "networkRuleSets");

    /// <summary>The one name there is.</summary>
    public const string DefaultName = "default";

    /// <summary>The most rules of a set: Azure Relay's own quota.</summary>
    public const int MaxRules = 128;

    /// <summary>Where a rule set can stand.</summary>
    public static readonly ImmutableArray<ResourceType> ScopeTypes =
    [
        NexusCluster.ResourceType,
        KubernetesCluster.ResourceType,
        Node.ResourceType,
        VirtualMachine.ResourceType,
        HybridConnection.ResourceType,
    ];

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "network rule set";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["nrs"];

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => FleetVersions.All;

    /// <inheritdoc/>
    public override string NamePattern => "^default$";

    /// <inheritdoc/>
    public override ImmutableArray<ResourceType> Extends => ScopeTypes;

    /// <inheritdoc/>
    public override bool IsSynchronous => true;

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
                        SchemaMember.Enum("action", "*Allow|Deny"),
                        SchemaMember.Enum(
                            "appliesTo",
                            "senders|listeners|*both",
                            "whom it is about: those who ask, agents, or all"
                        ),
                        SchemaMember
                            .List(
                                "services",
                                SchemaMember.Text("").Pattern("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"),
                                "the services it is about (kubernetes, ssh); left out, all"
                            )
                            .Range(1, 16),
                        SchemaMember.Text("description").Range(0, 256)
                    ),
                    "the first rule that is about a caller decides"
                )
                .Range(0, MaxRules),
            SchemaMember.Text("provisioningState").ReadOnly()
        );

    /// <inheritdoc/>
    public override void Validate(ValidationContext context)
    {
        CheckMasks(context);
        foreach (var (rule, i) in PropertiesOf(context.Proposed).Elements("ipRules").Select((rule, i) => (rule, i)))
        {
            if (rule.Text("appliesTo") == "listeners" && rule.Texts("services").Any())
                context.AddError(
                    RefusalCode.InvalidMember,
                    $"properties.ipRules[{i}].services",
                    $"'properties.ipRules[{i}].services': a listener answers for all services of its connection, "
                        + "so a rule for listeners names none"
                );
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<Mutation> SideEffects(ValidationContext context, StoreState after)
    {
        LockoutRules.Check(context, after, context?.Id.Parent!);
        return [];
    }

    /// <summary>Checks the masks of a rule set.</summary>
    internal static void CheckMasks(ValidationContext context)
    {
        foreach (var (rule, i) in PropertiesOf(context.Proposed).Elements("ipRules").Select((rule, i) => (rule, i)))
        {
            var path = $"properties.ipRules[{i}].ipMask";
            if (IpMask.Parse(rule.Text("ipMask")!, path).Refusal is { } refusal)
                context.AddError(refusal with { Message = $"'{path}': {refusal.Message}" });
        }
    }
}
