using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Fabric;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>The three networks that workloads attach.</summary>
internal enum NetworkType
{
    /// <summary>One VLAN, no layer 3.</summary>
    L2,

    /// <summary>One VLAN with subnets and a pool.</summary>
    L3,

    /// <summary>Several VLANs on one interface.</summary>
    Trunked,
}

/// <summary>
/// A network with everything that derives from the fabric: what renderers are given, so that they look nothing up.
/// </summary>
/// <param name="InterfaceName">The interface's name in nodes and machines, at most 12 characters.</param>
/// <param name="Vlans">The VLANs that pass, one for L2 and L3.</param>
/// <param name="Mtu">The MTU in bytes: the least of the domains'.</param>
/// <param name="Subnets">The subnets, IPv4 first; none for L2 and trunks.</param>
internal sealed record Network(
    ResourceId Id,
    NetworkType Type,
    string InterfaceName,
    VlanSet Vlans,
    int Mtu,
    ImmutableArray<Subnet> Subnets
)
{
    /// <summary>The interface of the CNI network on every node, as published samples have it.</summary>
    public const string CniInterfaceName = "defaultcni";

    /// <summary>The VLAN of an L2 or L3 network.</summary>
    public int Vlan => Vlans.First();

    /// <summary>Whether a type is one of the three.</summary>
    public static bool IsNetworkType(ResourceType type) =>
        type == L2Network.ResourceType || type == L3Network.ResourceType || type == TrunkedNetwork.ResourceType;

    /// <summary>Reads a network.</summary>
    /// <returns>The network, or null where there is none.</returns>
    public static Network? Find(StoreState state, ResourceId id, Limits limits)
    {
        var transaction = new ReadTransaction(state);
        if (!IsNetworkType(id.Type) || transaction.Get(id) is not { } row)
            return null;
        var name = InterfaceNameOf(row);
        if (id.Type == L3Network.ResourceType)
        {
            var vlan = L3Network.VlanOf(row);
            var mtu =
                InternalNetwork.ListIn(transaction, L3Network.DomainOf(row)).FirstOrDefault(n => n.Vlan == vlan)?.Mtu
                ?? 1500;
            var subnets = NetworkSubnets.Create(state, row, limits);
            return new Network(ResourceKind.IdOf(row), NetworkType.L3, name, VlanSet.Create(vlan), mtu, subnets);
        }

        if (id.Type == L2Network.ResourceType)
        {
            var domain = L2IsolationDomain.Read(
                transaction.Get(ResourceKind.PropertiesOf(row).Id("l2IsolationDomainId")!)!
            );
            return new Network(
                ResourceKind.IdOf(row),
                NetworkType.L2,
                name,
                VlanSet.Create(domain.Vlan),
                domain.Mtu,
                []
            );
        }

        var vlans = TrunkedNetwork.VlansOf(row);
        var carried = TrunkedNetwork
            .DomainsOf(row)
            .SelectMany(d => VlansOf(transaction, d))
            .Where(v => vlans.Contains(v.Vlan))
            .Select(v => v.Mtu);
        return new Network(
            ResourceKind.IdOf(row),
            NetworkType.Trunked,
            name,
            vlans,
            carried.DefaultIfEmpty(1500).Min(),
            []
        );
    }

    /// <summary>The interface name of a network: its own, or one made of the network's name.</summary>
    /// <returns>At most 12 characters; the kernel takes 15, which leaves room for a suffix.</returns>
    public static string InterfaceNameOf(Row row)
    {
        if (ResourceKind.PropertiesOf(row).Text("interfaceName") is { Length: > 0 } name)
            return name;
        var made = new string([
            .. ResourceKind.IdOf(row).Name.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-'),
        ]);
        return made.Length <= 12 ? made : made[..12].TrimEnd('-');
    }

    /// <summary>The VLANs and MTUs of an isolation domain.</summary>
    /// <returns>A pair per VLAN.</returns>
    public static IEnumerable<(int Vlan, int Mtu)> VlansOf(ReadTransaction transaction, ResourceId domain)
    {
        if (domain.Type == L3IsolationDomain.ResourceType)
            return InternalNetwork.ListIn(transaction, domain).Select(n => (n.Vlan, n.Mtu));
        return transaction.Get(domain) is { } row && L2IsolationDomain.Read(row) is var l2 ? [(l2.Vlan, l2.Mtu)] : [];
    }
}
