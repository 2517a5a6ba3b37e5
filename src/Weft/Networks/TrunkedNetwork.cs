using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Fabric;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>The kind of networks that offer a set of VLANs on one interface; the workload tags for itself.</summary>
internal sealed class TrunkedNetwork : NetworkKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = NetworkCloudProvider.TrunkedNetworkType;

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "trunked network";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["tn", "trunk", "trunks"];

    /// <inheritdoc/>
    public override Schema Schema { get; } =
        Tracked(
            true,
            [
                SchemaMember
                    .List(
                        "isolationDomainIds",
                        SchemaMember.Id("", "", L2IsolationDomain.ResourceType, L3IsolationDomain.ResourceType),
                        "the domains its VLANs are drawn from"
                    )
                    .Required()
                    .Range(1, 4094),
                SchemaMember
                    .List(
                        "vlans",
                        SchemaMember.Integer("").Range(VlanSet.Lowest, VlanSet.Highest),
                        "the VLANs that pass; may grow and shrink in place"
                    )
                    .Required()
                    .Range(1, 4094),
                InterfaceName,
                DeprecatedPlugin,
                .. ReadOnlyMembers,
            ]
        );

    /// <summary>The domains of a trunk.</summary>
    public static ImmutableArray<ResourceId> DomainsOf(Row row) => Read(row).Domains;

    /// <summary>The VLANs of a trunk.</summary>
    public static VlanSet VlansOf(Row row) => Read(row).Vlans;

    /// <inheritdoc/>
    public override void Validate(ValidationContext context)
    {
        var cluster = NexusCluster.CheckHost(context);
        var offered = new List<(string Name, VlanSet Vlans)>();
        foreach (var (id, i) in DomainsOf(context.Proposed).Select((id, i) => (id, i)))
        {
            var domain = context.Transaction.Get(id)!;
            var isL2 = id.Type == L2IsolationDomain.ResourceType;
            CheckDomain(
                context,
                $"properties.isolationDomainIds[{i}]",
                domain,
                isL2 ? L2IsolationDomain.Read(domain).Fabric : L3IsolationDomain.Read(domain).Fabric,
                cluster
            );
            offered.Add(
                (
                    id.Name,
                    VlanSet.Create(
                        isL2
                            ? [L2IsolationDomain.Read(domain).Vlan]
                            : InternalNetwork.ListIn(context.Transaction, id).Select(n => n.Vlan)
                    )
                )
            );
        }

        foreach (var (vlan, i) in PropertiesOf(context.Proposed).Elements("vlans").Select((v, i) => (v.GetInt32(), i)))
        {
            var path = $"properties.vlans[{i}]";
            if (!offered.Exists(o => o.Vlans.Contains(vlan)))
            {
                var list = string.Join(
                    "; ",
                    offered.Select(o => $"{o.Name} has {(o.Vlans.Count == 0 ? "none" : o.Vlans)}")
                );
                context
                    .About(DomainsOf(context.Proposed))
                    .AddError(
                        RefusalCode.Mismatch,
                        path,
                        $"'{path}': VLAN {vlan} is in none of the listed isolation domains: {list}",
                        DomainsOf(context.Proposed).First()
                    );
            }
        }
    }

    private static Declared Read(Row row)
    {
        return row.ReadAs(r => new Declared(
            [
                .. PropertiesOf(r)
                    .Texts("isolationDomainIds")
                    .Select(text => ResourceId.TryParse(text, out var id) ? id : null)
                    .OfType<ResourceId>(),
            ],
            VlanSet.Create(PropertiesOf(r).Elements("vlans").Select(v => v.GetInt32()))
        ));
    }

    private sealed record Declared(ImmutableArray<ResourceId> Domains, VlanSet Vlans);
}
