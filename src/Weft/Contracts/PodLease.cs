using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Weft.Addressing;
using Weft.Networks;

namespace Weft.Contracts;

/// <summary>One address of a lease.</summary>
/// <param name="Address">With the network's prefix length: <c>10.20.6.17/24</c>.</param>
/// <param name="Gateway">The network's gateway, or null where it has none.</param>
internal sealed record LeasedAddress(string Address, string? Gateway = null)
{
    /// <summary>The address alone, as a number; null where the text is none.</summary>
    [JsonIgnore]
    public Address? ParsedAddress
    {
        get
        {
            var slash = Address is null ? -1 : Address.IndexOf('/', StringComparison.Ordinal);
            return slash > 0 && Addressing.Address.TryParse(Address![..slash], out var address) ? address : null;
        }
    }

    /// <summary>Reads an address with the length of its prefix, and a gateway that is an address.</summary>
    /// <exception cref="JsonException">A member is something else than text.</exception>
    internal static bool TryRead(JsonElement item, [NotNullWhen(true)] out LeasedAddress? leased)
    {
        leased = null;
        if (item.ValueKind != JsonValueKind.Object || item.TextOf("address") is not { } text)
            return false;
        var read = new LeasedAddress(text, item.TextOf("gateway"));
        if (
            read.ParsedAddress is not { } address
            || !HasPrefixLength(text, address.Bits)
            || (read.Gateway is not null && !Addressing.Address.TryParse(read.Gateway, out _))
        )
            return false;
        leased = read;
        return true;
    }

    private static bool HasPrefixLength(string text, int most) =>
        int.TryParse(
            text.AsSpan(text.IndexOf('/', StringComparison.Ordinal) + 1),
            NumberStyles.None,
            CultureInfo.InvariantCulture,
            out var length
        )
        && length <= most;
}

/// <summary>One route that goes with a lease, or that a network configuration adds to it.</summary>
/// <param name="Dst">The destination, as its author spelt it.</param>
/// <param name="Gw">The next hop; null for the gateway.</param>
internal sealed record LeaseRoute(string Dst, string? Gw = null)
{
    /// <summary>The destination's family; null where it is no prefix.</summary>
    [JsonIgnore]
    public AddressFamily? Family => Prefix.TryParse(Dst, out var prefix) ? prefix.Family : null;

    /// <summary>Reads a route whose destination is a prefix and whose gateway, where it has one, an address.</summary>
    /// <exception cref="JsonException">A member is something else than text.</exception>
    internal static bool TryRead(JsonElement item, [NotNullWhen(true)] out LeaseRoute? route)
    {
        route = null;
        if (item.ValueKind != JsonValueKind.Object || item.TextOf("dst") is not { } destination)
            return false;
        var gateway = item.TextOf("gw");
        if (!Prefix.TryParse(destination, out _) || (gateway is not null && !Address.TryParse(gateway, out _)))
            return false;
        route = new LeaseRoute(destination, gateway);
        return true;
    }
}

/// <summary>
/// What an interface of a pod is leased: weftd answers it, the agent keeps it and passes it on, the plugin wires it.
/// </summary>
/// <param name="Addresses">One per family of the network, IPv4 first.</param>
internal sealed record PodLease(IReadOnlyList<LeasedAddress> Addresses, IReadOnlyList<LeaseRoute> Routes)
{
    /// <summary>The name of <see cref="DetectsDuplicates"/>, also where a pool says it.</summary>
    public const string DetectionMember = DeclaredPool.DetectionMember;

    /// <summary>
    /// Whether IPv6 is to test whether somebody else has the address, which takes a second or two; null for no: nobody else
    /// is leased it.
    /// </summary>
    [JsonPropertyName(DetectionMember)]
    public bool? DetectsDuplicates { get; init; }

    /// <summary>Whether it holds at least one address and no text that is none.</summary>
    [JsonIgnore]
    public bool IsComplete =>
        Addresses is { Count: > 0 } && Routes is not null && Addresses.All(a => a.ParsedAddress is not null);

    /// <summary>Whether every one of some addresses is one of the lease.</summary>
    public bool Holds(IEnumerable<Address> addresses) =>
        addresses.All(wanted => Addresses.Any(held => held.ParsedAddress == wanted));

    /// <summary>The answer to <c>POST leases/acquire</c>.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ServerJson.Default.PodLease);

    /// <summary>Reads the answer to <c>POST leases/acquire</c>.</summary>
    /// <returns>The lease; null where the answer is none to the request.</returns>
    /// <exception cref="JsonException">It is no JSON, or lacks a member.</exception>
    public static PodLease? Read(ReadOnlySpan<byte> body) =>
        JsonSerializer.Deserialize(body, ContractJson.Default.PodLease) is { IsComplete: true } lease ? lease : null;

    /// <summary>
    /// Reads the lease of the agent's answer. A pod must not be wired with half of one, so anything odd makes it none.
    /// </summary>
    /// <exception cref="JsonException">A member is of another kind.</exception>
    internal static bool TryRead(JsonElement json, [NotNullWhen(true)] out PodLease? lease)
    {
        lease = null;
        var addresses = new List<LeasedAddress>();
        foreach (var item in json.ListOf("addresses"))
        {
            if (!LeasedAddress.TryRead(item, out var address))
                return false;
            addresses.Add(address);
        }

        var routes = new List<LeaseRoute>();
        foreach (var item in json.ListOf("routes"))
        {
            if (!LeaseRoute.TryRead(item, out var route))
                return false;
            routes.Add(route);
        }

        if (addresses.Count == 0)
            return false;
        lease = new PodLease(addresses, routes)
        {
            DetectsDuplicates =
                json.TryGetMember(DetectionMember, out var detects) && detects.ValueKind == JsonValueKind.True
                    ? true
                    : null,
        };
        return true;
    }
}
