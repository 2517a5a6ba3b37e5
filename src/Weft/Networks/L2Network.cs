using System.Collections.Immutable;
using Weft.Fabric;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>The kind of networks that carry one VLAN and leave layer 3 to the workload.</summary>
internal sealed class L2Network : NetworkKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = NetworkCloudProvider.L2NetworkType;

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "L2 network";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["l2n"];

    /// <inheritdoc/>
    public override Schema Schema { get; } =
        Tracked(
            true,
            [
                SchemaMember
                    .Id("l2IsolationDomainId", "the VLAN it carries", L2IsolationDomain.ResourceType)
                    .Required()
                    .Immutable(),
                InterfaceName,
                DeprecatedPlugin,
                .. ReadOnlyMembers,
            ]
        );

    /// <inheritdoc/>
    public override void Validate(ValidationContext context)
    {
        var cluster = NexusCluster.CheckHost(context);
        var domain = context.Transaction.Get(PropertiesOf(context.Proposed).Id("l2IsolationDomainId")!)!;
        CheckDomain(context, "properties.l2IsolationDomainId", domain, L2IsolationDomain.Read(domain).Fabric, cluster);
    }
}
