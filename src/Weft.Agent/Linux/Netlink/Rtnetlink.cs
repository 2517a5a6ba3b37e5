using System.Buffers.Binary;
using System.Collections.Immutable;
using Weft.Addressing;

namespace Weft.Agent.Linux.Netlink;

/// <summary>Interfaces, addresses and routes of one network namespace: what is there.</summary>
/// <param name="socket">A socket of <see cref="NetlinkSocket.Route"/>.</param>
/// <remarks>Source: rtnetlink(7); <c>linux/rtnetlink.h</c>, <c>linux/if_link.h</c>, <c>linux/if_addr.h</c>.</remarks>
internal sealed partial class Rtnetlink(NetlinkSocket socket) : IDisposable
{
    private const ushort GetLink = 18,
        GetAddress = 22,
        GetRoute = 26,
        GetNeighbour = 30;
    private const int LinkHead = 16,
        AddressHead = 8,
        RouteHead = 12,
        NeighbourHead = 12,
        NextHopHead = 8;
    private const byte IPv4 = 2,
        IPv6 = 10,
        BridgeFamily = 7,
        MainTable = 254,
        Unicast = 1;

    /// <summary>How many requests that change something were sent.</summary>
    public int Writes => socket.Writes;

    /// <summary>Opens the network namespace that the thread is in.</summary>
    /// <exception cref="NetlinkException">There is no netlink.</exception>
    public static Rtnetlink Open() => new(NetlinkSocket.Open(NetlinkSocket.Route));

    /// <summary>All interfaces, with the virtual functions of those that have some.</summary>
    /// <returns>The interfaces, in the order of their numbers.</returns>
    /// <exception cref="NetlinkException">The kernel refused it.</exception>
    public ImmutableArray<KernelLink> Links()
    {
        // RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS: counters of a hundred functions would be most of the answer.
        const uint FunctionsWithoutCounters = 1 | 8;
        var links = ImmutableArray.CreateBuilder<KernelLink>();
        var request = new NetlinkMessage(GetLink, 0, new byte[LinkHead]).AddNumber(
            LinkAttribute.ExtendedMask,
            FunctionsWithoutCounters
        );
        socket.Dump(request, "listing interfaces", (_, body) => links.Add(ParseLink(body)));
        return [.. links.OrderBy(link => link.Index)];
    }

    /// <summary>All addresses.</summary>
    /// <exception cref="NetlinkException">The kernel refused it.</exception>
    public ImmutableArray<KernelAddress> Addresses()
    {
        var addresses = ImmutableArray.CreateBuilder<KernelAddress>();
        socket.Dump(
            new NetlinkMessage(GetAddress, 0, new byte[AddressHead]),
            "listing addresses",
            (_, body) =>
            {
                if (ParseAddress(body) is { } address)
                    addresses.Add(address);
            }
        );
        return addresses.ToImmutable();
    }

    /// <summary>All unicast routes of the main table.</summary>
    /// <exception cref="NetlinkException">The kernel refused it.</exception>
    public ImmutableArray<KernelRoute> Routes()
    {
        var routes = ImmutableArray.CreateBuilder<KernelRoute>();
        socket.Dump(
            new NetlinkMessage(GetRoute, 0, new byte[RouteHead]),
            "listing routes",
            (_, body) =>
            {
                if (ParseRoute(body) is { } route)
                    routes.Add(route);
            }
        );
        return routes.ToImmutable();
    }

    /// <summary>
    /// The unicast MAC addresses, besides its own, that each interface takes frames for: those of MACVLAN interfaces that are
    /// up and stand on it, in whatever network namespace these are.
    /// </summary>
    /// <exception cref="NetlinkException">The kernel refused it.</exception>
    public ImmutableArray<(int Link, string MacAddress)> FilteredAddresses()
    {
        var addresses = ImmutableArray.CreateBuilder<(int, string)>();
        var head = new byte[NeighbourHead];
        head[0] = BridgeFamily;
        socket.Dump(
            new NetlinkMessage(GetNeighbour, 0, head),
            "listing addresses that interfaces take frames for",
            (_, body) =>
            {
                if (ParseFilteredAddress(body) is { } address)
                    addresses.Add(address);
            }
        );
        return addresses.ToImmutable();
    }

    /// <inheritdoc/>
    public void Dispose() => socket.Dispose();

    private static (int Link, string MacAddress)? ParseFilteredAddress(ReadOnlySpan<byte> body)
    {
        // NTF_SELF: the interface's own filter, and not what a bridge has learnt.
        const byte Self = 2;
        if (body[0] != BridgeFamily || (body[10] & Self) == 0)
            return null;
        foreach (var attribute in new NetlinkAttributes(body[NeighbourHead..]))
        {
            // The lowest bit of the first byte is that of groups.
            if (
                attribute.Type == NeighbourAttribute.LinkLayerAddress
                && attribute.Value is [var first, ..]
                && (first & 1) == 0
            )
                return Mac(attribute.Value) is { } mac
                    ? (BinaryPrimitives.ReadInt32LittleEndian(body[4..]), mac)
                    : null;
        }

        return null;
    }

    private static KernelLink ParseLink(ReadOnlySpan<byte> body)
    {
        var type = BinaryPrimitives.ReadUInt16LittleEndian(body[2..]);
        var link = new KernelLink(BinaryPrimitives.ReadInt32LittleEndian(body[4..]), "")
        {
            Flags = BinaryPrimitives.ReadUInt32LittleEndian(body[8..]),
            LinkType = type switch
            {
                1 => "ether",
                32 => "infiniband",
                772 => "loopback",
                _ => "",
            },
        };
        foreach (var attribute in new NetlinkAttributes(body[LinkHead..]))
        {
            link = attribute.Type switch
            {
                LinkAttribute.Name => link with { Name = attribute.Text },
                LinkAttribute.Address => link with { MacAddress = Mac(attribute.Value) },
                LinkAttribute.PermanentAddress => link with { PermanentMacAddress = Mac(attribute.Value) },
                LinkAttribute.Mtu => link with { Mtu = (int)attribute.Number },
                LinkAttribute.MaxMtu => link with { MaxMtu = (int)attribute.Number },
                LinkAttribute.Parent => link with { Parent = (int)attribute.Number },
                LinkAttribute.Namespace => link with { IsParentElsewhere = true },
                LinkAttribute.Master => link with { Master = (int)attribute.Number },
                LinkAttribute.Alias => link with { Alias = attribute.Text },
                LinkAttribute.Device => link with { Device = attribute.Text },
                LinkAttribute.Properties => link with { AlternativeNames = ParseAlternativeNames(attribute) },
                LinkAttribute.Kind => ParseKind(link, attribute),
                LinkAttribute.Functions => link with { Functions = ParseFunctions(attribute) },
                _ => link,
            };
        }

        return link;
    }

    private static ImmutableArray<string> ParseAlternativeNames(NetlinkAttribute properties)
    {
        var names = ImmutableArray.CreateBuilder<string>();
        foreach (var property in properties.Inner)
        {
            if (property.Type == LinkAttribute.AlternativeName)
                names.Add(property.Text);
        }

        return names.ToImmutable();
    }

    private static KernelLink ParseKind(KernelLink link, NetlinkAttribute kind)
    {
        foreach (var part in kind.Inner)
        {
            if (part.Type == LinkAttribute.KindName)
                link = link with { Kind = part.Text };
            if (part.Type != LinkAttribute.KindData || link.Kind != "vlan")
                continue;
            foreach (var datum in part.Inner)
            {
                if (datum.Type == LinkAttribute.VlanId)
                    link = link with { Vlan = datum.Short };
            }
        }

        return link;
    }

    private static ImmutableArray<KernelFunction> ParseFunctions(NetlinkAttribute list)
    {
        var functions = ImmutableArray.CreateBuilder<KernelFunction>();
        foreach (var each in list.Inner)
        {
            KernelFunction? function = null;
            foreach (var part in each.Inner)
            {
                var index = (int)part.Number;
                if (part.Type == FunctionAttribute.Mac)
                    function = new KernelFunction(index, Mac(part.Value.Slice(4, 6)) ?? "", 0, null, null);
                else if (function is not null && part.Value.Length >= 8)
                    function = With(function, part.Type, BinaryPrimitives.ReadInt32LittleEndian(part.Value[4..]));
            }

            if (function is not null)
                functions.Add(function);
        }

        return functions.ToImmutable();
    }

    private static KernelFunction With(KernelFunction function, ushort type, int value) =>
        type switch
        {
            FunctionAttribute.Vlan => function with { Vlan = value },
            // -1: the driver doesn't say.
            FunctionAttribute.SpoofCheck => function with { SpoofCheck = value < 0 ? null : value != 0 },
            FunctionAttribute.Trust => function with { Trust = value < 0 ? null : value != 0 },
            _ => function,
        };

    private static KernelAddress? ParseAddress(ReadOnlySpan<byte> body)
    {
        if (Family(body[0]) is not { } family)
            return null;
        uint flags = body[2];
        Address? address = null,
            local = null;
        foreach (var attribute in new NetlinkAttributes(body[AddressHead..]))
        {
            if (attribute.Type == 1)
                address = AddressOf(family, attribute.Value);
            else if (attribute.Type == 2)
                local = AddressOf(family, attribute.Value);
            else if (attribute.Type == 8)
                flags = attribute.Number;
        }

        // On a point-to-point link IFA_ADDRESS is the peer; the address of ours is IFA_LOCAL wherever there is one.
        return (local ?? address) is { } own
            ? new KernelAddress(BinaryPrimitives.ReadInt32LittleEndian(body[4..]), own, body[1], flags, body[3])
            : null;
    }

    private static KernelRoute? ParseRoute(ReadOnlySpan<byte> body)
    {
        if (Family(body[0]) is not { } family || body[7] != Unicast)
            return null;
        uint table = body[4];
        int link = 0,
            metric = 0;
        Address? to = null,
            via = null,
            source = null;
        ImmutableArray<int> hops = [];
        foreach (var attribute in new NetlinkAttributes(body[RouteHead..]))
        {
            switch (attribute.Type)
            {
                case RouteAttribute.To:
                    to = AddressOf(family, attribute.Value);
                    break;
                case RouteAttribute.Link:
                    link = (int)attribute.Number;
                    break;
                case RouteAttribute.Via:
                    via = AddressOf(family, attribute.Value);
                    break;
                case RouteAttribute.Metric:
                    metric = (int)attribute.Number;
                    break;
                case RouteAttribute.Source:
                    source = AddressOf(family, attribute.Value);
                    break;
                case RouteAttribute.Table:
                    table = attribute.Number;
                    break;
                case RouteAttribute.NextHops:
                    hops = ParseNextHops(attribute.Value);
                    break;
                default:
                    break;
            }
        }

        var prefix = Prefix.FromAddress(to ?? new Address(family, 0), body[1]);
        return table == MainTable
            ? new KernelRoute(link, prefix, via, metric, body[5], body[6]) { Source = source, NextHopLinks = hops }
            : null;
    }

    /// <summary>The interfaces of <c>struct rtnexthop</c>: its length, two bytes, the interface's number, attributes.</summary>
    private static ImmutableArray<int> ParseNextHops(ReadOnlySpan<byte> hops)
    {
        var links = ImmutableArray.CreateBuilder<int>();
        while (hops.Length >= NextHopHead)
        {
            var length = BinaryPrimitives.ReadUInt16LittleEndian(hops);
            if (length < NextHopHead || length > hops.Length)
                break;
            links.Add(BinaryPrimitives.ReadInt32LittleEndian(hops[4..]));
            hops = hops[Math.Min((length + 3) & ~3, hops.Length)..];
        }

        return links.ToImmutable();
    }

    private static AddressFamily? Family(byte family) =>
        family switch
        {
            IPv4 => AddressFamily.IPv4,
            IPv6 => AddressFamily.IPv6,
            _ => null,
        };

    private static Address? AddressOf(AddressFamily family, ReadOnlySpan<byte> bytes) =>
        (family, bytes.Length) switch
        {
            (AddressFamily.IPv4, 4) => new Address(family, BinaryPrimitives.ReadUInt32BigEndian(bytes)),
            (AddressFamily.IPv6, 16) => new Address(family, BinaryPrimitives.ReadUInt128BigEndian(bytes)),
            _ => null,
        };

    private static string? Mac(ReadOnlySpan<byte> bytes) => bytes.Length == 0 ? null : MacAddress.Format(bytes);

    private static byte[] Bytes(Address address)
    {
        var bytes = new byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, address.Value);
        return address.Family == AddressFamily.IPv4 ? bytes[12..] : bytes;
    }

    private static byte[] Bytes(string mac) =>
        MacAddress.TryParse(mac, MacAddressNotations.Colons, out var address, out var why)
            ? address.ToBytes()
            : throw new FormatException($"'{mac}' is no MAC address: {why}");
}

/// <summary><c>IFLA_*</c>.</summary>
internal static class LinkAttribute
{
    public const ushort Address = 1,
        Name = 3,
        Mtu = 4,
        Parent = 5,
        Master = 10,
        Kind = 18,
        Alias = 20,
        Functions = 22,
        ExtendedMask = 29,
        Namespace = 37;
    public const ushort MaxMtu = 51,
        Properties = 52,
        AlternativeName = 53,
        PermanentAddress = 54,
        Device = 56;
    public const ushort KindName = 1,
        KindData = 2,
        VlanId = 1;
}

/// <summary><c>NDA_*</c>.</summary>
internal static class NeighbourAttribute
{
    public const ushort LinkLayerAddress = 2;
}

/// <summary><c>IFLA_VF_*</c>.</summary>
internal static class FunctionAttribute
{
    public const ushort One = 1,
        Mac = 1,
        Vlan = 2,
        SpoofCheck = 4,
        Trust = 9;
}

/// <summary><c>RTA_*</c>.</summary>
internal static class RouteAttribute
{
    public const ushort To = 1,
        Link = 4,
        Via = 5,
        Metric = 6,
        Source = 7,
        NextHops = 9,
        Table = 15;
}
