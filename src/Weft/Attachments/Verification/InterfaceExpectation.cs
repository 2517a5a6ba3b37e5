using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Attachments.Admission;
using Weft.Attachments.Nodes;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Attachments.Verification;

/// <summary>A tag to try on a trunk's parent.</summary>
/// <param name="Passes">Whether it must pass.</param>
internal sealed record TagProbe(int Vlan, bool Passes, Address Gateway);

/// <summary>What an interface must be like, and who must answer on it.</summary>
/// <param name="Network">The network's id; empty where the interface is of none.</param>
/// <param name="Vlan">The VLAN its frames are in by the time they reach the switch; null where nobody on the node
/// knows.</param>
/// <param name="Mtu">Its MTU in bytes; null where any will do.</param>
/// <param name="Addresses">The addresses it must have.</param>
/// <param name="Gateways">Who must answer on it.</param>
internal sealed record InterfaceExpectation(
    string Network,
    string Interface,
    int? Vlan,
    int? Mtu,
    ImmutableArray<(Address Address, int Length)> Addresses,
    ImmutableArray<Address> Gateways
)
{
    /// <summary>Tags to try; none where it is no trunk's parent.</summary>
    public ImmutableArray<TagProbe> Tags { get; init; } = [];

    /// <summary>The tags that may pass, where it is a trunk's parent or a pod's interface on one; else null.</summary>
    public VlanSet? Trunk { get; init; }

    /// <summary>What must be true in a node's own namespace.</summary>
    /// <param name="configuration">What the node must have.</param>
    /// <param name="networks">What is known of the cluster's networks.</param>
    /// <param name="only">The id or name of the one network to look at; null for all.</param>
    public static ImmutableArray<InterfaceExpectation> ForNode(
        NodeConfiguration configuration,
        IReadOnlyCollection<NetworkFacts> networks,
        string? only = null
    )
    {
        var plans = new List<InterfaceExpectation>();
        foreach (var links in configuration.Links.GroupBy(l => l.Name, StringComparer.Ordinal))
        {
            var link = links.First();
            var addresses = links.SelectMany(l => l.Addresses).Distinct().ToImmutableArray();
            var guard = configuration.Guards.FirstOrDefault(g => g.Interface == link.Name);
            var network = NetworkOf(link, guard, networks);
            var subnets =
                network is null ? []
                : network.Type == NetworkType.Trunked ? network.VlanSubnets.GetValueOrDefault(link.Vlan ?? 0, [])
                : network.Subnets;
            plans.Add(
                new InterfaceExpectation(
                    network?.Id.ToString() ?? "",
                    link.Name,
                    link.Vlan,
                    links.Max(l => l.Mtu),
                    addresses,
                    GatewaysOf(subnets)
                )
                {
                    Tags = guard is null ? [] : TagsOf(guard.Vlans, networks),
                    Trunk = guard?.Vlans,
                }
            );
        }

        // What pods get of a port is out of the node's sight; that the port itself is alive is not.
        foreach (var port in configuration.PhysicalFunctions.Where(f => plans.TrueForAll(p => p.Interface != f.Name)))
        {
            foreach (var network in port.Functions.Select(f => f.Network).Distinct().DefaultIfEmpty(""))
                plans.Add(new InterfaceExpectation(network, port.Name, null, port.Mtu, [], []));
        }

        return [.. plans.Where(p => only is null || IsNetwork(p.Network, only))];
    }

    /// <summary>The network that an interface is of: by its guard, by its name, or as one VLAN of a trunk.</summary>
    private static NetworkFacts? NetworkOf(
        NodeLink link,
        TrunkGuard? guard,
        IReadOnlyCollection<NetworkFacts> networks
    ) =>
        networks.FirstOrDefault(n => n.Id.Key == KeyOf(guard?.Network))
        ?? networks.FirstOrDefault(n => n.Interface == link.Name)
        ?? networks.FirstOrDefault(n => n.Vlans is not null && link.Vlan is { } v && link.Name == $"{n.Interface}.{v}");

    /// <summary>What must be true of an interface in a pod's namespace.</summary>
    /// <param name="networks">What is known of the cluster's networks: who answers outside of a trunk.</param>
    public static InterfaceExpectation ForPod(
        NetworkFacts network,
        string name,
        IReadOnlyCollection<NetworkFacts> networks
    )
    {
        return new InterfaceExpectation(
            network.Id.ToString(),
            name,
            network.Vlan,
            network.Mtu,
            [],
            GatewaysOf(network.Subnets)
        )
        {
            Tags = network.Vlans is { } vlans ? TagsOf(vlans, networks) : [],
            Trunk = network.Vlans,
        };
    }

    /// <summary>Whether a network is meant.</summary>
    public static bool IsNetwork(string network, string only) =>
        ResourceId.TryParse(network, out var id)
        && (string.Equals(id.Name, only, StringComparison.OrdinalIgnoreCase) || KeyOf(only) == id.Key);

    /// <summary>Every tag that somebody answers on: those of the trunk must pass, the others' must not.</summary>
    private static ImmutableArray<TagProbe> TagsOf(VlanSet allowed, IReadOnlyCollection<NetworkFacts> networks)
    {
        var known = networks
            .Where(n => n.Vlan is not null)
            .SelectMany(n => GatewaysOf(n.Subnets).Select(gateway => (Vlan: n.Vlan!.Value, Gateway: gateway)))
            .Concat(
                networks
                    .SelectMany(n => n.VlanSubnets)
                    .SelectMany(v => GatewaysOf(v.Value).Select(gateway => (Vlan: v.Key, Gateway: gateway)))
            )
            .Distinct()
            .OrderBy(k => k.Vlan)
            .ThenBy(k => k.Gateway);
        return [.. known.Select(k => new TagProbe(k.Vlan, allowed.Contains(k.Vlan), k.Gateway))];
    }

    private static ImmutableArray<Address> GatewaysOf(ImmutableArray<Subnet> subnets) =>
        [.. subnets.Select(subnet => subnet.Gateway).OfType<Address>()];

    private static string? KeyOf(string? text) => ResourceId.TryParse(text, out var id) ? id.Key : null;
}
