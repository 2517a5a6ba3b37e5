using System.Collections.Immutable;
using System.Text.Json;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Fabric;

/// <summary>
/// A VLAN of a VRF with its subnets, as a record: what a workload network's VLAN, prefixes, MTU and gateway derive
/// from.
/// </summary>
/// <param name="Mtu">The MTU in bytes.</param>
/// <param name="Prefixes">The connected subnets, IPv4 first.</param>
internal sealed record FabricSubnets(
    ResourceId Id,
    ResourceId Domain,
    int Vlan,
    int Mtu,
    ImmutableArray<Prefix> Prefixes
)
{
    /// <summary>The prefixes of one family.</summary>
    /// <returns>The prefixes in the order they are written.</returns>
    public ImmutableArray<Prefix> PrefixesOf(AddressFamily family) => [.. Prefixes.Where(p => p.Family == family)];
}

/// <summary>The kind of internal networks, children of L3 isolation domains.</summary>
internal sealed class InternalNetwork : FabricKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(Namespace, "l3IsolationDomains/internalNetworks");

    private static readonly (string Member, AddressFamily Family)[] SubnetMembers =
    [
        ("connectedIPv4Subnets", AddressFamily.IPv4),
        ("connectedIPv6Subnets", AddressFamily.IPv6),
    ];

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "internal network";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["in"];

    /// <inheritdoc/>
    public override Schema Schema { get; } =
        Proxy(
            SchemaMember.Integer("vlanId", "the VLAN; the fabric has it once").Required().Immutable(),
            SchemaMember.Integer("mtu", "bytes of payload a frame may carry").Default("1500").Patchable(),
            ConnectedSubnets("connectedIPv4Subnets"),
            ConnectedSubnets("connectedIPv6Subnets"),
            SchemaMember.Enum("extension", "*NoExtension|NPB").Immutable(),
            SchemaMember.BooleanString("isMonitoringEnabled", false).Patchable(),
            SchemaMember.Any("importRoutePolicyId").Patchable(),
            SchemaMember.Any("exportRoutePolicyId").Patchable(),
            SchemaMember.Any("importRoutePolicy").Patchable(),
            SchemaMember.Any("exportRoutePolicy").Patchable(),
            SchemaMember.Any("ingressAclId").Patchable(),
            SchemaMember.Any("egressAclId").Patchable(),
            SchemaMember.Any("bgpConfiguration").Patchable(),
            SchemaMember.Any("staticRouteConfiguration").Patchable(),
            SchemaMember.Any("nativeIpv4PrefixLimit").Patchable(),
            SchemaMember.Any("nativeIpv6PrefixLimit").Patchable(),
            SchemaMember.Text("annotation").Patchable(),
            SchemaMember.Any("lastOperation").ReadOnly(),
            SchemaMember.Text("networkFabricId").ReadOnly(),
            SchemaMember.Text("administrativeState").ReadOnly(),
            SchemaMember.Text("configurationState").ReadOnly(),
            SchemaMember.Text("provisioningState").ReadOnly()
        );

    /// <summary>Reads an internal network.</summary>
    /// <returns>The record; texts that are no prefixes are left out of it.</returns>
    public static FabricSubnets Read(Row row)
    {
        return row.ReadAs(r =>
        {
            var properties = PropertiesOf(r);
            var id = IdOf(r);
            var prefixes = SubnetMembers
                .SelectMany(s => properties.Elements(s.Member))
                .Select(subnet => Prefix.TryParse(subnet.Text("prefix"), out var prefix) ? prefix : (Prefix?)null)
                .OfType<Prefix>();
            return new FabricSubnets(
                id,
                id.Parent!,
                (int)properties.Integer("vlanId")!,
                (int)(properties.Integer("mtu") ?? 1500),
                [.. prefixes]
            );
        });
    }

    /// <summary>The internal networks of a VRF.</summary>
    public static IEnumerable<FabricSubnets> ListIn(ReadTransaction transaction, ResourceId domain)
    {
        return transaction.List(ResourceType, domain).Select(Read);
    }

    /// <inheritdoc/>
    public override void Validate(ValidationContext context)
    {
        var properties = PropertiesOf(context.Proposed);
        var network = Read(context.Proposed);
        if (context.Transaction.Get(network.Domain) is { } domain)
            CheckVlan(context, L3IsolationDomain.Read(domain).Fabric, properties.Integer("vlanId")!.Value);
        CheckMtu(context, properties.Integer("mtu")!.Value);
        var others = ListIn(context.Transaction, network.Domain).Where(other => !other.Id.Equals(network.Id)).ToList();
        var mine = new List<Prefix>();
        foreach (var (member, family) in SubnetMembers)
        {
            foreach (var (subnet, i) in properties.Elements(member).Select((s, i) => (s, i)))
                CheckSubnet(context, $"properties.{member}[{i}].prefix", family, subnet, others, mine);
        }

        CheckSubnetsInUse(context, network);
    }

    /// <inheritdoc/>
    public override IEnumerable<ResourceId> DependentsOf(Row row, ReadTransaction transaction)
    {
        var network = Read(row);
        if (transaction.Get(StoreKey.ForResource(network.Domain)) is not { } domain)
            return [];
        return DomainDependents
            .Find(domain, transaction)
            .Where(user =>
                transaction.Get(user) is { } networkRow
                && PropertiesOf(networkRow) is var p
                && (
                    p.Integer("vlan") == network.Vlan
                    || p.Elements("vlans").Any(v => v.ValueKind == JsonValueKind.Number && v.GetInt64() == network.Vlan)
                )
            );
    }

    private static SchemaMember ConnectedSubnets(string name) =>
        SchemaMember
            .List(
                name,
                SchemaMember.Object(
                    "",
                    SchemaMember.Text("prefix", "the subnet, without host bits").Required().Range(1, 64),
                    SchemaMember.Text("annotation")
                )
            )
            .Range(1, 64)
            .Patchable();

    private static void CheckSubnet(
        ValidationContext context,
        string path,
        AddressFamily family,
        JsonElement subnet,
        List<FabricSubnets> others,
        List<Prefix> mine
    )
    {
        if (!Prefix.Parse(subnet.Text("prefix")!, path).TryGet(out var prefix, out var refusal))
        {
            context.AddError(refusal with { Message = $"'{path}': {refusal.Message}" });
            return;
        }

        if (prefix.Family != family)
            context.AddError(
                RefusalCode.InvalidMember,
                path,
                $"'{path}': {prefix} is {prefix.Family}; write it under the other list"
            );
        // What an older version let in stays until it is changed.
        if (
            SpecialPurpose.ReasonNotLeasable(prefix) is { } special
            && (context.Old is not { } old || !Read(old).Prefixes.Contains(prefix))
        )
            context.AddError(RefusalCode.InvalidMember, path, $"'{path}': {special}");
        foreach (var other in mine.Where(other => other.Overlaps(prefix)))
            context.AddError(
                RefusalCode.Overlap,
                path,
                $"'{path}': {prefix} overlaps with {other} of the same network",
                context.Id
            );
        foreach (var other in others)
        {
            foreach (var taken in other.Prefixes.Where(p => p.Overlaps(prefix)))
                context.AddError(
                    RefusalCode.Overlap,
                    path,
                    $"'{path}': {prefix} overlaps with {taken} of {other.Id.Name} in the same VRF",
                    other.Id
                );
        }

        mine.Add(prefix);
    }

    /// <summary>
    /// A subnet that a network stands on can't be taken away from under it. It may grow and shrink: the network follows.
    /// </summary>
    private static void CheckSubnetsInUse(ValidationContext context, FabricSubnets network)
    {
        if (context.Old is null || context.Transaction.Get(StoreKey.ForResource(network.Domain)) is not { } domain)
            return;
        foreach (var user in DomainDependents.Find(domain, context.Transaction))
        {
            if (
                context.Transaction.Get(user) is not { } row
                || PropertiesOf(row) is var p && p.Integer("vlan") != network.Vlan
            )
                continue;
            foreach (var name in (string[])["ipv4ConnectedPrefix", "ipv6ConnectedPrefix"])
            {
                if (
                    Prefix.TryParse(PropertiesOf(row).Text(name), out var prefix)
                    && !network.Prefixes.Any(prefix.Overlaps)
                )
                    context.AddError(
                        RefusalCode.InUse,
                        "properties",
                        $"{prefix} can't be taken away: {user} stands on it",
                        user
                    );
            }
        }
    }
}
