using System.Collections.Immutable;
using System.Text.Json;
using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Attachments.Admission;

/// <summary>
/// What an agent is told of a network beside what is rendered for it: the facts that a pod is judged by and a node is
/// verified against.
/// </summary>
/// <param name="Type">L2, L3 or trunked.</param>
/// <param name="Interface">The name of its interface on nodes.</param>
/// <param name="Mtu">The MTU in bytes that the fabric promises.</param>
/// <param name="Vlan">Its VLAN; null for a trunk.</param>
/// <param name="Vlans">A trunk's VLANs; null for another.</param>
/// <param name="Subnets">Its subnets with gateway and what is reserved; none for L2 and trunks.</param>
internal sealed record NetworkFacts(
    ResourceId Id,
    NetworkType Type,
    string Interface,
    int Mtu,
    int? Vlan,
    VlanSet? Vlans,
    ImmutableArray<Subnet> Subnets
)
{
    /// <summary>
    /// The L3 networks that stand on a trunk's VLANs: the subnets by VLAN. Empty where there is none.
    /// </summary>
    public ImmutableDictionary<int, ImmutableArray<Subnet>> VlanSubnets { get; init; } =
        ImmutableDictionary<int, ImmutableArray<Subnet>>.Empty;

    /// <summary>The facts of a network.</summary>
    /// <param name="onVlans">The L3 networks that stand on its VLANs, where it is a trunk.</param>
    public static NetworkFacts FromNetwork(Network network, ImmutableDictionary<int, Network> onVlans)
    {
        var isTrunk = network.Type == NetworkType.Trunked;
        return new NetworkFacts(
            network.Id,
            network.Type,
            network.InterfaceName,
            network.Mtu,
            isTrunk ? null : network.Vlan,
            isTrunk ? network.Vlans : null,
            network.Subnets
        )
        {
            VlanSubnets = onVlans.ToImmutableDictionary(v => v.Key, v => v.Value.Subnets),
        };
    }

    /// <summary>Reads what <see cref="WriteTo"/> wrote.</summary>
    /// <param name="body">A member of <c>networks</c> in a desired state.</param>
    /// <returns>The facts, or null where an agent of this version can't make sense of them.</returns>
    public static NetworkFacts? Read(JsonElement body)
    {
        if (body.Id("id") is not { } id || !Enum.TryParse<NetworkType>(body.Text("type"), out var type))
            return null;
        VlanSet? vlans = body.Text("vlans") is { } text && VlanSet.Parse(text).TryGet(out var set, out _) ? set : null;
        var on = ImmutableDictionary.CreateBuilder<int, ImmutableArray<Subnet>>();
        foreach (var vlan in body.Elements("onVlans"))
        {
            if (vlan.Integer("vlan") is { } number)
                on[(int)number] = ReadSubnets(vlan);
        }

        return new NetworkFacts(
            id,
            type,
            body.Text("interface") ?? "",
            (int)(body.Integer("mtu") ?? 0),
            (int?)body.Integer("vlan"),
            vlans,
            ReadSubnets(body)
        )
        {
            VlanSubnets = on.ToImmutable(),
        };
    }

    /// <summary>Writes the facts as agents get them.</summary>
    public void WriteTo(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("id", Id.ToString());
        writer.WriteString("type", Type.ToString());
        writer.WriteString("interface", Interface);
        writer.WriteNumber("mtu", Mtu);
        if (Vlan is { } vlan)
            writer.WriteNumber("vlan", vlan);
        if (Vlans is { } vlans)
            writer.WriteString("vlans", vlans.ToString());
        if (!Subnets.IsEmpty)
            WriteSubnets(writer, Subnets);
        if (!VlanSubnets.IsEmpty)
        {
            writer.WriteStartArray("onVlans");
            foreach (var (number, subnets) in VlanSubnets.OrderBy(v => v.Key))
            {
                writer.WriteStartObject();
                writer.WriteNumber("vlan", number);
                WriteSubnets(writer, subnets);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        writer.WriteEndObject();
    }

    private static ImmutableArray<Subnet> ReadSubnets(JsonElement body) =>
        [.. body.Elements("subnets").Select(ReadSubnet).OfType<Subnet>()];

    private static Subnet? ReadSubnet(JsonElement body) =>
        body.Text("prefix") is { } text && Prefix.Parse(text).TryGet(out var prefix, out _)
            ? new Subnet(
                prefix,
                PoolRules.Default with
                {
                    Reserved = (int)(body.Integer("reserved") ?? 0),
                    Gateways = Address.TryParse(body.Text("gateway"), out var gateway) ? [gateway] : [],
                    HasNoGateway = body.TryGetProperty("gateway", out var none) && none.ValueKind == JsonValueKind.Null,
                    Exclusions = ReadSet(body, "exclusions"),
                    Ranges = ReadSet(body, "ranges"),
                }
            )
            : null;

    private static AddressSet ReadSet(JsonElement body, string name) =>
        AddressSet.Create(
            body.Texts(name)
                .Select(text => AddressRange.Parse(text).TryGet(out var range, out _) ? range : (AddressRange?)null)
                .OfType<AddressRange>()
        );

    private static void WriteSubnets(Utf8JsonWriter writer, ImmutableArray<Subnet> subnets)
    {
        writer.WriteStartArray("subnets");
        foreach (var subnet in subnets)
        {
            writer.WriteStartObject();
            writer.WriteString("prefix", subnet.Prefix.ToString());
            writer.WriteString("gateway", subnet.Gateway?.ToString());
            writer.WriteNumber("reserved", subnet.Reserved);
            if (!subnet.Exclusions.IsEmpty)
                WriteSet(writer, "exclusions", subnet.Exclusions);
            // What reservations keep may be asked for, though it is outside of the ranges.
            if (!subnet.Ranges.IsEmpty)
                WriteSet(writer, "ranges", subnet.Ranges.Union(subnet.Kept));
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteSet(Utf8JsonWriter writer, string name, AddressSet set)
    {
        writer.WriteStartArray(name);
        foreach (var range in set)
            writer.WriteStringValue(range.ToString());
        writer.WriteEndArray();
    }
}
