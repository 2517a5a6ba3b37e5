using System.Collections.Immutable;
using Weft.Fabric;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>The kind of networks that carry one VLAN and leave layer 3 to the workload.</summary>
public sealed class L2Network : NetworkKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(CloudVersions.Namespace, "l2Networks");

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "L2 network";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["l2n", "l2net"];

    /// <inheritdoc/>
    public override Shape Shape { get; } = Tracked(true,
    [
        Member.Id("l2IsolationDomainId", "the VLAN it carries", L2IsolationDomain.ResourceType).Demanded().AtCreation(),
        InterfaceName, DeprecatedPlugin, .. DrawnMembers,
    ]);

    /// <inheritdoc/>
    public override void Check(Proposal proposal)
    {
        var cluster = NexusCluster.CheckHost(proposal);
        var domain = proposal.Seen.Get(PropertiesOf(proposal.Wanted).Id("l2IsolationDomainId")!)!;
        CheckDomain(proposal, "properties.l2IsolationDomainId", domain, L2IsolationDomain.Of(domain).Fabric, cluster);
    }
}
