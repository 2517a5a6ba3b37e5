using System.Buffers.Binary;
using Weft.Addressing;

namespace Weft.Agent.Linux.Netlink;

/// <summary>What changes something. Each method is one request, and throws what the kernel refuses.</summary>
internal sealed partial class Rtnetlink
{
    private const ushort NewLink = 16,
        DeleteLinkType = 17,
        NewAddress = 20,
        DeleteAddress = 21,
        NewRoute = 24,
        DeleteRoute = 25,
        NewProperty = 108,
        DeleteProperty = 109;
    private const uint Up = 1;
    private const ushort Append = 0x800;

    /// <summary>Sets an interface up or down.</summary>
    public void SetLinkUp(int link, bool up) =>
        socket.Execute(
            new NetlinkMessage(NewLink, 0, LinkBody(link, up ? Up : 0, Up)),
            up ? "setting it up" : "setting it down"
        );

    /// <summary>Gives an interface another name. Kernels before 6.2 want it down for that.</summary>
    public void Rename(int link, string name) =>
        socket.Execute(
            new NetlinkMessage(NewLink, 0, LinkBody(link)).AddText(LinkAttribute.Name, name),
            $"naming it {name}"
        );

    /// <summary>Sets an interface's MTU.</summary>
    /// <param name="mtu">The MTU in bytes.</param>
    public void SetMtu(int link, int mtu) =>
        socket.Execute(
            new NetlinkMessage(NewLink, 0, LinkBody(link)).AddNumber(LinkAttribute.Mtu, (uint)mtu),
            $"giving it the MTU {mtu}"
        );

    /// <summary>Gives an interface another name beside its own, or takes it away.</summary>
    public void SetAlternativeName(int link, string name, bool present) =>
        socket.Execute(
            new NetlinkMessage(
                present ? NewProperty : DeleteProperty,
                present ? (ushort)(NetlinkMessage.New | Append) : (ushort)0,
                LinkBody(link)
            ).AddNested(LinkAttribute.Properties, list => list.AddText(LinkAttribute.AlternativeName, name)),
            present ? $"giving it the other name {name}" : $"taking away the other name {name}"
        );

    /// <summary>Makes an interface that tags, set down.</summary>
    /// <param name="parent">The number of the interface it stands on.</param>
    /// <param name="mtu">Its MTU in bytes.</param>
    public void AddVlan(string name, int parent, int vlan, int mtu) =>
        socket.Execute(
            new NetlinkMessage(NewLink, NetlinkMessage.New, LinkBody(0))
                .AddText(LinkAttribute.Name, name)
                .AddNumber(LinkAttribute.Parent, (uint)parent)
                .AddNumber(LinkAttribute.Mtu, (uint)mtu)
                .AddNested(
                    LinkAttribute.Kind,
                    kind =>
                        kind.AddText(LinkAttribute.KindName, "vlan")
                            .AddNested(
                                LinkAttribute.KindData,
                                data => data.AddShort(LinkAttribute.VlanId, (ushort)vlan)
                            )
                ),
            $"making it with the tag {vlan}"
        );

    /// <summary>Takes an interface away.</summary>
    public void DeleteLink(int link) =>
        socket.Execute(new NetlinkMessage(DeleteLinkType, 0, LinkBody(link)), "taking it away");

    /// <summary>Gives an interface an address.</summary>
    public void AddAddress(int link, Address address, int length)
    {
        var message = AddressMessage(NewAddress, NetlinkMessage.New, link, address, length);
        // As ip(8) and networkd do; /31 and /32 have no broadcast address (RFC 3021).
        if (address.Family == AddressFamily.IPv4 && length <= 30)
            message.AddBytes(4, Bytes(Prefix.FromAddress(address, length).Last));
        socket.Execute(message, $"giving it {address}/{length}");
    }

    /// <summary>Takes an address away.</summary>
    public void RemoveAddress(int link, Address address, int length) =>
        socket.Execute(AddressMessage(DeleteAddress, 0, link, address, length), $"taking away {address}/{length}");

    /// <summary>Adds a route to the main table.</summary>
    /// <param name="route">The route; a metric of 0 is the system's own.</param>
    public void AddRoute(KernelRoute route) =>
        socket.Execute(RouteMessage(NewRoute, NetlinkMessage.New, route), $"adding the route {Describe(route)}");

    /// <summary>Takes a route of the main table away.</summary>
    public void RemoveRoute(KernelRoute route) =>
        socket.Execute(RouteMessage(DeleteRoute, 0, route), $"taking away the route {Describe(route)}");

    /// <summary>Sets a virtual function's MAC address, by its physical function.</summary>
    public void SetFunctionMac(int port, int index, string mac)
    {
        // ifla_vf_mac: the index, then 32 bytes.
        var value = new byte[36];
        BinaryPrimitives.WriteInt32LittleEndian(value, index);
        Bytes(mac).CopyTo(value.AsSpan(4));
        SetFunction(port, FunctionAttribute.Mac, value, $"giving function {index} the MAC address {mac}");
    }

    /// <summary>Sets the VLAN that the card tags a function's frames with.</summary>
    /// <param name="vlan">The VLAN; 0 for none.</param>
    public void SetFunctionVlan(int port, int index, int vlan)
    {
        // ifla_vf_vlan: index, VLAN, priority.
        var value = new byte[12];
        BinaryPrimitives.WriteInt32LittleEndian(value, index);
        BinaryPrimitives.WriteInt32LittleEndian(value.AsSpan(4), vlan);
        SetFunction(port, FunctionAttribute.Vlan, value, $"giving function {index} the VLAN {vlan}");
    }

    /// <summary>
    /// Sets whether the card drops frames of a function that come from other MAC addresses than its own.
    /// </summary>
    public void SetFunctionSpoofCheck(int port, int index, bool on) =>
        SetFunction(
            port,
            FunctionAttribute.SpoofCheck,
            Pair(index, on),
            $"setting the spoof check of function {index} {(on ? "on" : "off")}"
        );

    /// <summary>Sets whether a function is trusted.</summary>
    public void SetFunctionTrust(int port, int index, bool on) =>
        SetFunction(
            port,
            FunctionAttribute.Trust,
            Pair(index, on),
            $"setting the trust of function {index} {(on ? "on" : "off")}"
        );

    private void SetFunction(int port, ushort attribute, byte[] value, string what) =>
        socket.Execute(
            new NetlinkMessage(NewLink, 0, LinkBody(port)).AddNested(
                LinkAttribute.Functions,
                list => list.AddNested(FunctionAttribute.One, one => one.AddBytes(attribute, value))
            ),
            what
        );

    private static byte[] Pair(int index, bool on)
    {
        var value = new byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(value, index);
        value[4] = on ? (byte)1 : (byte)0;
        return value;
    }

    private static byte[] LinkBody(int link, uint flags = 0, uint change = 0)
    {
        var body = new byte[LinkHead];
        BinaryPrimitives.WriteInt32LittleEndian(body.AsSpan(4), link);
        BinaryPrimitives.WriteUInt32LittleEndian(body.AsSpan(8), flags);
        BinaryPrimitives.WriteUInt32LittleEndian(body.AsSpan(12), change);
        return body;
    }

    private static NetlinkMessage AddressMessage(ushort type, ushort flags, int link, Address address, int length)
    {
        var body = new byte[AddressHead];
        body[0] = Number(address.Family);
        body[1] = (byte)length;
        BinaryPrimitives.WriteInt32LittleEndian(body.AsSpan(4), link);
        var bytes = Bytes(address);
        return new NetlinkMessage(type, flags, body).AddBytes(2, bytes).AddBytes(1, bytes);
    }

    private static NetlinkMessage RouteMessage(ushort type, ushort flags, KernelRoute route)
    {
        var body = new byte[RouteHead];
        body[0] = Number(route.To.Family);
        body[1] = (byte)route.To.Length;
        body[4] = MainTable;
        // Deleting, zero means "whoever made it" and "whatever its scope is"; an IPv6 route has no scope.
        body[5] = (byte)route.Protocol;
        body[6] = type == DeleteRoute ? (byte)(route.To.Family == AddressFamily.IPv4 ? 255 : 0) : (byte)route.Scope;
        body[7] = Unicast;
        var message = new NetlinkMessage(type, flags, body)
            .AddBytes(RouteAttribute.To, Bytes(route.To.Network))
            .AddNumber(RouteAttribute.Link, (uint)route.Link);
        if (route.Via is { } via)
            message.AddBytes(RouteAttribute.Via, Bytes(via));
        if (route.Source is { } source && type == NewRoute)
            message.AddBytes(RouteAttribute.Source, Bytes(source));
        return route.Metric == 0 ? message : message.AddNumber(RouteAttribute.Metric, (uint)route.Metric);
    }

    private static string Describe(KernelRoute route) => route.Via is { } via ? $"{route.To} via {via}" : $"{route.To}";

    private static byte Number(AddressFamily family) => family == AddressFamily.IPv4 ? IPv4 : IPv6;
}
