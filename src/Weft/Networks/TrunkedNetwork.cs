using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Fabric;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>The kind of networks that offer a set of VLANs on one interface; the workload tags for itself.</summary>
public sealed class TrunkedNetwork : NetworkKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(CloudVersions.Namespace, "trunkedNetworks");

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "trunked network";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["tn", "trunk", "trunks"];

    /// <inheritdoc/>
    public override Shape Shape { get; } = Tracked(true,
    [
        Member.List("isolationDomainIds", Member.Id("", "", L2IsolationDomain.ResourceType, L3IsolationDomain.ResourceType),
            "the domains its VLANs are drawn from").Demanded().Within(1, 4094),
        Member.List("vlans", Member.Whole("").Within(VlanSet.Lowest, VlanSet.Highest), "the VLANs that pass; may grow and shrink in place").Demanded().Within(1, 4094),
        InterfaceName, DeprecatedPlugin, .. DrawnMembers,
    ]);

    /// <summary>The domains of a trunk.</summary>
    public static ImmutableArray<ResourceId> DomainsOf(Stored row) => Of(row).Domains;

    /// <summary>The VLANs of a trunk.</summary>
    public static VlanSet VlansOf(Stored row) => Of(row).Vlans;

    /// <inheritdoc/>
    public override void Check(Proposal proposal)
    {
        var cluster = NexusCluster.CheckHost(proposal);
        var offered = new List<(string Name, VlanSet Vlans)>();
        foreach (var (id, i) in DomainsOf(proposal.Wanted).Select((id, i) => (id, i)))
        {
            var domain = proposal.Seen.Get(id)!;
            var isL2 = id.Type == L2IsolationDomain.ResourceType;
            CheckDomain(proposal, $"properties.isolationDomainIds[{i}]", domain,
                isL2 ? L2IsolationDomain.Of(domain).Fabric : L3IsolationDomain.Of(domain).Fabric, cluster);
            offered.Add((id.Name, VlanSet.Of(isL2 ? [L2IsolationDomain.Of(domain).Vlan] : InternalNetwork.In(proposal.Seen, id).Select(n => n.Vlan))));
        }

        foreach (var (vlan, i) in PropertiesOf(proposal.Wanted).Each("vlans").Select((v, i) => (v.GetInt32(), i)))
        {
            var path = $"properties.vlans[{i}]";
            if (!offered.Exists(o => o.Vlans.Contains(vlan)))
            {
                var list = string.Join("; ", offered.Select(o => $"{o.Name} has {(o.Vlans.Count == 0 ? "none" : o.Vlans)}"));
                proposal.Find(RefusalCode.Mismatch, path, $"'{path}': VLAN {vlan} is in none of the listed isolation domains: {list}", DomainsOf(proposal.Wanted).First());
            }
        }
    }

    private static Declared Of(Stored row)
    {
        return row.As(r => new Declared(
            [.. PropertiesOf(r).Texts("isolationDomainIds").Select(text => ResourceId.TryParse(text, out var id) ? id : null).OfType<ResourceId>()],
            VlanSet.Of(PropertiesOf(r).Each("vlans").Select(v => v.GetInt32()))));
    }

    private sealed record Declared(ImmutableArray<ResourceId> Domains, VlanSet Vlans);
}
