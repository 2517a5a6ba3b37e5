using System.Collections.Immutable;
using System.Text.Json;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Fabric;

/// <summary>A VLAN of a VRF with its subnets, as a record: what a workload network's VLAN, prefixes, MTU and gateway derive from.</summary>
/// <param name="Mtu">The MTU in bytes.</param>
/// <param name="Prefixes">The connected subnets, IPv4 first.</param>
public sealed record FabricSubnets(ResourceId Id, ResourceId Domain, int Vlan, int Mtu, ImmutableArray<Prefix> Prefixes)
{
    /// <summary>The prefixes of one family.</summary>
    /// <returns>The prefixes in the order they are written.</returns>
    public ImmutableArray<Prefix> Of(AddressFamily family) => [.. Prefixes.Where(p => p.Family == family)];
}

/// <summary>The kind of internal networks, children of L3 isolation domains.</summary>
public sealed class InternalNetwork : FabricKind
{
    /// <summary>The type.</summary>
    public static readonly ResourceType ResourceType = new(Namespace, "l3IsolationDomains/internalNetworks");

    private static readonly (string Member, AddressFamily Family)[] Subnets =
        [("connectedIPv4Subnets", AddressFamily.IPv4), ("connectedIPv6Subnets", AddressFamily.IPv6)];

    /// <inheritdoc/>
    public override ResourceType Type => ResourceType;

    /// <inheritdoc/>
    public override string Noun => "internal network";

    /// <inheritdoc/>
    public override ImmutableArray<string> ShortNames => ["in", "intnet"];

    /// <inheritdoc/>
    public override Shape Shape { get; } = Proxy(
        Member.Whole("vlanId", "the VLAN; the fabric has it once").Demanded().AtCreation(),
        Member.Whole("mtu", "bytes of payload a frame may carry").Or("1500").ByPatch(),
        Connected("connectedIPv4Subnets"),
        Connected("connectedIPv6Subnets"),
        Member.Choice("extension", "*NoExtension|NPB").AtCreation(),
        Member.Flag("isMonitoringEnabled", false).ByPatch(),
        Member.Any("importRoutePolicyId").ByPatch(),
        Member.Any("exportRoutePolicyId").ByPatch(),
        Member.Any("importRoutePolicy").ByPatch(),
        Member.Any("exportRoutePolicy").ByPatch(),
        Member.Any("ingressAclId").ByPatch(),
        Member.Any("egressAclId").ByPatch(),
        Member.Any("bgpConfiguration").ByPatch(),
        Member.Any("staticRouteConfiguration").ByPatch(),
        Member.Any("nativeIpv4PrefixLimit").ByPatch(),
        Member.Any("nativeIpv6PrefixLimit").ByPatch(),
        Member.Text("annotation").ByPatch(),
        Member.Any("lastOperation").Drawn(),
        Member.Text("networkFabricId").Drawn(),
        Member.Text("administrativeState").Drawn(),
        Member.Text("configurationState").Drawn(),
        Member.Text("provisioningState").Drawn());

    /// <summary>Reads an internal network.</summary>
    /// <returns>The record; texts that are no prefixes are left out of it.</returns>
    public static FabricSubnets Of(Stored row)
    {
        return row.As(r =>
        {
            var properties = PropertiesOf(r);
            var id = IdOf(r);
            var prefixes = Subnets.SelectMany(s => properties.Each(s.Member))
                .Select(subnet => Prefix.TryParse(subnet.Text("prefix"), out var prefix) ? prefix : (Prefix?)null).OfType<Prefix>();
            return new FabricSubnets(id, id.Parent!, (int)properties.Whole("vlanId")!, (int)(properties.Whole("mtu") ?? 1500), [.. prefixes]);
        });
    }

    /// <summary>The internal networks of a VRF.</summary>
    public static IEnumerable<FabricSubnets> In(Snapshot seen, ResourceId domain)
    {
        return seen.List(ResourceType, domain).Select(Of);
    }

    /// <inheritdoc/>
    public override void Check(Proposal proposal)
    {
        var properties = PropertiesOf(proposal.Wanted);
        var network = Of(proposal.Wanted);
        if (proposal.Seen.Get(network.Domain) is { } domain)
            CheckVlan(proposal, L3IsolationDomain.Of(domain).Fabric, properties.Whole("vlanId")!.Value);
        CheckMtu(proposal, properties.Whole("mtu")!.Value);
        var others = In(proposal.Seen, network.Domain).Where(other => !other.Id.Equals(network.Id)).ToList();
        var mine = new List<Prefix>();
        foreach (var (member, family) in Subnets)
        {
            foreach (var (subnet, i) in properties.Each(member).Select((s, i) => (s, i)))
                CheckSubnet(proposal, $"properties.{member}[{i}].prefix", family, subnet, others, mine);
        }

        CheckSubnetsInUse(proposal, network);
    }

    /// <inheritdoc/>
    public override IEnumerable<ResourceId> UsersOf(Stored row, Snapshot seen)
    {
        var network = Of(row);
        if (seen.Get(StoreKey.Of(network.Domain)) is not { } domain)
            return [];
        return DomainUsers.Of(domain, seen).Where(user => seen.Get(user) is { } networkRow && PropertiesOf(networkRow) is var p
            && (p.Whole("vlan") == network.Vlan || p.Each("vlans").Any(v => v.ValueKind == JsonValueKind.Number && v.GetInt64() == network.Vlan)));
    }

    private static Member Connected(string name) => Member.List(name,
        Member.Group("", Member.Text("prefix", "the subnet, without host bits").Demanded().Within(1, 64), Member.Text("annotation"))).Within(1, 64).ByPatch();

    private static void CheckSubnet(
        Proposal proposal, string path, AddressFamily family, JsonElement subnet, List<FabricSubnets> others, List<Prefix> mine)
    {
        if (!Prefix.Parse(subnet.Text("prefix")!, path).TryGet(out var prefix, out var refusal))
        {
            proposal.Find(refusal with { Message = $"'{path}': {refusal.Message}" });
            return;
        }

        if (prefix.Family != family)
            proposal.Find(RefusalCode.InvalidMember, path, $"'{path}': {prefix} is {prefix.Family}; write it under the other list");
        foreach (var other in mine.Where(other => other.Overlaps(prefix)))
            proposal.Find(RefusalCode.Overlap, path, $"'{path}': {prefix} overlaps with {other} of the same network", proposal.Id);
        foreach (var other in others)
        {
            foreach (var taken in other.Prefixes.Where(p => p.Overlaps(prefix)))
                proposal.Find(RefusalCode.Overlap, path, $"'{path}': {prefix} overlaps with {taken} of {other.Id.Name} in the same VRF", other.Id);
        }

        mine.Add(prefix);
    }

    /// <summary>A subnet that a network stands on can't be taken away from under it.</summary>
    private static void CheckSubnetsInUse(Proposal proposal, FabricSubnets network)
    {
        if (proposal.Old is null || proposal.Seen.Get(StoreKey.Of(network.Domain)) is not { } domain)
            return;
        foreach (var user in DomainUsers.Of(domain, proposal.Seen))
        {
            if (proposal.Seen.Get(user) is not { } row || PropertiesOf(row) is var p && p.Whole("vlan") != network.Vlan)
                continue;
            foreach (var name in (string[])["ipv4ConnectedPrefix", "ipv6ConnectedPrefix"])
            {
                if (Prefix.TryParse(PropertiesOf(row).Text(name), out var prefix) && !network.Prefixes.Contains(prefix))
                    proposal.Find(RefusalCode.InUse, "properties", $"{prefix} can't be taken away: {user} stands on it", user);
            }
        }
    }
}
